"""Reads `frame.parquet` with DuckDB, whose Parquet reader shares no code with ours, and says whether it holds what
`src/report/table/parquet.rs` put there.

    pip install duckdb && python3 tests/golden/exchange/check.py
"""

import math
import pathlib

import duckdb

path = pathlib.Path(__file__).parent / "frame.parquet"
table = duckdb.read_parquet(str(path))
assert table.columns == ["run", "fid", "n", "seed", "done"], table.columns
assert [str(kind) for kind in table.types] == ["VARCHAR", "DOUBLE", "BIGINT", "BIGINT", "VARCHAR"], table.types
rows = table.fetchall()
assert math.isnan(rows[2][1])
rows[2] = (rows[2][0], "NaN", *rows[2][2:])
expected = [("a", 0.1, -3, 1, "true"), ("ä ", None, 2**63 - 1, 2, None), ("", "NaN", None, 3, "false")]
assert rows == expected, rows
print("frame.parquet: 3 rows as they should be")
