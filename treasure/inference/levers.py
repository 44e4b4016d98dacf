"""`LeverSet`: what a person wants of each category, checked against the taxonomy before a model is asked.

levers = LeverSet.of(taxonomy, {"domain": "Legal", "length_tokens": {"at_most": 40}, "format": {"forbid": True}})
request = levers.over(defaults, taxonomy).request(messages, taxonomy, style, lengths)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, Self

from treasure.data.example import Message
from treasure.errors import LeverError, TaxonomyError, did_you_mean
from treasure.inference.header_grammar import Forbidden
from treasure.inference.request import GenerationRequest
from treasure.markers.header_style import HeaderStyle
from treasure.markers.marker_set import MarkerSet
from treasure.taxonomy.taxonomy import Category, Kind, Scalar, Taxonomy

DEFAULT_CONFIDENCE = 0.95


class LeverMode(StrEnum):
    """What is done with a category.

    INFER: the model decides, whatever a preset or a default says. DEFAULT: stands in the prompt unless something else
    is said of the category. FIX: stands in the prompt. FORCE: is also written into the header. FORBID: the header does
    not hold it. AT_MOST, AT_LEAST: a number is forced that was measured to keep the limit.
    """

    INFER = "infer"
    DEFAULT = "default"
    FIX = "fix"
    FORCE = "force"
    FORBID = "forbid"
    AT_MOST = "at_most"
    AT_LEAST = "at_least"

    @property
    def is_limit(self) -> bool:
        """Whether a number is chosen so that the answer keeps a limit."""
        return self in (LeverMode.AT_MOST, LeverMode.AT_LEAST)


@dataclass(frozen=True, slots=True)
class Lever:
    """One category's lever. `values` is empty for INFER, and for FORBID where the whole category is meant.

    `confidence` in (0, 1) is the share of answers that shall keep a limit; read by AT_MOST and AT_LEAST.
    """

    mode: LeverMode
    values: tuple[Scalar, ...] = ()
    confidence: float = DEFAULT_CONFIDENCE


class ChoosesNumbers(Protocol):
    """Knows from measurements which number to ask for so that a limit is kept."""

    def ask(self, category: str, mode: LeverMode, limit: int, confidence: float) -> int:
        """The number to ask for.

        Raises:
            LeverError: no measurement supports such a promise.
        """
        ...


@dataclass(frozen=True, slots=True)
class LeverSet:
    """Category -> lever, in canonical order; a category without one is left to the model."""

    levers: Mapping[str, Lever] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, taxonomy: Taxonomy, wanted: Mapping[str, Any]) -> Self:
        """Reads category -> value, list of values (FIX), 'infer', or {mode: value}.

        Limits take a confidence beside them: `{"at_most": 40, "confidence": 0.99}`.

        Raises:
            TaxonomyError: an unknown category or value, several values for a category that holds one.
            LeverError: a mode that is unknown or makes no sense for the category, or levers that contradict each
                other; the message says what is allowed.
        """
        found = {name: _lever(taxonomy.category(name), wanted[name]) for name in sorted(wanted, key=taxonomy.index)}
        levers = cls(found)
        levers.check(taxonomy)
        return levers

    @classmethod
    def setting(cls, mode: LeverMode, markers: MarkerSet) -> Self:
        """What `markers` say, each in this mode."""
        return cls({name: Lever(mode, markers.values(name)) for name in markers.categories})

    def over(self, others: "LeverSet", taxonomy: Taxonomy) -> "LeverSet":
        """These levers, and for categories that they do not name those of `others`.

        Raises:
            TaxonomyError, LeverError: both together are impossible.
        """
        both = {**others.levers, **self.levers}
        for name, lever in self.levers.items():
            if lever.mode is LeverMode.DEFAULT and name in others.levers:
                both[name] = others.levers[name]
        found = LeverSet({name: both[name] for name in sorted(both, key=taxonomy.index)})
        found.check(taxonomy)
        return found

    def check(self, taxonomy: Taxonomy) -> None:
        """Refuses levers that no answer could follow together.

        Raises:
            TaxonomyError: a category that does not apply beside the others.
            LeverError: a number outside its bucket.
        """
        MarkerSet.of(taxonomy, self._values(_SETTING))
        for category in taxonomy.categories:
            self._check_bucket(category, taxonomy)

    def request(
        self, messages: tuple[Message, ...], taxonomy: Taxonomy, style: HeaderStyle, lengths: ChoosesNumbers | None
    ) -> GenerationRequest:
        """What a model with headers of `style` is given; `lengths` are its measurements, None if there are none.

        Where there is no prompt header, what is forced stands in the header alone.

        Raises:
            LeverError: a limit that no measurement supports.
        """
        chosen = LeverSet({name: self._chosen(name, lever, lengths) for name, lever in self.levers.items()})
        chosen.check(taxonomy)
        forced = chosen._values((LeverMode.FORCE,))
        shown = {**chosen._values((LeverMode.DEFAULT, LeverMode.FIX)), **(forced if style.in_prompt else {})}
        return GenerationRequest(
            messages,
            fixed=MarkerSet.of(taxonomy, shown),
            forced=MarkerSet.of(taxonomy, forced),
            forbidden=self.forbidden,
        )

    @property
    def forbidden(self) -> Forbidden:
        """Category -> values that the header must not hold; without values the whole category."""
        return {name: frozenset(lever.values) for name, lever in self.levers.items() if lever.mode is LeverMode.FORBID}

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `of` reads back."""
        return {name: _plain(lever) for name, lever in self.levers.items()}

    def _values(self, modes: Sequence[LeverMode]) -> dict[str, list[Scalar]]:
        return {name: list(lever.values) for name, lever in self.levers.items() if lever.mode in modes}

    def _chosen(self, name: str, lever: Lever, lengths: ChoosesNumbers | None) -> Lever:
        """The lever that forces the number chosen for a limit; others stay as they are."""
        if not lever.mode.is_limit:
            return lever
        if lengths is None:
            raise LeverError(
                f"'{name}' has a limit ({lever.mode}: {lever.values[0]}), but it was never measured how well this "
                "model keeps to numbers. Run treasure-evaluate levers on its run first, or fix the number."
            )
        return Lever(LeverMode.FORCE, (lengths.ask(name, lever.mode, int(lever.values[0]), lever.confidence),))

    def _check_bucket(self, bucket: Category, taxonomy: Taxonomy) -> None:
        """Refuses a bucket and a number of its own that do not go together."""
        number = str(bucket.derived_from)
        ours, theirs = self.levers.get(bucket.name), self.levers.get(number)
        if ours is None or theirs is None or ours.mode not in _SETTING or theirs.mode not in (*_SETTING, *_LIMITS):
            return
        place, given = bucket.value_names.index(str(ours.values[0])), float(theirs.values[0])
        low = bucket.edges[place - 1] if place else None
        high = bucket.edges[place] if place < len(bucket.edges) else None
        too_low = low is not None and given < low and theirs.mode is not LeverMode.AT_LEAST
        too_high = high is not None and given >= high and theirs.mode is not LeverMode.AT_MOST
        if too_low or too_high:
            bounds = ([] if low is None else [f"at least {low:g}"]) + ([] if high is None else [f"below {high:g}"])
            raise LeverError(
                f"{bucket.name}={ours.values[0]} means {number} {' and '.join(bounds)}, but {number} is "
                f"{theirs.values[0]}. Set one of them, or {bucket.name}={bucket.bucket(given)}."
            )


