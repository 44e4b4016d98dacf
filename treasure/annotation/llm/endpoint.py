"""`Endpoint`: one request to an OpenAI-compatible server, and what may come back instead of an answer.

The client never retries by itself: every attempt is the runner's, and is noted. Bodies are read here and not by the
client, which trusts servers to keep to the protocol.
"""

import asyncio
import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from treasure.annotation.llm.choice import InvalidAnswerError, best, parse_answer, read_letters, response_format
from treasure.annotation.llm.config import AnswerMode, LLMConfig
from treasure.annotation.llm.prompt import Request
from treasure.annotation.llm.record import Reply, Usage
from treasure.errors import MissingExtraError

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

_TOP_LOGPROBS = 20
_LONGEST_RETRY_AFTER_S = 3600.0
_KEY_PLACEHOLDER = "none"
_OF_THE_ACCOUNT = (401, 402, 404)
"""Wrong key, no money, no such model or address: no other request will fare better."""
_OF_THE_REQUEST = (400, 403, 413, 422)
"""Too long, refused or not understood: asking the same again is no use."""


class Hope(StrEnum):
    """After a failed attempt: ask AGAIN, give up this REQUEST, or give up the whole RUN."""

    AGAIN = "again"
    NO_REQUEST = "no_request"
    NO_RUN = "no_run"


@dataclass(frozen=True)
class AttemptError(Exception):
    """An attempt without a valid answer. `retry_after_s` is the server's wish, 0 where it has none.

    `by_request` says that the fault lies with this request rather than with the endpoint: others may well be answered.
    `is_silent` says that there was no response at all.
    """

    reason: str
    hope: Hope = Hope.AGAIN
    usage: Usage = field(default_factory=Usage)
    retry_after_s: float = 0.0
    is_rate_limit: bool = False
    by_request: bool = False
    is_silent: bool = False

    def __str__(self) -> str:
        return self.reason


class Endpoint:
    """The model of `config` at its server. Belongs to one event loop, and is closed by `async with`.

    Raises:
        MissingExtraError: openai is not installed.
    """

    def __init__(self, config: LLMConfig) -> None:
        self._config = config
        self._client = _client(config)

    async def __aenter__(self) -> "Endpoint":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def ask(self, request: Request) -> Reply:
        """The answer to `request`.

        Raises:
            AttemptError: there was none, or none that is valid.
        """
        started = time.monotonic()
        body = await self._post(request)
        usage = _usage(body, self._config)
        try:
            answers, probabilities = self._read(_first_choice(body), request)
        except InvalidAnswerError as error:
            raise AttemptError(f"invalid answer: {error}", usage=usage, by_request=True) from error
        return Reply(answers, probabilities, usage, time.monotonic() - started)

    async def _post(self, request: Request) -> Mapping[str, Any]:
        """The body of the response, an object."""
        import openai

        try:
            async with asyncio.timeout(self._config.runner.timeout_s):
                response = await self._client.chat.completions.with_raw_response.create(**self._arguments(request))
            body = json.loads(response.content)
        except (openai.APITimeoutError, TimeoutError) as error:
            raise AttemptError(f"no answer within {self._config.runner.timeout_s:g} s", is_silent=True) from error
        except openai.APIStatusError as error:
            raise _status_error(error) from error
        except openai.OpenAIError as error:
            raise AttemptError(f"{type(error).__name__}: {_short(error.__cause__ or error)}", is_silent=True) from error
        except (ValueError, RecursionError) as error:
            raise AttemptError(f"the response is not JSON: {_short(error)}") from error
        if not isinstance(body, Mapping):
            raise AttemptError("the response is not a JSON object")
        return body

    def _arguments(self, request: Request) -> dict[str, Any]:
        config, mode = self._config, self._config.answer_mode
        arguments: dict[str, Any] = {
            "model": config.model,
            "messages": [{"role": "system", "content": request.system}, {"role": "user", "content": request.user}],
            "max_completion_tokens": 1 if mode is AnswerMode.LOGPROBS else config.max_answer_tokens,
        }
        if config.temperature is not None:
            arguments["temperature"] = config.temperature
        if mode is AnswerMode.LOGPROBS:
            arguments |= {"logprobs": True, "top_logprobs": _TOP_LOGPROBS}
        if mode is AnswerMode.STRUCTURED:
            arguments["response_format"] = response_format(request.choices)
        return arguments | ({"extra_body": config.extra_body} if config.extra_body else {})

    def _read(
        self, choice: Mapping[str, Any], request: Request
    ) -> tuple[dict[str, str], dict[str, dict[str, float]] | None]:
        if self._config.answer_mode is AnswerMode.LOGPROBS:
            asked = request.choices[0]
            found = read_letters(_first_alternatives(choice), asked)
            return {asked.category: best(found)}, {asked.category: found}
        message = choice.get("message")
        message = message if isinstance(message, Mapping) else {}
        if message.get("refusal"):
            raise InvalidAnswerError(f"the model refused: {_short(message['refusal'])}")
        if choice.get("finish_reason") == "length":
            raise InvalidAnswerError(
                f"the answer was cut at {self._config.max_answer_tokens} tokens; raise llm.max_answer_tokens"
            )
        content = message.get("content")
        return parse_answer(content if isinstance(content, str) else "", request.choices), None


