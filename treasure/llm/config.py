"""How a language model is asked, whatever for: where it runs, how requests are sent, and what may be spent."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treasure.errors import ConfigError


@dataclass(kw_only=True, slots=True)
class RunnerConfig:
    """How requests are sent, retried and paid for."""

    concurrency: int = 8
    """Requests in flight at once, at least 1."""
    requests_per_minute: float | None = None
    """Most requests a minute of this process, retries included, above 0; they are spaced evenly. None sets no limit."""
    tokens_per_minute: float | None = None
    """Most tokens a minute of this process, prompts and answers, above 0. None sets no limit."""
    max_attempts: int = 6
    """How often one start asks a request before it is listed as failed, at least 1."""
    timeout_s: float = 60.0
    """Seconds after which a request without a whole answer is given up, above 0."""
    backoff_s: float = 1.0
    """Seconds before the first retry, above 0; each further one waits twice as long, half of it by chance. A server's
    Retry-After is obeyed where it is longer."""
    max_backoff_s: float = 60.0
    """Longest wait before a retry in seconds, at least `backoff_s`; a server's Retry-After may go beyond."""
    max_failures_in_a_row: int = 20
    """Requests that fail for good one after the other before the run stops with their reason, at least 1; those that
    fail by their own text count only as long as nothing has been answered."""
    retry_failed: bool = True
    """Whether a new start asks again what an earlier one listed as failed."""
    prompt_price: float = 0.0
    """Price of a million prompt tokens, in any currency, at least 0."""
    completion_price: float = 0.0
    """Price of a million answer tokens, in the same currency, at least 0."""
    budget: float | None = None
    """Most that the records file may cost in all its runs, in the currency of the prices, above 0; None: no limit."""

    def __post_init__(self) -> None:
        for name in ("concurrency", "max_attempts", "max_failures_in_a_row"):
            if getattr(self, name) < 1:
                raise ConfigError(f"runner.{name} must be at least 1, got {getattr(self, name)}.")
        for name in ("timeout_s", "backoff_s", "requests_per_minute", "tokens_per_minute", "budget"):
            given = getattr(self, name)
            if given is not None and not 0 < given < math.inf:
                raise ConfigError(f"runner.{name} must be above 0, got {given}.")
        if not self.backoff_s <= self.max_backoff_s < math.inf:
            raise ConfigError(
                f"runner.max_backoff_s must be at least backoff_s ({self.backoff_s}), got {self.max_backoff_s}."
            )
        for name in ("prompt_price", "completion_price"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"runner.{name} must be at least 0, got {getattr(self, name)}.")
        if self.budget is not None and not self.prompt_price + self.completion_price:
            raise ConfigError("runner.budget needs prices: set prompt_price and completion_price.")

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """What so many tokens cost."""
        return (prompt_tokens * self.prompt_price + completion_tokens * self.completion_price) / 1e6


@dataclass(kw_only=True, slots=True)
class LocalConfig:
    """How a model on this machine is run."""

    batch_size: int = 8
    """Prompts at a time, at least 1."""
    accelerator: str = "auto"
    """auto takes a GPU where there is one; cpu never does."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ConfigError(f"local.batch_size must be at least 1, got {self.batch_size}.")
        if self.accelerator not in ("auto", "cpu", "gpu"):
            raise ConfigError(f"local.accelerator must be auto, cpu or gpu, got '{self.accelerator}'.")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelAccess:
    """A model, where it runs and how it is asked.

    `options` is the name of the options that say so, for errors, and `shorten` what makes a prompt shorter. `mode` says
    in which form an endpoint answers. Further see the options of the LLM annotator and of the judge.
    """

    options: str
    model: str
    on_this_machine: bool
    base_url: str | None
    api_key_env: str
    mode: str
    temperature: float | None
    max_answer_tokens: int
    extra_body: Mapping[str, Any]
    runner: RunnerConfig
    local: LocalConfig
    shorten: str

    @property
    def decides(self) -> dict[str, Any]:
        """All that decides an answer beside the prompt."""
        if self.on_this_machine:
            return {"model": self.model, "mode": "local", "files": _files(Path(self.model))}
        return {
            "model": self.model,
            "mode": self.mode,
            "temperature": self.temperature,
            "max_answer_tokens": self.max_answer_tokens,
            "extra_body": self.extra_body,
        }


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of the files of a model's folder, which may be trained anew under the same name."""
    if not folder.is_dir():
        return []
    stats = {path.name: path.stat() for path in sorted(folder.iterdir()) if path.is_file()}
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()]
