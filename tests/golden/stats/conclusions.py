#!/usr/bin/env python3
"""What statsmodels and pandas make of the paper's Tables 4 and 6: writes conclusions.json beside this file.

    pip install statsmodels==0.15.0 numpy pandas && python3 tests/golden/stats/conclusions.py

Compared with what `sweep report` concludes from the same tables, in tests/conclusions.rs.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.formula.api import ols

HERE = Path(__file__).resolve().parent
SWEEPS = HERE.parents[2] / "sweeps" / "metamorph"
METRICS = {"VQA average": ("Average", 1), "FID": ("FID", -1), "CLIP score": ("CLIP", 1)}
UNITS = {"k": 1e3, "M": 1e6}


def amount(text):
    return float(text[:-1]) * UNITS[text[-1]]


def effects(table):
    """Improvement by each kind of data, the other held by indicators, and how the variation divides."""
    for label, (column, sign) in METRICS.items():
        frame = pd.DataFrame({"y": sign * table[column], "a": table.vqa.map(amount), "b": table.gen.map(amount)})
        out = {"metric": label}
        for name, own, other in [("VQA data", "a", "b"), ("Generation data", "b", "a")]:
            doubling = ols(f"y ~ np.log2({own}) + C({other})", frame).fit()
            sample = ols(f"y ~ {own} + C({other})", frame).fit()
            ends = [frame[frame[own] == end(frame[own])].set_index(other).y for end in (max, min)]
            out[name] = {
                "per doubling": doubling.params[f"np.log2({own})"],
                "per million samples": 1e6 * sample.params[own],
                "smallest to largest amount": (ends[0] - ends[1]).mean(),
            }
        anova = sm.stats.anova_lm(ols("y ~ C(a) + C(b)", frame).fit(), typ=2).sum_sq
        total = ((frame.y - frame.y.mean()) ** 2).sum()
        out["shares"] = (anova / total).tolist()
        yield out


def main():
    table_6 = pd.read_csv(SWEEPS / "table6.csv")
    table_4 = pd.read_csv(SWEEPS / "table4.csv").set_index(["joint_train", "n_generation_resolved"]).fid_value
    joint = table_4["Yes"]
    golden = {
        "effects": list(effects(table_6)),
        "share_at_5k": (joint["1k"] - joint["5k"]) / (joint["1k"] - joint["5M"]),
        "joint_gains": (table_4["No"] - joint).reindex(joint.index).tolist(),
    }
    (HERE / "conclusions.json").write_text(json.dumps(golden, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