def _client(config: LLMConfig) -> "AsyncOpenAI":
    try:
        from openai import AsyncOpenAI
    except ImportError as error:
        raise MissingExtraError("openai", "judge") from error
    key = os.environ.get(config.api_key_env) or _KEY_PLACEHOLDER
    return AsyncOpenAI(base_url=config.base_url, api_key=key, max_retries=0, timeout=config.runner.timeout_s)


def check_installed() -> None:
    """Says at once that the client is missing, before anything is read.

    Raises:
        MissingExtraError: openai is not installed.
    """
    try:
        import openai  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("openai", "judge") from error


def _status_error(error: "APIStatusError") -> AttemptError:
    status = error.status_code
    hope = Hope.AGAIN
    if status in _OF_THE_ACCOUNT or error.code == "insufficient_quota":
        hope = Hope.NO_RUN
    elif status in _OF_THE_REQUEST:
        hope = Hope.NO_REQUEST
    wait = _retry_after_s(error.response.headers)
    return AttemptError(
        f"HTTP {status}: {_short(error)}",
        hope,
        retry_after_s=wait,
        is_rate_limit=status == 429,
        by_request=hope is Hope.NO_REQUEST,
    )


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """The wait that the server asks for in seconds, at most an hour; 0 where it asks for none that can be read."""
    for name, unit_s in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        given = headers.get(name, "")
        try:
            wait = float(given) * unit_s
        except ValueError:
            wait = _until(given)
        if 0 < wait < math.inf:
            return min(wait, _LONGEST_RETRY_AFTER_S)
    return 0.0


def _until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _first_choice(body: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, Mapping):
        raise InvalidAnswerError(f"the response has no choices: {_short(body.get('error') or list(body))}")
    return first


def _first_alternatives(choice: Mapping[str, Any]) -> list[Any]:
    logprobs = choice.get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    first = tokens[0] if isinstance(tokens, list) and tokens else None
    found = first.get("top_logprobs") if isinstance(first, Mapping) else None
    if not isinstance(found, list) or not found:
        raise InvalidAnswerError("the server sent no log-probabilities; if it has none, take answer_mode structured")
    return found


def _usage(body: Mapping[str, Any], config: LLMConfig) -> Usage:
    given = body.get("usage")
    given = given if isinstance(given, Mapping) else {}
    prompt, completion = (_count(given.get(name)) for name in ("prompt_tokens", "completion_tokens"))
    return Usage(prompt, completion, config.runner.cost(prompt, completion))


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else 0


def _short(value: object) -> str:
    return " ".join(str(value).split())[:200] or type(value).__name__
