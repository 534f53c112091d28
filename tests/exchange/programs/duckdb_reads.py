"""Reads `scores.parquet` and `scores.csv`, compares them with `scores.jsonl`."""

import json

import duckdb

expected = [json.loads(line) for line in open("scores.jsonl", encoding="utf-8")]
for name in ["scores.parquet", "scores.csv"]:
    rows = duckdb.sql(f"SELECT run, metric, benchmark, value, n, \"parameter.lr\" AS lr FROM '{name}'").fetchall()
    assert len(rows) == len(expected), (name, rows)
    for row, score in zip(rows, expected):
        run, metric, benchmark, value, n, lr = row
        assert (run, metric, benchmark or "") == (score["run"], score["metric"], score.get("benchmark", "")), (name, row)
        assert value == score["value"], (name, row)
        assert (n, lr) == (score.get("n"), score["parameters"]["lr"]), (name, row)
print(f"{len(expected)} scores")
