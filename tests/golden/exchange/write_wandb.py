"""Writes `wandb/` with W&B's own writer of run files, as an offline training program would: two runs, three steps. What a
whole `wandb.init` writes besides (host, paths, the program's environment) is left out. `tests/exchange/import.rs` imports it.

    pip install wandb==0.21.4 && python3 tests/golden/exchange/write_wandb.py
"""

import json
import pathlib
import shutil

from wandb.proto import wandb_internal_pb2 as pb
from wandb.sdk.internal.datastore import DataStore

here = pathlib.Path(__file__).parent / "wandb"
shutil.rmtree(here, ignore_errors=True)
for number, (lr, curve) in enumerate([(0.1, [9.0, 8.0, 7.5]), (0.01, [9.5, 8.5, 8.25])]):
    folder = here / f"offline-run-20240101_00000{number}-run{number}"
    folder.mkdir(parents=True)
    store = DataStore()
    store.open_for_write(str(folder / f"run-run{number}.wandb"))
    records = [pb.Record(run=pb.RunRecord(run_id=f"run{number}", display_name=f"lr {lr}"))]
    records[0].run.config.update.add(key="lr", value_json=json.dumps(lr))
    # Longer than a block of the file.
    records.append(pb.Record(output=pb.OutputRecord(line="x" * 40_000)))
    for step, fid in enumerate(curve):
        history = pb.HistoryRecord(step=pb.HistoryStep(num=step))
        history.item.add(nested_key=["eval/fid"], value_json=json.dumps(fid))
        history.item.add(nested_key=["_step"], value_json=json.dumps(step))
        records.append(pb.Record(history=history))
    records.append(pb.Record(exit=pb.RunExitRecord()))
    for record in records:
        store.write(record)
    store.close()
