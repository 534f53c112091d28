"""Reference values for the language and vision part of vpit, from transformers and torch.

    python3 language.py FOLDER                      # FOLDER is this one; writes language/
    python3 language.py --tokenizer FOLDER ENCODE   # compares ENCODE, the built example, with tiktoken on the real
                                                    # tokenizer.model in FOLDER
    python3 language.py --dimensions LOGITS         # compares LOGITS, the built example, with transformers on models of random
                                                    # sizes, that nobody thought of
    python3 language.py --loads FOLDER              # whether transformers loads the model that vpit wrote there

Needs transformers==4.45.2, torch, safetensors, tiktoken and tokenizers. Every model is random and small; its folder is
written by transformers, so that reading such folders is tested as well. What has no reference implementation in a package
(the unified model's assembly, its two losses, its decoding) is written here once more, from the paper and from the
behaviour of its released code, in plain torch and without a cache.
"""

import base64
import json
import os
import random
import string
import subprocess
import sys
import tempfile
from pathlib import Path

# tiktoken would keep an earlier vocabulary of the same path.
os.environ["TIKTOKEN_CACHE_DIR"] = ""

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from tiktoken import Encoding
from tiktoken._educational import bpe_train
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    SiglipConfig,
    SiglipModel,
    get_cosine_schedule_with_warmup,
)

LLAMA_3_1 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}

# Eight frequencies, so that scaling has some to leave, to blend and to stretch.
FEW_WIDE_HEADS = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16}

# Name, what differs from `llama`, length of the sequences, type of the stored weights, bytes of a shard.
LLAMAS = [
    ("llama-3", {}, 12, torch.float32, "1GB"),
    ("llama-3-far", {**FEW_WIDE_HEADS, "num_hidden_layers": 1}, 1500, torch.float32, "1GB"),
    ("llama-3.1", {**FEW_WIDE_HEADS, "rope_scaling": LLAMA_3_1}, 100, torch.float32, "1GB"),
    ("heads-of-their-own", {"num_key_value_heads": 4}, 9, torch.float32, "1GB"),
    ("one-key-head", {"num_key_value_heads": 1}, 9, torch.bfloat16, "4KB"),
    ("four-to-one", {"num_attention_heads": 8, "num_key_value_heads": 2, "hidden_size": 32}, 9, torch.float16, "1GB"),
    ("wide-heads", {"head_dim": 12}, 9, torch.float32, "1GB"),
    ("tied", {"tie_word_embeddings": True}, 9, torch.float32, "1GB"),
]


def llama(**changes):
    sizes = dict(
        vocab_size=37,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        rms_norm_eps=1e-3,  # larger than published: a wrong one must show
        rope_theta=500000.0,
        bos_token_id=1,
        eos_token_id=2,
        attn_implementation="eager",
    )
    return LlamaConfig(**{**sizes, **changes})


