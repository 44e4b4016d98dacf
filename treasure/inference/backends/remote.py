"""`RemoteBackend`: a server that speaks OpenAI's protocol runs the model, such as `vllm serve` with an exported folder.

Markers travel as `chat_template_kwargs`: `markers` for the prompt's header, `header` for one that the answer goes on
after; the exported chat template writes both. What comes back is text, and its header is read off here. A header that
has to be valid, or to hold what is forced, is asked for first, mended, and handed back for the content.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from tqdm import tqdm

from treasure.errors import ConfigError, GenerationError
from treasure.inference.backends.header_tokens import header_tokens
from treasure.inference.config import GenerationConfig, RemoteConfig
from treasure.inference.headers import Headers
from treasure.inference.request import NO_ANSWER, Generation, GenerationRequest
from treasure.llm.chat import (
    AttemptError,
    ChatClient,
    Hope,
    InvalidAnswerError,
    check_installed,
    first_choice,
    run_loop,
    text_of,
    used,
)
from treasure.markers.marker_set import MarkerSet
from treasure.model.checkpoint import Prompting
from treasure.seeding import key_to_int

_LOG = logging.getLogger(__name__)
_LONGEST_BACKOFF_S = 60.0
_MAX_FAILED_IN_A_ROW = 20
_PROBE_WORDS = "Hello"


class RemoteBackend:
    """Answers by the model that `config` names at its server.

    `headers` says how that model has met its markers, `header_room` how many tokens its longest header takes, and
    `header_tokens` what a header is made of where that is known; it goes to a server that holds regular expressions. A
    prompt that the server does not answer after all attempts gets an empty, unfinished answer whose one problem begins
    with `NO_ANSWER`; their number is told in the log.

    Raises:
        MissingExtraError: openai is not installed.
    """

    def __init__(
        self,
        headers: Headers,
        header_room: int,
        generation: GenerationConfig,
        config: RemoteConfig,
        header_tokens: Sequence[int] | None = None,
    ) -> None:
        check_installed()
        self._headers, self._room, self._generation, self._config = headers, header_room, generation, config
        self._header_tokens = header_tokens
        self._is_checked = False

    @classmethod
    def of(cls, prompting: Prompting, generation: GenerationConfig, config: RemoteConfig) -> "RemoteBackend":
        """The backend for a model whose folder is at hand too."""
        headers = Headers.of(prompting.levers)
        room = len(prompting.encoder.header_ids(headers.longest())) if headers.are_written else 0
        return cls(headers, room, generation, config, header_tokens(prompting))

    def generate(
        self, requests: Sequence[GenerationRequest], description: str | None = None, first: int = 0
    ) -> list[Generation]:
        """One answer for each request, in their order; a progress bar is shown when there is a `description`.

        `first` is the number of the first of them, by which draws are keyed.

        Raises:
            LeverError: a marker is fixed or forced where the model has met no header, or none where it needs one.
            ConfigError: the server does not know markers.
            GenerationError: the server refuses every request, or too many have failed one after the other.
        """
        self._headers.check(requests)
        found: list[Generation | None] = [None] * len(requests)
        bar = tqdm(total=len(requests), desc=description, unit="prompt", disable=description is None, leave=False)
        with bar:
            drive = _Drive(self._config)
            run_loop(self._run(requests, found, first, drive, bar.update))
        if drive.error is not None:
            raise drive.error
        if drive.num_failed:
            _LOG.warning(
                "%d of %d prompts have no answer; the last reason: %s", drive.num_failed, len(found), drive.last_reason
            )
        answers = [answer for answer in found if answer is not None]
        assert len(answers) == len(requests), "each request ends with an answer, a failure or an error for all"
        return answers

    async def _run(
        self,
        requests: Sequence[GenerationRequest],
        found: list[Generation | None],
        first: int,
        drive: "_Drive",
        on_done: Callable[[int], object],
    ) -> None:
        config = self._config
        async with ChatClient(config.base_url, config.api_key_env, config.timeout_s) as client:
            slots = asyncio.Semaphore(config.concurrency)

            async def answer(index: int) -> None:
                async with slots:
                    if drive.error is None:
                        found[index] = await self._settled(requests[index], first + index, client, drive)
                        on_done(1)

            headers, mode = self._headers, self._generation.header
            if not self._is_checked and any(len(r.fixed) or headers.is_apart(r, mode) for r in requests):
                await self._check_server(client, drive)
            await asyncio.gather(*(answer(index) for index in range(len(requests))))

    async def _settled(
        self, request: GenerationRequest, number: int, client: ChatClient, drive: "_Drive"
    ) -> Generation | None:
        """The answer, or what stands for one; None where all is over."""
        try:
            answer = await self._answer(request, number, lambda arguments: drive.post(client, arguments))
        except AttemptError as error:
            drive.failed(error)
            return None if drive.error else Generation(MarkerSet(), "", (NO_ANSWER + error.reason,), 0, finished=False)
        drive.num_in_a_row = 0
        return answer

    async def _answer(self, request: GenerationRequest, number: int, post: "_Post") -> Generation:
        """The answer to one request, in one or two calls."""
        before, num_tokens, kwargs = "", 0, {}
        if self._headers.is_apart(request, self._generation.header):
            header = self._headers.given(request)
            if self._headers.style.writes_header:
                written, _, num_tokens = _read(await post(self._arguments(request, number, header_alone=True)))
                header = self._headers.mended(self._headers.read(written).markers, request)
            if len(header):  # templates write no empty header
                before, kwargs = self._headers.written(header), {"header": header.to_dict()}
        text, finished, num_more = _read(await post(self._arguments(request, number, kwargs)))
        parsed = self._headers.read(before + text)
        return Generation(parsed.markers, parsed.content, parsed.problems, num_tokens + num_more, finished)

    def _arguments(
        self,
        request: GenerationRequest,
        number: int,
        kwargs: Mapping[str, Any] | None = None,
        *,
        header_alone: bool = False,
    ) -> dict[str, Any]:
        config = self._generation
        kwargs = {**(kwargs or {}), **({"markers": request.fixed.to_dict()} if len(request.fixed) else {})}
        body: dict[str, Any] = {"chat_template_kwargs": kwargs} if kwargs else {}
        found: dict[str, Any] = {
            "model": self._config.model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "max_completion_tokens": self._room if header_alone else config.max_new_tokens + self._room,
            "temperature": config.temperature,
        }
        if config.temperature > 0:
            part = "header" if header_alone else "content"
            found |= {"top_p": config.top_p, "seed": key_to_int("remote", part, config.seed, number) >> 2}
        if header_alone and self._config.holds_regex:
            body["structured_outputs"] = {"regex": self._headers.regex(request)}
            body |= {} if self._header_tokens is None else {"allowed_token_ids": list(self._header_tokens)}
        elif header_alone:
            found["stop"] = [self._headers.closing]
        return found | ({"extra_body": body} if body else {})

    async def _check_server(self, client: ChatClient, drive: "_Drive") -> None:
        """Sees to it that markers make a prompt longer: a server may leave out in silence what it does not know.

        One that does not count its tokens is taken at its word.
        """
        marker = self._headers.longest().markers[0]
        kwarg = "markers" if self._headers.style.in_prompt else "header"
        counts: list[int] = []
        for kwargs in ({}, {kwarg: {marker.category: marker.value}}):
            arguments = {
                "model": self._config.model,
                "messages": [{"role": "user", "content": _PROBE_WORDS}],
                "max_completion_tokens": 1,
                "temperature": 0.0,
                "extra_body": {"chat_template_kwargs": kwargs},
            }
            try:
                counts.append(used(await drive.post(client, arguments))[0])
            except AttemptError as error:
                drive.end(f"The server at {self._config.base_url} did not answer a first request: {error.reason}.")
                return
        self._is_checked = True
        if counts[0] and counts[0] >= counts[1]:
            drive.error = ConfigError(
                f"The server at {self._config.base_url} leaves markers out: a prompt with one has {counts[1]} tokens, "
                f"without it {counts[0]}. It has to hand chat_template_kwargs to the chat template of the exported "
                "folder, as `vllm serve FOLDER` does for a folder that this version of treasure wrote."
            )


_Post = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class _Drive:
    """One call of `generate`: attempts, what has failed, and the error that ends all."""

    def __init__(self, config: RemoteConfig) -> None:
        self._config = config
        self.num_failed = self.num_in_a_row = 0
        self.last_reason = ""
        self.error: ConfigError | GenerationError | None = None

    async def post(self, client: ChatClient, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """A response with an answer in it, after as many attempts as are allowed.

        Raises:
            AttemptError: there was none.
        """
        attempt = 1
        while True:
            try:
                body = await client.post(arguments)
                _read(body)
            except AttemptError as error:
                if error.hope is not Hope.AGAIN or attempt >= self._config.max_attempts or self.error is not None:
                    raise
                wait_s = min(self._config.backoff_s * 2.0 ** (attempt - 1), _LONGEST_BACKOFF_S)
                await asyncio.sleep(max(wait_s, error.retry_after_s))
                attempt += 1
            else:
                return body

    def failed(self, error: AttemptError) -> None:
        """Counts a request without an answer; ends all where no other will fare better."""
        self.num_failed += 1
        self.num_in_a_row += 1
        self.last_reason = error.reason
        if error.hope is Hope.NO_RUN:
            self.end(f"The server at {self._config.base_url} refuses every request ({error.reason}).")
        elif self.num_in_a_row >= _MAX_FAILED_IN_A_ROW:
            self.end(f"{self.num_in_a_row} prompts in a row have no answer; the last reason: {error.reason}.")

    def end(self, reason: str) -> None:
        """Nothing more is asked."""
        self.error = self.error or GenerationError(
            f"{reason} Look whether the server runs, and at backend.remote.base_url, model and api_key_env."
        )


def _read(body: Mapping[str, Any]) -> tuple[str, bool, int]:
    """Text, whether it came to its end, and tokens of the first answer.

    Raises:
        AttemptError: there is none.
    """
    try:
        choice = first_choice(body)
        text = text_of(choice)
    except InvalidAnswerError as error:
        raise AttemptError(str(error), by_request=True) from error
    return text, choice.get("finish_reason") == "stop", used(body)[1]
