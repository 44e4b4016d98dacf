"""Options of one training run: how long, on what, what is logged."""

import math
from dataclasses import dataclass, field
from enum import StrEnum

from treasure.errors import ConfigError

PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")


class Strategy(StrEnum):
    """What several processes keep of a model. DDP: each all of it. FSDP: each its share."""

    DDP = "ddp"
    FSDP = "fsdp"


@dataclass(kw_only=True, slots=True)
class TrainerConfig:
    """Length and hardware of a training run, handed to Lightning's Trainer."""

    num_epochs: float = 1.0
    """Passes over the training examples, above 0; fractions are allowed. Read when max_steps is not set."""
    max_steps: int | None = None
    """Optimizer steps, at least 1; None takes num_epochs."""
    max_tokens: int | None = None
    """Training tokens without padding, at least 1, such as num_tokens in another run's training.json: as many steps are
    planned as take about so many. None leaves it to the other two; the fair unit is examples, see docs/concepts.md."""
    accelerator: str = "auto"
    """Lightning's accelerator: auto, cpu, gpu, or the kind of device by its name (cuda, mps)."""
    devices: int = 1
    """Processes on each machine, from 1 to the number of its devices (or CPU cores), each with one of its own. They
    learn from the same global batches as one, cut over the processes."""
    strategy: Strategy = Strategy.DDP
    """What each of several processes keeps. ddp: all weights, gradients and optimizer states. fsdp: its share of them,
    for models that one device has no room for; layers are put together as they run, which takes time."""
    num_nodes: int = 1
    """Machines, at least 1; for more than one start the command by torchrun or srun on each."""
    precision: str = "32-true"
    """One of 32-true, bf16-mixed, 16-mixed (not on CPUs); weights stay float32 in all of them. auto is bf16-mixed where
    the hardware multiplies bfloat16, else 32-true."""
    snapshots: list[float] = field(default_factory=list)
    """Shares of training, in (0, 1), after which a copy of the model is kept, so that its lift can be measured."""
    save_every_minutes: float | None = 5.0
    """Minutes between two saved states, at least 0, or 100 times as long as a save takes, so that saving costs under
    1 %; None never saves by time."""
    save_every_steps: int | None = None
    """Optimizer steps between two saved states, at least 1, whatever that costs; None leaves it to the time."""

    def __post_init__(self) -> None:
        if self.save_every_minutes is not None and not self.save_every_minutes >= 0:
            raise ConfigError(f"trainer.save_every_minutes must be at least 0, got {self.save_every_minutes}.")
        if self.save_every_steps is not None and self.save_every_steps < 1:
            raise ConfigError(f"trainer.save_every_steps must be at least 1, got {self.save_every_steps}.")
        if self.max_steps is not None and self.max_steps < 1:
            raise ConfigError(f"trainer.max_steps must be at least 1, got {self.max_steps}.")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ConfigError(f"trainer.max_tokens must be at least 1, got {self.max_tokens}.")
        if self.max_tokens is not None and self.max_steps is not None:
            raise ConfigError("trainer.max_tokens and trainer.max_steps both say how long to train. Set one of them.")
        if not 0 < self.num_epochs < math.inf:
            raise ConfigError(f"trainer.num_epochs must be above 0 and finite, got {self.num_epochs}.")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"trainer.precision must be one of {', '.join(PRECISIONS)}, got '{self.precision}'.")
        if self.strategy is Strategy.FSDP and self.precision == "16-mixed":
            raise ConfigError(
                "trainer.precision=16-mixed does not go with trainer.strategy=fsdp: the scale of the loss would differ "
                "between processes. Take bf16-mixed or 32-true."
            )
        for name in ("devices", "num_nodes"):
            if getattr(self, name) < 1:
                raise ConfigError(f"trainer.{name} must be at least 1, got {getattr(self, name)}.")
        if any(not 0 < share < 1 for share in self.snapshots):
            raise ConfigError(f"trainer.snapshots must lie between 0 and 1, got {self.snapshots}.")

    @property
    def num_processes(self) -> int:
        """Processes of the training over all machines."""
        return self.devices * self.num_nodes

    @property
    def is_sharded(self) -> bool:
        """Whether the model is cut over several processes."""
        return self.strategy is Strategy.FSDP and self.num_processes > 1

    def num_steps(self, num_examples: int, global_batch_size: int) -> int:
        """Optimizer steps for `num_examples` training examples; at least 1."""
        if self.max_steps is not None:
            return self.max_steps
        return max(1, round(self.num_epochs * num_examples / global_batch_size))


class WandbMode(StrEnum):
    """Where Weights & Biases puts a run."""

    ONLINE = "online"
    OFFLINE = "offline"
    DISABLED = "disabled"


@dataclass(kw_only=True, slots=True)
class LoggerConfig:
    """Loggers beside `metrics.csv`, which is always written."""

    wandb: WandbMode = WandbMode.OFFLINE
    """online sends to the server, offline writes to the run folder (send later with `wandb sync`), disabled is off."""
    project: str = "treasure"
    """W&B project."""
    num_samples: int = 40
    """Answers in the samples table, spread over benchmarks and regimes; at least 0."""

    def __post_init__(self) -> None:
        if self.num_samples < 0:
            raise ConfigError(f"logger.num_samples must be at least 0, got {self.num_samples}.")


@dataclass(kw_only=True, slots=True)
class CallbacksConfig:
    """What happens beside the steps."""

    progress: bool = True
    """Whether progress bars are shown."""
    log_every: int = 10
    """Optimizer steps between two logged rows, at least 1."""

    def __post_init__(self) -> None:
        if self.log_every < 1:
            raise ConfigError(f"callbacks.log_every must be at least 1, got {self.log_every}.")
