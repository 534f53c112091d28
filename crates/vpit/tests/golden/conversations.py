"""What a model is shown and has to say for each kind of data, from raw lines, for tests/parity: python3 conversations.py

Writes conversations.json beside language/, whose tokenizer it reads. Made with transformers 4.45.2 and tokenizers 0.20.3.

The route is another one than vpit's: a conversation is written out as one text with all its markers, transformers' tokenizer
cuts that at once, and labels follow from where a token begins in the text, as the paper's released code has it. Sentences of
each kind of data are those of the paper's appendix C.2, written out here once more; frames on their own are drawn by a second
writing of vpit's generator, so that the draws of a seed are held as well.
"""

import json
from pathlib import Path

from transformers import AddedToken, PreTrainedTokenizerFast

HERE = Path(__file__).parent
SEED = 1
TOKENS = 4  # visual tokens an image
BREAK = {"release": "\n", "llama3": "\n\n"}
BEGINS = {"release": 2, "llama3": 1}

tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(HERE / "language/tokenizer/tokenizer.json"))
# The two tokens of images come behind all others; the third stands for an image until it is laid out.
ADDED = ["<image_start>", "<image_end>", "<image>"]
tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in ADDED], special_tokens=True)
START, END, IMAGE = tokenizer.convert_tokens_to_ids(ADDED)
PAD = tokenizer.convert_tokens_to_ids("<|end_of_text|>")


def written(turns, template):
    """A conversation as one text, and the stretches of it that the assistant has to say."""
    text, said = "<|begin_of_text|>" * BEGINS[template], []
    for speaker, value in turns:
        role = {"human": "user", "gpt": "assistant"}[speaker]
        text += f"<|start_header_id|>{role}<|end_header_id|>{BREAK[template]}"
        begin = len(text)
        text += value.replace("<image>", "<image_start><image><image_end>") + "<|eot_id|>"
        if speaker == "gpt":
            said.append(range(begin, len(text)))
    return text, said


def laid_out(turns, template, limit):
    """Ids, labels, and pairs of (place, visual token): all visual tokens, and those to be predicted from the place."""
    text, said = written(turns, template)
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, labels, visual, predicted = [], [], [], []
    images = 0
    for token, (begin, _) in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True):
        if token != IMAGE:
            ids.append(token)
            labels.append(token if any(begin in stretch for stretch in said) else -100)
            continue
        if len(ids) + TOKENS > limit:
            # No part of an image: it goes, and everything after it.
            break
        # What tells an image to be predicted from one that is shown is the label of its start.
        answered = labels[-1] == START
        for token in range(images * TOKENS, (images + 1) * TOKENS):
            visual.append([len(ids), token])
            if answered:
                predicted.append([len(ids) - 1, token])
            ids.append(PAD)
            labels.append(-100)
        images += 1
    places = min(len(ids), limit)
    return {
        "ids": ids[:places],
        "labels": labels[:places],
        "visual": [pair for pair in visual if pair[0] < places],
        "predicted": [pair for pair in predicted if pair[0] + 1 < places],
    }


MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


class Generator:
    """SplitMix64, started for a seed, a purpose and a number."""

    def __init__(self, seed, purpose, number):
        state = self.mix(seed ^ GOLDEN)
        for byte in purpose.encode():
            state = self.mix(state ^ byte)
        self.state = self.mix(state ^ self.mix((number + GOLDEN) & MASK))

    @staticmethod
    def mix(bits):
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
        return bits ^ (bits >> 31)

    def below(self, count):
        """A whole number from 0, below `count`: the upper half of a product, unless its lower half would favour some."""
        while True:
            self.state = (self.state + GOLDEN) & MASK
            product = self.mix(self.state) * count
            if product & MASK >= (1 << 64) % count:
                return product >> 64

    def shuffled(self, items):
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
        return items


def seconds(count):
    return "1 second" if count == 1 else f"{count} seconds"


