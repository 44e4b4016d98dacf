"""The form of a judgement: text that ends with a verdict."""

from collections.abc import Mapping
from typing import Any

from treasure.evaluation.judge.prompt import CHOICE
from treasure.evaluation.judge.verdict import read_verdict
from treasure.llm.chat import InvalidAnswerError, text_of
from treasure.llm.endpoint import Answer, AnswerForm
from treasure.llm.request import Request

TEXT = "text"
"""Under which name what the judge wrote is kept beside its verdict."""


def verdict_form(max_answer_tokens: int) -> AnswerForm:
    """The verdict, with what was written before it."""

    def read(choice: Mapping[str, Any], request: Request) -> Answer:
        if choice.get("finish_reason") == "length":
            raise InvalidAnswerError(
                f"the judgement was cut at {max_answer_tokens} tokens; raise judge.max_answer_tokens"
            )
        text = text_of(choice)
        return Answer({CHOICE.category: read_verdict(text), TEXT: text})

    return AnswerForm(read)
