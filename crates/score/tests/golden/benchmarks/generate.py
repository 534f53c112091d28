"""Questions, replies and what the references make of them, for tests/benchmarks.rs.

    python3 generate.py FOLDER_OF_LMMS_EVAL      # e.g. site-packages/lmms_eval of lmms-eval 0.7.3

writes <benchmark>.jsonl.gz beside itself. The first line holds the references' aggregated scores, every other line a
question with a reply and, for each protocol, the reference's extracted answer (where it shows one) and credit. Where a
reference has no credit of its own (it would draw at random, or fail) or one that this project refuses, the credit is what
is ours and `differs` says why.
"""

import gzip
import json
import random
import sys
from pathlib import Path

import cambrian
import official
import replies

load = official.load(sys.argv[1])
HERE = Path(__file__).parent
NOUNS = """cat dog bus red car two trees banana lamp sofa bridge abacus bed cab face 12 3.5 left right above nan answer green
apple a_man yes no Asia Europe Denmark door option b glass""".split()


def words(rng, n):
    return [f"{rng.choice(['', 'a ', 'the ', 'big '])}{noun}".replace("_", " ") for noun in rng.sample(NOUNS, n)]


def case(id, reply, gold, **rest):
    return {"id": str(id), "prediction": reply, "gold": gold, **rest}


def judged(case, official, cambrian, differs=None):
    """`official` and `cambrian`: (extracted or None, credit or None); `differs`: protocol to reason."""
    case["official"], case["cambrian"] = list(official), list(cambrian)
    if differs:
        case["differs"] = differs
    return case


def credited(pairs):
    return [score for score in pairs if score is not None]


