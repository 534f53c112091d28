import json, sys

lr, width = float(sys.argv[2]), int(sys.argv[4])
weights = [1.0] * width
with open("metrics.jsonl", "w") as metrics:
    for step in range(100):
        weights = [w - lr * 10 * (i + 1) / width * w for i, w in enumerate(weights)]
        loss = sum(w * w for w in weights) / width
        metrics.write(json.dumps({"step": step, "loss": loss}) + "\n")
json.dump({"loss": loss}, open("scores.json", "w"))
