"""Reads the event files below `tb` with TensorBoard's own reader, compares them with `scores.jsonl`."""

import json

from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util import tensor_util

board = EventMultiplexer().AddRunsFromDirectory("tb")
board.Reload()
scores = [json.loads(line) for line in open("scores.jsonl", encoding="utf-8")]
assert len(board.Runs()) == len({score["run"] for score in scores}), board.Runs()
for score in scores:
    name = score["cell"].replace(": ", "/") + "/" + score["run"][:8]
    events = board.GetAccumulator(name)
    tag = "/".join(part for part in [score["metric"], score.get("benchmark", "")] if part)
    (event,) = events.Tensors(tag)
    value = tensor_util.make_ndarray(event.tensor_proto).item()
    assert value == score["value"], (score, value)
    assert events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
    curve = [(e.step, tensor_util.make_ndarray(e.tensor_proto).item()) for e in events.Tensors("train/loss")]
    seed = score["parameters"]["seed"]
    assert curve == [(s, float(f"0.{seed}{s}")) for s in (1, 2, 3)], curve
    start = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    hparams = plugin_data_pb2.HParamsPluginData.FromString(start).session_start_info.hparams
    assert hparams["lr"].number_value == score["parameters"]["lr"], hparams
    assert hparams["note"].string_value == "=1+1", hparams
print(f"{len(scores)} scores")
