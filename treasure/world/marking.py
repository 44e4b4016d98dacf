"""Spec and completion -> markers: what an annotator would know of the example."""

import random

from treasure.markers.marker_set import Marker, MarkerSet
from treasure.taxonomy.taxonomy import Scalar, Taxonomy
from treasure.world.chain import NONE
from treasure.world.config import WorldConfig
from treasure.world.spec import Spec
from treasure.world.units import count_paragraphs, count_sentences, count_words

BEST_QUALITY = 0.95
"""The quality that an asker wants: the middle of the upper part of bucket 1."""
_NOT_APPLICABLE = ("format", "code_type")
"""Where `None` means that the question makes no sense: plain text has no format, a poem no programming language."""


class Marking:
    """Builds the markers of examples and of prompts; a neutral style is unknown, since it shows no sign of either."""

    def __init__(self, config: WorldConfig, taxonomy: Taxonomy) -> None:
        self._config = config
        self._taxonomy = taxonomy
        self._checked: dict[tuple[str, Scalar], Marker] = {}

    def of_example(self, spec: Spec, completion: str, rng: random.Random) -> MarkerSet:
        """What is known of a training example: all of it but, at the configured rates, some."""
        config = self._config
        values = self._values(spec, completion, _quality(spec.quality_bucket, rng))
        for name, rate in (
            ("quality", config.quality_known_rate),
            ("quality_bucket", config.quality_bucket_known_rate),
            ("source", config.source_known_rate),
            ("length_sentences", config.structure_known_rate),
            ("length_paragraphs", config.structure_known_rate),
        ):
            if rng.random() >= rate:
                del values[name]
        return self._set(spec, values)

    def of_prompt(self, spec: Spec, reference: str) -> MarkerSet:
        """Everything an asker could want to say of the answer, lengths of the reference included."""
        values = self._values(spec, reference, BEST_QUALITY)
        del values["source"]  # nobody asks for a source
        return self._set(spec, values)

    def levers(self, values: dict[str, Scalar]) -> MarkerSet:
        """A set of markers to steer by."""
        return MarkerSet.of(self._taxonomy, values)

    def _values(self, spec: Spec, completion: str, quality: float) -> dict[str, Scalar]:
        num_words = count_words(completion, spec.lang)
        values: dict[str, Scalar] = {
            "domain": spec.domain,
            "task": spec.task,
            "lang": spec.lang,
            "quality_bucket": spec.quality_bucket,
            "quality": quality,
            "source": spec.source,
            "length_bucket": self._taxonomy.category("length_bucket").bucket(num_words),
            "length_tokens": num_words,
            "length_sentences": count_sentences(completion),
            "length_paragraphs": count_paragraphs(completion),
        }
        for name in ("code_type", "format", "style"):
            if spec.attribute(name) != NONE:
                values[name] = spec.attribute(name)
        return values

    def _set(self, spec: Spec, values: dict[str, Scalar]) -> MarkerSet:
        """`MarkerSet.of`, with the check of each marker made once: the corpus repeats the same few hundred."""
        markers = tuple(self._marker(name, values[name]) for name in self._taxonomy.names if name in values)
        absent = frozenset(name for name in _NOT_APPLICABLE if spec.attribute(name) == NONE)
        return MarkerSet(markers, absent)

    def _marker(self, name: str, value: Scalar) -> Marker:
        found = self._checked.get((name, value))
        if found is None:
            found = self._checked[name, value] = MarkerSet.of(self._taxonomy, {name: value}).markers[0]
        return found


def _quality(bucket: str, rng: random.Random) -> float:
    """A quality within the bucket's quarter of [0, 1]: 1 is the upper quarter."""
    return round(1 - 0.25 * (int(bucket) - rng.uniform(0.02, 0.98)), 2)
