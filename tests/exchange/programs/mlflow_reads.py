"""Reads the file store `mlruns` with MLflow's own client, compares it with `scores.jsonl`."""

import json
import os

# MLflow keeps its file store for reading, and asks whether one knows that it is not the newest.
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow.tracking import MlflowClient

client = MlflowClient(f"file://{os.getcwd()}/mlruns")
(experiment,) = client.search_experiments()
assert experiment.name == "one", experiment
runs = {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
scores = [json.loads(line) for line in open("scores.jsonl", encoding="utf-8")]
assert set(runs) == {score["run"] for score in scores}, runs
names = {"accuracy": "accuracy/value", "accuracydigits/general": "accuracy/digits/general", "fid": "fid"}
for score in scores:
    run = runs[score["run"]]
    value = run.data.metrics[names[score["metric"] + score.get("benchmark", "")]]
    assert value == score["value"], (score, value)
    assert run.data.params["lr"] == str(score["parameters"]["lr"]) and run.data.params["note"] == "=1+1", run
    assert run.info.run_name == score["cell"] and run.info.status == "FINISHED", run
    curve = client.get_metric_history(run.info.run_id, "train/loss")
    seed = score["parameters"]["seed"]
    assert [(point.step, point.value) for point in curve] == [(s, float(f"0.{seed}{s}")) for s in (1, 2, 3)], curve
print(f"{len(runs)} runs")
