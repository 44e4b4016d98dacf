"""Options of evaluation."""

from dataclasses import dataclass, field

from treasure.errors import ConfigError
from treasure.evaluation.record import Regime

MARKED_REGIMES = (Regime.INFERRED, Regime.FIXED, Regime.FORCED, Regime.ORACLE)


@dataclass(kw_only=True, slots=True)
class BenchmarkConfig:
    """What a trained model is asked. A model without markers is always evaluated in the regime `baseline` alone."""

    names: list[str] = field(default_factory=list)
    """Benchmarks to run; empty runs all that the data source has."""
    regimes: list[str] = field(default_factory=lambda: [str(regime) for regime in MARKED_REGIMES])
    """Regimes of a marked model at the end of training: inferred, fixed, forced, oracle."""
    snapshot_regimes: list[str] = field(default_factory=lambda: [str(Regime.INFERRED), str(Regime.FIXED)])
    """Regimes of a marked model at the snapshots kept during training."""
    snapshot_stride: int = 3
    """At snapshots every n-th prompt is asked, at least 1."""

    def __post_init__(self) -> None:
        for name in ("regimes", "snapshot_regimes"):
            given = getattr(self, name)
            unknown = sorted(set(given) - set(map(str, MARKED_REGIMES)))
            if unknown or not given:
                raise ConfigError(
                    f"benchmark.{name} must name some of {', '.join(map(str, MARKED_REGIMES))}; got {given}."
                )
        if self.snapshot_stride < 1:
            raise ConfigError(f"benchmark.snapshot_stride must be at least 1, got {self.snapshot_stride}.")
