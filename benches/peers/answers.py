"""TextVQA by lmms-eval's own functions: python3 answers.py predictions.jsonl

lmms-eval's dependencies need not be installed: `official.py` of the scorers' fixtures imports its tasks alone.
"""

import importlib.util
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "crates/score/tests/golden/benchmarks"))
import official

root = pathlib.Path(importlib.util.find_spec("lmms_eval").origin).parent
textvqa = official.load(str(root))("textvqa.utils")
scores = []
for line in open(sys.argv[1]):
    row = json.loads(line)
    document = {"question_id": row["id"], "answers": row["gold"]}
    scores.append(textvqa.textvqa_process_results(document, [row["prediction"]])["exact_match"])
# In percent, as `sweep score` has it.
print(100 * sum(scores) / len(scores))
