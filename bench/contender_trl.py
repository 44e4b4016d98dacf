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
from bench.contender_ours import build_model
from bench.gate import Gate
from treasure.data.batches import GlobalBatchPlan
from treasure.data.template import SegmentKind
from treasure.data.tokenize import compose


def main() -> None:
    """Trains in rounds; the specification comes as JSON."""
    gate, spec = Gate(), json.loads(sys.argv[1])
    transformers.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    model = build_model(spec)
    model.set_attn_implementation(spec["attention"])
    found = corpora.load(Path(spec["folder"]))
    with tempfile.TemporaryDirectory() as folder:
        rows = _rows(found, spec)
        mean_length = sum(map(len, rows["input_ids"])) / len(rows)
        trainer = SFTTrainer(
            model=model,
            args=_config(spec, folder),
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


def _rows(found: corpora.Tokenized, spec: dict[str, Any]) -> datasets.Dataset:
    """The ids that ours trains on, in the order of its first epoch, with loss on the same tokens."""
    num_examples = min(len(found.dataset), spec["num_rows"])
    plan = GlobalBatchPlan(len(found.dataset), num_examples, seed=0)
    rows = []
    for _, index in plan.examples(0):
        ids, kinds = compose(found.dataset[index], prompt_markers=None, completion_header=False)
        mask = (kinds == SegmentKind.CONTENT).astype(int)
        rows.append({"input_ids": ids.tolist(), "completion_mask": mask.tolist()})
    return datasets.Dataset.from_list(rows)


def _config(spec: dict[str, Any], folder: str) -> SFTConfig:
    """The setting; everything that only costs time is off, gradient checkpointing first of all."""
    micro = spec["micro_batch_size"]
    return SFTConfig(
        output_dir=folder,
        max_steps=spec["warmup_steps"] + spec["round_steps"] * spec["num_rounds"],
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=max(1, spec["rows_per_step"] // micro),
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
