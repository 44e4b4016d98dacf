"""The job of `treasure-evaluate compare`: two evaluations against each other, prompt by prompt."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from treasure.analysis.compare_records import Compared, compare_records, with_q_values
from treasure.analysis.config import Resampling
from treasure.analysis.scores.figure import Figure
from treasure.analysis.scores.translation import compare_translations
from treasure.cli.compared_table import compared_table
from treasure.cli.console import console, quiet_libraries, say
from treasure.cli.figures_file import FIGURES, interval_facts, plain
from treasure.cli.figures_table import figures_table
from treasure.config.evaluate_schema import CompareCommand
from treasure.errors import DataError
from treasure.evaluation.record import EvaluationRecord, Regime, read_records
from treasure.evaluation.run_benchmark import RECORDS
from treasure.files import told_when_full
from treasure.jsonl import write_json
from treasure.plurals import plural

_Records = dict[str, list[EvaluationRecord]]
"""Benchmark -> its records."""
TRANSLATION = "translation"


def run(config: CompareCommand) -> None:
    """Compares every benchmark that both sides have, prints the main rows and writes all.

    Raises:
        DataError: a folder has no records, both share no benchmark, or no answer has a counterpart.
    """
    quiet_libraries()
    own, against = _read(config.folders), _read(config.against_folders)
    shared = [name for name in own if name in against]
    if not shared:
        raise DataError(f"Both share no benchmark: 'folder' has {', '.join(own)}, 'against' has {', '.join(against)}.")
    kinds = _kinds([*config.folders, *config.against_folders])
    regime = Regime(config.against_regime) if config.against_regime else None
    parts = {
        name: compare_records(own[name], against[name], kind=kinds.get(name, ""), against_regime=regime,
                              how=config.resampling)
        for name in shared
    }  # fmt: skip
    compared = Compared(
        rows=with_q_values(list(chain.from_iterable(part.rows for part in parts.values()))),
        tail_rows=tuple(chain.from_iterable(part.tail_rows for part in parts.values())),
        num_unpaired=sum(part.num_unpaired for part in parts.values()),
    )
    corpora = [
        figure
        for name in shared
        if kinds.get(name) == TRANSLATION
        for figure in _corpus_figures(against[name], own[name], regime, config.resampling)
    ]
    path = (
        Path(config.output) if config.output else config.folders[0] / f"against-{config.against_folders[0].name}.json"
    )
    with told_when_full(f"'{path}'"):
        _write(path, config, compared, corpora)
    _show(config, compared, corpora, [name for name in {**own, **against} if name not in shared])
    say(f"{plural(len(compared.rows), 'difference')}, {len(compared.tail_rows)} of tail against head: {path}")


def _read(folders: Sequence[Path]) -> _Records:
    """The records of all folders by benchmark; of a run with snapshots those of the last step."""
    found: _Records = {}
    for folder in folders:
        paths = [path for path in (folder / RECORDS, *sorted(folder.glob(f"*/{RECORDS}"))) if path.is_file()]
        if not paths:
            raise DataError(
                f"'{folder}' holds no {RECORDS}, and none is in a folder below it. Name the folder that "
                "treasure-evaluate benchmark wrote, one benchmark's folder in it, or a finished run."
            )
        for path in paths:
            records = read_records(path)
            last = max((record.step for record in records), default=0)
            for record in records:
                if record.step == last:
                    found.setdefault(record.benchmark, []).append(record)
    return found


def _kinds(folders: Sequence[Path]) -> dict[str, str]:
    """Benchmark -> kind, of those whose figures say so."""
    paths = [path for folder in folders for path in (folder / FIGURES, *folder.glob(f"*/{FIGURES}")) if path.is_file()]
    facts = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return {fact["benchmark"]: fact["kind"] for fact in facts}


def _corpus_figures(
    before: Sequence[EvaluationRecord], after: Sequence[EvaluationRecord], regime: Regime | None, how: Resampling
) -> list[Figure]:
    """BLEU and chrF++ of all segments, for each regime against its counterpart."""
    found: list[Figure] = []
    known = {record.regime for record in before}
    for own in dict.fromkeys(record.regime for record in after):
        other = regime or (next(iter(known)) if len(known) == 1 else own)
        chosen = [record for record in before if record.regime is other]
        found += [
            replace(figure, regime=str(own))
            for figure in compare_translations(chosen, [r for r in after if r.regime is own], how=how)
        ]
    return found


def _write(path: Path, config: CompareCommand, compared: Compared, corpora: Sequence[Figure]) -> None:
    write_json(
        path,
        {
            "folder": [str(folder) for folder in config.folders],
            "against": [str(folder) for folder in config.against_folders],
            "against_regime": config.against_regime,
            "intervals": interval_facts(config.resampling),
            "num_unpaired": compared.num_unpaired,
            "differences": [plain(row) for row in compared.rows],
            "tail_minus_head": [plain(row) for row in compared.tail_rows],
            "corpus_differences": [plain(figure) for figure in corpora],
        },
    )


def _show(config: CompareCommand, compared: Compared, corpora: Sequence[Figure], left_out: Sequence[str]) -> None:
    names = [", ".join(folder.name for folder in side) for side in (config.folders, config.against_folders)]
    console.print(compared_table(f"{names[0]} against {names[1]}", compared))
    if corpora:
        console.print(figures_table("translation, of all segments", corpora))
    if left_out:
        say(f"Only one side has, and nothing is said of: {', '.join(left_out)}.")
    if compared.num_unpaired:
        say(f"{plural(compared.num_unpaired, 'answer')} of one side without a counterpart of the same prompt and seed.")
