"""Options of quality: which model scores, and how scores become buckets."""

from dataclasses import dataclass, field
from enum import StrEnum

from treasure.data.config import TemplateConfig
from treasure.errors import ConfigError

DTYPES = ("float32", "bfloat16")
"""Names, in torch, of the types of number that a reward model computes in."""


@dataclass(kw_only=True, slots=True)
class RewardConfig:
    """Which reward model is asked, and how."""

    model: str
    """Folder or Hugging Face id of a sequence classifier with one output; safetensors only, no code from there."""
    revision: str | None = None
    """Commit, tag or branch of a Hugging Face id; None takes its main branch."""
    batch_size: int = 16
    """Examples scored at once, at least 1; those of like length stand together."""
    max_tokens: int = 2048
    """Tokens of a conversation with its answer, at least 64 and at most what the model was built for; longer ones are
    cut in the middle of their longest texts."""
    device: str = "auto"
    """auto takes a GPU if there is one; cpu, cuda, cuda:1, …"""
    dtype: str = "float32"
    """float32 or bfloat16."""
    template: TemplateConfig = field(default_factory=TemplateConfig)
    """How the conversation is written; by default as the tokenizer's chat template says."""

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ConfigError("reward.model must name a folder or a Hugging Face id.")
        for name, low in (("batch_size", 1), ("max_tokens", 64)):
            if getattr(self, name) < low:
                raise ConfigError(f"reward.{name} must be at least {low}, got {getattr(self, name)}.")
        if self.dtype not in DTYPES:
            raise ConfigError(f"reward.dtype must be one of {', '.join(DTYPES)}, got '{self.dtype}'.")


class SmallGroups(StrEnum):
    """LANGUAGE: a task with too few scores is cut where its whole language is. ABSTAIN: it has no bucket."""

    LANGUAGE = "language"
    ABSTAIN = "abstain"


@dataclass(kw_only=True, slots=True)
class QualityConfig:
    """How scores become buckets."""

    scorer: str
    """Who gave the scores, such as a column and its origin or a reward model; edges of another scorer are refused."""
    edges: str
    """JSON file of the edges: written when they are fitted, and only read from then on."""
    within_task: bool = False
    """Whether quarters are taken within each task of a language, not of the language as a whole."""
    min_examples: int = 100
    """Scores that a group needs for edges of its own, at least 4."""
    small_groups: SmallGroups = SmallGroups.LANGUAGE
    """language or abstain: what becomes of a task with fewer; a language with fewer has no buckets."""

    def __post_init__(self) -> None:
        if not self.scorer.strip() or not self.edges.strip():
            raise ConfigError("quality needs both `scorer`, who gave the scores, and `edges`, the file of the edges.")
        if self.min_examples < 4:
            raise ConfigError(f"quality.min_examples must be at least 4, got {self.min_examples}.")
