"""Options of the LLM annotator: which model, what it is asked and how it answers, and what may be spent."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from treasure.errors import ConfigError
from treasure.llm.config import LocalConfig, ModelAccess, RunnerConfig


class AnswerMode(StrEnum):
    """How a closed choice is enforced.

    STRUCTURED: the server holds the model to a JSON schema. LOGPROBS: one letter for each option, read off the
    probabilities of the first token. TEXT: neither; the model is asked for JSON, and only exact labels count.
    """

    STRUCTURED = "structured"
    LOGPROBS = "logprobs"
    TEXT = "text"


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
    def access(self) -> ModelAccess:
        """The model for those who send requests, whatever these ask."""
        return ModelAccess(
            options="llm",
            model=self.model,
            on_this_machine=self.on_this_machine,
            base_url=self.base_url,
            api_key_env=self.api_key_env,
            mode=str(self.answer_mode),
            temperature=self.temperature,
            max_answer_tokens=1 if self.answer_mode is AnswerMode.LOGPROBS else self.max_answer_tokens,
            extra_body=self.extra_body,
            runner=self.runner,
            local=self.local,
            shorten="lower llm.max_text_tokens, or set llm.use_shots to false",
        )