def shake(model, seed, size=0.3):
    """Random weights everywhere, norms and biases too: a weight of one or a bias of zero would hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            start = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            parameter.copy_(start + size * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def gradients(model, prefix="gradient/"):
    """All gradients but those of key biases, which the softmax cancels: what is left of them is rounding."""
    found = ((name, p.grad) for name, p in model.named_parameters() if p.grad is not None)
    return {prefix + name: gradient.clone() for name, gradient in found if not name.endswith("k_proj.bias")}


def write(path, tensors):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)


def language_models(folder):
    for number, (name, changes, length, dtype, shard) in enumerate(LLAMAS):
        config = llama(**changes)
        # Far positions show the last digits of the rotary frequencies, the better the larger the scores are.
        model = shake(LlamaForCausalLM(config), number, 1.0 if length > 1000 else 0.3).to(dtype)
        model.save_pretrained(folder / name, max_shard_size=shard)
        model = model.float()
        generator = torch.Generator().manual_seed(100 + number)
        ids = torch.randint(config.vocab_size, (1 if length > 1000 else 2, length), generator=generator)
        logits = model(ids).logits
        # Far positions: the last logits say it all, and the fixture stays small.
        logits = logits[:, -40:]
        weight = torch.randn(logits.shape, generator=generator)
        (logits * weight).mean().backward()
        write(folder / name / "expected.safetensors", {"ids": ids.int().float(), "logits": logits, "weight": weight, **gradients(model)})


def vision_tower(folder):
    sizes = dict(hidden_size=16, intermediate_size=20, num_attention_heads=2, num_hidden_layers=2, layer_norm_eps=1e-3)
    # 55 pixels, so that the last one fills no patch, and 27 patches a side as at full size.
    vision = dict(sizes, image_size=55, patch_size=2)
    text = dict(sizes, vocab_size=30, max_position_embeddings=5)
    model = shake(SiglipModel(SiglipConfig(text_config=text, vision_config=vision)), 7, 0.2)
    model.save_pretrained(folder)
    generator = torch.Generator().manual_seed(8)
    pixels = torch.rand((1, 3, 55, 55), generator=generator) * 2 - 1
    pixels = (pixels * 127.5).round() / 127.5
    ids = torch.randint(30, (3, 5), generator=generator)
    seen = model.vision_model(pixel_values=pixels, output_hidden_states=True)
    last, penultimate = seen.hidden_states[-1], seen.hidden_states[-2]
    both = model(input_ids=ids, pixel_values=pixels)
    tokens = visual_tokens(last)
    (tokens * torch.arange(tokens.numel()).view(tokens.shape).cos()).sum().backward()
    write(
        folder / "expected.safetensors",
        {
            "pixels": pixels,
            "ids": ids.float(),
            # Every seventh patch: the fixture stays small.
            "last": last[:, ::7],
            "penultimate": penultimate[:, ::7],
            "normalized": seen.last_hidden_state[:, ::7],
            "pooled": seen.pooler_output,
            "logits": both.logits_per_image,
            "tokens": tokens,
            "unnormalized": visual_tokens(last, unit=False),
            **gradients(model),
        },
    )


def visual_tokens(features, side=8, unit=True):
    batch, patches, width = features.shape
    grid = int(patches**0.5)
    image = features.view(batch, grid, grid, width).permute(0, 3, 1, 2)
    small = F.interpolate(image.float(), size=(side, side), mode="bilinear", align_corners=False)
    tokens = small.permute(0, 2, 3, 1).flatten(1, 2)
    return F.normalize(tokens, dim=-1) if unit else tokens


class Unified(nn.Module):
    """Language model, adapter and vision head; names as in the released code."""

    def __init__(self, config, visual_width, head):
        super().__init__()
        width = config.hidden_size
        self.language = LlamaForCausalLM(config)
        self.mm_projector = nn.Sequential(nn.Linear(visual_width, width), nn.GELU(), nn.Linear(width, width))
        two = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, visual_width))
        self.vision_head = two if head == "mlp" else nn.Linear(width, visual_width)

    def named(self):
        for name, tensor in self.named_parameters():
            yield name.removeprefix("language.").replace("mm_projector", "model.mm_projector"), tensor

    def hidden(self, embedded):
        return self.language.model(inputs_embeds=embedded)[0]


IMAGE_TOKENS = 4  # visual tokens an image, in the small model
START, END, EOT, PAD, BOS = 37, 38, 2, 3, 1


def assemble(model, sample, images):
    """Embedded places, labels and which visual tokens are to be predicted, place by place.

    A sample is a list of (token or ("image", number), said by the assistant).
    """
    embedded, labels, targets = [], [], []
    for item, said in sample:
        if isinstance(item, tuple):
            tokens = images[item[1]]
            embedded += list(model.mm_projector(tokens))
            labels += [-100] * len(tokens)
            targets += [(item[1], i) if said else None for i in range(len(tokens))]
        else:
            embedded.append(model.language.model.embed_tokens.weight[item])
            labels.append(item if said else -100)
            targets.append(None)
    return torch.stack(embedded), labels, targets


def terms(model, sample, images, loss):
    """Sum and number of both losses' terms."""
    embedded, labels, targets = assemble(model, sample, images)
    hidden = model.hidden(embedded[None])[0]
    logits = model.language.lm_head(hidden[:-1])
    text = F.cross_entropy(logits, torch.tensor(labels[1:]), ignore_index=-100, reduction="sum")
    places = [place for place, target in enumerate(targets) if target]
    if not places:
        return text, sum(label != -100 for label in labels), torch.zeros(()), 0
    predicted = model.vision_head(hidden[[place - 1 for place in places]])
    wanted = torch.stack([images[image][i] for image, i in (targets[place] for place in places)])
    if loss == "cosine":
        each = 1 - F.cosine_similarity(F.normalize(predicted, dim=-1), wanted, dim=-1)
    else:
        each = (predicted - wanted).abs().mean(-1)
    return text, sum(label != -100 for label in labels), each.sum(), len(places)


