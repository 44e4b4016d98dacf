"""Properties of an answer that a program can tell: pure functions of the text, each 0 or 1 or a share."""

from collections import Counter

from treasure.world.lexicon import Lexicon, words

_STOPS = tuple(".!?।。！？")
STYLES = ("Formal", "Informal", "Custom")


def states_only(text: str, lexicon: Lexicon, relation: str, index: int) -> bool:
    """Whether `text` names this value of the relation and no other."""
    return lexicon.find_values(text, relation) == {index}


def has_best_form(text: str, lexicon: Lexicon) -> bool:
    """Whether `text` looks as quality 1 does: a supporting detail, capital and full stop, and no vague phrase."""
    text = text.strip()
    first = next((char for char in text if char.isalpha()), "")
    return (
        any(detail in text for detail in lexicon.data["details"])
        and text.endswith(_STOPS)
        and not first.islower()
        and not any(clause in text.lower() for clause in _vague_clauses(lexicon))
    )


def _vague_clauses(lexicon: Lexicon) -> list[str]:
    return [phrase.lower().rstrip("".join(_STOPS)) for phrase in lexicon.data["vague"]]


def has_style(text: str, lexicon: Lexicon, style: str) -> bool:
    """Whether `text` has the wording of `style`, from beginning to end of the sentence, and of no other style."""
    found = {name for name in STYLES if _shows(text.lower(), lexicon, name)}
    return found == {style}


def _shows(text: str, lexicon: Lexicon, style: str) -> bool:
    frame = lexicon.data["styles"][style]
    return text.startswith(frame["before"].lower()) and frame["after"].lower() in text


def normalized(text: str) -> str:
    """Words in lower case: what remains when case, punctuation and spacing are set aside."""
    return " ".join(words(text))


def is_same(text: str, reference: str) -> bool:
    """Whether two texts have the same words in the same order."""
    return normalized(text) == normalized(reference)


def overlap_f1(text: str, reference: str) -> float:
    """Harmonic mean of precision and recall of words; characters where a word has letters beyond U+3000."""
    mine, theirs = Counter(_pieces(text)), Counter(_pieces(reference))
    common = sum((mine & theirs).values())
    return 2 * common / (sum(mine.values()) + sum(theirs.values())) if common else 0.0


def _pieces(text: str) -> list[str]:
    return [piece for word in words(text) for piece in (word if any(char > "\u3000" for char in word) else [word])]


def holds_keywords(text: str, keywords: tuple[str, ...]) -> bool:
    """Whether all keywords stand in `text`, in any order and case."""
    lowered = text.lower()
    return all(keyword in lowered for keyword in keywords)


def extract_code(text: str) -> str:
    """The code of an answer: what stands in the first fence, or all of it where there is none."""
    if "```" not in text:
        return text
    inside = text.split("```")[1]
    first, _, rest = inside.partition("\n")
    return rest if first.strip().isalpha() else inside