_SETTING = (LeverMode.DEFAULT, LeverMode.FIX, LeverMode.FORCE)
_LIMITS = (LeverMode.AT_MOST, LeverMode.AT_LEAST)


def _lever(category: Category, raw: Any) -> Lever:
    if raw == LeverMode.INFER.value or raw is None:
        return Lever(LeverMode.INFER)
    if not isinstance(raw, Mapping):
        return Lever(LeverMode.FIX, _parsed(category, raw, LeverMode.FIX))
    modes = [str(mode) for mode in LeverMode if mode is not LeverMode.INFER]
    named = [str(key) for key in raw if key != "confidence"]
    if len(named) != 1 or named[0] not in modes:
        near = did_you_mean(named[0], modes) if len(named) == 1 else ""
        raise LeverError(
            f"The lever of '{category.name}' is a value, 'infer', or one mode with its value, such as "
            f"{{force: …}}; got {dict(raw)!r}.{near} Modes: {', '.join(modes)}."
        )
    mode = LeverMode(named[0])
    return Lever(mode, _parsed(category, raw[mode.value], mode), _confidence(category, mode, raw))


def _confidence(category: Category, mode: LeverMode, raw: Mapping[str, Any]) -> float:
    if "confidence" not in raw:
        return DEFAULT_CONFIDENCE
    given = raw["confidence"]
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not mode.is_limit or not is_number or not 0 < given < 1:
        raise LeverError(
            f"'confidence' of '{category.name}' goes with at_most and at_least and lies between 0 and 1; got {given!r} "
            f"with {mode}."
        )
    return float(given)


def _parsed(category: Category, raw: Any, mode: LeverMode) -> tuple[Scalar, ...]:
    """The values of a lever as the taxonomy writes them, in its order."""
    if mode is LeverMode.FORBID and raw is True:
        return ()
    if mode is LeverMode.FORBID and category.is_numeric:
        raise LeverError(f"'{category.name}' is a number: forbid it whole ({{forbid: true}}), or give a limit.")
    if mode.is_limit and category.kind is not Kind.INTEGER:
        raise LeverError(
            f"{mode} is for categories of whole numbers, such as length_tokens; '{category.name}' is none."
        )
    given = list(raw) if isinstance(raw, list | tuple | set | frozenset) else [raw]
    if not given:
        raise LeverError(f"The lever of '{category.name}' has no value. Leave it out, or give one.")
    values = list(dict.fromkeys(category.parse(value) for value in given))
    if len(values) > 1 and not category.multiple and mode is not LeverMode.FORBID:
        raise TaxonomyError(
            f"Category '{category.name}' holds one value, got {len(values)}: {', '.join(map(str, values))}."
        )
    if not category.is_numeric:
        values.sort(key=lambda value: category.value_names.index(str(value)))
    return tuple(values)


def _plain(lever: Lever) -> Any:
    if lever.mode is LeverMode.INFER:
        return LeverMode.INFER.value
    values: Any = list(lever.values) if len(lever.values) > 1 else lever.values[0] if lever.values else True
    found = {lever.mode.value: values}
    return {**found, "confidence": lever.confidence} if lever.mode.is_limit else found
