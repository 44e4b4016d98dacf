"""Options of generation."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from treasure.errors import ConfigError


class HeaderMode(StrEnum):
    """CONSTRAINED: the header that the model writes is valid, always. FREE: it writes what it will."""

    CONSTRAINED = "constrained"
    FREE = "free"


@dataclass(kw_only=True, slots=True)
class GenerationConfig:
    """How answers are written."""

    max_new_tokens: int = 128
    """Longest answer in tokens, at least 1; a header has room of its own on top."""
    batch_size: int = 128
    """Prompts generated together, at least 1; on a CPU with several cores, two such batches or more run at once."""
    temperature: float = 0.0
    """0 takes the most probable token each time; above 0 samples."""
    top_p: float = 1.0
    """Nucleus of probability that is sampled from, in (0, 1]; read when temperature is above 0."""
    seed: int = 0
    """Seed of sampling; read when temperature is above 0."""

    header: HeaderMode = HeaderMode.CONSTRAINED
    """constrained or free: whether a header can only be valid; one with forced or forbidden markers always is."""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1 or self.batch_size < 1:
            raise ConfigError("generation.max_new_tokens and generation.batch_size must be at least 1.")
        if not 0 <= self.temperature < math.inf:
            raise ConfigError(f"generation.temperature must be at least 0 and finite, got {self.temperature}.")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"generation.top_p must be in (0, 1], got {self.top_p}.")


class BackendKind(StrEnum):
    """TRANSFORMERS: in this process. VLLM: by vLLM, here. REMOTE: by a server that speaks OpenAI's protocol."""

    TRANSFORMERS = "transformers"
    VLLM = "vllm"
    REMOTE = "remote"


class Precision(StrEnum):
    """SAVED: the numbers of the model folder. The others convert."""

    SAVED = "saved"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


@dataclass(kw_only=True, slots=True)
class VLLMConfig:
    """How vLLM runs a model."""

    memory_share: float = 0.9
    """Share of the memory of each GPU, or without one of this machine, that vLLM takes, in (0, 1]."""
    num_gpus: int = 1
    """GPUs that a model is divided among, at least 1."""
    precision: Precision = Precision.SAVED
    """saved, float32, bfloat16 or float16: the numbers that are computed with; with saved ones answers are nearest to
    those of transformers."""
    compile: bool = True
    """Whether the model is compiled first: a start takes a minute instead of seconds, and answers come faster."""

    def __post_init__(self) -> None:
        if not 0 < self.memory_share <= 1:
            raise ConfigError(f"vllm.memory_share must be in (0, 1], got {self.memory_share}.")
        if self.num_gpus < 1:
            raise ConfigError(f"vllm.num_gpus must be at least 1, got {self.num_gpus}.")


@dataclass(kw_only=True, slots=True)
class RemoteConfig:
    """Where a server is, and how it is asked."""

    base_url: str = ""
    """Address of the server, such as http://localhost:8000/v1."""
    model: str = ""
    """Name of the model there; vLLM has the folder's path unless it was told another."""
    api_key_env: str = "OPENAI_API_KEY"
    """Variable of the environment that holds the key, where the server wants one."""
    holds_regex: bool = False
    """Whether the server knows `structured_outputs` with a regular expression and `allowed_token_ids`, as `vllm serve`
    does; else a header is mended where it is not valid."""
    concurrency: int = 16
    """Requests in flight at once, at least 1."""
    max_attempts: int = 5
    """How often a request is sent before its prompt has no answer, at least 1."""
    timeout_s: float = 300.0
    """Seconds after which a request without a whole answer is given up, above 0."""
    backoff_s: float = 1.0
    """Seconds before the first retry, above 0; each further one waits twice as long, and up to a minute. A server's
    Retry-After is obeyed where it is longer."""

    def __post_init__(self) -> None:
        for name in ("concurrency", "max_attempts"):
            if getattr(self, name) < 1:
                raise ConfigError(f"remote.{name} must be at least 1, got {getattr(self, name)}.")
        for name in ("timeout_s", "backoff_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"remote.{name} must be above 0, got {getattr(self, name)}.")


@dataclass(kw_only=True, slots=True)
class BackendConfig:
    """What runs the model that answers."""

    kind: BackendKind = BackendKind.TRANSFORMERS
    """transformers, vllm or remote."""
    vllm: VLLMConfig = field(default_factory=VLLMConfig)
    """How vLLM runs it; read when kind is vllm."""
    remote: RemoteConfig = field(default_factory=RemoteConfig)
    """Which server; read when kind is remote."""

    def __post_init__(self) -> None:
        if self.kind is BackendKind.REMOTE and not (self.remote.base_url and self.remote.model):
            raise ConfigError(
                "backend.kind=remote needs the server's address and the model's name there: backend.remote.base_url="
                "http://localhost:8000/v1 backend.remote.model=NAME."
            )

    @property
    def deciding(self) -> dict[str, Any]:
        """Those options that decide answers, beside the model's folder and the options of generation."""
        if self.kind is BackendKind.VLLM:
            return {"precision": self.vllm.precision}
        if self.kind is BackendKind.REMOTE:
            return {"model": self.remote.model, "holds_regex": self.remote.holds_regex}
        return {}
