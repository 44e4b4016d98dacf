"""The job of `treasure-generate`: a trained model answers one prompt or a file of prompts, with levers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from treasure.cli.console import console, quiet_libraries, say
from treasure.config.schema import GenerateCommand
from treasure.data.example import Message
from treasure.errors import DataError, TaxonomyError
from treasure.inference.generate import Generator
from treasure.inference.request import Generation, GenerationRequest
from treasure.jsonl import read_jsonl, write_jsonl
from treasure.markers.marker_set import MarkerSet
from treasure.model.checkpoint import load_checkpoint
from treasure.plurals import plural
from treasure.taxonomy.taxonomy import Taxonomy


def run(config: GenerateCommand) -> None:
    """Prints or writes each answer with the markers that the model wrote before it."""
    quiet_libraries()
    checkpoint = load_checkpoint(Path(config.checkpoint))
    if checkpoint.surface is None and (config.fix or config.force):
        raise TaxonomyError(f"The model in '{config.checkpoint}' was trained without markers, so it has no levers.")
    forced = MarkerSet.of(checkpoint.taxonomy, config.force)
    in_prompt = config.force if checkpoint.style.in_prompt else {}
    requests = [
        GenerationRequest(
            (Message("user", prompt),),
            fixed=MarkerSet.of(checkpoint.taxonomy, {**config.fix, **levers, **in_prompt}),
            forced=forced,
        )
        for prompt, levers in _prompts(config, checkpoint.taxonomy)
    ]
    answers = Generator(checkpoint, config.generation).generate(requests, description="answers")
    rows = [_row(request, answer) for request, answer in zip(requests, answers, strict=True)]
    if config.output is not None:
        say(f"{plural(write_jsonl(Path(config.output), rows), 'answer')}: {config.output}")
        return
    for row in rows:
        console.print_json(data=row)


def _prompts(config: GenerateCommand, taxonomy: Taxonomy) -> list[tuple[str, Mapping[str, Any]]]:
    """(prompt, levers of this prompt) for each one asked for.

    Raises:
        DataError: a row without a prompt, or with markers that the taxonomy does not have.
    """
    if config.input is None:
        assert config.prompt is not None
        return [(config.prompt, {})]
    found: list[tuple[str, Mapping[str, Any]]] = []
    for line, row in read_jsonl(Path(config.input)):
        prompt, levers = row.get("prompt"), row.get("markers", {})
        if not isinstance(prompt, str) or not isinstance(levers, dict):
            raise DataError(
                "Expected {'prompt': text} and optionally 'markers': {category: value}.", config.input, line
            )
        try:
            MarkerSet.of(taxonomy, levers)
        except TaxonomyError as error:
            raise DataError(str(error), config.input, line) from error
        found.append((prompt, levers))
    if not found:
        raise DataError("The file holds no prompt.", config.input)
    return found


def _row(request: GenerationRequest, answer: Generation) -> dict[str, Any]:
    return {
        "prompt": request.messages[-1].content,
        "fixed": request.fixed.to_dict(),
        "markers": answer.markers.to_dict(),
        "content": answer.content,
        "problems": list(answer.problems),
        "finished": answer.finished,
    }