def turn(role, *items):
    opening = {"user": [4, 5], "assistant": [4, 6]}[role]
    said = role == "assistant"
    body = []
    for item in items:
        body += [START, item, END] if isinstance(item, tuple) else [item]
    return [(token, False) for token in opening] + [(item, said) for item in body] + [(EOT, said)]


SAMPLES = [
    [(BOS, False), (BOS, False), *turn("user", ("image", 0), 10, 11), *turn("assistant", 12, 13)],
    [(BOS, False), (BOS, False), *turn("user", 14), *turn("assistant", 15, ("image", 1))],
    [
        (BOS, False),
        (BOS, False),
        *turn("user", 16, ("image", 0), 17, ("image", 1)),
        *turn("assistant", ("image", 2), 18, ("image", 0), 19),
        *turn("user", 20),
        *turn("assistant", 21, 22),
    ],
]


def unified_model(folder, head):
    model = shake(Unified(llama(vocab_size=39), 10, head), 21)
    generator = torch.Generator().manual_seed(22)
    images = F.normalize(torch.randn((3, IMAGE_TOKENS, 10), generator=generator), dim=-1)
    model.language.save_pretrained(folder)
    named = dict(model.named())
    vision = {name: tensor for name, tensor in named.items() if "mm_projector" in name or "vision_head" in name}
    write(folder / "vision.safetensors", vision)
    settings = {"visual_width": 10, "visual_tokens": IMAGE_TOKENS, "vision_head": head}
    (folder / "vision.json").write_text(json.dumps(settings) + "\n")
    expected = {"images": images}
    for loss in ("cosine", "l1"):
        # Two micro-batches: samples 0 and 1, and sample 2.
        parts = [[terms(model, SAMPLES[i], images, loss) for i in part] for part in ([0, 1], [2])]
        sums = [[sum(sample[k] for sample in part) for k in range(4)] for part in parts]
        each = [[s[0] / s[1], s[2] / s[3]] for s in sums]
        whole = [(sums[0][0] + sums[1][0]) / (sums[0][1] + sums[1][1]), (sums[0][2] + sums[1][2]) / (sums[0][3] + sums[1][3])]
        rank = [(each[0][0] + each[1][0]) / 2, (each[0][1] + each[1][1]) / 2]
        for name, (text, visual) in (("global", whole), ("rank", rank)):
            key = f"{loss}/{name}"
            expected[key + "/losses"] = torch.stack([text, visual])
            if name == "global" or loss == "cosine":
                model.zero_grad()
                (text + 0.7 * visual).backward(retain_graph=True)
                # The gradients that differ between losses and reductions by more than a factor: heads, adapter, first layer.
                chosen = ("vision_head", "mm_projector", "layers.0", "lm_head") if name == "rank" or loss == "l1" else ("",)
                found = ((n, p.grad) for n, p in model.named() if any(word in n for word in chosen))
                expected.update({f"{key}/gradient/{n}": g.clone() for n, g in found})
    write(folder / "expected.safetensors", expected)


def assembly(folder):
    """Ids, labels and places of `SAMPLES`, padded on the right, as lists."""
    rows = []
    for sample in SAMPLES:
        ids, labels, visual, predicted = [], [], [], []
        for item, said in sample:
            if isinstance(item, tuple):
                for i in range(IMAGE_TOKENS):
                    visual.append([len(ids), item[1] * IMAGE_TOKENS + i])
                    if said:
                        predicted.append([len(ids) - 1, item[1] * IMAGE_TOKENS + i])
                    ids.append(PAD)
                    labels.append(-100)
            else:
                ids.append(item)
                labels.append(item if said else -100)
        rows.append({"ids": ids, "labels": labels, "visual": visual, "predicted": predicted})
    (folder / "assembly.json").write_text(json.dumps(rows) + "\n")


def greedy(model, prompt, images, limit):
    """Recompute everything for each new place, as the released code does."""
    embedded = list(assemble(model, prompt, images)[0])
    tokens, visual, left = [], [], 0
    for _ in range(limit):
        hidden = model.hidden(torch.stack(embedded)[None])[0, -1]
        if left:
            said = F.normalize(model.vision_head(hidden), dim=-1)
            visual.append(said)
            embedded.append(model.mm_projector(said))
            left -= 1
            continue
        logits = model.language.lm_head(hidden)
        token = int(logits.argmax())
        if token == EOT:
            break
        tokens.append(token)
        embedded.append(model.language.model.embed_tokens.weight[token])
        left = IMAGE_TOKENS if token == START else 0
    return tokens, visual


