"""Raw data to `Example`s: any of the usual formats and shapes, bad rows refused or counted, never guessed."""

import logging
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from treasure.data.example import Example, example_id
from treasure.data.raw_rows import RawRow, raw_rows
from treasure.data.shapes import FIELDS, BadRowError, RowReader, Shape, Turns, cell_of, detect_shape, template_columns
from treasure.errors import ConfigError, DataError, did_you_mean
from treasure.plurals import plural

_LOG = logging.getLogger(__name__)
_NUM_SHOWN = 5


class OnBadRow(StrEnum):
    """STOP: the first bad row ends the run with its place and reason. SET_ASIDE: bad rows are left out and counted."""

    STOP = "stop"
    SET_ASIDE = "set_aside"


@dataclass(kw_only=True, slots=True)
class ColumnFact:
    """A category whose value stands in a column of the rows."""

    column: str
    """Name of the column, or a path into it such as turns[1][label]; an empty cell means that nothing is known."""
    pattern: str = ""
    """Regular expression with one group, which is the cell that counts, such as 'helpful: (\\d)'; without a match
    nothing is known. Empty takes the whole cell."""
    values: dict[str, Any] = field(default_factory=dict)
    """Cell -> value, such as {fr: French}; null leaves the category unknown, cells not listed are taken as they are."""

    def __post_init__(self) -> None:
        try:
            num_groups = re.compile(self.pattern).groups
        except re.error as error:
            raise ConfigError(f"column '{self.column}': pattern {self.pattern!r} cannot be read: {error}.") from error
        if self.pattern and num_groups != 1:
            raise ConfigError(
                f"column '{self.column}': pattern {self.pattern!r} must have one group, in parentheses, got "
                f"{num_groups}; (?:…) groups without counting."
            )

    def value(self, cell: Any) -> Any:
        """The value that `cell` stands for; None where it says nothing."""
        if self.pattern and not _is_empty(cell):
            found = re.search(self.pattern, str(cell))
            cell = found[1] if found else None
        return None if _is_empty(cell) else self.values.get(str(cell), cell)


def _is_empty(cell: Any) -> bool:
    return cell is None or cell == "" or cell != cell  # NaN is how tables spell an empty cell


@dataclass(kw_only=True, slots=True)
class DatasetConfig:
    """One source of training examples, and what is known of all its rows."""

    path: str
    """A file, a glob, a dataset folder, or a Hugging Face dataset id; relative paths begin at the working directory."""
    name: str = ""
    """Name in reports, examples and errors; empty takes the key under which the dataset is listed, else the path."""
    shape: Shape = Shape.AUTO
    """auto, prompt_completion, instruction, messages, conversations or template."""
    fields: dict[str, str] = field(default_factory=dict)
    """Field of the shape -> column, where the column is called otherwise, such as {prompt: question}."""
    roles: dict[str, str] = field(default_factory=dict)
    """Role as written in the data -> system, user or assistant; human and gpt need no entry."""
    turns: Turns = Turns.EACH
    """each or last: which assistant turns of a conversation become completions."""
    prompt_template: str = ""
    """Text with {column} in it; read by the template shape only."""
    completion_template: str = ""
    """Text with {column} in it; read by the template shape only."""
    subset: str | None = None
    """Configuration of a Hugging Face dataset; not read for files."""
    split: str = "train"
    """Split of a Hugging Face dataset; not read for files."""
    weight: float = 1.0
    """How often the dataset is in the mixture, above 0: 0.5 takes half of it, 2.5 takes it two and a half times."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Category -> value that holds for every row; a list where several do, not_applicable where none can."""
    columns: dict[str, ColumnFact] = field(default_factory=dict)
    """Category -> column that holds its value; wins over `facts`."""
    on_bad_row: OnBadRow = OnBadRow.STOP
    """stop or set_aside."""
    limit: int | None = None
    """Examples to read at most, at least 1; None reads all."""

    def __post_init__(self) -> None:
        label = f"dataset '{self.name or self.path}'"
        if not 0 < self.weight < math.inf:
            raise ConfigError(
                f"{label}: weight must be above 0 and finite, got {self.weight}; to leave it out, take it off the list."
            )
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"{label}: limit must be at least 1, got {self.limit}.")
        wrong = sorted(set(self.roles.values()) - {"system", "user", "assistant"})
        if wrong:
            raise ConfigError(f"{label}: roles must map to system, user or assistant, got {', '.join(wrong)}.")
        self._check_templates(label)
        self._check_fields(label)

    def _check_templates(self, label: str) -> None:
        templates = {"prompt_template": self.prompt_template, "completion_template": self.completion_template}
        given = [name for name, template in templates.items() if template]
        needed = self.shape is Shape.TEMPLATE or bool(given)
        if needed and len(given) < len(templates):
            raise ConfigError(f"{label}: the template shape needs both prompt_template and completion_template.")
        if given and self.shape not in (Shape.AUTO, Shape.TEMPLATE):
            raise ConfigError(f"{label}: templates are not read by shape '{self.shape}'. Set shape to template.")
        for name in given:
            try:
                columns = template_columns(templates[name])
            except ValueError as error:
                raise ConfigError(f"{label}: {name} {templates[name]!r} cannot be filled: {error}.") from error
            if not columns:
                raise ConfigError(f"{label}: {name} names no column in braces, so every row would be the same.")

    def _check_fields(self, label: str) -> None:
        shapes = [self.shape] if self.shape is not Shape.AUTO else list(FIELDS)
        allowed = sorted({name for shape in shapes for name in FIELDS[shape]})
        for name in self.fields:
            if name not in allowed:
                raise ConfigError(
                    f"{label}: unknown field '{name}' for shape '{self.shape}'.{did_you_mean(name, allowed)} "
                    f"Allowed: {', '.join(allowed) or 'none'}."
                )


