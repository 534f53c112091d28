#!/usr/bin/env python3
"""What scipy and numpy say: writes stats.json and figure_8.json beside this file.

    pip install scipy==1.17.1 numpy pandas && python3 tests/golden/stats/generate.py

Tolerances are stated where the files are read (src/stats/tests.rs, tests/figure_8.rs).
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

HERE = Path(__file__).resolve().parent
TABLE_6 = HERE.parents[2] / "sweeps" / "metamorph" / "table6.csv"


def correlation(x, y):
    result = stats.pearsonr(x, y)
    interval = result.confidence_interval(0.95) if len(x) > 3 else None
    return {
        "rho": result.statistic,
        "p": result.pvalue,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
    }


def within(x, y, level):
    """Partial correlation by regressing both sides on the level's indicator variables."""
    x, y, level = np.asarray(x), np.asarray(y), np.asarray(level)
    names = np.unique(level)
    design = (level[:, None] == names[None, :]).astype(float)
    left = x - design @ np.linalg.lstsq(design, x, rcond=None)[0]
    right = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    rho = (left @ right) / np.sqrt((left @ left) * (right @ right))
    df = len(x) - 1 - len(names)
    t = rho * np.sqrt(df / (1 - rho**2))
    z, half = np.arctanh(rho), stats.norm.ppf(0.975) / np.sqrt(df - 1)
    return {
        "rho": rho,
        "df": df,
        "p": 2 * stats.t.sf(abs(t), df),
        "low": np.tanh(z - half),
        "high": np.tanh(z + half),
    }


def cases():
    rng = np.random.default_rng(20241218)
    for n, slope in [(3, 1.0), (4, -0.5), (18, 0.9), (18, 0.0), (200, -0.3), (600, 0.02)]:
        x = np.round(rng.normal(20, 5, n), 4)
        y = np.round(slope * x + rng.normal(50, 2, n), 4)
        level = rng.integers(0, max(1, min(4, n // 4)), n)
        line = stats.linregress(x, y)
        case = {
            "x": x.tolist(),
            "y": y.tolist(),
            "level": level.tolist(),
            "pearson": correlation(x, y),
            "line": {"slope": line.slope, "intercept": line.intercept},
        }
        if n >= 18:
            case["within"] = within(x, y, level)
        yield case


def means():
    for values in [[1.5], [1.0, 2.0], [55.8, 55.6, 55.9], [1e9 + 1, 1e9 + 2, 1e9 + 4], list(range(30))]:
        values = np.asarray(values, float)
        n = len(values)
        out = {"values": values.tolist(), "mean": values.mean()}
        if n > 1:
            out["std_dev"] = values.std(ddof=1)
            out["stderr"] = stats.sem(values)
            out["low"], out["high"] = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
        yield out


def student():
    for df in [1, 2, 3, 16, 100, 1e4, 1e5]:
        for t in [0.0, 0.1, 1.0, 2.5, 10.0, 40.0]:
            yield {"t": t, "df": df, "two_sided_p": 2 * stats.t.sf(t, df)}


def quantiles():
    for df in [1, 2, 3, 9, 16, 100, 1e5]:
        for p in [0.025, 0.5, 0.9, 0.975, 0.9995]:
            yield {"p": p, "df": df, "t": stats.t.ppf(p, df)}


def figure_8():
    """The 18 correlations of Figure 8, from the published Table 6."""
    table = pd.read_csv(TABLE_6)
    amounts = {name: rank for rank, name in enumerate(table["vqa"].unique())}
    level = table["vqa"].map(amounts)
    for image in ["CLIP", "FID"]:
        for benchmark in table.columns[3:12]:
            x, y = table[image], table[benchmark]
            yield {
                "benchmark": benchmark,
                "metric": image,
                "n": len(table),
                "pandas_rho": x.corr(y),
                **correlation(x, y),
                "within_vqa": within(x, y, level),
            }


def write(name, value):
    text = json.dumps(value, indent=1, default=float) + "\n"
    (HERE / name).write_text(text)


if __name__ == "__main__":
    write(
        "stats.json",
        {
            "correlations": list(cases()),
            "means": list(means()),
            "student": list(student()),
            "quantiles": list(quantiles()),
        },
    )
    write("figure_8.json", list(figure_8()))
