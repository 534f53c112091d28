"""The statistics of a folder of pictures by pytorch-fid, as its command computes them: python3 features.py pictures/ out.npz weights.pth

`python3 features.py --make pictures/ weights.pth COUNT` makes the pictures, and weights by chance for its network.
"""

import pathlib
import sys

import numpy
import torch
from PIL import Image
from pytorch_fid import fid_score, inception


def make(folder, weights, count):
    pathlib.Path(folder).mkdir(exist_ok=True)
    random = numpy.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (30, 40, 3), dtype=numpy.uint8))
        coarse.resize((320, 240), Image.BICUBIC).save(f"{folder}/{number:05}.jpg", quality=90)
    inception.load_state_dict_from_url = lambda *_, **__: None
    torch.nn.Module.load_state_dict, load = (lambda *_, **__: None), torch.nn.Module.load_state_dict
    torch.manual_seed(0)
    torch.save(inception.fid_inception_v3().state_dict(), weights)
    torch.nn.Module.load_state_dict = load


if sys.argv[1] == "--make":
    make(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    folder, out, weights = sys.argv[1:]
    inception.load_state_dict_from_url = lambda *_, **__: torch.load(weights)
    model = inception.InceptionV3([inception.InceptionV3.BLOCK_INDEX_BY_DIM[2048]])
    workers = min(torch.get_num_threads(), 8)
    mu, sigma = fid_score.compute_statistics_of_path(folder, model, 50, 2048, "cpu", workers)
    numpy.savez(out, mu=mu, sigma=sigma)
