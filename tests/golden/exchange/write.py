"""Writes `tb/` and `mlruns/` with TensorBoard's and MLflow's own writers, as a training program would: two runs, three
steps, hyper-parameters. `tests/exchange/import.rs` imports them.

    pip install --requirement tests/exchange/requirements.txt && python3 tests/golden/exchange/write.py
"""

import os
import pathlib
import shutil

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow.tracking import MlflowClient
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import summary_v2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

here = pathlib.Path(__file__).parent
os.chdir(here)
RUNS = [(0.1, [9.0, 8.0, 7.5]), (0.01, [9.5, 8.5, 8.25])]

shutil.rmtree("tb", ignore_errors=True)
for number, (lr, curve) in enumerate(RUNS):
    writer = EventFileWriter(f"tb/run-{number}", filename_suffix=".fixture")
    start = summary_v2.hparams_pb({"lr": lr, "note": "a"}, trial_id=str(number), start_time_secs=1.0)
    writer.add_event(Event(wall_time=1.0, step=0, summary=start))
    for step, fid in enumerate(curve):
        # The way of PyTorch's SummaryWriter: 32 bits.
        value = Summary.Value(tag="eval/fid", simple_value=fid)
        writer.add_event(Event(wall_time=2.0 + step, step=step, summary=Summary(value=[value])))
    writer.close()
    (made,) = pathlib.Path(f"tb/run-{number}").iterdir()
    made.rename(made.with_name("events.out.tfevents.fixture"))

shutil.rmtree("mlruns", ignore_errors=True)
client = MlflowClient(f"file://{here}/mlruns")
experiment = client.create_experiment("theirs", artifact_location="nowhere")
for lr, curve in RUNS:
    run = client.create_run(experiment, start_time=1000, run_name=f"lr {lr}").info.run_id
    client.log_param(run, "lr", lr)
    for step, fid in enumerate(curve):
        client.log_metric(run, "eval/fid", fid, timestamp=2000 + step, step=step)
    client.set_terminated(run, end_time=5000)
# Where the store lies is nobody's business, and nothing reads it.
for meta in pathlib.Path("mlruns").rglob("meta.yaml"):
    meta.write_text(meta.read_text().replace(str(here), "."))
for name in ["models", "0", ".trash"]:
    shutil.rmtree(pathlib.Path("mlruns") / name, ignore_errors=True)
