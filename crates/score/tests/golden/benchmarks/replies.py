"""What models say: real-looking and adversarial replies, drawn from a seeded generator.

Half of the replies hold the right answer in some dress, the rest a wrong one, several, none, or noise made of the words,
letters, numbers, white space and look-alikes that extraction rules trip over.
"""

LETTERS = "ABCDEFGH"

ONE = """{L}|{l}|{L}.|{L},|{L}:|{L})|({L})|({l})|({L}).|{L}).|[{L}]|{L}]|**{L}**|"{L}"|'{L}'| {L} |{L}!|{L}?|:{L}|:{L}.|{L};|{L}\\n
{L}. {t}|({L}) {t}|{L}: {t}|{L}) {t}|{L} {t}|{l}. {t}|{L}.{t}|{t}|{T}|{t}.| {t} |{t} ({L})|a {t}|The {t}|{t}, {u}
The answer is {L}|The answer is {L}.|The answer is: {L}|The correct answer is ({L}).|answer is:{L}|Answer: {L}|ANSWER: {L}.|Answer:({L})
The answer is {t}.|The answer is {L}. {t}|My answer is {L}, not {M}.|I choose {L}.|I pick {l}|Option {L}|option ({L})|The best option is {L}
The choice is {L}|Choice: {L}|Answer : {L}|the  answer  is  {L}|Answer\\nis\\n{L}|It is {L}|It's {L}.|So {L} is right.|{L} because {t}
I think {L}|I think the answer is {L} because it shows {t} and not {u}.|{M} is wrong, so {L}.|Not {M}. {L}.|({M}) or ({L})|{M} or {L}
First, the image shows {u}. However, looking closely it is {t}. Therefore the answer is ({L}).|{L}\\nExplanation: {u} is not visible
A closer look at the picture suggests {t} rather than {u}|Among the options, {t} fits best, so it is {t}
\u7b54\u6848\u662f{L}|\u7b54\u6848\u4e3a{L}\u3002|\uc815\ub2f5\uc740 {L}|\u7b54\u3048\u306f{L}|\u9009{L}|\ub2f5: {L}|{L}\u3002|\uff08{L}\uff09|{L}\u3001{t}"""

NONE = """|  |\\n|.|,|?|(|)|()|:|''|""|Yes|No|yes.|none|None of the above|I don't know|I cannot tell from the image.|nan|N/A|E|F|e.|Z.
ABCD|A B C D|A, B|A and B|AB|B/C|(A)(B)|(A) (B) (C)|A. B. C.|a|an apple|A dog runs in the park|Banana|red|bad|cab|DATA A B|Grab a bag
\uff21|\u0391|\u0410|\u24b6|\u00c5|A\u0301|\u0130S A|\u0131s b|An\u017fwer i\u017f C|OPT\u0130ON D|\u00df|\U0001f600|\U0001f170\ufe0f|\u2160|A\u0301.|\u24d0 A
Failed to obtain answer via API|A Failed to obtain answer via API|The answer is unclear|the answer is|answer:|Answer is.|Option|choice""" + """
A\x1cB|\x85A|\u00a0A|\u2003B.|A\u200b|\ufeffA|\tC|C\t|D\x0b|answer\u00a0is\u00a0B|option\x1f(a)|A\u3000B"""

WORDS = """A B C D E a b c d e (A) (B) (c) A. B. C) D: b. answer Answer is is: the The option choice correct best and or not
because , . ; : ! ? - / ( ) [ ] ' " % * = \u00a0 \u2003 \x1c \n \t \u0661\u0662 \uff11 1 2 10 0.5 1,000 ten none dog cat's don't U.S.A. \u00e9 \u00c9
\u0130 \u0131 \u017f \u212a \u03a3 \u4e2d \U0001f600""".replace("\n", " ").split(" ")


def pieces(text):
    lines = [line for line in text.split("\n")]
    return [piece.replace("\\n", "\n") for line in lines for piece in line.split("|")]


ONE, NONE = pieces(ONE), pieces(NONE)


def dressed(rng, options, letter):
    """The option of this letter, said in some way."""
    others = [o for o in LETTERS[: len(options)] if o != letter] or [letter]
    other = rng.choice(others)
    text = options[LETTERS.index(letter)]
    return rng.choice(ONE).format(
        L=letter, l=letter.lower(), M=other, t=text, T=text.upper(), u=options[LETTERS.index(other)]
    )