def frames_alone(there, number):
    """Frames shown, what is asked, and frames to be predicted; the name of the task."""
    draw = Generator(SEED, "pure_video", number)
    step = 1 + draw.below(min(10, there // 2))
    count = 2 + draw.below(min((there - 1) // step + 1, 8) - 1)
    first = draw.below(there - (count - 1) * step)
    frames = [first + place * step for place in range(count)]
    tasks = ["forward", "reverse", "reorder"] + (["complete"] if count > 2 else [])
    task = tasks[draw.below(len(tasks))]
    if task == "forward":
        asked = f"frame, {seconds(step)} later?" if count == 2 else f"{count - 1} frames, each {seconds(step)} apart?"
        return frames[:1], "Can you predict what happens in the next " + asked, frames[1:], task
    if task == "reverse":
        asked = f"frame, {seconds(step)} earlier." if count == 2 else f"{count - 1} frames, each {seconds(step)} apart."
        return frames[-1:], "Work backwards to predict the previous " + asked, frames[-2::-1], task
    if task == "reorder":
        return draw.shuffled(frames), "Arrange these frames in their correct temporal sequence.", frames, task
    places = draw.shuffled(range(count))
    missing = places[: 1 + draw.below(count - 2)]
    asked = f"{len(missing)} missing frame" + ("" if len(missing) == 1 else "s")
    return (
        [frame for place, frame in enumerate(frames) if place not in missing],
        f"Can you predict the {asked} in this {step}-second-interval sequence?",
        [frame for place, frame in enumerate(frames) if place in missing],
        task,
    )


def talk(*values):
    return [{"from": speaker, "value": value} for speaker, value in zip(["human", "gpt"] * len(values), values)]


def frame(number):
    return f"v/{number:03}.jpg"


def raw():
    """Name, source, line, the turns that it stands for, and its pictures."""
    for name, source, pictures, values in [
        ("a question about an image", "vqa", ["a.jpg"], ["<image>\nWhat is in the image?", "A dog, and 12345 cats."]),
        ("a caption", "alignment", ["a.jpg"], ["<image>\nDescribe it.", "Größe 3.14159, naïve café."]),
        ("text alone", "vqa", [], ["What's 12345 + 678?", "13,023\n\n  It is.  "]),
        (
            "several rounds about several images",
            "vqa",
            ["a.jpg", "b.jpg", "c.jpg"],
            ["Here <image> and there <image>: which?", "The second one.", "And this?\n<image>", "Neither.", "Why?", "It is not."],
        ),
        ("an image changed", "image_to_image", ["a.jpg", "b.jpg"], ["<image> Make it night.", "<image>"]),
        (
            "images asked for and said between words",
            "image_to_image",
            ["a.jpg", "b.jpg", "c.jpg", "d.jpg"],
            ["<image><image>\nContinue.", "First: <image> then <image>", "Which was it?", "The first."],
        ),
    ]:
        line = {"id": name, "image": pictures, "conversations": talk(*values)}
        if not pictures:
            line.pop("image")
        yield name, source, line, values, pictures
    video = {"video": "v", "conversations": talk("What happens?\n<video>", "A goal.", "And then?", "Nothing.")}
    shown = ["<image>" * 9 + "What happens?", "A goal.", "And then?", "Nothing."]
    yield "a question about a video", "video_qa", video, shown, [frame(number) for number in range(9)]
    yield (
        "an image by its caption",
        "generation",
        {"image": "a.jpg", "caption": " a puppy in the image\n"},
        ["Generate an image of a puppy in the image", "Here is an image based on your request: <image>"],
        ["a.jpg"],
    )
    thought = {"image": "a.jpg", "question": "what color is the hat?", "answer": "black"}
    asked = "Think visually before you answer the question: what color is the hat? <image>"
    for name, closer in [("a closer look", {"crop": [1, 2, 30, 40]}), ("boxes", {"boxes": [[1, 2, 3, 4], [5, 6, 7, 8]]})]:
        said = "Let's consider this visually: <image> black"
        yield name, "visual_thinking", {**thought, **closer}, [asked, said], ["a.jpg", "a.jpg"]


def cases():
    for name, source, line, values, pictures in raw():
        turns = list(zip(["human", "gpt"] * len(values), values))
        for template in BREAK:
            yield {"name": name, "source": source, "line": line, "number": 0, "template": template, "limit": 4096}, turns, pictures
    # Each of the four tasks, about one frame and about several.
    wanted = {(task, several) for task in ("forward", "reverse", "complete") for several in (False, True)} | {("reorder", True)}
    for number in range(1000):
        shown, asked, answered, task = frames_alone(9, number)
        kind = (task, len(answered) > 1)
        if kind in wanted:
            wanted.remove(kind)
            turns = [("human", "<image>" * len(shown) + asked), ("gpt", "<image>" * len(answered))]
            name = f"frames alone: {task}, {len(answered)}"
            case = {"name": name, "source": "pure_video", "line": {"id": number, "video": "v"}, "number": number}
            yield {**case, "template": "release", "limit": 4096}, turns, [frame(n) for n in shown + answered]
    assert not wanted, wanted
    # Cut within words, before an image that would not fit, and right behind one.
    for name, source, line, values, pictures in raw():
        if name.startswith(("images asked", "several rounds")):
            turns = list(zip(["human", "gpt"] * len(values), values))
            whole = len(laid_out(turns, "release", 4096)["ids"])
            for limit in range(8, whole, 1 if name.startswith("images") else 3):
                case = {"name": f"{name}, of {limit}", "source": source, "line": line, "number": 0}
                yield {**case, "template": "release", "limit": limit}, turns, pictures


def main():
    rows = [
        {**case, "pictures": pictures, "row": laid_out(turns, case["template"], case["limit"])} for case, turns, pictures in cases()
    ]
    text = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (HERE / "conversations.json").write_text(f"[\n{text}\n]\n")
    print(len(rows), "conversations")


if __name__ == "__main__":
    main()
