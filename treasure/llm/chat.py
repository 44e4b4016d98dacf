"""`ChatClient`: one request to an OpenAI-compatible server, and what may come back instead of an answer.

The client never retries by itself: every attempt is the caller's. Bodies are read here and not by the `openai` package,
which trusts servers to keep to the protocol.
"""

import asyncio
import json
import math
import os
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from treasure.errors import MissingExtraError
from treasure.llm.record import Usage

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

_LONGEST_RETRY_AFTER_S = 3600.0
_KEY_PLACEHOLDER = "none"
_OF_THE_ACCOUNT = (401, 402, 404)
"""Wrong key, no money, no such model or address: no other request will fare better."""
_OF_THE_REQUEST = (400, 403, 413, 422)
"""Too long, refused or not understood: asking the same again is no use."""


class InvalidAnswerError(Exception):
    """A response that does not hold what was asked for; says what came instead."""


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


class ChatClient:
    """A server of chat completions. Belongs to one event loop, and is closed by `async with`.

    `api_key_env` names the variable of the environment that holds the key. An answer may take `timeout_s` seconds.

    Raises:
        MissingExtraError: openai is not installed.
    """

    def __init__(self, base_url: str | None, api_key_env: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._client = _client(base_url, api_key_env, timeout_s)

    async def __aenter__(self) -> "ChatClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all connections."""
        await self._client.close()

    async def post(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body of the response to a request with `arguments`, an object.

        Raises:
            AttemptError: there was none.
        """
        import openai

        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.chat.completions.with_raw_response.create(**arguments)
            body = json.loads(response.content)
        except (openai.APITimeoutError, TimeoutError) as error:
            raise AttemptError(f"no answer within {self._timeout_s:g} s", is_silent=True) from error
        except openai.APIStatusError as error:
            raise _status_error(error) from error
        except openai.OpenAIError as error:
            raise AttemptError(f"{type(error).__name__}: {short(error.__cause__ or error)}", is_silent=True) from error
        except (ValueError, RecursionError) as error:
            raise AttemptError(f"the response is not JSON: {short(error)}") from error
        if not isinstance(body, Mapping):
            raise AttemptError("the response is not a JSON object")
        return body


def _client(base_url: str | None, api_key_env: str, timeout_s: float) -> "AsyncOpenAI":
    check_installed()
    from openai import AsyncOpenAI

    key = os.environ.get(api_key_env) or _KEY_PLACEHOLDER
    return AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=timeout_s)


def check_installed() -> None:
    """Says at once that the client is missing, before anything is read.

    Raises:
        MissingExtraError: openai is not installed.
    """
    try:
        import openai  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("openai", "judge") from error


def first_choice(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first answer in a response.

    Raises:
        InvalidAnswerError: there is none.
    """
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, Mapping):
        raise InvalidAnswerError(f"the response has no choices: {short(body.get('error') or list(body))}")
    return first


def text_of(choice: Mapping[str, Any]) -> str:
    """What the model wrote.

    Raises:
        InvalidAnswerError: there is no text.
    """
    message = choice.get("message")
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, str):
        raise InvalidAnswerError(f"the response has no text: {short(message)}")
    return content


def used(body: Mapping[str, Any]) -> tuple[int, int]:
    """Tokens of the prompt and of the answer as the server counts them; 0 where it does not say."""
    given = body.get("usage")
    given = given if isinstance(given, Mapping) else {}
    return _count(given.get("prompt_tokens")), _count(given.get("completion_tokens"))


def short(value: object) -> str:
    """The beginning of what `value` says, on one line."""
    return " ".join(str(value).split())[:200] or type(value).__name__


def run_loop(work: Coroutine[Any, Any, None]) -> None:
    """Runs `work` in an event loop; in a thread of its own where one runs here already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(asyncio.run, work).result()


def _status_error(error: "APIStatusError") -> AttemptError:
    status = error.status_code
    hope = Hope.AGAIN
    if status in _OF_THE_ACCOUNT or error.code == "insufficient_quota":
        hope = Hope.NO_RUN
    elif status in _OF_THE_REQUEST:
        hope = Hope.NO_REQUEST
    wait = _retry_after_s(error.response.headers)
    return AttemptError(
        f"HTTP {status}: {short(error)}",
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


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else 0
