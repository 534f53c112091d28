"""The training step of vpit in plain PyTorch, and its pictures by Pillow: train.py VERB FOLDER THREADS

Verbs: padded, packed (sequences side by side, or one behind the other without padding), packed-again (every block computed
again in the backward pass), draw (makes pictures), pictures. Each line on standard input does the work once.

Everything that makes a step fast is on: scaled_dot_product_attention, the fused AdamW, logits only where a token is to be
predicted, gradients forgotten instead of zeroed.
"""

import json
import sys
import time
from pathlib import Path

import torch
import torch.utils.checkpoint
from torch import nn
from torch.nn import functional as F


def peak():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024


def serve(work):
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(work()), flush=True)


class Norm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.head = c["hidden_size"] // c["num_attention_heads"]
        width, keys = c["hidden_size"], c["num_key_value_heads"] * self.head
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, n, bias=False) for n in (width, keys, keys))
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(self, x, turn, lengths):
        q, k, v = (p(x).unflatten(-1, (-1, self.head)).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        q, k = turned(q, *turn), turned(k, *turn)
        parts = zip(*(t.split(lengths, dim=2) for t in (q, k, v)))
        seen = [F.scaled_dot_product_attention(*part, is_causal=True, enable_gqa=True) for part in parts]
        seen = seen[0] if len(seen) == 1 else torch.cat(seen, dim=2)
        return self.o_proj(seen.transpose(1, 2).flatten(2))


def turned(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Mlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.gate_proj, self.up_proj = (nn.Linear(width, inner, bias=False) for _ in range(2))
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = (Norm(c["hidden_size"], c["rms_norm_eps"]) for _ in range(2))
        self.self_attn, self.mlp = Attention(c), Mlp(c["hidden_size"], c["intermediate_size"])

    def forward(self, x, turn, lengths):
        x = x + self.self_attn(self.input_layernorm(x), turn, lengths)
        return x + self.mlp(self.post_attention_layernorm(x))


class Model(nn.Module):
    def __init__(self, c, visual):
        super().__init__()
        width = c["hidden_size"]
        self.c = c
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(c["vocab_size"], width)
        self.model.layers = nn.ModuleList(Block(c) for _ in range(c["num_hidden_layers"]))
        self.model.norm = Norm(width, c["rms_norm_eps"])
        self.model.mm_projector = nn.Sequential(nn.Linear(visual, width), nn.GELU(), nn.Linear(width, width))
        self.lm_head = nn.Linear(width, c["vocab_size"], bias=False)
        self.vision_head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, visual))

    def forward(self, batch, visual, again):
        shape, head = batch["ids"].shape, self.c["hidden_size"] // self.c["num_attention_heads"]
        x = self.model.embed_tokens(batch["ids"]).flatten(0, 1)
        places, rows = batch["visual"]
        x = x.index_copy(0, places, self.model.mm_projector(visual[rows])).view(*shape, -1)
        angles = batch["positions"][:, None] * (1.0 / self.c["rope_theta"] ** (torch.arange(0, head, 2) / head))
        angles = torch.cat((angles, angles), dim=-1)
        turn = angles.cos(), angles.sin()
        for block in self.model.layers:
            if again:
                x = torch.utils.checkpoint.checkpoint(block, x, turn, batch["lengths"], use_reentrant=False)
            else:
                x = block(x, turn, batch["lengths"])
        x = self.model.norm(x).flatten(0, 1)
        (text, token), (seen, row) = batch["text"], batch["predicted"]
        words = F.cross_entropy(self.lm_head(x[text]), token)
        images = 1 - F.cosine_similarity(self.vision_head(x[seen]), visual[row], dim=-1).mean()
        return words, images


def laid_out(rows, packed):
    """The batch as tensors; places are flat."""
    longest = max(len(row["ids"]) for row in rows)
    lengths = [len(row["ids"]) for row in rows] if packed else [longest]
    starts = [sum(lengths[:i]) if packed else i * longest for i in range(len(rows))]
    ids = torch.zeros(sum(lengths) if packed else longest * len(rows), dtype=torch.long)
    pairs = {key: [[], []] for key in ("visual", "text", "predicted")}
    for start, row in zip(starts, rows):
        ids[start : start + len(row["ids"])] = torch.tensor(row["ids"])
        for key, (places, others) in pairs.items():
            places += [start + place for place in row[key][0]]
            others += row[key][1]
    positions = torch.cat([torch.arange(length, dtype=torch.float) for length in lengths])
    batch = {key: [torch.tensor(part, dtype=torch.long) for part in pair] for key, pair in pairs.items()}
    return {**batch, "ids": ids.view(1, -1) if packed else ids.view(len(rows), -1), "positions": positions, "lengths": lengths}


def step(folder, packed, again):
    from safetensors.torch import load_file

    before = peak()
    config, vision = (json.loads((folder / name).read_text()) for name in ("config.json", "vision.json"))
    with torch.device("meta"):
        model = Model(config, vision["visual_width"])
    weights = {**load_file(folder / "model.safetensors"), **load_file(folder / "vision.safetensors")}
    # Copies: what was loaded is a part of a file's memory.
    model.load_state_dict({name: nn.Parameter(tensor.clone()) for name, tensor in weights.items()}, strict=True, assign=True)
    del weights
    batch = laid_out(json.loads((folder / "batch.json").read_text()), packed)
    visual = load_file(folder / "visual.safetensors")["visual"].clone()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.0, fused=True)

    def once():
        started = time.perf_counter()
        words, images = model(batch, visual, again)
        (words + images).backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters()])
        optimizer.step()
        optimizer.zero_grad()
        losses, norm = [words.item(), images.item()], norm.item()
        return {"seconds": time.perf_counter() - started, "losses": losses, "norm": norm, "before": before, "peak": peak()}

    serve(once)


def draw(folder):
    """Photographs of nothing: smooth colours, edges and grain, 640 x 480, as JPEG."""
    import numpy
    from PIL import Image, ImageDraw

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(100):
        torch.manual_seed(number)
        small = Image.fromarray((torch.rand(9, 12, 3) * 255).byte().numpy())
        picture = small.resize((640, 480), Image.Resampling.BICUBIC)
        pen = ImageDraw.Draw(picture)
        for _ in range(12):
            x, y, w, h = (int(v) for v in torch.rand(4) * 240)
            pen.ellipse((2 * x, y, 2 * x + w, y + h), fill=tuple(int(v) for v in torch.rand(3) * 255))
        grain = torch.randn(480, 640, 3) * 6
        levels = torch.from_numpy(numpy.array(picture)).float()
        Image.fromarray((levels + grain).clamp(0, 255).byte().numpy()).save(folder / f"{number:03}.jpg", quality=90)


def pictures(folder):
    import numpy
    from PIL import Image

    names = sorted(folder.iterdir())

    def once():
        started, total = time.perf_counter(), 0.0
        for name in names:
            picture = Image.open(name).convert("RGB").resize((384, 384), Image.Resampling.BICUBIC)
            levels = torch.from_numpy(numpy.array(picture)).permute(2, 0, 1).float() / 127.5 - 1
            total += float(levels[0, 200, 100])
        return {"seconds": time.perf_counter() - started, "pictures": len(names), "sum": total}

    serve(once)


def main():
    verb, folder, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    match verb:
        case "padded" | "packed":
            step(folder, verb == "packed", False)
        case "packed-again":
            step(folder, True, True)
        case "draw":
            draw(folder)
        case "pictures":
            pictures(folder)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
