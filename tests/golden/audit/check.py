"""Checks by other means what `sweep audit` says of the paper's tables: run it, and compare with tests/audit.rs.

Exact fractions for counts and averages, brute force instead of a bound for the correlations.
"""

import csv
import itertools
import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

TABLES = Path(__file__).parents[3] / "sweeps" / "metamorph"
ITEMS = {
    "MMBench_EN": [1164], "SEED": [14232, 14233], "RealworldQA": [765], "MMVP": [150], "SQA": [2017], "MMMU": [900],
    "VStar": [191], "ChartQA": [2500], "TextVQA": [5000 * 30], "MVBench": [4000],
}
PARTS = [name for name in ITEMS if name != "MVBench"]


def rows(name):
    with open(TABLES / name) as file:
        return list(csv.DictReader(file))


def decimals(texts):
    return max(-Decimal(text).normalize().as_tuple().exponent for text in texts)


def spellings(value, places):
    """Every number that a share is printed as: to the nearest, halves either way, or cut off."""
    unit = Fraction(1, 10**places)
    whole, rest = divmod(value, unit)
    out = {whole}
    if rest >= unit / 2:
        out.add(whole + 1)
    return {number * unit for number in out}


def possible(places, items):
    return {text for n in items for k in range(n + 1) for text in spellings(Fraction(100 * k, n), places)}


def counts():
    for name in ["table1.csv", "table3.csv", "table6.csv", "table7.csv"]:
        table = [row for row in rows(name) if "ours" in row.get("method", "ours")]
        for column, items in ITEMS.items():
            texts = [row[column] for row in table if row.get(column, "-") not in ("", "-")]
            if not texts:
                continue
            places = max(decimals(texts), 0)
            fit = possible(places, items)
            wrong = [text for text in texts if Fraction(text) not in fit]
            power = 1 - sum(Fraction(k, 10**places) in fit for k in range(100 * 10**places + 1)) / (100 * 10**places + 1)
            twice = all(Fraction(text) in possible(places, [2 * n for n in items]) for text in texts)
            if wrong:
                print(f"{name} {column}: {wrong} are no share of {items}; power {power:.2f}; twice as many fit: {twice}")


def averages():
    for name, column in [("table3.csv", "AVG"), ("table6.csv", "Average"), ("table7.csv", "Average")]:
        worst = max(abs(float(row[column]) - sum(float(row[part]) for part in PARTS) / 9) for row in rows(name))
        print(f"{name}: the averages differ from the mean of their parts by {worst:.4f} at most")


def pearson(x, y):
    n = len(x)
    mx, my = sum(x) / n, sum(y) / n
    sxy = sum((a - mx) * (b - my) for a, b in zip(x, y))
    return sxy / (sum((a - mx) ** 2 for a in x) * sum((b - my) ** 2 for b in y)) ** 0.5


def extreme(x, y, sign):
    """The most extreme correlation that values within half a unit give: coordinate by coordinate, from many starts."""
    generator, best = random.Random(0), None
    for _ in range(10):
        a = [value + generator.choice([-0.05, 0.05]) for value in x]
        b = [value + generator.choice([-0.05, 0.05]) for value in y]
        changed = True
        while changed:
            changed = False
            for side, centre in [(a, x), (b, y)]:
                for index, value in enumerate(centre):
                    found = []
                    for moved in (value - 0.05, value + 0.05):
                        side[index] = moved
                        found.append((sign * pearson(a, b), moved))
                    before = side[index]
                    side[index] = max(found)[1]
                    changed |= side[index] != before and found[0][0] != found[1][0] and max(found)[0] > (best or -9)
            current = sign * pearson(a, b)
            if best is None or current > best + 1e-12:
                best = current
            else:
                break
    return sign * best


def correlations():
    table = rows("table6.csv")
    for row in rows("fig8_printed.csv"):
        x, y = [[float(line[row[key]]) for line in table] for key in ("metric", "benchmark")]
        low, high, printed = extreme(x, y, -1), extreme(x, y, 1), float(row["printed_rho"])
        if not low - 0.01 <= printed <= high + 0.01:
            print(f"{row['benchmark']} and {row['metric']}: printed {printed}, computed {pearson(x, y):.4f}, "
                  f"possible {low:.3f} to {high:.3f}")


def repeated():
    for a, b in itertools.combinations(rows("table6.csv"), 2):
        if all(a[column] == b[column] for column in ("FID", "CLIP")):
            print(f"{a['vqa']} {a['gen']} and {b['vqa']} {b['gen']}: FID {a['FID']}, CLIP score {a['CLIP']}")


counts()
averages()
correlations()
repeated()
