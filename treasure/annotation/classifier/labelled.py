"""Examples whose markers are known without asking anyone, to learn from: facts of datasets, and written shots."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from treasure.annotation.facts import fact_error, facts_of
from treasure.data.config import DataConfig
from treasure.data.decontaminate import PromptFilter
from treasure.data.example import Example, MarkedExample, Message, example_id
from treasure.data.readers import read_dataset
from treasure.errors import DataError, TaxonomyError
from treasure.markers.marker_set import MarkerSet
from treasure.taxonomy.taxonomy import Taxonomy

SHOTS = "shots"
"""Name of the dataset that shots are."""


def labelled_examples(data: DataConfig, taxonomy: Taxonomy) -> Iterator[MarkedExample]:
    """The rows of all datasets of `data`, one after the other, with their facts as markers.

    Prompts that evaluations ask are left out; weights, splits and lengths play no part.

    Raises:
        DataError: a file is missing or a row is bad, or a fact does not fit the taxonomy.
    """
    prompts = PromptFilter(data.exclude_prompts)
    for dataset in data.datasets.values():
        yield from _marked((e for e in read_dataset(dataset) if not prompts.holds(e)), taxonomy)


def shot_examples(folder: Path, taxonomy: Taxonomy) -> Iterator[MarkedExample]:
    """The shots in `folder`, one file a language (or `any`), each with the one marker that it was written for.

    A file maps category -> value -> {prompt, completion}. What the taxonomy lacks is passed over.

    Raises:
        DataError: the folder holds no such file, or a shot lacks its prompt or completion.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise DataError("No shots: expected files such as English.yaml.", folder)
    for path in files:
        for name, shots in _mapping(path).items():
            known = taxonomy.category(name).value_names if name in taxonomy else ()
            for value in (value for value in known if value in shots):
                yield MarkedExample(_shot(shots[value], path), MarkerSet.of(taxonomy, {name: value}))


def _mapping(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"Not readable as YAML: {' '.join(str(error).split())}.", path) from error
    if not isinstance(found, dict) or not all(isinstance(shots, dict) for shots in found.values()):
        raise DataError("A file of shots maps category to value to prompt and completion.", path)
    return found


def _shot(shot: Any, path: Path) -> Example:
    if not isinstance(shot, dict) or not all(isinstance(shot.get(key), str) for key in ("prompt", "completion")):
        raise DataError(f"A shot needs the texts 'prompt' and 'completion', got {shot!r:.80}.", path)
    messages = (Message("user", shot["prompt"]),)
    return Example(example_id(messages, shot["completion"]), messages, shot["completion"], SHOTS, {"file": path.stem})


def _marked(examples: Iterable[Example], taxonomy: Taxonomy) -> Iterator[MarkedExample]:
    for example in examples:
        values, excluded = facts_of(example, taxonomy)
        try:
            yield MarkedExample(example, MarkerSet.of(taxonomy, values, excluded))
        except TaxonomyError as error:
            raise fact_error(example, str(error)) from error
