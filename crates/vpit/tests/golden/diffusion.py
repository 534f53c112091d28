"""Stable Diffusion's networks in small, by diffusers, for tests/image_networks: python3 diffusion.py

Writes the folder diffusion/ beside this file. Made with diffusers 0.30.3, transformers 4.45.2, torch 2.11.0,
torchvision 0.26.0 and pillow 10.4.0 (13 resizes in another order), on the CPU, in f32.

Weights are not stored, apart from those of one pipeline as `save_pretrained` writes it: they are a function of a tensor's
name and shape (see `weight`), which the tests compute again. So a fixture holds a configuration, inputs and outputs, and
a name that differs shows as a number that differs.

A tensor named `mutant.<what>` is the output of diffusers with one mistake made in it on purpose. The tests hold that the
mistake shows.
"""

import copy
import json
import math
import types
from pathlib import Path

import numpy
import torch
from diffusers import AutoencoderKL, DDPMScheduler, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.activations import GEGLU
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from diffusers.models.downsampling import Downsample2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from torchvision import transforms
from transformers import SiglipImageProcessor

OUT = Path(__file__).parent / "diffusion"
GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def mix(bits):
    """SplitMix64's finaliser, of a Python integer."""
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
    return bits ^ (bits >> 31)


def uniform(name, shape):
    """Numbers in [-1, 1) that depend on the name: the stream of vpit's generator for seed 0 and purpose `name`."""
    state = mix(GOLDEN)
    for byte in name.encode():
        state = mix(state ^ byte)
    state = mix(state ^ mix(GOLDEN))
    bits = numpy.arange(1, math.prod(shape) + 1, dtype=numpy.uint64) * numpy.uint64(GOLDEN) + numpy.uint64(state)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> numpy.uint64(shift))) * numpy.uint64(factor)
    bits ^= bits >> numpy.uint64(31)
    unit = (bits >> numpy.uint64(11)).astype(numpy.float64) / 2.0**53
    return torch.from_numpy((2.0 * unit - 1.0).astype(numpy.float32)).reshape(shape)


def weight(name, shape, gain):
    """The tensor `name` of a network: matrices keep the size of what they multiply, norms are near 1, biases small.

    Convolutions and biases are multiplied by `gain`. A small one makes feature maps faint, so that what is added to a
    variance shows.
    """
    drawn = uniform(name, shape)
    if name.endswith("running_var"):
        return 1.0 + 0.5 * drawn
    if len(shape) > 1:
        drawn = drawn * math.sqrt(3.0 / math.prod(shape[1:]))
        return drawn * gain if len(shape) == 4 else drawn
    return 1.0 + 0.2 * drawn if name.endswith("weight") else 0.1 * gain * drawn


def fill(module, gain=1.0):
    floats = {name: tensor for name, tensor in module.state_dict().items() if tensor.is_floating_point()}
    state = {name: weight(name, tuple(tensor.shape), gain) for name, tensor in floats.items()}
    module.load_state_dict(state, strict=False)
    return module.eval()


