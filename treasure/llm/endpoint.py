"""`Endpoint`: one request to an OpenAI-compatible server, and the answer in the form that was asked for."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from treasure.llm.chat import AttemptError, ChatClient, InvalidAnswerError, first_choice, used
from treasure.llm.config import ModelAccess
from treasure.llm.record import Reply, Usage
from treasure.llm.request import Request


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered: category -> label, and category -> label -> probability where there are some."""

    answers: Mapping[str, str]
    probabilities: Mapping[str, Mapping[str, float]] | None = None


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """What an answer has to look like.

    `read` takes the first choice of a response, and raises `InvalidAnswerError` where that is no answer to the request;
    the reason begins with `complaint`. `arguments` are sent beside model, messages and what the options say.
    """

    read: Callable[[Mapping[str, Any], Request], Answer]
    arguments: Callable[[Request], Mapping[str, Any]] = lambda request: {}
    complaint: str = ""


class Endpoint:
    """The model of `access` at its server. Belongs to one event loop, and is closed by `async with`.

    Raises:
        MissingExtraError: openai is not installed.
    """

    def __init__(self, access: ModelAccess, form: AnswerForm) -> None:
        self._access, self._form = access, form
        self._client = ChatClient(access.base_url, access.api_key_env, access.runner.timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def ask(self, request: Request) -> Reply:
        """The answer to `request`.

        Raises:
            AttemptError: there was none, or none that is valid.
        """
        started = time.monotonic()
        body = await self._client.post(self._arguments(request))
        usage = self._usage(body)
        try:
            answer = self._form.read(first_choice(body), request)
        except InvalidAnswerError as error:
            raise AttemptError(f"{self._form.complaint}{error}", usage=usage, by_request=True) from error
        return Reply(answer.answers, answer.probabilities, usage, time.monotonic() - started)

    def _arguments(self, request: Request) -> dict[str, Any]:
        access = self._access
        found: dict[str, Any] = {
            "model": access.model,
            "messages": request.messages,
            "max_completion_tokens": access.max_answer_tokens,
        }
        if access.temperature is not None:
            found["temperature"] = access.temperature
        found |= self._form.arguments(request)
        return found | ({"extra_body": access.extra_body} if access.extra_body else {})

    def _usage(self, body: Mapping[str, Any]) -> Usage:
        prompt, completion = used(body)
        return Usage(prompt, completion, self._access.runner.cost(prompt, completion))
