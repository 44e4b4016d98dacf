"""Options of evaluation."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from treasure.errors import ConfigError
from treasure.evaluation.record import Regime
from treasure.markers.header_style import HeaderStyle

MARKED_REGIMES = (Regime.INFERRED, Regime.FIXED, Regime.FORCED, Regime.ORACLE)


@dataclass(kw_only=True, slots=True)
class BenchmarkConfig:
    """What a trained model is asked. A model without markers is always evaluated in the regime `baseline` alone."""

    names: list[str] = field(default_factory=list)
    """Benchmarks to run; empty runs all that the data source has."""
    regimes: list[str] = field(default_factory=lambda: [str(regime) for regime in MARKED_REGIMES])
    """Regimes of a marked model at the end of training: inferred, fixed, forced, oracle."""
    levers: dict[str, Any] = field(default_factory=dict)
    """Levers of a marked model beside those of each regime: category -> value or {mode: value}; for the world."""
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


def regimes_of(style: HeaderStyle) -> tuple[Regime, ...]:
    """The regimes that make sense for a marked model with this header style.

    Without a prompt header nothing can be fixed; without one in the completion nothing can be forced. A model that
    does not write its own header needs it forced, so what it is given then is all it has.
    """
    alone = not style.in_completion or style.writes_header
    fits = {
        Regime.INFERRED: alone,
        Regime.FIXED: alone and style.in_prompt,
        Regime.FORCED: style.in_completion,
        Regime.ORACLE: True,
    }
    return tuple(regime for regime, does in fits.items() if does)


def check_heldout_regimes(regimes: Iterable[Regime], style: HeaderStyle, option: str) -> None:
    """Refuses regimes in which held-out examples cannot be asked; they have one header of known markers to give.

    Raises:
        ConfigError: names the first, and what to write for the `option` that `regimes` come from.
    """
    given = Regime.FIXED if style.in_prompt else Regime.FORCED
    known = (Regime.BASELINE, Regime.INFERRED, given)
    unfit = [regime for regime in regimes if regime not in known]
    if unfit:
        raise ConfigError(
            f"Held-out examples have no regime '{unfit[0]}' here, which {option} names. Allowed: "
            f"{', '.join(known[1:])}. Write '{option}=[{','.join(known[1:])}]'."
        )


def fitting_regimes(names: list[str], style: HeaderStyle, option: str) -> list[Regime]:
    """Those of `names` that make sense for `style`.

    Raises:
        ConfigError: none does; the message names the `option` that `names` come from.
    """
    allowed = regimes_of(style)
    found = [Regime(name) for name in names if Regime(name) in allowed]
    if not found:
        learned = "" if style.is_learned else " and batch.header_loss_weight=0"
        raise ConfigError(
            f"{option} names {', '.join(names)}, but with markers.placement={style.placement}{learned} only "
            f"{', '.join(allowed)} make sense. Name one of them."
        )
    return found
