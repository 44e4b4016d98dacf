"""What the card of a model tells of its training, taken from the options and data of the run."""

from collections.abc import Iterable
from itertools import islice

from treasure.data.config import BatchConfig
from treasure.data.example import MarkedExample
from treasure.data.template import SegmentKind
from treasure.data.tokenize import TokenizedExample, compose
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.model.card import RenderedExample, TrainingStory
from treasure.model.checkpoint import Checkpoint
from treasure.model.config import ModelConfig, OptimizerConfig, Trainable
from treasure.training.config import TrainerConfig
from treasure.training.corpus import Corpus
from treasure.training.hardware import device_type, resolve_precision
from treasure.training.prepare import Prepared

NUM_CANDIDATES = 100
"""Examples among which the one to show is chosen."""


def tell(
    prepared: Prepared,
    corpus: Corpus,
    *,
    markers: MarkersConfig,
    model: ModelConfig,
    batch: BatchConfig,
    optimizer: OptimizerConfig,
    trainer: TrainerConfig,
    datasets: Iterable[str],
    tail_threshold: float,
    seed: int,
    step: int,
) -> TrainingStory:
    """The story of a model after optimizer step `step`; `datasets` are the names of what it learned from."""
    settings = {
        "trained": _trained(model, markers),
        "optimizer steps": f"{step} of {batch.global_batch_size} examples",
        "training examples": str(len(prepared.dataset)),
        "context": f"{model.max_length} tokens",
        "optimizer": f"AdamW, peak learning rate {optimizer.learning_rate:g}, weight decay {optimizer.weight_decay:g}",
        "precision": resolve_precision(trainer.precision, device_type(trainer.accelerator)),
        "seed": str(seed),
    }
    if markers.mode is not MarkerMode.NONE:
        dropout = markers.dropout
        settings["headers"] = f"surface {markers.mode}, loss weight {batch.header_loss_weight:g} (answers: 1)"
        settings["dropout of prompt headers"] = (
            f"{dropout.dataset_dropout:.0%} of the examples, then {dropout.sample_dropout:.0%} of the markers"
        )
    return TrainingStory(
        base=model.path,
        datasets=tuple(sorted(datasets)),
        settings=settings,
        frequency=prepared.frequency,
        tail_threshold=tail_threshold,
        example=shown_example(prepared.checkpoint, corpus.train),
        tags=() if model.trainable is Trainable.FULL else (model.trainable.value,),
    )


def shown_example(checkpoint: Checkpoint, examples: Iterable[MarkedExample]) -> RenderedExample | None:
    """Among the first examples that fit the context, the one with most markers, the shortest of these; rendered."""
    candidates = list(islice(examples, NUM_CANDIDATES))
    encoded = zip(candidates, checkpoint.encoder.encode(candidates), strict=True)
    fitting = [pair for pair in encoded if pair[1].length <= checkpoint.max_length]
    if not fitting:
        return None
    marked, tokenized = max(fitting, key=lambda pair: (len(pair[1].marker_ids), -pair[1].length))
    given, written = _rendered(tokenized, checkpoint)
    return RenderedExample(messages=marked.example.messages, markers=marked.markers, given=given, written=written)


def _rendered(example: TokenizedExample, checkpoint: Checkpoint) -> tuple[str, str]:
    """What is given and what is written, decoded from the ids of training with every marker wherever there is any."""
    style, tokenizer = checkpoint.style, checkpoint.tokenizer
    markers = range(len(example.marker_ids)) if style.in_prompt else None
    ids, kinds = compose(example, prompt_markers=markers, completion_header=style.in_completion)
    learned = (kinds == SegmentKind.HEADER) | (kinds == SegmentKind.CONTENT)
    given, written = (tokenizer.decode(part.tolist()) for part in (ids[~learned], ids[learned]))
    assert isinstance(given, str) and isinstance(written, str)
    return given, written


def _trained(model: ModelConfig, markers: MarkersConfig) -> str:
    rows = " and the rows of marker tokens" if markers.mode is MarkerMode.TOKENS else ""
    if model.trainable is Trainable.FULL:
        return "all weights"
    if model.trainable is Trainable.MARKERS:
        return "the rows of marker tokens, on a frozen base"
    lora = model.lora
    layers = ", ".join(lora.target_modules) or "all linear layers but the output"
    kind = "DoRA" if lora.dora else "LoRA"
    return f"{kind} of rank {lora.rank}, alpha {lora.alpha:g}, on {layers}{rows}; merged into a frozen base"
