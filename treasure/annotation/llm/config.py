"""Options of the LLM annotator: which model, what it is asked and how it answers, and what may be spent."""

import hashlib
import json
import math
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from treasure.errors import ConfigError


class AnswerMode(StrEnum):
    """How a closed choice is enforced.

    STRUCTURED: the server holds the model to a JSON schema. LOGPROBS: one letter for each option, read off the
    probabilities of the first token. TEXT: neither; the model is asked for JSON, and only exact labels count.
    """

    STRUCTURED = "structured"
    LOGPROBS = "logprobs"
    TEXT = "text"


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


@dataclass(kw_only=True, slots=True)
class LLMConfig:
    """A language model that labels examples, and the file in which its answers are kept."""

    model: str
    """Name of the model at the endpoint; for a local model its folder or Hugging Face id."""
    records: str
    """SQLite file with one row a request; many runs may share it, and nothing answered there is asked again."""
    on_this_machine: bool = False
    """Whether `model` is a Hugging Face causal language model that is run here, by log-probability over the labels."""
    base_url: str | None = None
    """Address of an OpenAI-compatible endpoint, such as http://localhost:8000/v1; None takes the client's default."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; where it is not set a placeholder is sent, which own servers accept."""
    categories: list[str] = field(default_factory=list)
    """Categories to ask about; empty takes each with a closed list but source, quality_bucket and those counted."""
    categories_per_request: int = 1
    """Categories asked in one request, at least 1: more is cheaper, and one bad label fails them all."""
    answer_mode: AnswerMode = AnswerMode.STRUCTURED
    """structured, logprobs or text; not read for a model on this machine."""
    use_shots: bool = True
    """Whether prompts show one labelled example of each value, where the taxonomy has shots."""
    shots: str = ""
    """Folder with <Language>.yaml and any.yaml; empty takes the shipped one with the taxonomy's name, if any."""
    seed: int = 0
    """Seed of the order in which options are listed."""
    max_text_tokens: int = 2000
    """Room for the text to be judged in tokens of about four bytes, at least 16; of longer ones head and tail stay."""
    min_probability: float = 0.0
    """Answers less probable than this count as abstention, in [0, 1]; read where there are probabilities."""
    temperature: float | None = 0.0
    """Sampling temperature, at least 0; None leaves it to the endpoint."""
    max_answer_tokens: int = 200
    """Most tokens of one answer, at least 1; models that think first need far more. logprobs takes one token."""
    extra_body: dict[str, Any] = field(default_factory=dict)
    """More fields of each request, such as {reasoning_effort: low}."""
    runner: RunnerConfig = field(default_factory=RunnerConfig)
    """How requests are sent, retried and paid for; for a model on this machine only max_failures_in_a_row is read."""
    local: LocalConfig = field(default_factory=LocalConfig)
    """How a model on this machine is run."""

    def __post_init__(self) -> None:
        if not self.model:
            raise ConfigError("llm.model is empty. Give its name at the endpoint, or the folder of a local one.")
        if not self.records:
            raise ConfigError("llm.records is empty. Give the SQLite file in which answers are kept.")
        for name, low in {"categories_per_request": 1, "max_text_tokens": 16, "max_answer_tokens": 1}.items():
            if getattr(self, name) < low:
                raise ConfigError(f"llm.{name} must be at least {low}, got {getattr(self, name)}.")
        if self.categories_per_request > 1 and (self.on_this_machine or self.answer_mode is AnswerMode.LOGPROBS):
            raise ConfigError(
                f"llm.categories_per_request is {self.categories_per_request}, but log-probabilities are read for one "
                "category at a time. Set it to 1, or answer_mode to structured."
            )
        if not 0 <= self.min_probability <= 1:
            raise ConfigError(f"llm.min_probability must be in [0, 1], got {self.min_probability}.")
        if self.temperature is not None and not 0 <= self.temperature < math.inf:
            raise ConfigError(f"llm.temperature must be at least 0, got {self.temperature}.")

    @property
    def decides(self) -> dict[str, Any]:
        """All that decides an answer beside the prompt."""
        if self.on_this_machine:
            return {"model": self.model, "mode": "local", "files": _files(Path(self.model))}
        num_tokens = 1 if self.answer_mode is AnswerMode.LOGPROBS else self.max_answer_tokens
        return {
            "model": self.model,
            "mode": str(self.answer_mode),
            "temperature": self.temperature,
            "max_answer_tokens": num_tokens,
            "extra_body": self.extra_body,
        }


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of the files of a model's folder, which may be trained anew under the same name."""
    if not folder.is_dir():
        return []
    stats = {path.name: path.stat() for path in sorted(folder.iterdir()) if path.is_file()}
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()]


def digest(value: Any, size: int = 12) -> str:
    """Hex digits, two for each byte of `size`, that stand for plain data."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