@torch.no_grad()
def decoding(folder):
    """A random model that says images of its own accord: its rows for <image_start> and <eot> are raised."""
    prompts = [sample[: 9 + 3 * i] for i, sample in enumerate(SAMPLES)]
    prompts = [prompt + [(4, False), (6, False)] for prompt in prompts]
    for seed in range(1000):
        model = shake(Unified(llama(vocab_size=39, num_hidden_layers=1), 10, "mlp"), seed, 0.5)
        images = F.normalize(torch.randn((3, IMAGE_TOKENS, 10), generator=torch.Generator().manual_seed(seed)), dim=-1)
        said = [greedy(model, prompt, images, 30) for prompt in prompts]
        lengths = [len(tokens) + len(visual) for tokens, visual in said]
        if sum(len(visual) >= 2 * IMAGE_TOKENS for _, visual in said) >= 2 and 3 < min(lengths) < 25:
            break
    else:
        raise SystemExit("no seed gives what the test needs")
    print("decoding: seed", seed, [tokens for tokens, _ in said], [len(visual) for _, visual in said])
    named = {name: tensor for name, tensor in model.named()}
    model.language.save_pretrained(folder)
    write(folder / "vision.safetensors", {n: t for n, t in named.items() if "mm_projector" in n or "vision_head" in n})
    settings = {"visual_width": 10, "visual_tokens": IMAGE_TOKENS, "vision_head": "mlp"}
    (folder / "vision.json").write_text(json.dumps(settings) + "\n")
    expected = {"images": images}
    for number, (tokens, visual) in enumerate(said):
        expected[f"{number}/tokens"] = torch.tensor(tokens).float()
        expected[f"{number}/visual"] = torch.stack(visual) if visual else torch.zeros((0, 10))
    write(folder / "expected.safetensors", expected)


def optimiser(folder):
    generator = torch.Generator().manual_seed(5)
    parameter = nn.Parameter(torch.randn((4, 6), generator=generator))
    expected = {"start": parameter.detach().clone()}
    optimizer = torch.optim.AdamW([parameter], lr=3e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    schedule = get_cosine_schedule_with_warmup(optimizer, num_warmup_steps=3, num_training_steps=20)
    rates = []
    for step in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        target = torch.randn((4, 6), generator=generator)
        expected[f"target/{step}"] = target
        optimizer.zero_grad()
        ((parameter - target) ** 2).sum().backward()
        optimizer.step()
        schedule.step()
        if step in (1, 19):
            expected[f"after/{step}"] = parameter.detach().clone()
    expected["rates"] = torch.tensor(rates, dtype=torch.float32)
    write(folder / "expected.safetensors", expected)


# The regular expression by which Llama 3 cuts text before it merges bytes, from its published tokenizer.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIALS = [
    *("<|begin_of_text|>", "<|end_of_text|>"),
    *(f"<|reserved_special_token_{i}|>" for i in range(4)),
    *("<|start_header_id|>", "<|end_header_id|>", "<|reserved_special_token_4|>", "<|eot_id|>"),
    *(f"<|reserved_special_token_{i}|>" for i in range(5, 251)),
]
TEXTS = [
    "",
    " ",
    "What is in the image?",
    "\nWhat's in THE image, and what isn't?\n\n  Indented\tand tabbed \n",
    "12345 + 678 = 13,023; 3.14159",
    "Größe, naïve café, Ελληνικά, кириллица, 日本語のテキスト, עברית, हिन्दी",
    "emoji 👩‍👩‍👧‍👦 and combining e\u0301 and a zero width\u200bspace\u00a0nbsp",
    "    four spaces,   three, trailing   ",
    "if (x >= 0) { return a[x]->b; } // !!!???",
    "it'S we'Re I'LL don'T",
    "<image> and </s> and <|not_special|>",
    "a" * 70,
    "the the the image image imagine imageimage",
    "<|eot_id|> said by a user is text",
]


def encoding(ranks):
    specials = {name: len(ranks) + i for i, name in enumerate(SPECIALS)}
    return Encoding("llama", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=specials)


