"""The job of `treasure-generate`: a trained model answers one prompt or a file of prompts, with levers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from treasure.cli.answer_page import answer_page
from treasure.cli.console import console, quiet_libraries, say
from treasure.config.schema import GenerateCommand
from treasure.data.example import Message
from treasure.errors import DataError, LeverError, TaxonomyError
from treasure.inference.generate import Generator
from treasure.inference.levers import ChoosesNumbers, LeverSet
from treasure.inference.request import Generation, GenerationRequest
from treasure.jsonl import read_jsonl, write_jsonl
from treasure.model.checkpoint import Checkpoint, load_checkpoint
from treasure.plurals import plural


def run(config: GenerateCommand) -> None:
    """Shows one answer as a page, or writes many with the markers that the model wrote before them."""
    quiet_libraries()
    checkpoint = load_checkpoint(Path(config.checkpoint))
    requests = _requests(config, checkpoint, None)
    description = "answers" if len(requests) > 1 else None
    answers = Generator(checkpoint, config.generation).generate(requests, description=description)
    if config.output is None and config.input is None:
        console.print(answer_page(requests[0], answers[0]))
        return
    rows = [_row(request, answer) for request, answer in zip(requests, answers, strict=True)]
    if config.output is not None:
        say(f"{plural(write_jsonl(Path(config.output), rows), 'answer')}: {config.output}")
        return
    for row in rows:
        console.print_json(data=row)


def _requests(
    config: GenerateCommand, checkpoint: Checkpoint, lengths: ChoosesNumbers | None
) -> list[GenerationRequest]:
    """What is asked, with the levers of the command under those of each row.

    Raises:
        TaxonomyError, LeverError: levers that are impossible; those of a row name file and line.
    """
    taxonomy, style = checkpoint.taxonomy, checkpoint.style
    levers = LeverSet.of(taxonomy, config.levers)
    if config.input is None:
        assert config.prompt is not None
        _check_has_levers(checkpoint, levers, config.checkpoint)
        return [levers.request((Message("user", config.prompt),), taxonomy, style, lengths)]
    found: list[GenerationRequest] = []
    for line, prompt, own in _rows(Path(config.input)):
        try:
            both = LeverSet.of(taxonomy, own).over(levers, taxonomy)
            _check_has_levers(checkpoint, both, config.checkpoint)
            found.append(both.request((Message("user", prompt),), taxonomy, style, lengths))
        except (TaxonomyError, LeverError) as error:
            raise DataError(str(error), config.input, line) from error
    if not found:
        raise DataError("The file holds no prompt.", config.input)
    return found


def _check_has_levers(checkpoint: Checkpoint, levers: LeverSet, folder: str) -> None:
    if checkpoint.surface is None and levers.levers:
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
