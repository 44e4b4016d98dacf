"""Our training as a contender: `treasure.training.fit.fit`, as `treasure-train` calls it."""

import json
import sys
from pathlib import Path
from typing import Any

from bench import corpora
from bench.gate import Gate
from bench.shapes import shape_of
from treasure.cli.console import quiet_libraries
from treasure.data.batches import MicroBatchDataset
from treasure.data.config import BatchConfig, Layout
from treasure.markers.dropout import DropoutConfig
from treasure.model.causal_lm import build_tiny
from treasure.model.config import OptimizerConfig, SchedulerConfig
from treasure.model.tokenizer import pad_id
from treasure.training.config import CallbacksConfig, TrainerConfig
from treasure.training.fit import fit


def main() -> None:
    """Trains in rounds; the specification comes as JSON."""
    gate, spec = Gate(), json.loads(sys.argv[1])
    quiet_libraries()
    run(gate, spec)


def run(gate: Gate, spec: dict[str, Any]) -> None:
    """One run of `fit` with a copy of nothing kept at the end of each round: that is where it waits."""
    warmup, size, rounds = spec["warmup_steps"], spec["round_steps"], spec["num_rounds"]
    num_steps = warmup + size * rounds + 1  # the last step of a run is never kept
    dataset = batches(spec, num_steps)
    ends = [warmup + size * number for number in range(rounds + 1)]
    each = batch_config(spec).num_micro_batches
    counts = {end: count(dataset, range((end - size) * each, end * each)) for end in ends[1:]}

    def keep(step: int) -> None:
        tokens, predicted = counts.get(step, (0, 0))
        examples = spec["global_batch_size"] * size if step > warmup else 0
        gate.pause(num_tokens=tokens, num_predicted=predicted, num_examples=examples)

    model = build_model(spec)
    fit(
        model,
        dataset,
        num_steps,
        batch=batch_config(spec),
        optimizer=OptimizerConfig(learning_rate=1e-3),
        scheduler=SchedulerConfig(),
        trainer=TrainerConfig(
            max_steps=num_steps,
            accelerator=spec.get("accelerator", "cpu"),
            precision=spec["precision"],
            snapshots=[end / num_steps for end in ends],
        ),
        callbacks=CallbacksConfig(progress=False, log_every=10),
        seed=0,
        loggers=[],
        keep_snapshot=keep,
        attention=spec["attention"],
        compile_model=spec["compile"],
    )


def batch_config(spec: dict[str, Any]) -> BatchConfig:
    """Layout and sizes of a step."""
    return BatchConfig(
        global_batch_size=spec["global_batch_size"],
        micro_batch_size=spec["micro_batch_size"],
        layout=Layout(spec["layout"]),
    )


def batches(spec: dict[str, Any], num_steps: int) -> MicroBatchDataset:
    """The micro-batches of a run; headers are written in the modes text and tokens."""
    mode = spec["mode"]
    found = corpora.load(Path(spec["folder"]), mode)
    return MicroBatchDataset(
        found.dataset,
        batch_config(spec),
        num_steps=num_steps,
        seed=0,
        pad_id=pad_id(found.tokenizer),
        dropout=None if mode == "none" else DropoutConfig(),
    )


def build_model(spec: dict[str, Any]) -> Any:
    """The untrained model, the same for all contenders of a shape."""
    found = corpora.load(Path(spec["folder"]), spec["mode"])
    shape = shape_of(spec["shape"])
    return build_tiny(shape.model, found.tokenizer, corpora.MAX_LENGTH[shape.corpus], seed=0)


def count(dataset: MicroBatchDataset, micro_batches: range) -> tuple[int, int]:
    """(useful tokens, tokens with loss) of the given micro-batches."""
    found = [dataset[index] for index in micro_batches]
    return sum(batch.num_useful_tokens for batch in found), sum(len(batch.predicted) for batch in found)


if __name__ == "__main__":
    main()