def tokenizer(folder):
    """A vocabulary of our own in the format of Llama's `tokenizer.model`, and what tiktoken makes of texts by it."""
    from transformers.convert_slow_tokenizer import TikTokenConverter

    corpus = " ".join([__doc__, *TEXTS, string.ascii_letters, "the image is what this is about " * 5])
    ranks = bpe_train(corpus, vocab_size=450, pat_str=PATTERN, visualise=None)
    folder.mkdir(parents=True, exist_ok=True)
    lines = (base64.b64encode(token) + b" " + str(rank).encode() for token, rank in ranks.items())
    (folder / "tokenizer.model").write_bytes(b"\n".join(lines) + b"\n")
    converted = TikTokenConverter(str(folder / "tokenizer.model"), PATTERN, additional_special_tokens=SPECIALS).converted()
    converted.save(str(folder / "tokenizer.json"), pretty=False)
    reference = encoding(ranks)
    rows = [{"text": text, "ids": reference.encode_ordinary(text)} for text in TEXTS]
    (folder / "expected.json").write_text(json.dumps(rows) + "\n")


def main(here):
    folder = here / "language"
    torch.set_num_threads(1)
    language_models(folder)
    vision_tower(folder / "siglip")
    unified_model(folder / "unified-mlp", "mlp")
    unified_model(folder / "unified-linear", "linear")
    assembly(folder)
    decoding(folder / "decoding")
    optimiser(folder / "optimizer")
    tokenizer(folder / "tokenizer")
    for extra in folder.rglob("generation_config.json"):
        extra.unlink()


def compare_tokenizer(folder, program):
    """The texts above, and 3,000 random mixtures of their pieces."""
    lines = (line.split() for line in (folder / "tokenizer.model").read_bytes().splitlines() if line)
    reference = encoding({base64.b64decode(token): int(rank) for token, rank in lines})
    chance = random.Random(1)
    pieces = [piece for text in TEXTS for piece in (text[:7], text[3:9], text[-5:], text)] + [" ", "\n", "\t", "1", "é", "語"]
    texts = TEXTS + ["".join(chance.choices(pieces, k=chance.randint(1, 9))) for _ in range(3000)]
    done = subprocess.run([program, str(folder)], input=json.dumps(texts), capture_output=True, check=True, text=True)
    wrong = [text for text, ids in zip(texts, json.loads(done.stdout), strict=True) if ids != reference.encode_ordinary(text)]
    print(f"{len(texts)} texts, {len(wrong)} differ", wrong[:3])
    return len(wrong)


def compare_dimensions(program):
    """Forty Llamas whose every size is drawn."""
    chance, wrong = random.Random(1), 0
    for number in range(40):
        keys, group, head = chance.randint(1, 5), chance.randint(1, 4), 2 * chance.randint(1, 12)
        sizes = {
            "vocab_size": chance.randint(3, 90),
            "hidden_size": chance.randint(1, 50),
            "intermediate_size": chance.randint(1, 70),
            "num_hidden_layers": chance.randint(1, 4),
            "num_attention_heads": keys * group,
            "num_key_value_heads": keys,
            "head_dim": head,
            "rope_theta": 10.0 ** chance.uniform(1, 6),
            "rms_norm_eps": 10.0 ** chance.uniform(-6, -2),
            "tie_word_embeddings": chance.random() < 0.5,
            "rope_scaling": LLAMA_3_1 if chance.random() < 0.3 else None,
            "bos_token_id": 0,
            "eos_token_id": 0,
        }
        model = shake(LlamaForCausalLM(llama(**sizes)), number, 0.5)
        ids = torch.randint(sizes["vocab_size"], (1, chance.randint(1, 150)), generator=torch.Generator().manual_seed(number))
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            model.save_pretrained(folder, max_shard_size=chance.choice(["1GB", "3KB"]))
            done = subprocess.run([program, folder], input=json.dumps(ids.tolist()), capture_output=True, check=True, text=True)
            expected = model(ids).logits.double().flatten()
        found = torch.tensor(json.loads(done.stdout)[0], dtype=torch.double)
        apart = float((found - expected).abs().max() / expected.abs().max())
        if not apart < 1e-4:
            wrong += 1
            print(f"differs by {apart:.1e}: {sizes}, {ids.shape[1]} ids")
    print(f"40 models, {wrong} differ")
    return wrong


def loads(folder):
    model, report = LlamaForCausalLM.from_pretrained(folder, output_loading_info=True)
    wrong = {name: found for name, found in report.items() if found}
    print(f"{sum(p.numel() for p in model.parameters())} parameters, vocabulary {model.config.vocab_size}", wrong or "all fit")
    return len(wrong)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--tokenizer", folder, program]:
            sys.exit(compare_tokenizer(Path(folder), program))
        case ["--dimensions", program]:
            sys.exit(compare_dimensions(program))
        case ["--loads", folder]:
            sys.exit(loads(folder))
        case [folder]:
            main(Path(folder))
        case _:
            sys.exit(__doc__)
