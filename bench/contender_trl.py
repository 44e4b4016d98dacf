"""TRL's SFTTrainer as a contender: the same model, tokens, loss tokens and optimizer, in a setting of its own."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import datasets
import transformers
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

from bench import corpora
from bench.contender_ours import batches, build_model
from bench.gate import Gate
from treasure.data.layout import PADDING


def main() -> None:
    """Trains in rounds; the specification comes as JSON."""
    gate, spec = Gate(), json.loads(sys.argv[1])
    transformers.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    model = build_model(spec)
    model.set_attn_implementation(spec["attention"])
    found = corpora.load(Path(spec["folder"]), spec["mode"])
    with tempfile.TemporaryDirectory() as folder:
        rows = _rows(spec)
        mean_length = sum(map(len, rows["input_ids"])) / len(rows)
        trainer = SFTTrainer(
            model=model,
            args=_config(spec, folder, mean_length),
            train_dataset=rows,
            processing_class=found.tokenizer,
        )
        trainer.add_callback(_Rounds(gate, spec, trainer, mean_length))
        trainer.train()


class _Rounds(TrainerCallback):
    """Waits at the gate after the warm-up and after each round."""

    def __init__(self, gate: Gate, spec: dict[str, Any], trainer: SFTTrainer, mean_length: float) -> None:
        self._gate, self._spec, self._trainer, self._mean_length = gate, spec, trainer, mean_length
        self._tokens = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Counts steps; TRL itself counts the tokens that are not padding."""
        since = state.global_step - self._spec["warmup_steps"]
        if since < 0 or since % self._spec["round_steps"]:
            return
        before, self._tokens = self._tokens, int(self._trainer._total_train_tokens)
        tokens = self._tokens - before if since else 0
        self._gate.pause(num_tokens=tokens, num_examples=tokens / self._mean_length)


def _rows(spec: dict[str, Any]) -> datasets.Dataset:
    """The ids that ours trains on, step by step, with loss on the same tokens."""
    num_steps = max(1, spec["num_rows"] // spec["global_batch_size"])
    padded = batches({**spec, "layout": "padded", "micro_batch_size": spec["global_batch_size"]}, num_steps)
    rows = []
    for index in range(num_steps):
        batch = padded[index]
        lengths = (batch.segments != PADDING).sum(dim=1).tolist()
        for ids, weights, length in zip(batch.input_ids, batch.loss_weights, lengths, strict=True):
            mask = (weights[:length] > 0).long()
            rows.append({"input_ids": ids[:length].tolist(), "completion_mask": mask.tolist()})
    return datasets.Dataset.from_list(rows)


def _config(spec: dict[str, Any], folder: str, mean_length: float) -> SFTConfig:
    """The setting; everything that only costs time is off, gradient checkpointing first of all.

    A step has as many examples as ours, and packed rows as many as hold that many examples of average length.
    """
    per_step = spec["global_batch_size"]
    if spec["packing"]:
        per_step = max(1, round(per_step * mean_length / spec["row_length"]))
    micro = min(spec["micro_batch_size"], per_step)
    return SFTConfig(
        output_dir=folder,
        max_steps=spec["warmup_steps"] + spec["round_steps"] * spec["num_rounds"],
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=per_step // micro,
        train_sampling_strategy=spec["sampling"],
        packing=spec["packing"],
        max_length=spec["row_length"],
        completion_only_loss=True,
        bf16=spec["precision"] == "bf16-mixed",
        use_cpu=spec.get("accelerator", "cpu") == "cpu",
        torch_compile=spec["compile"],
        gradient_checkpointing=False,
        optim="adamw_torch_fused",
        learning_rate=1e-3,
        adam_beta2=0.95,
        weight_decay=0.01,
        max_grad_norm=1.0,
        lr_scheduler_type="cosine",
        warmup_steps=10,
        dataloader_num_workers=spec["num_workers"],
        save_strategy="no",
        logging_steps=10,
        report_to=[],
        disable_tqdm=True,
        seed=0,
    )


if __name__ == "__main__":
    main()
