"""Fréchet distances by numpy and scipy, for tests/frechet.rs: python3 frechet.py > frechet.json

Each case holds its features, so the Rust side shares nothing with this file but the numbers. The distance follows
pytorch-fid (covariance with ddof 1, scipy.linalg.sqrtm of the product, real part). `by_eigenvalues` computes the same
trace from the eigenvalues of the product, the way of torchmetrics, as a check of the check.
"""

import json

import numpy
import scipy
from scipy.linalg import sqrtm


def distance(a, b):
    shift = a.mean(0) - b.mean(0)
    c1, c2 = (numpy.cov(x, rowvar=False) for x in (a, b))
    base = shift @ shift + numpy.trace(c1) + numpy.trace(c2)
    by_root = base - 2 * numpy.trace(sqrtm(c1 @ c2).real)
    by_eigenvalues = base - 2 * numpy.sqrt(numpy.linalg.eigvals(c1 @ c2).astype(complex)).real.sum()
    return float(by_root), float(by_eigenvalues)


def features(rng, n, dim, scale, shift):
    mixed = rng.normal(size=(n, dim)) @ rng.normal(size=(dim, dim))
    return (scale * mixed + shift).round(6)


def case(name, seed, dim, n_left, n_right):
    rng = numpy.random.default_rng(seed)
    left = features(rng, n_left, dim, 1.0, 0.0)
    right = features(rng, n_right, dim, 1.5, 0.3)
    by_root, by_eigenvalues = distance(left, right)
    return {
        "name": name,
        "dim": dim,
        "left": left.ravel().tolist(),
        "right": right.ravel().tolist(),
        "distance": by_root,
        "by_eigenvalues": by_eigenvalues,
    }


cases = [
    case("full rank, few features", 1, 3, 20, 30),
    case("full rank", 2, 16, 60, 50),
    case("more features than samples", 3, 24, 10, 12),
]
print(json.dumps({"numpy": numpy.__version__, "scipy": scipy.__version__, "cases": cases}))
