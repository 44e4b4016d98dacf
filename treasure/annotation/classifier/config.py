"""Options of the classifier: what it looks at, how it is trained, and how it is used."""

from dataclasses import dataclass, field

from treasure.errors import ConfigError


@dataclass(kw_only=True, slots=True)
class FeatureConfig:
    """What of a text becomes columns; part of the model."""

    bits: int = 15
    """Each of the four blocks (words and characters, of prompt and completion) has 2 to the power of this many columns,
    from 8 to 20."""
    word_ngrams: int = 2
    """Words (or marks, or single letters where blanks do not part words) in a row, at most, from 1 to 4."""
    char_ngrams: int = 5
    """Characters in a row, exactly, from 2 to 8."""
    max_characters: int = 2000
    """Characters read of a prompt and of a completion, at least 100: of longer ones the first three quarters of these
    and the last quarter."""

    def __post_init__(self) -> None:
        for name, low, high in (("bits", 8, 20), ("word_ngrams", 1, 4), ("char_ngrams", 2, 8)):
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"features.{name} must be from {low} to {high}, got {getattr(self, name)}.")
        if self.max_characters < 100:
            raise ConfigError(f"features.max_characters must be at least 100, got {self.max_characters}.")


@dataclass(kw_only=True, slots=True)
class ClassifierTrainConfig:
    """How a classifier is trained from marked examples."""

    categories: list[str] = field(default_factory=lambda: ["domain", "task", "style"])
    """Categories to learn, each with a closed list of values; those that no example has are left out."""
    max_per_dataset: int = 500
    """Examples of each value of each dataset that are learned from, at least 1; datasets of one file count as one."""
    min_prompts: int = 10
    """Different prompts that a value needs to be learned, at least `num_folds`."""
    num_folds: int = 5
    """Parts of the cross-validation, at least 2; all answers to a prompt are in one part."""
    balance_datasets: bool = True
    """Whether all datasets that have a value count the same for it; else all its examples do."""
    leave_out_datasets: bool = True
    """Also measure each dataset by a model that has seen all others; takes one more training a dataset."""
    tail_threshold: float = 0.05
    """Values with a share of the examples below this are tail in the report, in (0, 1)."""
    threshold: float = 0.5
    """Probability at which the report gives coverage, in [0, 1]."""
    alpha: float = 2e-4
    """Strength of the L2 penalty, above 0."""
    epochs: int = 5
    """Passes over the examples, at least 1."""
    seed: int = 0
    """Seed of the draw of examples, of folds and of training."""
    features: FeatureConfig = field(default_factory=FeatureConfig)
    """What of a text is looked at."""

    def __post_init__(self) -> None:
        for name, low in (("max_per_dataset", 1), ("num_folds", 2), ("epochs", 1)):
            if getattr(self, name) < low:
                raise ConfigError(f"{name} must be at least {low}, got {getattr(self, name)}.")
        if self.min_prompts < self.num_folds:
            raise ConfigError(f"min_prompts must be at least num_folds, {self.num_folds}; got {self.min_prompts}.")
        if not 0 < self.tail_threshold < 1:
            raise ConfigError(f"tail_threshold must be between 0 and 1, got {self.tail_threshold}.")
        if not 0 <= self.threshold <= 1:
            raise ConfigError(f"threshold must be in [0, 1], got {self.threshold}.")
        if not self.alpha > 0:
            raise ConfigError(f"alpha must be above 0, got {self.alpha}.")
        if not self.categories or len(set(self.categories)) < len(self.categories):
            raise ConfigError(f"categories must name each category once, got {self.categories}.")


@dataclass(kw_only=True, slots=True)
class ClassifierConfig:
    """Which trained classifier is asked, and when it rather says nothing."""

    folder: str
    """Folder that training wrote."""
    categories: list[str] = field(default_factory=list)
    """Categories to ask it about; empty takes all that both it and the taxonomy have."""
    threshold: float = 0.5
    """Probability below which it abstains, in [0, 1]."""
    thresholds: dict[str, float] = field(default_factory=dict)
    """Category -> another threshold."""
    further_threshold: float = 0.3
    """Where a category allows several values, those after the first need this probability, in (0, 1]."""

    def __post_init__(self) -> None:
        for name, given in {"threshold": self.threshold, **self.thresholds}.items():
            if not 0 <= given <= 1:
                raise ConfigError(f"annotator.classifier: the threshold {name} must be in [0, 1], got {given}.")
        if not 0 < self.further_threshold <= 1:
            raise ConfigError(f"further_threshold must be above 0 and at most 1, got {self.further_threshold}.")
