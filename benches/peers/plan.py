"""A grid of runs as Python dicts, each with the SHA-256 of its JSON: python3 plan.py 1000000."""

import hashlib
import itertools
import json
import sys

runs = int(sys.argv[1])
sides = {1_000: (10, 10, 10), 10_000: (10, 10, 100), 100_000: (10, 100, 100), 1_000_000: (100, 100, 100)}[runs]

digests = []
for values in itertools.product(*(range(side) for side in sides)):
    run = dict(zip("abc", values), batch=256, learning_rate=1e-5, loss="cosine", model="llama-3-8b")
    digests.append(hashlib.sha256(json.dumps(run, sort_keys=True).encode()).digest())
assert len(set(digests)) == runs