def write(name, cases, **aggregates):
    lines = [aggregates, *cases]
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    with open(HERE / f"{name}.jsonl.gz", "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(text.encode())
    right = sum(case["official"][1] or 0 for case in cases), sum(case["cambrian"][1] or 0 for case in cases)
    differ = sum("differs" in case for case in cases)
    print(f"{name}: {len(cases)} predictions, right {right[0]:.1f} and {right[1]:.1f}, {differ} differ", aggregates)


def mmbench(rng):
    module = load("mmbench.en_utils")
    evaluator = module.mmbench_evaluator
    extract = load("_task_utils.mcq_extract").extract_mcq_answer
    cases, results, groups = [], [], {}
    for base in range(760):
        count = rng.choice([2, 3, 4, 4])
        options, gold = words(rng, count), rng.randrange(count)
        category, domain = rng.choice([("ocr", "perception"), ("physics", "reasoning"), ("counting", "perception")])
        diligent = rng.random() < 0.4
        for turn in range(count):
            texts = options[turn:] + options[:turn]
            letter = replies.LETTERS[(gold - turn) % count]
            reply = rng.choice(["{}", "{}.", "({})", " {}", "{}:"]).format(letter) if diligent else replies.choice(rng, texts, letter)
            index = base + 7 + turn * 1_000_000
            doc = {"index": index, "question": f"q{base}?", "answer": letter, "hint": "nan", "source": "s", "split": "dev",
                   "category": category, "L2-category": domain}
            doc |= {name: (texts + ["nan"] * 4)[i] for i, name in enumerate("ABCDE")}
            result = module.mmbench_process_results(doc, [reply])["gpt_eval_score"]
            results.append(result)
            said = evaluator.prefetch_answer(dict(result))
            said = said or extract(result["prediction"], choices=sorted(evaluator.build_choices(result)))
            found, credit = cambrian.letter(reply, letter, ".:,")
            groups.setdefault((category, base), []).append(credit)
            cases.append(judged(case(index, reply, letter, options=texts, categories=[category, domain]),
                                (said, float(said == letter)), (found, credit)))
    overall, category, domain = official.quietly(evaluator.eval_result, results, eval_method="static")
    circular = [min(group) for group in groups.values()]
    write("mmbench-en", cases, official={"accuracy": overall, **category, **domain},
          cambrian={"accuracy": sum(circular) / len(circular)})


def seed(rng):
    module = load("seedbench.utils")
    kinds = ["Scene Understanding", "Instance Identity", "Text Recognition"]
    cases, pairs = [], []
    for id in range(2200):
        options, letter = words(rng, 4), rng.choice("ABCD")
        reply = replies.choice(rng, options, letter)
        doc = {"answer": letter, "data_type": "image", "question_id": str(id)}
        result = module.seed_process_result(doc, [reply])["seed_image"]
        pairs.append(module.seed_aggregation_result([result]))
        cases.append(judged(case(id, reply, letter, options=options, categories=[rng.choice(kinds)]),
                            (None, float(pairs[-1])), cambrian.letter(reply, letter, ".")))
    write("seed", cases, official={"accuracy": sum(pairs) / len(pairs)})


def vstar(rng):
    module = load("vstar_bench.utils")
    cases, results = [], []
    for id in range(2200):
        category = rng.choice(["direct_attributes", "relative_position"])
        options = words(rng, 4 if category == "direct_attributes" else 2)
        letter = rng.choice(replies.LETTERS[: len(options)])
        reply = replies.choice(rng, options, letter)
        doc = {"text": "?", "label": letter, "category": category, "question_id": id}
        result = module.vstar_process_results(doc, [reply])["vstar_overall_acc"]
        results.append(result)
        cases.append(judged(case(f"{category}/{id}", reply, letter, options=options, categories=[category]),
                            (result["prediction"], result["score"]), cambrian.letter(reply, letter, ".")))
    total = module.vstar_aggregate_results(results) / 100
    of = lambda c: [r["score"] for r in results if r["category"] == c]
    mean = {c: sum(of(c)) / len(of(c)) for c in ("direct_attributes", "relative_position")}
    write("vstar", cases, official={"accuracy": total, **mean})


def mmvp(rng):
    module = load("mmvp.utils")
    cases, results, pairs = [], [], {}
    for index in range(1, 2201):
        options = words(rng, 2)
        letter = "AB"[index % 2] if index % 4 < 2 else "BA"[index % 2]
        diligent = index % 10 < 4
        reply = rng.choice(["{}", "({})", "{}."]).format(letter) if diligent else replies.choice(rng, options, letter)
        doc = {"Index": index, "Correct Answer": f"({letter.lower()})"}
        result = module.mmvp_process_results(doc, [reply])["mmvp_pair_accuracy"]
        results.append(result)
        found, credit = cambrian.mmvp(reply, letter, options)
        pairs.setdefault((index - 1) // 2, []).append(credit)
        cases.append(judged(case(index, reply, letter, options=options),
                            (result["pred_letter"], float(result["is_correct"])), (found, credit)))
    hits = [min(pair) for pair in pairs.values()]
    write("mmvp", cases, official={"accuracy": module.mmvp_aggregate_pair_results(results),
                                   "question_accuracy": module.mmvp_aggregate_results(results)},
          cambrian={"accuracy": sum(hits) / len(hits)})


SUBJECTS = {"Art": "Art and Design", "Finance": "Business", "Math": "Science", "Computer_Science": "Tech and Engineering"}


def mmmu(rng):
    module = load("mmmu.utils")
    cases, results = [], []
    for i in range(2600):
        subject = rng.choice(list(SUBJECTS))
        id = f"validation_{subject}_{i}"
        differs = {}
        if i % 3:
            options = words(rng, rng.choice([2, 4, 4, 5, 7]))
            gold = rng.choice(replies.LETTERS[: len(options)])
            reply = replies.choice(rng, options, gold)
            doc = {"id": id, "question_type": "multiple-choice", "options": repr(options), "answer": gold}
            theirs = cambrian.letter(reply, gold, ".:,")
        else:
            options = []
            value = rng.choice([3, 24, 0.5, 1234.5, 0.125, 2.675, 100, 1, 60000, 0])
            gold = rng.choice(["cash flow", "x", "2", "Bach", "7/8"]) if i % 2 else str(value)
            reply = replies.phrase(rng, gold, ["2", "x"]) if i % 2 else replies.number(rng, value)
            doc = {"id": id, "question_type": "open", "answer": gold}
            theirs = cambrian.mmmu_open(reply, gold)
        try:
            with official.no_chance():
                result = module.mmmu_process_results(doc, [reply])["mmmu_acc"]
            credit = float(module.evaluate_mmmu([result])[1]["acc"])
            said = result["parsed_pred"][0] if options else None
            results.append(result)
        except official.Drew:
            said, credit = None, 0.0
            differs["official"] = "draws an option at random"
            results.append({"id": id, "subdomain": subject, "question_type": "multiple-choice", "answer": gold, "parsed_pred": [""]})
        rest = {"options": options} if options else {}
        cases.append(judged(case(id, reply, gold, categories=[subject, SUBJECTS[subject]], **rest), (said, credit), theirs, differs))
    overall = official.quietly(module.mmmu_aggregate_results, results)
    write("mmmu", cases, official={"accuracy": overall})


def chartqa(rng):
    module = load("chartqa.utils")
    cases, pairs = [], []
    for id in range(2200):
        kind = rng.choice(["human_test", "augmented_test"])
        if rng.random() < 0.7:
            value = rng.choice([0, 1, 12, 0.5, 47.25, 100, 2019, 1500, 3.3, -7, 0.03])
            gold, reply = rng.choice([str(value), str(value), f"{value}%"]), replies.number(rng, value)
        else:
            gold = rng.choice(["Yes", "No", "Germany", "United States", "[2, 3]", "Dark blue", "2019-20"])
            reply = replies.phrase(rng, gold, ["No", "France"])
        score = module.chartqa_process_results({"type": kind, "answer": gold}, [reply])["relaxed_overall"]
        pairs.append(score)
        cases.append(judged(case(id, reply, gold, categories=[kind]), (None, score), cambrian.chartqa(reply, gold)))
    write("chartqa", cases, official={"accuracy": sum(pairs) / len(pairs)})


def textvqa(rng):
    module = load("textvqa.utils")
    processor = cambrian.EvalAI(load("_task_utils.vqa_eval_metric").EvalAIAnswerProcessor.CONTRACTIONS)
    pool = ["stop", "Coca Cola", "coca-cola", "12", "12:30", "the end", "No parking", "$5", "5.00", "U.S.A.", "don't", "two", "exit 7b"]
    pool += replies.pieces(replies.EVALAI)
    cases, pairs = [], []
    for id in range(2200):
        likely = rng.sample(pool, rng.randint(1, 4))
        golds = [rng.choice(likely) if rng.random() < 0.85 else rng.choice(pool) for _ in range(10)]
        if rng.random() < 0.3:
            golds = [rng.choice([str.upper, str.title, str])(gold) for gold in golds]
        reply = replies.phrase(rng, rng.choice(golds), pool)
        result = module.textvqa_process_results({"answers": list(golds), "question_id": id}, [reply])
        pairs.append(result["exact_match"])
        cases.append(judged(case(id, reply, golds), (result["submission"]["answer"], float(result["exact_match"])),
                            processor.credit(reply, golds)))
    write("textvqa", cases, official={"accuracy": sum(pairs) / len(pairs)})


def scienceqa(rng):
    module = load("scienceqa.utils")
    cases, pairs = [], []
    for id in range(2200):
        options = [option.replace("a ", "A ") for option in words(rng, rng.randint(2, 5))]
        letter = rng.choice(replies.LETTERS[: len(options)])
        reply = replies.choice(rng, options, letter)
        doc = {"choices": options, "answer": ord(letter) - 65}
        pairs.append(module.sqa_process_results(doc, [reply])["exact_match"])
        answer = options[ord(letter) - 65]
        cases.append(judged(case(id, reply, letter, options=options, categories=[rng.choice(["natural science", "social science"])]),
                            (None, pairs[-1]), cambrian.scienceqa(reply, letter, answer)))
    write("scienceqa", cases, official={"accuracy": sum(pairs) / len(pairs)})


def realworldqa(rng):
    module = load("realworldqa.utils")
    cases, pairs = [], []
    for id in range(2200):
        if rng.random() < 0.6:
            gold = rng.choice("ABCD")
            reply = replies.choice(rng, words(rng, 4), gold)
        else:
            gold = rng.choice(["0", "2", "10", "Yes", "No", "Downhill", "Left"])
            reply = replies.number(rng, int(gold)) if gold.isdigit() else replies.phrase(rng, gold, ["No", "Yes"])
        pairs.append(module.realworldqa_process_results({"answer": gold}, [reply])["exact_match"])
        found, credit = cambrian.realworldqa(reply, gold)
        differs = {} if credit is not None else {"cambrian": "fails on a reply without a word"}
        cases.append(judged(case(id, reply, gold), (None, pairs[-1]), (found, credit or 0.0), differs))
    write("realworldqa", cases, official={"accuracy": sum(pairs) / len(pairs)})


def mvbench(rng):
    module = load("mvbench.utils")
    tasks = ["action_count", "scene_transition", "state_change"]
    cases, results = [], []
    for i in range(2200):
        task = rng.choice(tasks)
        options = words(rng, rng.randint(2, 5))
        letter = rng.choice(replies.LETTERS[: len(options)])
        reply = replies.choice(rng, options, letter)
        answer = options[ord(letter) - 65]
        result = module.mvbench_process_results({"candidates": options, "answer": answer}, [reply])["mvbench_accuracy"]
        results.append(result)
        counted = None if reply == "" else float(result["score"])
        found, credit = cambrian.mvbench(reply, letter, answer)
        differs = {}
        if not any(c.isascii() and c.isalpha() for c in found):
            if credit:
                differs = {"cambrian": "counts a reply without a letter as right"}
            credit = 0.0
        cases.append(judged(case(f"{task}/{i}", reply, letter, options=options, categories=[task]),
                            (None, counted), (found, credit), differs))
    write("mvbench", cases, official={"accuracy": module.mvbench_aggregate_results(results) / 100})


if __name__ == "__main__":
    for name in [mmbench, seed, vstar, mmvp, mmmu, chartqa, textvqa, scienceqa, realworldqa, mvbench]:
        name(random.Random(f"sweep {name.__name__}"))
