"""The report that pandas and matplotlib make of a table of runs: python3 report.py scores.csv figures/

One heatmap a metric and one scatter plot with Pearson's correlation for each metric against the first one, both of the
slice where the third factor is 0.
"""

import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

scores = pd.read_csv(sys.argv[1])
cells = scores[scores["c"] == 0]
figures = pathlib.Path(sys.argv[2])
figures.mkdir(exist_ok=True)
metrics = [name for name in scores.columns if name.startswith("m")]

figure, axes = plt.subplots(3, 4, figsize=(16, 12))
for metric, ax in zip(metrics, axes.flat):
    ax.imshow(cells.pivot(index="b", columns="a", values=metric))
    ax.set_title(metric)
figure.savefig(figures / "heatmaps.svg")

figure, axes = plt.subplots(3, 4, figsize=(16, 12))
for metric, ax in zip(metrics[1:], axes.flat):
    ax.scatter(cells[metrics[0]], cells[metric], s=2)
    ax.set_title(f"{metric}: {cells[metrics[0]].corr(cells[metric]):.4f}")
figure.savefig(figures / "correlations.svg")