def normal(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def save(name, tensors, model=None):
    save_file({key: tensor.detach().contiguous() for key, tensor in tensors.items()}, OUT / f"{name}.safetensors")
    if model is not None:
        (OUT / f"{name}.json").write_text(model.to_json_string())


def each(module, kind, change):
    """A copy of `module` with `change` applied to every part of it that is a `kind`."""
    module = copy.deepcopy(module)
    for part in module.modules():
        if isinstance(part, kind):
            change(part)
    return module


def swapped_geglu(self, x):
    gate, value = self.proj(x).chunk(2, dim=-1)
    return value * F.gelu(gate)


def tanh_geglu(self, x):
    value, gate = self.proj(x).chunk(2, dim=-1)
    return value * F.gelu(gate, approximate="tanh")


def method(name, function):
    return lambda part: setattr(part, name, types.MethodType(function, part))


def attribute(name, value):
    return lambda part: setattr(part, name, value)


def layer_norms(eps):
    def change(block):
        for norm in (block.norm1, block.norm2, block.norm3):
            norm.eps = eps

    return change


def transformer_norm(eps):
    return lambda part: setattr(part.norm, "eps", eps)


# ----------------------------------------------------------------------------------------------------------------------
# U-Net

SMALL = dict(norm_num_groups=4, sample_size=16)
UNETS = {
    # Stable Diffusion 1.5 in small: its blocks, two layers, a number of heads for all levels.
    "unet-sd": dict(
        SMALL,
        block_out_channels=(8, 16, 24, 24),
        cross_attention_dim=12,
        attention_head_dim=2,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    ),
    # Nothing in common between levels, and latents that cannot be halved.
    "unet-odd": dict(
        SMALL,
        norm_num_groups=3,
        in_channels=5,
        out_channels=3,
        block_out_channels=(6, 12, 15),
        layers_per_block=(1, 2, 1),
        cross_attention_dim=10,
        attention_head_dim=(1, 3, 5),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"),
        conv_in_kernel=5,
        conv_out_kernel=1,
    ),
    # Linear projections, deep transformers, heads that do not divide the channels, another epsilon.
    "unet-linear": dict(
        SMALL,
        block_out_channels=(8, 16),
        layers_per_block=1,
        cross_attention_dim=7,
        attention_head_dim=3,
        transformer_layers_per_block=(2, 1),
        use_linear_projection=True,
        norm_eps=1e-3,
        time_embedding_dim=20,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    ),
    # Sines first, another first frequency, halving with zeros on two sides alone; faint.
    "unet-faint": dict(
        SMALL,
        block_out_channels=(8, 12),
        layers_per_block=1,
        cross_attention_dim=8,
        attention_head_dim=2,
        flip_sin_to_cos=False,
        freq_shift=1,
        downsample_padding=0,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    ),
    # One level: nothing is halved.
    "unet-flat": dict(
        SMALL,
        block_out_channels=(12,),
        cross_attention_dim=6,
        attention_head_dim=4,
        down_block_types=("DownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",),
    ),
}
LATENTS = {"unet-odd": (13, 7), "unet-linear": (6, 9), "unet-faint": (9, 10), "unet-flat": (5, 3)}
FAINT = 0.03


def unet(name, settings):
    gain = FAINT if "faint" in name else 1.0
    model = fill(UNet2DConditionModel(**settings), gain)
    config = model.config
    height, width = LATENTS.get(name, (16, 8))
    latents = normal(1, 2, config.in_channels, height, width)
    times = torch.tensor([981, 3])
    condition = F.pad(normal(2, 2, 5, config.cross_attention_dim), (0, 0, 0, 4))
    run = lambda model, condition=condition: model(latents, times, condition).sample
    # The same tensors under another setting.
    turned = lambda **change: fill(UNet2DConditionModel(**{**settings, **change}), gain)
    out = {"latents": latents, "times": times, "condition": condition, "out": run(model)}
    out["mutant.cosines and sines change places"] = run(turned(flip_sin_to_cos=not config.flip_sin_to_cos))
    out["mutant.time 1 later"] = model(latents, times + 1, condition).sample
    out["mutant.gate in the first half"] = run(each(model, GEGLU, method("forward", swapped_geglu)))
    if "sd" in name:
        out["mutant.no zeros behind the condition"] = run(model, condition[:, :5])
        out["mutant.heads counted as widths"] = run(each(model, Attention, lambda a: setattr(a, "heads", a.inner_dim // 2)))
        out["mutant.frequencies shifted"] = run(turned(freq_shift=1))
        out["mutant.gelu by tanh"] = run(each(model, GEGLU, method("forward", tanh_geglu)))
    if "faint" in name:
        out["mutant.group norm eps 1e-6"] = run(turned(norm_eps=1e-6))
        out["mutant.transformer norm eps 1e-5"] = run(each(model, Transformer2DModel, transformer_norm(1e-5)))
        out["mutant.layer norm eps 1e-6"] = run(each(model, BasicTransformerBlock, layer_norms(1e-6)))
        out["mutant.zeros on all sides"] = run(turned(downsample_padding=1))
    save(name, out, model)


def random_sizes():
    """Configurations that no output is stored for: how many tensors they have, and how many numbers."""
    rng = numpy.random.default_rng(7)
    pick = lambda *choices: choices[rng.integers(len(choices))]
    sizes = []
    while len(sizes) < 40:
        levels, groups = int(rng.integers(1, 5)), int(pick(1, 2, 4))
        per_level = lambda low, high: [int(n) for n in rng.integers(low, high, levels)]
        settings = dict(
            block_out_channels=[groups * n for n in per_level(2, 9)],
            norm_num_groups=groups,
            layers_per_block=per_level(1, 4),
            attention_head_dim=per_level(1, 3),
            cross_attention_dim=int(rng.integers(3, 20)),
            transformer_layers_per_block=per_level(1, 3),
            use_linear_projection=bool(rng.integers(2)),
            down_block_types=[str(pick("DownBlock2D", "CrossAttnDownBlock2D")) for _ in range(levels)],
            up_block_types=[str(pick("UpBlock2D", "CrossAttnUpBlock2D")) for _ in range(levels)],
        )
        with torch.device("meta"):
            model = UNet2DConditionModel(**settings)
        shapes = [tensor.shape for tensor in model.state_dict().values()]
        config = dict(settings, _class_name="UNet2DConditionModel")
        sizes.append(dict(config=config, tensors=len(shapes), numbers=sum(math.prod(shape) for shape in shapes)))
    (OUT / "unet-sizes.json").write_text(json.dumps(sizes, separators=(",", ":")) + "\n")


def published():
    """Names and shapes of Stable Diffusion 1.5's tensors; its configurations are in the tests."""
    settings = dict(block_out_channels=(128, 256, 512, 512), layers_per_block=2)
    blocks = dict(down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
    with torch.device("meta"):
        models = dict(unet=UNet2DConditionModel(cross_attention_dim=768), vae=AutoencoderKL(**settings, **blocks))
    for name, model in models.items():
        lines = (f"{name}\t{list(tensor.shape)}\n" for name, tensor in model.state_dict().items())
        (OUT / f"published-{name}.tsv").write_text("".join(lines))


# ----------------------------------------------------------------------------------------------------------------------
# Autoencoder

VAES = {
    "vae-sd": dict(block_out_channels=(4, 8, 12, 12), layers_per_block=2, norm_num_groups=2),
    "vae-faint": dict(block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, latent_channels=3),
    "vae-odd": dict(
        block_out_channels=(6, 3, 9), layers_per_block=1, norm_num_groups=3, in_channels=1, out_channels=2, scaling_factor=2.5
    ),
}
PIXELS = {"vae-odd": (13, 19), "vae-faint": (11, 8)}


def symmetric(self, x):
    return F.conv2d(x, self.conv.weight, self.conv.bias, stride=2, padding=1)


def eps(value):
    return lambda part: setattr(part, "eps", value)


def vae(name, settings):
    gain = FAINT if "faint" in name else 1.0
    levels = len(settings["block_out_channels"])
    blocks = dict(down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels)
    model = fill(AutoencoderKL(**settings, **blocks), gain)
    config = model.config
    height, width = PIXELS.get(name, (16, 24))
    images = normal(3, 2, config.in_channels, height, width)
    moments = model.encode(images).latent_dist
    noise = normal(4, *moments.mean.shape)
    latents = normal(5, *moments.mean.shape)
    encode = lambda model: model.encode(images).latent_dist.mean
    decode = lambda model: model.decode(latents / config.scaling_factor).sample
    out = {"images": images, "noise": noise, "latents": latents, "mean": moments.mean, "logvar": moments.logvar}
    out["mode"] = moments.mode() * config.scaling_factor
    out["sample"] = (moments.mean + moments.std * noise) * config.scaling_factor
    out["decoded"] = decode(model)
    out["mutant.mean.zeros on all sides"] = encode(each(model, Downsample2D, method("forward", symmetric)))
    out["mutant.sample.variance for deviation"] = (moments.mean + moments.var * noise) * config.scaling_factor
    out["mutant.decoded.not scaled"] = model.decode(latents).sample
    if "faint" in name:
        other = each(model, nn.GroupNorm, eps(1e-5))
        out["mutant.mean.eps 1e-5"], out["mutant.decoded.eps 1e-5"] = encode(other), decode(other)
    save(name, out, model)


# ----------------------------------------------------------------------------------------------------------------------
# Schedulers

STABLE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
PNDM = dict(STABLE, skip_prk_steps=True, steps_offset=1)
STEPS = (1, 2, 3, 4, 5, 7, 10, 20, 30, 50, 100)


class Milne(PNDMScheduler):
    """Extrapolates with a wrong last coefficient."""

    def step_plms(self, model_output, timestep, sample, return_dict=True):
        if self.counter > 3:
            model_output = model_output - 1 / 24 * self.ets[-3]
        return super().step_plms(model_output, timestep, sample, return_dict)


class NoRestart(PNDMScheduler):
    """Takes the second step from where the first one led."""

    def step_plms(self, model_output, timestep, sample, return_dict=True):
        if self.counter == 1:
            self.cur_sample = sample
        return super().step_plms(model_output, timestep, sample, return_dict)


def descend(scheduler, steps):
    """All latents of a descent in which the answers of the network are given."""
    scheduler.set_timesteps(steps)
    latents = normal(6, 1, 2, 3, 2)
    path = []
    for i, time in enumerate(scheduler.timesteps):
        latents = scheduler.step(normal(100 + i, 1, 2, 3, 2), time, latents).prev_sample
        path.append(latents)
    return torch.stack(path)


def schedulers():
    out = {"start": normal(6, 1, 2, 3, 2)}
    out["answers"] = torch.stack([normal(100 + i, 1, 2, 3, 2) for i in range(max(STEPS) + 1)])
    out["alphas"] = DDPMScheduler(**STABLE).alphas_cumprod
    for steps in STEPS:
        scheduler = PNDMScheduler(**PNDM)
        out[f"path.{steps}"] = descend(scheduler, steps)
        out[f"times.{steps}"] = scheduler.timesteps
        if steps > 4:
            out[f"mutant.{steps}.a wrong coefficient"] = descend(Milne(**PNDM), steps)
            out[f"mutant.{steps}.no second start"] = descend(NoRestart(**PNDM), steps)
            out[f"mutant.{steps}.times from 0"] = descend(PNDMScheduler(**dict(PNDM, steps_offset=0)), steps)
    out["path.one"] = descend(PNDMScheduler(**dict(PNDM, set_alpha_to_one=True)), 10)
    times = torch.tensor([0, 1, 400, 999])
    out["noisy"] = DDPMScheduler(**STABLE).add_noise(normal(7, 4, 2, 3, 2), normal(8, 4, 2, 3, 2), times)
    out["clean"], out["noise"], out["times"] = normal(7, 4, 2, 3, 2), normal(8, 4, 2, 3, 2), times
    save("schedulers", out)


# ----------------------------------------------------------------------------------------------------------------------
# One pipeline, trained and asked

VISUAL, INNER, CONDITION, TOKENS = 10, 14, 6, 9


class Projector(nn.Module):
    """Appendix A.2: linear, layer norm, ReLU, linear, layer norm."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(VISUAL, INNER), nn.Linear(INNER, CONDITION)])
        self.norms = nn.ModuleList([nn.LayerNorm(INNER), nn.LayerNorm(CONDITION)])

    def forward(self, tokens):
        return self.norms[1](self.layers[1](F.relu(self.norms[0](self.layers[0](tokens)))))


def relu_first(self, tokens):
    return self.norms[1](self.layers[1](self.norms[0](F.relu(self.layers[0](tokens)))))


class Training:
    def __init__(self):
        self.unet = fill(
            UNet2DConditionModel(
                block_out_channels=(4, 8),
                layers_per_block=1,
                norm_num_groups=2,
                cross_attention_dim=CONDITION,
                attention_head_dim=2,
                sample_size=8,
                down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            )
        )
        self.vae = fill(
            AutoencoderKL(
                block_out_channels=(2, 4),
                layers_per_block=1,
                norm_num_groups=2,
                down_block_types=("DownEncoderBlock2D",) * 2,
                up_block_types=("UpDecoderBlock2D",) * 2,
            )
        )
        self.projector = fill(Projector())
        self.ddpm = DDPMScheduler(**STABLE)
        self.images = normal(9, 3, 3, 16, 16).clamp(-1, 1)
        self.tokens = F.normalize(normal(10, 3, TOKENS, VISUAL), dim=-1)
        self.latent_noise, self.noise = normal(11, 3, 4, 8, 8), normal(12, 3, 4, 8, 8)
        self.times, self.kept = torch.tensor([17, 500, 981]), torch.tensor([True, False, True])

    def condition(self, length=77):
        projected = self.projector(self.tokens)
        return F.pad(projected, (0, 0, 0, length - projected.shape[1]))

    def loss(self, length=77, kept=None, latent_noise=None):
        with torch.no_grad():
            moments = self.vae.encode(self.images).latent_dist
            noise = self.latent_noise if latent_noise is None else latent_noise
            latents = (moments.mean + moments.std * noise) * self.vae.config.scaling_factor
        condition = self.condition(length).clone()
        condition[~(self.kept if kept is None else kept)] = 0
        said = self.unet(self.ddpm.add_noise(latents, self.noise, self.times), self.times, condition).sample
        return F.mse_loss(said, self.noise)

    def named(self):
        parts = {"unet": self.unet, "projector": self.projector}
        return {f"{part}.{name}": p for part, module in parts.items() for name, p in module.named_parameters()}

    def descend(self, steps, peak, warmup, end):
        """Losses of AdamW with a logarithmic warm-up, then a line."""
        optimizer = torch.optim.AdamW(self.named().values(), lr=peak, betas=(0.9, 0.999), weight_decay=0.01)
        rise = lambda s: math.log(s + 1) / math.log(warmup + 1)
        rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: rise(s) if s < warmup else (end - s) / (end - warmup))
        losses = []
        for _ in range(steps):
            loss = self.loss()
            losses.append(loss.detach().double())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
        return torch.stack(losses)


def pipeline():
    training = Training()
    folder = OUT / "pipeline"
    pndm = PNDMScheduler(**PNDM)
    training.unet.save_pretrained(folder / "unet")
    training.vae.save_pretrained(folder / "vae")
    pndm.save_pretrained(folder / "scheduler")
    inputs = ("images", "tokens", "latent_noise", "noise", "times", "kept")
    out = {name: getattr(training, name) for name in inputs}
    out.update({f"projector.{name}": tensor.clone() for name, tensor in training.projector.state_dict().items()})

    loss = training.loss()
    loss.backward()
    out["condition"] = training.condition()
    out["loss"] = loss
    out.update({f"gradient.{name}": parameter.grad.clone() for name, parameter in training.named().items()})
    out["mutant.loss.no zeros behind the condition"] = training.loss(length=TOKENS)
    out["mutant.loss.no condition dropped"] = training.loss(kept=torch.tensor([True] * 3))
    out["mutant.loss.the mode for a sample"] = training.loss(latent_noise=torch.zeros_like(training.latent_noise))
    with torch.no_grad():
        projected = relu_first(training.projector, training.tokens)
        out["mutant.condition.ReLU before the norm"] = F.pad(projected, (0, 0, 0, 77 - TOKENS))

    draw = StableDiffusionPipeline(
        vae=training.vae,
        text_encoder=None,
        tokenizer=None,
        unet=training.unet,
        scheduler=pndm,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    draw.set_progress_bar_config(disable=True)
    condition = training.condition().detach()

    def drawn(guidance, condition=condition):
        images = draw(
            prompt_embeds=condition,
            negative_prompt_embeds=torch.zeros_like(condition),
            guidance_scale=guidance,
            num_inference_steps=6,
            height=16,
            width=16,
            latents=training.noise,
            output_type="pt",
        )
        return images.images

    out["drawn.7.5"], out["drawn.1"] = drawn(7.5), drawn(1.0)
    out["mutant.drawn.7.5.another scale"] = drawn(7.0)
    out["mutant.drawn.7.5.no zeros behind the condition"] = drawn(7.5, condition[:, :TOKENS])
    out["losses"] = training.descend(6, 1e-2, 2, 8)
    save("training", out)


# ----------------------------------------------------------------------------------------------------------------------
# Framing

def picture(height, width):
    """Waves of several lengths under noise, so that every filter has something to do."""
    y, x = numpy.mgrid[0:height, 0:width]
    rng = numpy.random.default_rng(height * 1000 + width)
    waves = [127 + 80 * numpy.sin(x / 3.0 + c) * numpy.cos(y / (2.0 + c)) + rng.normal(0, 40, y.shape) for c in range(3)]
    return numpy.stack(waves, -1).clip(0, 255).astype(numpy.uint8)


def framing():
    out = {}
    for height, width, side in ((37, 53, 16), (53, 20, 24), (9, 11, 32), (24, 24, 24), (31, 16, 16)):
        pixels = picture(height, width)
        image = Image.fromarray(pixels)
        # As the release composes it.
        middle = transforms.Compose(
            [
                transforms.Resize(side, interpolation=transforms.InterpolationMode.BILINEAR),
                transforms.CenterCrop(side),
                transforms.ToTensor(),
                transforms.Normalize([0.5], [0.5]),
            ]
        )
        processor = SiglipImageProcessor(size={"height": side, "width": side})
        name = f"{height}x{width}.{side}"
        out[f"levels.{name}"] = torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
        out[f"middle.{name}"] = middle(image)
        out[f"whole.{name}"] = processor(image, return_tensors="pt").pixel_values[0]
    save("framing", out)


if __name__ == "__main__":
    torch.set_num_threads(1)
    OUT.mkdir(exist_ok=True)
    with torch.no_grad():
        for name, settings in UNETS.items():
            unet(name, settings)
        random_sizes()
        published()
        for name, settings in VAES.items():
            vae(name, settings)
        schedulers()
        framing()
    pipeline()
