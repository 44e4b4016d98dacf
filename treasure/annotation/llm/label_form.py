"""The form of an answer that names labels: a JSON object, or the probabilities of letters."""

from collections.abc import Mapping
from typing import Any

from treasure.annotation.llm.choice import parse_answer, read_letters, response_format
from treasure.annotation.llm.config import AnswerMode
from treasure.llm.chat import InvalidAnswerError, short
from treasure.llm.endpoint import Answer, AnswerForm
from treasure.llm.request import Request, best

_COMPLAINT = "invalid answer: "
_TOP_LOGPROBS = 20


def label_form(mode: AnswerMode, max_answer_tokens: int) -> AnswerForm:
    """One label for each choice of a request, enforced by `mode`."""
    if mode is AnswerMode.LOGPROBS:
        return AnswerForm(_read_letters, _ask_logprobs, _COMPLAINT)

    def read(choice: Mapping[str, Any], request: Request) -> Answer:
        return Answer(parse_answer(_written(choice, max_answer_tokens), request.choices))

    if mode is AnswerMode.STRUCTURED:
        return AnswerForm(read, _ask_schema, _COMPLAINT)
    return AnswerForm(read, complaint=_COMPLAINT)


def _ask_logprobs(request: Request) -> dict[str, Any]:
    return {"logprobs": True, "top_logprobs": _TOP_LOGPROBS}


def _ask_schema(request: Request) -> dict[str, Any]:
    return {"response_format": response_format(request.choices)}


def _read_letters(choice: Mapping[str, Any], request: Request) -> Answer:
    asked = request.choices[0]
    found = read_letters(_first_alternatives(choice), asked)
    return Answer({asked.category: best(found)}, {asked.category: found})


def _first_alternatives(choice: Mapping[str, Any]) -> list[Any]:
    logprobs = choice.get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    first = tokens[0] if isinstance(tokens, list) and tokens else None
    found = first.get("top_logprobs") if isinstance(first, Mapping) else None
    if not isinstance(found, list) or not found:
        raise InvalidAnswerError("the server sent no log-probabilities; if it has none, take answer_mode structured")
    return found


def _written(choice: Mapping[str, Any], max_answer_tokens: int) -> str:
    """The text of an answer; empty where there is none."""
    message = choice.get("message")
    message = message if isinstance(message, Mapping) else {}
    if message.get("refusal"):
        raise InvalidAnswerError(f"the model refused: {short(message['refusal'])}")
    if choice.get("finish_reason") == "length":
        raise InvalidAnswerError(f"the answer was cut at {max_answer_tokens} tokens; raise llm.max_answer_tokens")
    content = message.get("content")
    return content if isinstance(content, str) else ""
