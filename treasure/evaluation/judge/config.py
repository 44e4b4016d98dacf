"""Options of the judge that compares two answers."""

import math
from dataclasses import dataclass, field
from typing import Any

from treasure.errors import ConfigError
from treasure.llm.config import LocalConfig, ModelAccess, RunnerConfig


@dataclass(kw_only=True, slots=True)
class JudgeConfig:
    """Which model judges, what it is asked, and the file in which its verdicts are kept."""

    model: str
    """Name of the model at the endpoint; for a local model its folder or Hugging Face id."""
    records: str
    """SQLite file with one row a verdict; many runs may share it, and nothing judged there is asked again."""
    on_this_machine: bool = False
    """Whether `model` is a Hugging Face causal model that runs here; its verdict is the most probable of the five."""
    base_url: str | None = None
    """Address of an OpenAI-compatible endpoint, such as http://localhost:8000/v1; None takes the client's default."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; where it is not set a placeholder is sent, which own servers accept."""
    explain: bool = True
    """Whether the judge gives its reasons before the verdict; not read for a model on this machine."""
    max_text_tokens: int = 4000
    """Room for the prompt, and for each answer, in tokens of about four bytes, at least 16; of longer ones head and
    tail stay."""
    temperature: float | None = 0.0
    """Sampling temperature, at least 0; None leaves it to the endpoint."""
    max_answer_tokens: int = 2048
    """Most tokens of one judgement, at least 1; one that is cut has no verdict. Models that think first need more."""
    extra_body: dict[str, Any] = field(default_factory=dict)
    """More fields of each request, such as {reasoning_effort: low}."""
    runner: RunnerConfig = field(default_factory=RunnerConfig)
    """How requests are sent, retried and paid for; for a model on this machine only max_failures_in_a_row is read."""
    local: LocalConfig = field(default_factory=LocalConfig)
    """How a model on this machine is run."""

    def __post_init__(self) -> None:
        if not self.model:
            raise ConfigError("judge.model is empty. Give its name at the endpoint, or the folder of a local one.")
        if not self.records:
            raise ConfigError("judge.records is empty. Give the SQLite file in which verdicts are kept.")
        for name, low in {"max_text_tokens": 16, "max_answer_tokens": 1}.items():
            if getattr(self, name) < low:
                raise ConfigError(f"judge.{name} must be at least {low}, got {getattr(self, name)}.")
        if self.temperature is not None and not 0 <= self.temperature < math.inf:
            raise ConfigError(f"judge.temperature must be at least 0, got {self.temperature}.")

    @property
    def explains(self) -> bool:
        """Whether reasons are asked for."""
        return self.explain and not self.on_this_machine

    @property
    def endpoint(self) -> str:
        """Where the model runs, for people."""
        return "this machine" if self.on_this_machine else self.base_url or "the client's default endpoint"

    @property
    def access(self) -> ModelAccess:
        """The model for those who send requests, whatever these ask."""
        return ModelAccess(
            options="judge",
            model=self.model,
            on_this_machine=self.on_this_machine,
            base_url=self.base_url,
            api_key_env=self.api_key_env,
            mode="text",
            temperature=self.temperature,
            max_answer_tokens=self.max_answer_tokens,
            extra_body=self.extra_body,
            runner=self.runner,
            local=self.local,
            shorten="lower judge.max_text_tokens",
        )
