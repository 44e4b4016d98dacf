"""The job of `treasure-render`: prints training examples as the model sees them, coloured by kind of token."""

from itertools import islice

from rich.table import Table
from rich.text import Text

from treasure.cli.console import console, quiet_libraries
from treasure.cli.jobs.inputs import load_inputs, prepared_from
from treasure.config.schema import RenderCommand
from treasure.data.example import MarkedExample
from treasure.data.spans import Span, count_by_kind, marker_tax, spans
from treasure.data.template import SegmentKind
from treasure.data.tokenize import compose
from treasure.errors import ConfigError
from treasure.markers.config import MarkerMode
from treasure.markers.written import written_markers
from treasure.model.checkpoint import Checkpoint
from treasure.printable import printable

STYLES = {
    SegmentKind.PROMPT: ("prompt", "cyan"),
    SegmentKind.PROMPT_HEADER: ("prompt header", "yellow"),
    SegmentKind.HEADER: ("header", "magenta"),
    SegmentKind.CONTENT: ("content", "green"),
}


def run(config: RenderCommand) -> None:
    """Prints `count` examples from number `example` on, with the dropout of `epoch`, at the rates of the first step.

    Raises:
        ConfigError: there is no such example.
    """
    quiet_libraries()
    inputs = load_inputs(config)
    shown = list(islice(inputs.corpus.train, config.example, config.example + config.count))
    if not shown:
        size = sum(1 for _ in inputs.corpus.train)
        raise ConfigError(f"example={config.example}, but the corpus has {size} examples, counted from 0.")
    prepared = prepared_from(config, inputs)
    for marked in shown:
        _show(marked, _spans(marked, config, prepared.checkpoint))


def _spans(marked: MarkedExample, config: RenderCommand, checkpoint: Checkpoint) -> list[Span]:
    (tokenized,) = checkpoint.encoder.encode([marked])
    kept, places = (), ()
    if config.markers.mode is not MarkerMode.NONE:
        kept, places = written_markers(
            [category for category, _ in tokenized.marker_ids],
            checkpoint.style,
            config.markers.dropout,
            seed=config.seed,
            epoch=config.epoch,
            example_id=marked.example.id,
        )
    ids, kinds = compose(tokenized, prompt_markers=kept, completion_header=bool(places), header_order=places)
    return spans(ids, kinds, checkpoint.tokenizer)


def _show(marked: MarkedExample, found: list[Span]) -> None:
    console.rule(f"example {marked.example.id} · {marked.example.dataset}", align="left")
    text = Text()
    for span in found:
        style = STYLES[span.kind][1] + (" bold" if span.is_learned else "")
        text.append(printable(span.text), style=style)
    console.print(text, soft_wrap=True)
    counts = count_by_kind(found)
    table = Table("kind", "tokens", "in the loss")
    for kind, (name, style) in STYLES.items():
        learned = kind in (SegmentKind.HEADER, SegmentKind.CONTENT)
        table.add_row(Text(name, style=style), str(counts.get(kind, 0)), "yes" if learned else "no")
    table.add_row("all", str(sum(counts.values())), f"marker tax ×{marker_tax(found):.2f}")
    console.print(table)
