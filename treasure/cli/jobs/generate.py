"""The job of `treasure-generate`: a trained model answers one prompt or a file of prompts, with levers."""

import json
import logging
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import accumulate
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from treasure.cli.answer_page import answer_page
from treasure.cli.console import console, quiet_libraries, say
from treasure.cli.jobs.answers_output import check_output
from treasure.cli.jobs.kept_answers import kept_answers, origin
from treasure.cli.posterior_bars import posterior_bars
from treasure.config.schema import GenerateCommand
from treasure.data.example import Message
from treasure.errors import ConfigError, DataError, Interrupted, LeverError, TaxonomyError
from treasure.files import told_when_full
from treasure.inference.backends.build import make_backend
from treasure.inference.choosing import choose
from treasure.inference.config import BackendKind
from treasure.inference.fitting import Answer, answer_fitting, prompt_sizes
from treasure.inference.generate import Generator
from treasure.inference.guidance import generate_guided
from treasure.inference.length_calibration import LengthCalibration
from treasure.inference.levers import LeverSet
from treasure.inference.posterior import Posteriors
from treasure.inference.posterior_calibration import read_calibration
from treasure.inference.request import Generation, GenerationRequest
from treasure.jsonl import read_jsonl
from treasure.model.checkpoint import Checkpoint, Prompting, load_checkpoint, load_prompting
from treasure.plurals import plural
from treasure.printable import printable

_LOG = logging.getLogger(__name__)
_MOST_TOLD = 5
_BATCHES_AT_ONCE = 4
"""Batches that are answered before their answers are kept: more run a little faster, fewer lose less when stopped."""


def run(config: GenerateCommand) -> None:
    """Shows one answer as a page, or writes many with the markers that the model wrote before them.

    Raises:
        Interrupted: a signal came; it tells how many answers are kept.
    """
    quiet_libraries()
    output = None if config.output is None else Path(config.output)
    if output is not None:
        check_output(output, config.input)  # before there are answers to lose
    folder = Path(config.checkpoint)
    runs_here = config.backend.kind is BackendKind.TRANSFORMERS
    model = load_checkpoint(folder) if runs_here else load_prompting(folder)
    requests, lines = _requests(config, model)
    answer = _fitting(config, model, requests, lines, _answering(config, model, requests))
    if output is not None:
        _write(config, output, requests, answer)
        return
    try:
        if config.input is None:
            answers = answer(requests, None, 0)
            beliefs, notes = _beliefs(config, model, requests[0], answers[0])
            console.print(answer_page(requests[0], answers[0], beliefs, notes))
            return
        for rows in _parts(config, requests, answer, 0):
            for row in rows:
                console.print_json(printable(json.dumps(row, ensure_ascii=False)))
    except Interrupted as stop:
        raise Interrupted(stop.signal, "from the beginning; with output=FILE answers are kept") from stop


def _write(config: GenerateCommand, output: Path, requests: Sequence[GenerationRequest], answer: Answer) -> None:
    """Writes the answers, those first that an earlier start of the same command left unfinished."""
    with told_when_full(f"the answers in '{output}'"), kept_answers(output, origin(config, requests)) as kept:
        if kept.num_kept:
            say(
                f"Going on behind {kept.num_kept} of {plural(len(requests), 'answer')} that are kept in '{kept.path}': "
                "they have the same model, prompts and options."
            )
        try:
            for rows in _parts(config, requests, answer, kept.num_kept):
                kept.add(rows)
            say(f"{plural(kept.finish(), 'answer')}: {output}")
        except Interrupted as stop:
            place = f"behind {kept.num_kept} of {plural(len(requests), 'answer')}, kept in '{kept.path}'"
            raise Interrupted(stop.signal, place if kept.num_kept else "from the beginning") from stop


def _parts(
    config: GenerateCommand, requests: Sequence[GenerationRequest], answer: Answer, done: int
) -> Iterator[list[dict[str, Any]]]:
    """Rows of the answers to all requests but the first `done`, a few batches at a time."""
    size, total = _BATCHES_AT_ONCE * config.generation.batch_size, len(requests)
    for first in range(done, total, size):
        part = requests[first : first + size]
        description = None if total == 1 else f"answers {first + 1:,} to {first + len(part):,} of {total:,}"
        yield [_row(*pair) for pair in zip(part, answer(part, description, first), strict=True)]


def _answering(config: GenerateCommand, model: Checkpoint | Prompting, requests: Sequence[GenerationRequest]) -> Answer:
    """What answers `requests`, all or a part of them.

    Raises:
        LeverError: guidance has nothing to push towards.
    """
    if not isinstance(model, Checkpoint):
        return make_backend(config.backend, config.generation, Path(config.checkpoint)).generate
    generator = Generator(model, config.generation)
    if config.choosing.num_headers > 1:
        return lambda part, description, first: [
            choice.generation
            for choice in choose(generator, part, config.choosing, description=description, first=first)
        ]
    if config.guidance.is_on:
        if not any(len(request.fixed) for request in requests):
            raise LeverError(
                "Guidance pushes towards markers that are fixed, and none is. Set one: levers.lang=French."
            )
        return lambda part, description, first: generate_guided(generator, part, config.guidance, description, first)
    return generator.generate


