"""The Fréchet distance of two files of statistics by pytorch-fid's function: python3 distance.py a.npz b.npz

`python3 distance.py --make a.npz b.npz` makes two such files, of 4,096 samples of 2,048 features each.
"""

import sys

import numpy


def make(paths):
    random = numpy.random.default_rng(0)
    scale = 1 + numpy.arange(2048) % 17 / 9
    for shift, path in enumerate(paths):
        features = random.uniform(size=(4096, 2048)) * scale + shift / 10
        numpy.savez(path, mu=features.mean(0), sigma=numpy.cov(features, rowvar=False), n=4096.0)


if sys.argv[1] == "--make":
    make(sys.argv[2:])
else:
    from pytorch_fid.fid_score import calculate_frechet_distance

    a, b = (numpy.load(path) for path in sys.argv[1:])
    print(calculate_frechet_distance(a["mu"], a["sigma"], b["mu"], b["sigma"]))
