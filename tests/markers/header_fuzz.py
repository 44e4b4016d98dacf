"""Headers and what becomes of them when they are written wrongly: seeded, a million in a minute or two."""

import random
from collections.abc import Callable, Iterator

from treasure.markers.marker_set import MarkerSet, applies
from treasure.markers.surface import Surface
from treasure.taxonomy.taxonomy import Category, Kind, Scalar, Taxonomy

PIECES = (
    "<MARKER_LIST>", "</MARKER_LIST>", "<domain>", "</domain>", "<lang>", "</", "Legal", " ", "\n", "\n\n", "<", ">",
    "<|markers|>", "<|/markers|>", "<|domain=Legal|>", "<|domain=", "<|length_tokens|>", "<|quality|>", "|>", "-", "+",
    "|", ".", "=", "0", "9", "1e9", "9" * 401, "0" * 2000, "-" * 50, "1." * 30, "٣", "½", "nan", "inf", "1_0", "\x00",
    "\u200b", "\u2028", "\ud83d", "\ufeff", "é", "e\u0301", "😀", "<b>", "</b>", "<|", "<|x|>", "<x> y </x>", "\r\n",
    "\t", "\x1c", "\\", "%s", "{}",
)  # fmt: skip
CONTENTS = ("", "Hi", "\nHi", " <b>x</b>\n2 3", "<|x|>", "</MARKER_LIST>", "7 and 8")


def header(generator: random.Random, taxonomy: Taxonomy) -> MarkerSet:
    """A set of markers that obeys the rules."""
    names = [category.name for category in taxonomy.categories if generator.random() < 0.3]
    values = {name: _values(generator, taxonomy.category(name)) for name in names}
    known = MarkerSet.of(taxonomy, {name: listed for name, listed in values.items() if name == "domain"})
    return MarkerSet.of(taxonomy, {name: listed for name, listed in values.items() if applies(taxonomy, known, name)})


def _values(generator: random.Random, category: Category) -> list[Scalar]:
    if category.kind is Kind.INTEGER:
        return [generator.choice([0, 7, generator.randrange(1000), 2**50])]
    if category.kind is Kind.DECIMAL:
        return [generator.choice([0.0, -1.5, generator.gauss(0, 3), 1e15, -1e300])]
    return list(generator.sample(category.value_names, generator.randint(1, 3 if category.multiple else 1)))


def mutated(surface: Surface, taxonomy: Taxonomy, seed: int, count: int) -> Iterator[str]:
    """`count` texts, each a header and a content that went through some mutations; one in twenty went through none."""
    generator = random.Random(f"{surface.name} {seed}")
    texts = [_written(generator, surface, taxonomy) for _ in range(300)]
    for _ in range(count):
        text = generator.choice(texts)
        for _ in range(generator.choice((0, *range(1, 20)))):
            text = generator.choice(MUTATIONS)(text, generator, texts)
            if len(text) > 3000 or generator.random() < 0.4:
                break
        yield text


def _written(generator: random.Random, surface: Surface, taxonomy: Taxonomy) -> str:
    return surface.render(header(generator, taxonomy)) + surface.separator + generator.choice(CONTENTS)


Mutation = Callable[[str, random.Random, list[str]], str]


def _span(text: str, generator: random.Random, longest: int = 12) -> tuple[int, int]:
    start = generator.randrange(len(text) + 1)
    return start, min(len(text), start + generator.randint(0, longest))


def _delete(text: str, generator: random.Random, texts: list[str]) -> str:
    start, end = _span(text, generator)
    return text[:start] + text[end:]


def _insert(text: str, generator: random.Random, texts: list[str]) -> str:
    start, _ = _span(text, generator)
    return text[:start] + generator.choice(PIECES) + text[start:]


def _replace(text: str, generator: random.Random, texts: list[str]) -> str:
    start, end = _span(text, generator)
    return text[:start] + generator.choice(PIECES) + text[end:]


def _letter(text: str, generator: random.Random, texts: list[str]) -> str:
    start, _ = _span(text, generator)
    return text[:start] + chr(generator.randrange(generator.choice((0x80, 0x3000, 0x110000)))) + text[start + 1 :]


def _duplicate(text: str, generator: random.Random, texts: list[str]) -> str:
    start, end = _span(text, generator, 60)
    return text[:end] + text[start:end] * generator.choice((1, 1, 1, 2, 30)) + text[end:]


def _swap(text: str, generator: random.Random, texts: list[str]) -> str:
    (a, b), (c, d) = sorted((_span(text, generator, 30), _span(text, generator, 30)))
    return text if b > c else text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


def _truncate(text: str, generator: random.Random, texts: list[str]) -> str:
    start, _ = _span(text, generator)
    return text[:start] if generator.random() < 0.7 else text[start:]


def _splice(text: str, generator: random.Random, texts: list[str]) -> str:
    other = generator.choice(texts)
    return text[: _span(text, generator)[0]] + other[_span(other, generator)[0] :]


def _recase(text: str, generator: random.Random, texts: list[str]) -> str:
    start, end = _span(text, generator, 30)
    return text[:start] + text[start:end].swapcase() + text[end:]


MUTATIONS: tuple[Mutation, ...] = (
    _delete, _insert, _replace, _letter, _duplicate, _swap, _truncate, _splice, _recase,
)  # fmt: skip
