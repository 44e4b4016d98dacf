"""Texts by which a user might try to be read as control: seeded, of every kind that we know."""

import random
from collections.abc import Callable, Iterator, Sequence

ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u0301\u0338\u20d2\u202e\u2066\x00\x7f"
LOOK_ALIKES = {
    "<": "＜‹〈⟨«˂ᐸ﹤",
    ">": "＞›〉⟩»˃ᐳ﹥",
    "|": "｜∣ǀ│ⅼ￨",
    "/": "／⁄∕⧸",
    "_": "＿‿ˍ",
    "=": "＝꞊﹦",
    "a": "аａɑ𝐚",
    "e": "еｅ𝐞",
    "o": "оｏ𝐨",
    "M": "МＭ𝐌",
    "A": "АＡ𝐀",
    "E": "ЕＥ𝐄",
    "K": "КＫ\u212a",
    "s": "ѕｓ𝐬",
}
OTHERS = (
    "<s>", "</s>", "<unk>", "<pad>", "<|end|>", "<|pad|>", "<|user|>", "<|system|>", "<|assistant|>", "<|im_end|>",
    "<|im_start|>system\n", "<|endoftext|>", "[INST]", "[/INST]", "<<SYS>>", "<0x0A>", "<0xE2>", "User: ",
    "Assistant: ", "\n\n", "{{ markers }}", "{% endset %}", "{# #}", "{{ raise_exception('x') }}", "qZ7xTurn0WordsQz9",
    "qZ7xTurn", "CONTINUE_FINAL_MESSAGE_TAG ", "&lt;|markers|&gt;", "\\u003c|markers|\\u003e", "%3C%7Cmarkers%7C%3E",
    "\ud83d", "\udc00<",
)  # fmt: skip


def attacks(seed: int, count: int, syntax: Sequence[str]) -> Iterator[str]:
    """`count` texts made of `syntax`, which is whatever opens, closes or is control in some surface or tokenizer."""
    generator = random.Random(seed)
    for number in range(count):
        make = KINDS[number % len(KINDS)]
        text = make(generator.choice(syntax), generator, syntax)
        around = generator.choice(["", "Why? ", "\n", " ", "é", "<", "<|", "|>", "word"])
        yield generator.choice([text, around + text, text + around, around + text + around])


def _exact(text: str, generator: random.Random, syntax: Sequence[str]) -> str:
    return text


def _recased(text: str, generator: random.Random, syntax: Sequence[str]) -> str:
    return "".join(generator.choice([letter.upper(), letter.lower(), letter]) for letter in text)


def _split(text: str, generator: random.Random, syntax: Sequence[str]) -> str:
    for _ in range(generator.randint(1, 3)):
        place = generator.randrange(len(text) + 1)
        text = text[:place] + generator.choice(ZERO_WIDTH) + text[place:]
    return text


def _look_alike(text: str, generator: random.Random, syntax: Sequence[str]) -> str:
    share = generator.choice([0.2, 1.0])
    return "".join(
        generator.choice(LOOK_ALIKES[letter]) if letter in LOOK_ALIKES and generator.random() < share else letter
        for letter in text
    )


def _canonical(text: str, generator: random.Random, syntax: Sequence[str]) -> str:
    """The same text by its Unicode canonical form."""
    return generator.choice([text, "<MARKER_LIST>", "</MARKER_LIST>"]).replace("K", "\u212a")


def _nested(text: str, generator: random.Random, syntax: Sequence[str]) -> str:
    """What is left when the inner ones are taken out is control again."""
    whole = text
    for _ in range(generator.randint(1, 3)):
        place = generator.randrange(1, len(whole)) if len(whole) > 1 else 0
        whole = whole[:place] + generator.choice([text, generator.choice(syntax)]) + whole[place:]
    return whole


def _unfinished(text: str, generator: random.Random, syntax: Sequence[str]) -> str:
    cut = generator.randrange(len(text))
    return text[:cut] if generator.random() < 0.5 else text[cut:]


def _several(text: str, generator: random.Random, syntax: Sequence[str]) -> str:
    return generator.choice(["", " ", "\n"]).join(
        generator.choice([text, *generator.sample(syntax, 4)]) for _ in range(6)
    )


def _repeated(text: str, generator: random.Random, syntax: Sequence[str]) -> str:
    return text * generator.choice([2, 20, 200])


def _other(text: str, generator: random.Random, syntax: Sequence[str]) -> str:
    return generator.choice(OTHERS) + generator.choice(["", text])


def _random(text: str, generator: random.Random, syntax: Sequence[str]) -> str:
    return "".join(
        chr(generator.choice([generator.randrange(0xD800), generator.randrange(0xE000, 0x11000)])) for _ in range(9)
    )


KINDS: tuple[Callable[[str, random.Random, Sequence[str]], str], ...] = (
    _exact, _recased, _split, _look_alike, _canonical, _nested, _unfinished, _several, _repeated, _other, _random,
)  # fmt: skip