def _fitting(
    config: GenerateCommand,
    model: Checkpoint | Prompting,
    requests: Sequence[GenerationRequest],
    lines: Sequence[int],
    answer: Answer,
) -> Answer:
    """`answer`, for those of `requests` that fit the model's context; the others get empty answers, and are told.

    Raises:
        ConfigError: the one prompt of the command does not fit.
    """
    context, sizes = model.levers.max_length, prompt_sizes(model.encoder, requests)
    if all(size < context for size in sizes):
        return answer
    if config.input is None:
        raise ConfigError(
            f"The prompt has {sizes[0]} tokens with its markers, and the model was trained with a context of {context} "
            "tokens, in which it leaves no room for an answer. Shorten it."
        )
    long = [(line, size) for line, size in zip(lines, sizes, strict=True) if size >= context]
    for line, size in long[:_MOST_TOLD]:
        _LOG.warning("%s:%d: the prompt has %d tokens.", config.input, line, size)
    _LOG.warning(
        "%s of %d not asked: the model was trained with a context of %d tokens, in which too long ones leave no room; "
        "their answers are empty and say so.",
        plural(len(long), "prompt"), len(requests), context,
    )  # fmt: skip
    # Draws are keyed by the number among the prompts that are asked, wherever a part of them begins.
    asked_before = [0, *accumulate(size < context for size in sizes)]

    def answering(part: Sequence[GenerationRequest], description: str | None, first: int) -> list[Generation]:
        own = sizes[first : first + len(part)]
        return answer_fitting(answer, part, own, context, description, asked_before[first])

    return answering


def _beliefs(
    config: GenerateCommand, model: Checkpoint | Prompting, request: GenerationRequest, answer: Generation
) -> tuple[RenderableType | None, tuple[str, ...]]:
    """Bars of what the model believes, and what to say of them; none where it writes no header by itself."""
    if not config.posteriors or model.surface is None or not model.levers.style.writes_header:
        return None, ()
    if not isinstance(model, Checkpoint):
        return None, (f"beliefs are read by backend.kind=transformers alone, not by {config.backend.kind}",)
    calibration = read_calibration(Path(config.checkpoint), model.taxonomy)
    reader = Posteriors(model, config.generation, calibration=calibration)
    if config.num_samples:
        return posterior_bars(reader.marginal([request], config.num_samples)[0]), ()
    headers = [answer.markers] if not answer.problems else None  # left free, it may have written one that is not valid
    return posterior_bars(reader.conditional([request], headers)[0]), ()


def _requests(config: GenerateCommand, model: Checkpoint | Prompting) -> tuple[list[GenerationRequest], list[int]]:
    """What is asked, with the levers of the command under those of each row, and the lines that it stands in.

    Raises:
        TaxonomyError, LeverError: levers that are impossible; those of a row name file and line.
    """
    taxonomy, style = model.levers.taxonomy, model.levers.style
    levers = LeverSet.of(taxonomy, config.levers)
    lengths = LengthCalibration.read(Path(config.checkpoint))
    if config.input is None:
        assert config.prompt is not None
        _check_has_levers(model, levers, config.checkpoint)
        return [levers.request((Message("user", config.prompt),), taxonomy, style, lengths)], [1]
    found: list[GenerationRequest] = []
    lines: list[int] = []
    for line, prompt, own in _rows(Path(config.input)):
        try:
            both = LeverSet.of(taxonomy, own).over(levers, taxonomy)
            _check_has_levers(model, both, config.checkpoint)
            found.append(both.request((Message("user", prompt),), taxonomy, style, lengths))
            lines.append(line)
        except (TaxonomyError, LeverError) as error:
            raise DataError(str(error), config.input, line) from error
    if not found:
        raise DataError("The file holds no prompt.", config.input)
    return found, lines


def _check_has_levers(model: Checkpoint | Prompting, levers: LeverSet, folder: str) -> None:
    if model.surface is None and levers.levers:
        raise LeverError(f"The model in '{folder}' was trained without markers, so it has no levers.")


def _rows(path: Path) -> Sequence[tuple[int, str, dict[str, Any]]]:
    """(line, prompt, levers) of each row.

    Raises:
        DataError: a row without a prompt, or whose levers are no mapping.
    """
    found: list[tuple[int, str, dict[str, Any]]] = []
    for line, row in read_jsonl(path):
        prompt, levers = row.get("prompt"), row.get("levers", {})
        if not isinstance(prompt, str) or not isinstance(levers, dict):
            raise DataError("Expected {'prompt': text} and optionally 'levers': {category: value}.", path, line)
        near = set(get_close_matches("levers", set(row) - {"levers"}, cutoff=0.8))
        if unknown := sorted(near | set(row) & {"markers", "fix", "force"}):
            raise DataError(f"'{unknown[0]}' is not read here: levers stand in 'levers'.", path, line)
        found.append((line, prompt, levers))
    return found


def _row(request: GenerationRequest, answer: Generation) -> dict[str, Any]:
    return {
        "prompt": request.messages[-1].content,
        "fixed": request.fixed.to_dict(),
        "forced": request.forced.to_dict(),
        "markers": answer.markers.to_dict(),
        "content": answer.content,
        "problems": list(answer.problems),
        "finished": answer.finished,
    }
