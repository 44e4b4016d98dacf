"""Losses of 20 steps of tiny models, as they came out when last recorded; `make golden` records them anew."""

import csv
import json
import tempfile
from pathlib import Path

import tiny

from treasure.data.config import BatchConfig
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig
from treasure.model.config import OptimizerConfig, SchedulerConfig
from treasure.training.config import CallbacksConfig, LoggerConfig, TrainerConfig, WandbMode
from treasure.training.fit import fit
from treasure.training.loggers import make_loggers

FOLDER = Path(__file__).parents[1] / "golden"
MODES = {"baseline": MarkerMode.NONE, "tokens": MarkerMode.TOKENS, "text": MarkerMode.TEXT}
NUM_STEPS = 20
COLUMNS = ("loss", "content_loss", "header_loss")


def losses(name: str) -> dict[str, list[float]]:
    """Column of metrics.csv -> its value at each step, in float32 on the CPU; Baseline has no header loss."""
    found, mode = tiny.checkpoint(MODES[name]), MODES[name]
    batch = BatchConfig(global_batch_size=8, micro_batch_size=8)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        dropout = None if mode is MarkerMode.NONE else DropoutConfig()
        fit(
            found.model,
            tiny.batches(found, folder / "cache", config=batch, num_steps=NUM_STEPS, dropout=dropout),
            NUM_STEPS,
            batch=batch,
            optimizer=OptimizerConfig(learning_rate=3e-3),
            scheduler=SchedulerConfig(warmup_steps=2, floor=0.1),
            trainer=TrainerConfig(accelerator="cpu", precision="32-true"),
            callbacks=CallbacksConfig(progress=False, log_every=1),
            seed=0,
            loggers=make_loggers(LoggerConfig(wandb=WandbMode.DISABLED), folder, name="r", group="g", settings={}),
            keep_snapshot=lambda step: None,
        )
        with (folder / "metrics" / "metrics.csv").open() as file:
            rows = list(csv.DictReader(file))
    return {column: [round(float(row[column]), 6) for row in rows] for column in COLUMNS if column in rows[0]}


def main() -> None:
    """Writes the files that the test reads."""
    FOLDER.mkdir(exist_ok=True)
    for name in MODES:
        (FOLDER / f"{name}.json").write_text(json.dumps(losses(name), indent=1) + "\n", encoding="utf-8")
        print(f"recorded {FOLDER / name}.json")


if __name__ == "__main__":
    main()
