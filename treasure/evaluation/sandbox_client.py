"""Runs programs at a sandbox service elsewhere; the protocol is told in docs/sandbox.md."""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from treasure.errors import SandboxError
from treasure.evaluation.program import Program, ProgramResult
from treasure.evaluation.program_json import PROTOCOL, program_to_json, result_from_json
from treasure.evaluation.sandbox_config import SandboxConfig

_BATCH = 32
"""Programs of one request: few enough to come back in minutes, many enough to keep all workers busy."""
_SECONDS_PER_PROGRAM = 250.0
"""More than the limits of time of any language together."""
_ASK_S = 3600.0
"""A service compiles its libraries when it is asked for a language the first time."""


class HttpSandbox:
    """The service that the options name."""

    def __init__(self, config: SandboxConfig) -> None:
        self._url = config.service_url.rstrip("/")
        self._token = os.environ.get(config.service_token_variable, "")
        self._factor = config.time_factor
        self._languages: dict[str, dict[str, Any]] = {}

    def run(self, programs: Sequence[Program]) -> list[ProgramResult]:
        """The results in the order of the programs.

        Raises:
            SandboxError: the service does not answer, or refuses, with its words.
        """
        results: list[ProgramResult] = []
        for start in range(0, len(programs), _BATCH):
            batch = programs[start : start + _BATCH]
            request = {"protocol": PROTOCOL, "programs": [program_to_json(program) for program in batch]}
            found = self._ask("/v1/run", request, len(batch) * _SECONDS_PER_PROGRAM * max(1.0, self._factor))
            results += self._results(found)
        if len(results) != len(programs):
            raise SandboxError(f"{self._url} returned {len(results)} results for {len(programs)} programs.")
        return results

    def problem(self, language: str) -> str | None:
        """Why programs in this language do not run there; None if they do.

        Raises:
            SandboxError: the service does not answer, or refuses, with its words.
        """
        return self._language(language)["problem"]

    def missing_libraries(self, language: str) -> Mapping[str, str]:
        """Libraries that are not there, with the reason.

        Raises:
            SandboxError: the service does not answer, or refuses, with its words.
        """
        return self._language(language)["missing_libraries"]

    def _language(self, language: str) -> dict[str, Any]:
        if language not in self._languages:
            found = self._ask(f"/v1/languages/{language}", None, _ASK_S)
            problem, missing = found.get("problem", 0), found.get("missing_libraries")
            if not (problem is None or isinstance(problem, str)) or not isinstance(missing, dict):
                raise self._odd(f"/v1/languages/{language}", '{"problem": text or null, "missing_libraries": {…}}')
            self._languages[language] = found
        return self._languages[language]

    def _results(self, found: Mapping[str, Any]) -> list[ProgramResult]:
        try:
            return [result_from_json(result) for result in found["results"]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._odd("/v1/run", '{"results": [{"passed": …, "reason": …, …}]}') from error

    def _odd(self, path: str, expected: str) -> SandboxError:
        return SandboxError(
            f"The sandbox service at {self._url} answered {path} with something else than {expected}. Is it "
            "'python -m treasure.evaluation.sandbox_http' of this version?"
        )

    def _ask(self, path: str, body: Mapping[str, Any] | None, timeout_s: float) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                found = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise SandboxError(f"The sandbox service at {self._url} refuses ({error.code}): {_words(error)}") from error
        except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
            raise SandboxError(
                f"The sandbox service at {self._url} does not answer: {error}. Start one there with "
                "'python -m treasure.evaluation.sandbox_http', or set sandbox.kind=local."
            ) from error
        if not isinstance(found, dict):
            raise self._odd(path, "a JSON object")
        return found


def _words(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        return json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return text[:500]
