"""The job of `treasure-generate`: a trained model answers one prompt or a file of prompts, with levers."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from treasure.cli.answer_page import answer_page
from treasure.cli.console import console, quiet_libraries, say
from treasure.cli.posterior_bars import posterior_bars
from treasure.config.schema import GenerateCommand
from treasure.data.example import Message
from treasure.errors import ConfigError, DataError, LeverError, TaxonomyError, UnusablePathError
from treasure.inference.backends.build import make_backend
from treasure.inference.choosing import choose
from treasure.inference.config import BackendKind
from treasure.inference.generate import Generator
from treasure.inference.guidance import generate_guided
from treasure.inference.length_calibration import LengthCalibration
from treasure.inference.levers import LeverSet
from treasure.inference.posterior import Posteriors
from treasure.inference.posterior_calibration import read_calibration
from treasure.inference.request import Generation, GenerationRequest
from treasure.jsonl import read_jsonl, write_jsonl
from treasure.model.checkpoint import Checkpoint, Prompting, load_checkpoint, load_prompting
from treasure.plurals import plural


def run(config: GenerateCommand) -> None:
    """Shows one answer as a page, or writes many with the markers that the model wrote before them."""
    quiet_libraries()
    if config.output is not None:
        _check_output(Path(config.output), config.input)  # before there are answers to lose
    folder = Path(config.checkpoint)
    runs_here = config.backend.kind is BackendKind.TRANSFORMERS
    model = load_checkpoint(folder) if runs_here else load_prompting(folder)
    requests = _requests(config, model)
    answers = _answers(config, model, requests)
    if config.output is None and config.input is None:
        beliefs, notes = _beliefs(config, model, requests[0], answers[0])
        console.print(answer_page(requests[0], answers[0], beliefs, notes))
        return
    rows = [_row(request, answer) for request, answer in zip(requests, answers, strict=True)]
    if config.output is not None:
        say(f"{plural(write_jsonl(Path(config.output), rows), 'answer')}: {config.output}")
        return
    for row in rows:
        console.print_json(data=row)


def _check_output(path: Path, given: str | None) -> None:
    """Refuses a place where answers could not be written; makes its folder.

    Raises:
        UnusablePathError: `path` is a folder or a device, which a file would replace, or lies where nothing may be
            written.
        ConfigError: it is the file of the prompts.
    """
    if path.exists() and not path.is_file():
        raise UnusablePathError(str(path), os.strerror(errno.EISDIR) if path.is_dir() else "Not a regular file")
    if given is not None and path.exists() and Path(given).exists() and path.samefile(given):
        raise ConfigError(f"input and output are the same file, '{path}', and its prompts would be lost.")
    if path.parent.exists() and not path.parent.is_dir():
        raise UnusablePathError(str(path.parent), os.strerror(errno.ENOTDIR))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise UnusablePathError(str(path.parent), os.strerror(errno.EACCES))


def _answers(
    config: GenerateCommand, model: Checkpoint | Prompting, requests: Sequence[GenerationRequest]
) -> list[Generation]:
    description = "answers" if len(requests) > 1 else None
    if not isinstance(model, Checkpoint):
        return make_backend(config.backend, config.generation, Path(config.checkpoint)).generate(requests, description)
    generator = Generator(model, config.generation)
    if config.choosing.num_headers > 1:
        return [choice.generation for choice in choose(generator, requests, config.choosing, description=description)]
    if config.guidance.is_on:
        if not any(len(request.fixed) for request in requests):
            raise LeverError(
                "Guidance pushes towards markers that are fixed, and none is. Set one: levers.lang=French."
            )
        return generate_guided(generator, requests, config.guidance, description)
    return generator.generate(requests, description)


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


def _requests(config: GenerateCommand, model: Checkpoint | Prompting) -> list[GenerationRequest]:
    """What is asked, with the levers of the command under those of each row.

    Raises:
        TaxonomyError, LeverError: levers that are impossible; those of a row name file and line.
    """
    taxonomy, style = model.levers.taxonomy, model.levers.style
    levers = LeverSet.of(taxonomy, config.levers)
    lengths = LengthCalibration.read(Path(config.checkpoint))
    if config.input is None:
        assert config.prompt is not None
        _check_has_levers(model, levers, config.checkpoint)
        return [levers.request((Message("user", config.prompt),), taxonomy, style, lengths)]
    found: list[GenerationRequest] = []
    for line, prompt, own in _rows(Path(config.input)):
        try:
            both = LeverSet.of(taxonomy, own).over(levers, taxonomy)
            _check_has_levers(model, both, config.checkpoint)
            found.append(both.request((Message("user", prompt),), taxonomy, style, lengths))
        except (TaxonomyError, LeverError) as error:
            raise DataError(str(error), config.input, line) from error
    if not found:
        raise DataError("The file holds no prompt.", config.input)
    return found


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
        if unknown := sorted(set(row) & {"markers", "fix", "force"}):
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
