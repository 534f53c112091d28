"""Intervals for a matrix of correlations by resampling seeds within cells: python3 bootstrap.py RUNS METRICS RESAMPLES.

The same draws as `sweep` makes: of four seeds of each cell three, with replacement, then the correlations of the means.
"""

import sys

import numpy as np

runs, metrics, resamples = map(int, sys.argv[1:])
seeds = 4
cells = runs // seeds
rng = np.random.default_rng(1)
shared = rng.uniform(size=(cells, 1, 1)) + rng.uniform(size=(cells, 1, metrics))
scores = shared + rng.uniform(size=(cells, seeds, metrics))
place = np.arange(cells)[:, None]
observed = np.arctanh(np.corrcoef(scores.mean(1).T)[np.tril_indices(metrics, -1)])

drawn = np.empty((resamples, metrics * (metrics - 1) // 2))
for resample in range(resamples):
    means = scores[place, rng.integers(0, seeds, (cells, seeds - 1))].mean(1)
    drawn[resample] = np.arctanh(np.corrcoef(means.T)[np.tril_indices(metrics, -1)])
low, high = np.tanh(2 * observed - np.quantile(drawn, [0.975, 0.025], axis=0))
assert np.all(low < high)