def noise(rng):
    words = [rng.choice(WORDS) for _ in range(rng.randint(1, 7))]
    return rng.choice(["", " "]).join(words) if rng.random() < 0.3 else " ".join(words)


def choice(rng, options, gold):
    """A reply to a question with options."""
    draw = rng.random()
    if draw < 0.15:
        return rng.choice(["{}", "{}.", "{}. {}"]).format(gold, options[LETTERS.index(gold)])
    if draw < 0.45:
        return dressed(rng, options, gold)
    if draw < 0.65:
        return dressed(rng, options, rng.choice(LETTERS[: len(options)]))
    return rng.choice(NONE) if draw < 0.8 else noise(rng)


NUMBERS = """{n}|{n}%|{n} %|{n}.|${n}|{n},|about {n}|{n} dollars|{c}|{c}.0|{n}.0|{n}.00|-{n}|+{n}|0{n}| {n} |{n}e0|{n}E+0|{u}|{n}/1|{h}
{p}|{q}|{p}%|{a}|{f}|\\n{n}|{n}\\n|{n}\u00a0|={n}|x = {n}|The answer is {n}.|It is {n}|so the result is {n} units|thus {n}|inf|-inf|nan|NaN|infinity
1_000|1__0|_1|1_|.5|5.|.|1e|e5|1e400|--1|1 2|0|0.0|-0|0%|00|1,2,3|1,234.50|12,34|1,234,5678|1.2.3|3.14e-2 and 5|-.5e3|7e|12abc 34"""


def number(rng, gold):
    """A reply to a question whose answer is a number."""
    draw = rng.random()
    if draw < 0.4:
        return noise(rng) if draw < 0.1 else str(gold)
    n = gold if rng.random() < 0.6 else round(gold * rng.choice([1.049, 1.05, 1.051, 0.95, 0.949, 2, 0.01, 100]), 4)
    n = int(n) if n == int(n) else n
    ascii_digits, arabic, wide = "0123456789", "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669", "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19"
    table = lambda digits: str.maketrans(ascii_digits, digits)
    grouped = f"{n:,}"
    return rng.choice(pieces(NUMBERS)).format(
        n=n, c=grouped, u=grouped.replace(",", "_"), h=round(n / 2, 3), p=n / 100, q=n * 100,
        a=str(n).translate(table(arabic)), f=str(n).translate(table(wide)),
    )


PHRASES = """{g}|{G}|{g}.|the {g}|a {g}|{g}!|"{g}"|{g}, I think|{g}?|The answer is {g}|answer: {g}.|It is {g}|it's {g}|{g}'s|({g})|{g} | {g}
{g}\\n|{g}/x|x/{g}|{g}-{g}|{g};|{g} ; x|@{g}|{g} and more|no {g}|{d}|{d}.|so {g}. Thus {g}|final {g}|{g}=1|=|is :|so ,"""

EVALAI = """The cat's|rock-n-roll|a/b|5.|U.S.A.|it's|$5|dont|don't|Dont|im|Im|I've|youre|y'alld've|couldn'tve|ten|Ten.|none|Zero|a an the|the
,|?|a,b|1,000|1, 000|1,,2|3 , 4|"x"|[a]|{b}|a - b|a -b|a-b|a- b|a+b|a=b|c:\\\\d|_x_|<y>|x@y.com|`q`|..|...|. . .|1.5|1. 5|.5|5.a|a.5|v2.0.1|\u0661.\u0662
'so|'S|S's|'s's|o'clock|oclock|maam|'ow's'at|somebody'd|let's|\u00c9COLE|\u0130stanbul|\u03a3\u03a3|\u00a0x\u00a0|x\x1cy|x\u2028y|one two three|two-three
................................x.y.z|a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h.i.j|stop|coca cola|coca-cola|Coca Cola!"""


def phrase(rng, gold, others=()):
    """A reply to a question whose answer is a word or two."""
    draw = rng.random()
    if draw < 0.25:
        return gold
    if draw < 0.6:
        other = rng.choice(list(others) or [gold])
        return rng.choice(pieces(PHRASES)).format(g=gold, G=gold.upper(), d=other)
    if draw < 0.8:
        return rng.choice(pieces(EVALAI))
    return rng.choice(NONE) if draw < 0.9 else noise(rng)
