"""The rules of Cambrian-1's evaluation scripts (commit 539ffc3), and for MV-Bench those of its authors, written anew.

Each function gives (extracted answer or None, credit). Where the scripts would fail, or count silence as right, the
second is as in the reference and `differs` of the caller names it.
"""

import re
import string

KEYWORDS = ("answer is", "answer is:", "answer:")


def tail(text):
    text = text.lower().strip()
    for word in KEYWORDS:
        at = text.rfind(word)
        if at >= 0:
            text = text[at + len(word):]
    return text.strip()


def bare(text, ends):
    return tail(text).rstrip(ends).lstrip("(").rstrip(")")


def letter(text, gold, ends):
    found = bare(text, ends)[:1]
    return found, float(found == gold.lower())


def mmvp(text, gold, options):
    found = bare(text, ".:,")
    return found, float(found in (gold.lower(), options[ord(gold) - 65].lower()))


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def within(value, of):
    return abs(value - of) <= abs(of) * 0.05


def mmmu_open(text, gold):
    found, gold = tail(text).rstrip("."), gold.lower()
    numbers = number(gold), number(found)
    near = None not in numbers and within(*numbers)
    return found, float(found == gold or near)


def chartqa(text, gold):
    text, gold = text.lower(), gold.lower()
    said, right = number(text), number(gold)
    if said is not None and right is not None:
        return text, float(within(said, right))
    return text, float(text == gold)


def plain(text):
    return "".join(c for c in text if c not in string.punctuation).lower().strip()


def scienceqa(text, gold, answer):
    found = tail(text).rstrip(".")
    return found, float(plain(found) == plain(answer.lower().strip()) or found.split(".")[0] == gold.lower())


def realworldqa(text, gold):
    words = tail(text).rstrip(".").split()
    if not words:
        return None, None
    return words[0], float(words[0] == gold.lower())


def mvbench(text, gold, answer):
    said = text.strip().split("\n")[0].lower().split(" ")[0]
    right = f"({gold.lower()})"
    return said, float(said.replace(".", "") in right or right in said)


class EvalAI:
    """The answer processor of the VQA challenges, from its description; `contractions` is its table."""

    NUMBERS = dict(zip("none zero one two three four five six seven eight nine ten".split(), "0 0 1 2 3 4 5 6 7 8 9 10".split()))
    MARKS = ";/[]\"{}()=+\\_-><@`,?!"

    def __init__(self, contractions):
        self.contractions = contractions

    def __call__(self, text):
        text = text.lower().replace(",", "").replace("?", "").replace("'s", " 's").strip()
        text = text.replace("\n", " ").replace("\t", " ").strip()
        loose = {mark for mark in self.MARKS if mark + " " in text or " " + mark in text}
        text = "".join("" if c in loose else " " if c in self.MARKS else c for c in text)
        text = re.sub(r"\.(?!\d)", "", text, count=32)
        words = [self.NUMBERS.get(word, word) for word in text.lower().split()]
        words = [word for word in words if word not in ("a", "an", "the")]
        return " ".join(self.contractions.get(word, word) for word in words)

    def credit(self, text, golds):
        said, golds = self(text.lower()), [self(gold.lower()) for gold in golds]
        scores = [min(3, sum(other == said for j, other in enumerate(golds) if i != j)) for i in range(len(golds))]
        return said, sum(scores) / (3 * len(golds))
