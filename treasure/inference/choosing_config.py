"""Options of choosing among headers."""

from dataclasses import dataclass
from enum import StrEnum

from treasure.errors import ConfigError


class ChooseBy(StrEnum):
    """What the best candidate has most of.

    JOINT: log probability of header and content. PER_TOKEN: the same, divided by the number of tokens. REWARD: what a
    function says of the answer.
    """

    JOINT = "joint"
    PER_TOKEN = "per_token"
    REWARD = "reward"


@dataclass(kw_only=True, slots=True)
class ChoosingConfig:
    """How many headers are tried, and which answer is taken."""

    num_headers: int = 4
    """Headers that are answered behind, the most probable that a beam of this width finds, at least 1."""
    by: ChooseBy = ChooseBy.JOINT
    """joint, per_token or reward; reward needs a function."""

    def __post_init__(self) -> None:
        if self.num_headers < 1:
            raise ConfigError(f"choosing.num_headers must be at least 1, got {self.num_headers}.")