@dataclass(slots=True)
class ReadReport:
    """What became of the rows of one dataset; `bad` holds the first few reasons with their places."""

    dataset: str = ""
    shape: str = ""
    num_rows: int = 0
    num_examples: int = 0
    num_bad: int = 0
    num_duplicates: int = 0
    bad: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """One paragraph for people."""
        shown = "".join(f"\n  {message}" for message in self.bad)
        more = f"\n  … and {self.num_bad - len(self.bad)} more" if self.num_bad > len(self.bad) else ""
        return (
            f"{self.dataset}: {plural(self.num_rows, 'row')} of shape {self.shape or 'unknown'} gave "
            f"{plural(self.num_examples, 'example')}; {plural(self.num_bad, 'bad row')} and "
            f"{plural(self.num_duplicates, 'duplicate')} left out.{shown}{more}"
        )


def read_dataset(config: DatasetConfig, report: ReadReport | None = None) -> Iterator[Example]:
    """The examples of a dataset, in its order, each id once; `report` is filled while they are read.

    `metadata['facts']` of an example holds what its dataset says of it (category -> value, not checked against a
    taxonomy), `metadata['place']` its file and line.

    Raises:
        DataError: nothing can be read, the columns fit no shape, under STOP a row is bad, or no row is usable.
    """
    name = config.name or config.path
    report = ReadReport() if report is None else report
    report.dataset = name
    reader: RowReader | None = None
    seen: set[str] = set()
    for row in raw_rows(config.path, subset=config.subset, split=config.split):
        report.num_rows += 1
        if reader is None and not row.problem:
            reader = _reader(name, config, row)
            report.shape = str(reader.shape)
        try:
            examples = _examples(name, config, reader, row)
        except BadRowError as error:
            _set_aside(config, row, error, report)
            continue
        for example in examples:
            if example.id in seen:
                report.num_duplicates += 1
                continue
            seen.add(example.id)
            report.num_examples += 1
            yield example
            if report.num_examples == config.limit:
                return
    if not report.num_examples:
        raise DataError(f"No row is usable. {report.describe()}", config.path)


def _reader(name: str, config: DatasetConfig, row: RawRow) -> RowReader:
    reader = RowReader(
        shape=config.shape,
        fields=config.fields,
        roles=config.roles,
        turns=config.turns,
        prompt_template=config.prompt_template,
        completion_template=config.completion_template,
    )
    if config.shape is not Shape.AUTO:
        return reader
    shape = detect_shape(row.fields, config.fields, config.prompt_template)
    columns = ", ".join(map(str, row.fields))
    if shape is None:
        known = "; ".join(f"{shape} ({', '.join(names)})" for shape, names in FIELDS.items() if names)
        raise row.error(
            f"The columns {columns} fit no known shape. Known: {known}. Name the columns under `fields`, or give "
            "prompt_template and completion_template."
        )
    _LOG.warning("Dataset '%s': columns %s are read as shape '%s'.", name, columns, shape)
    return replace(reader, shape=shape)


def _examples(name: str, config: DatasetConfig, reader: RowReader | None, row: RawRow) -> list[Example]:
    if row.problem or reader is None:
        raise BadRowError(row.problem)
    metadata = {"facts": _facts(config, row.fields), "place": f"{row.path}:{row.line}"}
    try:
        return [
            Example(example_id(messages, completion), messages, completion, name, metadata)
            for messages, completion in reader.conversations(row.fields)
        ]
    except UnicodeEncodeError as error:
        wrong = error.object[error.start]
        raise BadRowError(f"{wrong!r} is half of a character (a lone surrogate), which no text can hold.") from error


def _facts(config: DatasetConfig, fields: dict[str, Any]) -> dict[str, Any]:
    facts = dict(config.facts)
    for category, source in config.columns.items():
        cells = cell_of(fields, source.column)
        if cells is None and source.column.partition("[")[0] not in fields:
            raise BadRowError(f"Column '{source.column}', which holds '{category}', is missing.")
        known = [source.value(cell) for cell in (cells if isinstance(cells, list) else [cells])]
        known = [value for value in known if value is not None]
        if known:
            facts[category] = known if isinstance(cells, list) else known[0]
    return facts


def _set_aside(config: DatasetConfig, row: RawRow, error: BadRowError, report: ReadReport) -> None:
    named = row.error(str(error))
    if config.on_bad_row is OnBadRow.STOP:
        raise named from error
    report.num_bad += 1
    if len(report.bad) < _NUM_SHOWN:
        report.bad.append(str(named))
