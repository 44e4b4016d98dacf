"""A closed choice: the labels of a category in a shuffled order, and answers that count only if they are one of them.

Every choice has one label more than values, by which the model abstains. It is called Unspecified, and a value of that
name without a definition is this abstention. Where the taxonomy defines Unspecified (a domain that cannot be named,
because the text mixes many) it is a value like the others, and the model abstains with Unsure.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from treasure.errors import ConfigError
from treasure.llm.chat import InvalidAnswerError
from treasure.llm.request import LETTERS, Choice
from treasure.llm.text import without_thought
from treasure.seeding import stream
from treasure.taxonomy.taxonomy import Category

_ABSTENTIONS = ("Unspecified", "Unsure", "CannotTell")
_LEAST_MASS = 0.5
_FENCED = re.compile(r"```(?:json)?\s*\n?(.*?)\n?\s*```", re.DOTALL)


def make_choice(category: Category, *key: str | int) -> Choice:
    """The choice for a category with a closed list, shuffled by `key`."""
    values = tuple(value.name for value in category.values if value.definition or not _is_unspecified(value.name))
    taken = {value.casefold() for value in values}
    abstain = next(name for name in _ABSTENTIONS if name.casefold() not in taken)
    shown = [*values, abstain]
    stream(*key, category.name).shuffle(shown)
    return Choice(category.name, values, abstain, tuple(shown))


def check_letters(category: Category) -> None:
    """Refuses a category with more labels than letters.

    Raises:
        ConfigError: it has too many values.
    """
    num_labels = len(make_choice(category).labels)
    if num_labels > len(LETTERS):
        raise ConfigError(
            f"Category '{category.name}' has {num_labels} labels with the abstention; llm.answer_mode logprobs holds "
            f"at most {len(LETTERS)}. Take structured."
        )


def response_format(choices: Sequence[Choice]) -> dict[str, Any]:
    """The JSON schema that holds a server to the labels.

    Labels stand in the taxonomy's order, for servers compile each schema anew; it is the prompt that is shuffled.
    """
    properties = {choice.category: {"type": "string", "enum": list(choice.labels)} for choice in choices}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "labels", "strict": True, "schema": schema}}


def parse_answer(text: str, choices: Sequence[Choice]) -> dict[str, str]:
    """Category -> label from a JSON object, or from a bare label where one category was asked; exact labels only.

    White space, a code fence and a leading <think> block around the answer are passed over.

    Raises:
        InvalidAnswerError: anything else.
    """
    bare = without_thought(text).strip()
    fenced = _FENCED.fullmatch(bare)
    bare = fenced[1].strip() if fenced else bare
    if not bare:
        raise InvalidAnswerError("the answer is empty")
    try:
        given = json.loads(bare, object_pairs_hook=_without_repeats)
    except (json.JSONDecodeError, RecursionError):
        given = bare
    if not isinstance(given, Mapping):
        given = {choices[0].category: given} if len(choices) == 1 else {}
    found: dict[str, str] = {}
    for choice in choices:
        label = given.get(choice.category)
        if not isinstance(label, str) or label not in choice.labels:
            raise InvalidAnswerError(f"no label of {choice.category}: {_excerpt(text)}")
        found[choice.category] = label
    return found


def read_letters(alternatives: Sequence[Any], choice: Choice) -> dict[str, float]:
    """Label -> probability from the alternatives of the first token (`token`, `logprob`); they sum to 1.

    Letters that the server does not list count as 0.

    Raises:
        InvalidAnswerError: less than half of the probability is on letters of options, so this is no choice.
    """
    letters = choice.letters
    found = dict.fromkeys(choice.labels, 0.0)
    for entry in alternatives:
        token = entry.get("token") if isinstance(entry, Mapping) else None
        logprob = entry.get("logprob") if isinstance(entry, Mapping) else None
        if not isinstance(token, str) or not isinstance(logprob, int | float) or math.isnan(logprob):
            raise InvalidAnswerError(f"log-probabilities that cannot be read: {_excerpt(str(entry))}")
        label = letters.get(token.strip(" \n▁Ġ"))
        if label is not None:
            found[label] += math.exp(min(0.0, logprob))
    mass = sum(found.values())
    if mass < _LEAST_MASS:
        raise InvalidAnswerError(f"only {mass:.0%} of the probability is on the letters of {choice.category}")
    return {label: probability / mass for label, probability in found.items()}


def _is_unspecified(name: str) -> bool:
    return name.casefold() == _ABSTENTIONS[0].casefold()


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which a category given twice has no label."""
    names = [name for name, _ in pairs]
    return {name: value if names.count(name) == 1 else None for name, value in pairs}


def _excerpt(text: str) -> str:
    short = " ".join(text.split())[:120]
    return ascii(short) if not short.isprintable() else f"'{short}'"
