"""The tools that grade pictures, by their reference implementations, for tests/tools: python3 tools.py

Writes the folder tools/ beside this file, with pytorch-fid 0.3.0, clean-fid 0.1.35, torch-fidelity 0.4.0, torchmetrics
1.9.0, transformers 4.45.2, torch 2.11.0, numpy 1.26, scipy 1.17 and pillow 13; see diffusion.py for how weights are made.
"""

import gzip
import io
import json
from pathlib import Path

import numpy
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional as F

from diffusion import fill, uniform
import judges
from judges import fid_inception

from cleanfid.fid import frechet_distance as clean_distance
from cleanfid.fid import kernel_distance as clean_kernel
from cleanfid.resize import build_resizer
from pytorch_fid.fid_score import calculate_frechet_distance
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x
from torch_fidelity.metric_fid import fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torchmetrics.multimodal import CLIPScore
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizerFast

OUT = Path(__file__).parent / "tools"
SIZES = ((31, 47), (299, 260), (340, 517), (1, 1))


def levels(height, width):
    """A picture that the tests make again."""
    y, x, c = numpy.ogrid[0:height, 0:width, 0:3]
    return ((x * 7 + y * 13 + c * 89 + (x * y) // 5) % 256).astype(numpy.uint8)


# ----------------------------------------------------------------------------------------------------------------------
# Inception's features


def prepared(kind, picture):
    if kind == "clean":
        return (torch.from_numpy(build_resizer("clean")(picture)).permute(2, 0, 1) - 128) / 128
    planes = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    if kind == "tf":
        return (interpolate_bilinear_2d_like_tensorflow1x(planes, size=(299, 299), align_corners=False)[0] - 128) / 128
    return F.interpolate(planes / 255, size=(299, 299), mode="bilinear", align_corners=False)[0] * 2 - 1


def inception():
    model, states = fid_inception()
    model.eval()
    model.resize_input = model.normalize_input = False
    out = {}
    for height, width in SIZES:
        picture = levels(height, width)
        for kind in ("pytorch-fid", "clean", "tf"):
            image = prepared(kind, picture)
            out[f"{kind}.{height}x{width}"] = image[:, ::23, ::19]
            if (height, width) == SIZES[2]:
                out[f"features.{kind}"] = model(image[None])[0].flatten(1)
    save_file({key: tensor.contiguous() for key, tensor in out.items()}, OUT / "preparation.safetensors")


# ----------------------------------------------------------------------------------------------------------------------
# Pictures of all kinds


def pictures():
    folder = OUT / "pictures"
    folder.mkdir(exist_ok=True)
    picture = levels(21, 33)
    rgb = Image.fromarray(picture)
    alpha = numpy.dstack([picture, (picture[..., :1] // 2 + 3)])
    rgb.save(folder / "plain.png")
    rgb.convert("L").save(folder / "grey.png")
    rgb.quantize(40).save(folder / "palette.png")
    Image.fromarray(alpha).save(folder / "alpha.png")
    Image.fromarray(alpha).convert("LA").save(folder / "grey-alpha.png")
    rgb.convert("1").save(folder / "bits.png")
    rgb.save(folder / "lossless.webp", lossless=True)
    rgb.save(folder / "lossy.webp", quality=80)
    rgb.save(folder / "plain.jpg", quality=95, subsampling=0)
    rgb.save(folder / "subsampled.jpg", quality=90)
    rgb.save(folder / "progressive.jpg", quality=90, progressive=True)
    rgb.convert("L").save(folder / "grey.jpg")
    rgb.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    wide = (picture[..., 0].astype(numpy.uint16) << 8) + 200
    Image.fromarray(wide).save(folder / "grey16.png")
    out = {}
    for path in sorted(folder.iterdir()):
        out[path.name] = torch.from_numpy(numpy.array(Image.open(path).convert("RGB"))).permute(2, 0, 1).contiguous()
    save_file(out, OUT / "pictures.safetensors")


# ----------------------------------------------------------------------------------------------------------------------
# Distances of features


def distances():
    dim, n = 12, 60
    a = uniform("a", (n, dim)).numpy().astype(numpy.float64)
    b = (uniform("b", (n, dim)) @ uniform("mix", (dim, dim)) + 0.3).numpy().astype(numpy.float64)
    statistics = [(x.mean(0), numpy.cov(x, rowvar=False)) for x in (a, b)]
    (m1, s1), (m2, s2) = statistics
    metric = fid_statistics_to_metric(
        {"mu": m1, "sigma": s1},
        {"mu": m2, "sigma": s2},
        False,
    )
    whole = kid_features_to_metric(*(torch.from_numpy(x) for x in (a, b)), kid_subsets=1, kid_subset_size=n, verbose=False)
    values = {
        "dim": dim,
        "a": a.ravel().tolist(),
        "b": b.ravel().tolist(),
        "pytorch-fid": float(calculate_frechet_distance(m1, s1, m2, s2)),
        "clean-fid": float(clean_distance(m1, s1, m2, s2)),
        "torch-fidelity": float(metric["frechet_inception_distance"]),
        # One subset of all samples.
        "kid torch-fidelity": whole["kernel_inception_distance_mean"],
        "kid clean-fid": float(clean_kernel(a, b, num_subsets=1, max_subset_size=n)),
    }
    (OUT / "distances.json").write_text(json.dumps(values))
    numpy.savez_compressed(OUT / "numpy.npz", mu=m1, sigma=s1)


# ----------------------------------------------------------------------------------------------------------------------
# Weights as torch saves them


def torch_files():
    matrix = uniform("matrix", (3, 4))
    state = {
        "whole": matrix,
        "turned": matrix.t(),
        "part": matrix[1:, 2],
        "half": matrix.half(),
        "count": torch.tensor(7),
        "parameter": torch.nn.Parameter(uniform("parameter", (2,))),
    }
    model = torch.nn.Sequential(torch.nn.Linear(3, 2))
    model.load_state_dict({"0.weight": uniform("weight", (2, 3)), "0.bias": uniform("bias", (2,))})
    for name, new in (("old", False), ("new", True)):
        torch.save(state, OUT / f"{name}.pth", _use_new_zipfile_serialization=new)
        torch.save(model.state_dict(), OUT / f"module-{name}.pth", _use_new_zipfile_serialization=new)
    torch.save({"epoch": 3, "state_dict": state}, OUT / "training.pth")
    save_file({key: tensor.detach().float().contiguous() for key, tensor in state.items()}, OUT / "torch.safetensors")


def published_form():
    """Weights of FID's Inception under the published names and shapes, in the published form of file, and what pytorch-fid sees
    with them. Numbers repeat, so that 95 MB are packed into little."""

    def repeated(name, tensor):
        if not tensor.is_floating_point():
            return tensor
        numbers = uniform(name, (31,)).repeat(tensor.numel() // 31 + 1)[: tensor.numel()].reshape(tensor.shape)
        if tensor.dim() > 1:
            return numbers * (3 / tensor[0].numel()) ** 0.5
        if name.endswith("running_var") or name.endswith("weight"):
            return 1 + numbers / 4
        return numbers / 10

    def network(*_, **__):
        plain = judges.inception._inception_v3(num_classes=1008, aux_logits=False, weights=None)
        return {name: repeated(name, tensor).contiguous() for name, tensor in plain.state_dict().items()}

    state = network()
    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=False)
    (OUT / "inception.pth.gz").write_bytes(gzip.compress(file.getvalue(), 9, mtime=0))
    download, judges.inception.load_state_dict_from_url = judges.inception.load_state_dict_from_url, network
    model = judges.inception.InceptionV3().eval()
    judges.inception.load_state_dict_from_url = download
    picture = torch.from_numpy(levels(131, 87)).permute(2, 0, 1)[None] / 255
    save_file({"features": model(picture)[0].flatten(1).contiguous()}, OUT / "converted.safetensors")


# ----------------------------------------------------------------------------------------------------------------------
# CLIP score


def tokenizer(folder):
    from transformers.models.clip.tokenization_clip import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    merges = [("t", "h"), ("th", "e</w>"), ("f", "o"), ("fo", "x</w>"), ("a", "n"), ("r", "e"), ("re", "d</w>")]
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    made = CLIPTokenizerFast(vocab_file=str(folder / "vocab.json"), merges_file=str(folder / "merges.txt"), model_max_length=77)
    return made, len(tokens)


CAPTIONS = ["The red fox", "a photo of  one cat, it's 12:30!", "Überall – naïve “fox”", "<b>x</b> &amp; y", "日本"]
LONG = "the red fox and " * 20


def hessel(image_embeds, text_embeds):
    """Hessel et al. 2021, formula 1, on rows: 2.5 max(cos, 0), averaged."""
    unit = [rows / numpy.sqrt((rows**2).sum(1, keepdims=True)) for rows in (image_embeds.numpy(), text_embeds.numpy())]
    return float((2.5 * numpy.clip((unit[0] * unit[1]).sum(1), 0, None)).mean())


def both_sides(folder, model, processor):
    """Pairs with cosines on both sides of zero, more of them above it, so that neither clamp does nothing."""
    best = []
    # One colour each: what a network by chance makes of colours differs more than what it makes of patterns.
    colours = [(number * 67 % 256, number * 151 % 256, number * 211 % 256) for number in range(40)]
    pictures = [Image.new("RGB", (28, 28), colour) for colour in colours]

    def embed(pictures, captions):
        inputs = processor(text=captions, images=pictures, return_tensors="pt", padding=True)
        out = model(**inputs)
        return out.image_embeds, out.text_embeds

    for caption in CAPTIONS[:4]:
        images, plain = embed(pictures, [caption])
        _, prompted = embed(pictures[:1], [f"A photo depicts {caption}"])
        order = (images @ (plain + prompted).T)[:, 0].argsort().tolist()
        best += [(order[-1], caption), (order[-2], caption)] if caption != CAPTIONS[0] else [(order[0], caption), (order[1], caption)]
    chosen = [pictures[number] for number, _ in best]
    captions = [caption for _, caption in best]
    lines = ""
    for place, (picture, caption) in enumerate(zip(chosen, captions)):
        picture.save(folder / f"side-{place}.png")
        lines += json.dumps({"image": f"side-{place}.png", "caption": caption}) + "\n"
    (folder / "both-sides.jsonl").write_text(lines)
    metric = CLIPScore(model_name_or_path=lambda: (model, processor))
    for picture, caption in zip(chosen, captions):
        metric.update(torch.from_numpy(numpy.array(picture)).permute(2, 0, 1), caption)
    images, plain = embed(chosen, captions)
    _, prompted = embed(chosen, [f"A photo depicts {caption}" for caption in captions])
    cosines = [F.cosine_similarity(images, texts).tolist() for texts in (plain, prompted)]
    assert all(min(some) < -0.05 and sum(some) > 0 for some in cosines), cosines
    return {
        "torchmetrics": float(metric.compute()),
        "cosines": cosines,
        "hessel": hessel(images, prompted),
    }


def clip_score():
    folder = OUT / "clip"
    folder.mkdir(exist_ok=True)
    words, count = tokenizer(folder)
    text = dict(vocab_size=count, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2)
    text |= dict(max_position_embeddings=77, eos_token_id=2)
    vision = dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3, image_size=28, patch_size=7)
    model = fill(CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=10)))
    model.save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    CLIPProcessor(images, words).save_pretrained(folder)
    # At this size nothing is cut, so the preparation of pictures, compared elsewhere, rounds nothing.
    pictures = [levels(28, 28) for _ in CAPTIONS]
    pictures = [numpy.roll(picture, 3 * i, axis=1) for i, picture in enumerate(pictures)]
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{i}.png")
    metric = CLIPScore(model_name_or_path=lambda: (model, CLIPProcessor(images, words)))
    one_by_one = []
    for picture, caption in zip(pictures, CAPTIONS):
        inputs = CLIPProcessor(images, words)(text=[caption], images=[Image.fromarray(picture)], return_tensors="pt", padding=True)
        out = model(**inputs)
        one_by_one.append(float(F.cosine_similarity(out.image_embeds, out.text_embeds)))
        metric.update(torch.from_numpy(picture).permute(2, 0, 1), caption)
    lines = (json.dumps({"image": f"{i}.png", "caption": caption}) + "\n" for i, caption in enumerate(CAPTIONS))
    (folder / "pairs.jsonl").write_text("".join(lines))
    prompts = [f"A photo depicts {caption}" for caption in CAPTIONS[:1]]
    inputs = CLIPProcessor(images, words)(text=prompts, images=[Image.fromarray(pictures[0])], return_tensors="pt", padding=True)
    out = model(**inputs)
    values = {
        "torchmetrics": float(metric.compute()),
        "transformers": [100 * cosine for cosine in one_by_one],
        "hessel of the first": max(2.5 * float(F.cosine_similarity(out.image_embeds, out.text_embeds)), 0.0),
        "ids": words(CAPTIONS, padding=False).input_ids,
        "both sides": both_sides(folder, model, CLIPProcessor(images, words)),
        "long": words([LONG], truncation=True, max_length=77).input_ids[0],
    }
    (folder / "expected.json").write_text(json.dumps(values))
    for name in ("vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json", "preprocessor_config.json"):
        (folder / name).unlink(missing_ok=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    OUT.mkdir(exist_ok=True)
    with torch.no_grad():
        pictures()
        distances()
        torch_files()
        published_form()
        clip_score()
        inception()
