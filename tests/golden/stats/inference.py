#!/usr/bin/env python3
"""What scipy, statsmodels and numpy say of tests, corrections, power and effects: writes inference.json beside this file.

    pip install scipy==1.17.1 statsmodels==0.15.0 numpy pandas && python3 tests/golden/stats/inference.py

Tolerances are stated where the file is read (src/stats/tests/inference.rs).
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

HERE = Path(__file__).resolve().parent


def rank_correlations(rng):
    for n, ties in [(4, False), (6, False), (7, False), (9, False), (12, True), (18, False), (40, True)]:
        x = rng.normal(size=n)
        y = 0.6 * x + rng.normal(size=n)
        if ties:
            x, y = np.round(x), np.round(y, 1)
        out = {"x": x.tolist(), "y": y.tolist(), "rho": stats.spearmanr(x, y).statistic, "exact": n <= 9 and not ties}

        def statistic(y):
            return stats.spearmanr(x, y).statistic

        if out["exact"] and n <= 7:
            resamples = np.inf
        else:
            resamples = 20_000
        test = stats.permutation_test(
            (y,), statistic, permutation_type="pairings", n_resamples=resamples, rng=np.random.default_rng(7)
        )
        # One-sided p are doubled there; ours counts orders that are as strong on either side.
        null = np.abs(test.null_distribution)
        out["p"] = float(np.mean(null >= abs(out["rho"]) - 1e-12))
        out["all_counted"] = bool(np.isinf(resamples))
        yield out


def corrections(rng):
    for m in [1, 2, 5, 30]:
        p = rng.uniform(size=m) ** 3
        yield {
            "p": p.tolist(),
            "holm": multipletests(p, method="holm")[1].tolist(),
            "benjamini_hochberg": multipletests(p, method="fdr_bh")[1].tolist(),
        }


def differences(rng):
    """Two cells: with the same seeds the paired t, else Welch's."""
    for n, m, shared in [(3, 3, True), (5, 5, True), (3, 5, False), (2, 4, False)]:
        left = rng.normal(10, 2, n)
        right = rng.normal(8, 0.5, m)
        out = {"left": left.tolist(), "right": right.tolist(), "shared": shared, "boundary": 0.5}
        if shared:
            test = stats.ttest_1samp(left - right, 0.5)
            low, high = DescrStatsW(left - right).tconfint_mean()
        else:
            test = stats.ttest_ind(left - 0.5, right, equal_var=False)
            low, high = CompareMeans(DescrStatsW(left), DescrStatsW(right)).tconfint_diff(usevar="unequal")
        yield out | {"value": left.mean() - right.mean(), "p": test.pvalue, "low": low, "high": high}


def powers():
    for effect in [0.2, 0.5, 1.0, 2.5, 8.0]:
        for n in [2, 3, 5, 20, 200]:
            power = TTestPower().power(effect, n, 0.05)
            # Where it is nearly one, statsmodels gives none.
            if np.isnan(power):
                continue
            yield {"effect": effect, "n": n, "alpha": 0.05, "power": power}


def needs():
    for effect in [0.1, 0.3, 0.8, 1.5, 3.0]:
        n = TTestPower().solve_power(effect, power=0.8, alpha=0.05)
        yield {"effect": effect, "n": int(np.ceil(n))}


def two_ways(rng):
    """Analysis of variance by two factors, and regression on their logarithms."""
    for name, a, b, n in [("balanced", [1, 4, 7], [0.2, 0.5, 1, 2], 3), ("single", [1, 4, 7], [0.2, 1, 4], 1), ("unbalanced", [1, 2], [1, 2, 4], 3)]:
        rows = [(x, y) for x in a for y in b for _ in range(n)]
        if name == "unbalanced":
            rows = [row for position, row in enumerate(rows) if position not in (0, 4, 11)]
        frame = pd.DataFrame(rows, columns=["a", "b"])
        frame["y"] = np.round(40 + 3 * np.log2(frame.a) + np.log2(frame.b) + rng.normal(0, 0.7, len(frame)), 3)
        out = {"name": name, "a": frame.a.tolist(), "b": frame.b.tolist(), "y": frame.y.tolist()}
        interaction = n > 1
        model = ols("y ~ C(a) * C(b)" if interaction else "y ~ C(a) + C(b)", frame).fit()
        table = sm.stats.anova_lm(model, typ=2)
        out["anova"] = [
            {"df": row.df, "sum": row.sum_sq, "f": None if np.isnan(row.F) else row.F, "p": None if np.isnan(row.F) else row["PR(>F)"]}
            for _, row in table.iterrows()
        ]
        # Centred: each slope is at the geometric mean of the other amount.
        frame["la"], frame["lb"] = (np.log2(column) - np.log2(column).mean() for column in (frame.a, frame.b))
        logs = ols("y ~ la * lb", frame).fit()
        out["logs"] = [
            {"coefficient": logs.params[k], "stderr": logs.bse[k], "p": logs.pvalues[k]} for k in ["la", "lb", "la:lb"]
        ]
        yield out


def resampled(rng):
    """Seeds resampled within cells: n - 1 of n, the basic interval on Fisher's z."""
    for cells, seeds, slope in [(18, 3, 1.0), (18, 5, 0.3), (8, 4, -0.8)]:
        truth = rng.normal(0, 1, cells)
        x = truth[:, None] + rng.normal(0, 0.5, (cells, seeds))
        y = slope * truth[:, None] + rng.normal(0, 0.7, (cells, seeds))
        observed = np.corrcoef(x.mean(1), y.mean(1))[0, 1]
        draws = []
        for _ in range(40_000):
            chosen = rng.integers(0, seeds, (cells, seeds - 1))
            means = [np.take_along_axis(v, chosen, 1).mean(1) for v in (x, y)]
            draws.append(np.arctanh(np.corrcoef(*means)[0, 1]))
        z = 2 * np.arctanh(observed) - np.quantile(draws, [0.975, 0.025])
        yield {"x": x.tolist(), "y": y.tolist(), "rho": observed, "low": np.tanh(z[0]), "high": np.tanh(z[1])}


def main():
    rng = np.random.default_rng(20241219)
    golden = {
        "rank_correlations": list(rank_correlations(rng)),
        "corrections": list(corrections(rng)),
        "differences": list(differences(rng)),
        "powers": list(powers()),
        "needs": list(needs()),
        "two_ways": list(two_ways(rng)),
        "resampled": list(resampled(rng)),
    }
    (HERE / "inference.json").write_text(json.dumps(golden, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
