"""CLIP by transformers and FID's Inception by pytorch-fid, for tests/image_networks: python3 judges.py

Writes the folder judges/ beside this file, with pytorch-fid 0.3.0 and what diffusion.py names; see there for how weights
and mistakes are made.
"""

import copy
from pathlib import Path

import torch
from PIL import Image
from pytorch_fid import inception
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from diffusion import fill, normal, picture, uniform

OUT = Path(__file__).parent / "judges"


def save(name, tensors):
    save_file({key: tensor.detach().contiguous() for key, tensor in tensors.items()}, OUT / f"{name}.safetensors")


# ----------------------------------------------------------------------------------------------------------------------
# CLIP

TEXT = dict(vocab_size=99, max_position_embeddings=12)
CLIPS = {
    # As OpenAI publishes: quick GELU, and 2 for the id of the end.
    "clip-openai": (
        dict(TEXT, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, eos_token_id=2),
        dict(hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3, image_size=28, patch_size=7),
        10,
    ),
    # As others do: GELU, the end by its id, patches that leave pixels over, another epsilon.
    "clip-other": (
        dict(
            TEXT,
            hidden_size=12,
            intermediate_size=20,
            num_hidden_layers=1,
            num_attention_heads=3,
            eos_token_id=97,
            hidden_act="gelu",
            layer_norm_eps=1e-2,
        ),
        dict(
            hidden_size=8,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=17,
            patch_size=5,
            hidden_act="gelu",
            layer_norm_eps=1e-2,
        ),
        6,
    ),
}
# 98 is the highest id, 97 the other model's end; what follows an end is padding.
IDS = torch.tensor([[96, 5, 17, 42, 97, 98, 98, 98], [96, 3, 97, 98, 1, 1, 1, 1], [96, 9, 8, 7, 6, 5, 97, 98]])


def clip(name, text, vision, projection):
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=projection)
    model = fill(CLIPModel(config))
    images = normal(1, 3, 3, vision["image_size"], vision["image_size"])

    def run(model, ids=IDS):
        out = model(input_ids=ids, pixel_values=images)
        return out.image_embeds, out.text_embeds

    out = {"ids": IDS, "images": images}
    out["image_embeds"], out["text_embeds"] = run(model)
    # The same tensors with one setting changed.
    for mistake, (changed_text, changed_vision) in {
        "the other GELU": [{"hidden_act": "gelu" if "openai" in name else "quick_gelu"}] * 2,
        "another epsilon": [{"layer_norm_eps": 1e-3}] * 2,
        "another end": [{"eos_token_id": 3}, {}],
    }.items():
        other = CLIPConfig(text_config={**text, **changed_text}, vision_config={**vision, **changed_vision}, projection_dim=projection)
        image_embeds, text_embeds = run(fill(CLIPModel(other)))
        out[f"mutant.text.{mistake}"] = text_embeds
        if changed_vision:
            out[f"mutant.image.{mistake}"] = image_embeds
    save(name, out)
    (OUT / f"{name}.json").write_text(config.to_json_string(use_diff=False))


def preparation():
    out = {}
    for height, width, side in ((37, 53, 16), (53, 20, 24), (20, 31, 28)):
        pixels = picture(height, width)
        processor = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        name = f"{height}x{width}.{side}"
        out[f"levels.{name}"] = torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
        out[f"clip.{name}"] = processor(Image.fromarray(pixels), return_tensors="pt").pixel_values[0]
    save("preparation", out)


# ----------------------------------------------------------------------------------------------------------------------
# Inception


def fid_inception():
    """pytorch-fid's network with weights of ours in the place of the published ones."""
    download = inception.load_state_dict_from_url
    states = {}

    def ours(*_, **__):
        plain = inception._inception_v3(num_classes=1008, aux_logits=False, weights=None)
        states.update(fill(plain).state_dict())
        return states

    inception.load_state_dict_from_url = ours
    try:
        return inception.InceptionV3(), states
    finally:
        inception.load_state_dict_from_url = download


def padded_average(self, x):
    """torchvision's average, which counts the border's zeros."""
    return F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)


def average_last(block):
    def forward(x):
        pooled = F.max_pool2d
        F.max_pool2d = lambda x, **window: F.avg_pool2d(x, count_include_pad=False, **window)
        try:
            return type(block).forward(block, x)
        finally:
            F.max_pool2d = pooled

    return forward


def border_counted(module):
    average = F.avg_pool2d

    def run(images):
        F.avg_pool2d = lambda x, **window: average(x, **{**window, "count_include_pad": True})
        try:
            return module(images)[0]
        finally:
            F.avg_pool2d = average

    return run


def fid():
    model, states = fid_inception()
    model.eval()
    # From numbers that the tests compute again.
    images = (uniform("images", (2, 3, 61, 83)) + 1) / 2
    features = lambda model: model(images)[0].flatten(1)
    out = {"features": features(model)}
    out["mutant.the border counted"] = border_counted(model)(images).flatten(1)
    other = copy.deepcopy(model)
    last = other.blocks[3][2]
    last.forward = average_last(last)
    out["mutant.an average in the last block"] = features(other)
    other = copy.deepcopy(model)
    for part in other.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.eps = 1e-5
    out["mutant.another epsilon"] = features(other)
    small = F.interpolate(images, size=(299, 299), mode="bilinear", align_corners=True)
    other = copy.deepcopy(model)
    other.resize_input = False
    out["mutant.corners aligned"] = other(small)[0].flatten(1)
    save("inception", out)
    weights = [(name, list(tensor.shape)) for name, tensor in states.items() if tensor.is_floating_point()]
    (OUT / "published-inception.tsv").write_text("".join(f"{name}\t{shape}\n" for name, shape in weights))


def published_clip():
    sizes = dict(
        l14=(
            dict(hidden_size=768, intermediate_size=3072, num_attention_heads=12),
            dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14),
            768,
        ),
        b32=({}, {}, 512),
    )
    for name, (text, vision, projection) in sizes.items():
        with torch.device("meta"):
            model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=projection))
        lines = (f"{name}\t{list(tensor.shape)}\n" for name, tensor in model.state_dict().items())
        (OUT / f"published-clip-{name}.tsv").write_text("".join(lines))


if __name__ == "__main__":
    torch.set_num_threads(1)
    OUT.mkdir(exist_ok=True)
    with torch.no_grad():
        for name, (text, vision, projection) in CLIPS.items():
            clip(name, text, vision, projection)
        preparation()
        published_clip()
        fid()
