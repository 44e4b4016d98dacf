"""`MarkerLM`: the LightningModule that learns headers and content."""

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from transformers import PreTrainedModel

from treasure.data.layout import Batch
from treasure.data.template import SegmentKind
from treasure.errors import TrainingError
from treasure.model.config import OptimizerConfig, SchedulerConfig
from treasure.model.loss import TokenLosses, token_losses
from treasure.model.optimizer import make_optimizer, make_scheduler


class MarkerLM(pl.LightningModule):
    """Trains a causal language model on micro-batches whose losses add up to that of their global batch.

    Each micro-batch carries the loss weight of its whole global batch, so that one optimizer step does not depend on
    how the batch was cut. Logged once an optimizer step: `loss`, `header_loss` and `content_loss` in nats a token,
    `token_accuracy` in [0, 1], `tokens_per_s` (without padding) and `learning_rate`.
    """

    def __init__(
        self, model: PreTrainedModel, optimizer: OptimizerConfig, scheduler: SchedulerConfig, num_steps: int
    ) -> None:
        super().__init__()
        self.model = model
        self.num_steps = num_steps
        self._optimizer_config, self._scheduler_config = optimizer, scheduler
        self._sums: dict[str, float] = defaultdict(float)
        self._step_started = time.perf_counter()
        self.num_tokens_seen = 0

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The micro-batch's share of the global batch's mean loss, scaled for Lightning's averaging."""
        found = token_losses(self.model, batch)
        loss = found.weighted_sum() / batch.global_weight
        if not torch.isfinite(loss):
            raise TrainingError(
                f"The loss is {loss.item()} at step {self.trainer.global_step}, so the weights are no longer usable. "
                f"Lower optimizer.learning_rate (now {self._optimizer_config.learning_rate:g}), or take "
                "trainer.precision=32-true."
            )
        self._add_up(found, batch, loss)
        return loss * self.trainer.accumulate_grad_batches * self.trainer.world_size  # both are averaged away

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Logs the sums of a global batch once its optimizer step is done."""
        if (batch_idx + 1) % self.trainer.accumulate_grad_batches == 0:
            self._log_step()

    def configure_optimizers(self) -> Any:
        """AdamW, its schedule advanced once an optimizer step."""
        mixed = "mixed" in str(self.trainer.precision)  # there Lightning clips gradients only of unfused optimizers
        optimizer = make_optimizer(self.model, self._optimizer_config, fused=not mixed)
        scheduler = make_scheduler(optimizer, self._scheduler_config, self.num_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def counters(self) -> dict[str, float]:
        """What was counted since the first step, at the end of a step, for a run that goes on from there."""
        return {"num_tokens_seen": self.num_tokens_seen}

    def load_counters(self, counters: Mapping[str, float]) -> None:
        """Goes on counting from `counters` of an earlier start."""
        self.num_tokens_seen = int(counters["num_tokens_seen"])

    def _add_up(self, found: TokenLosses, batch: Batch, loss: Tensor) -> None:
        for name, kind in (("header", SegmentKind.HEADER), ("content", SegmentKind.CONTENT)):
            total, count = found.of_kind(kind)
            self._sums[f"{name}_loss"] += float(total.detach())
            self._sums[f"{name}_tokens"] += int(count)
        self._sums["loss"] += float(loss.detach())
        self._sums["correct"] += int(found.correct.sum())
        self._sums["tokens"] += batch.num_useful_tokens

    def _over_processes(self, sums: dict[str, float]) -> dict[str, float]:
        """The sums of all processes together."""
        if self.trainer.world_size == 1:
            return sums
        names = sorted(sums)  # each process has added up the same ones
        total = torch.tensor([sums[name] for name in names], dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(total)
        return defaultdict(float, zip(names, total.tolist(), strict=True))

    def _log_step(self) -> None:
        sums, now = self._over_processes(self._sums), time.perf_counter()
        learned = sums["header_tokens"] + sums["content_tokens"]
        logged = {
            "loss": sums["loss"],
            "content_loss": sums["content_loss"] / max(1.0, sums["content_tokens"]),
            "token_accuracy": sums["correct"] / max(1.0, learned),
            "tokens_per_s": sums["tokens"] / max(1e-9, now - self._step_started),
            "learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"],
        }
        if sums["header_tokens"]:
            logged["header_loss"] = sums["header_loss"] / sums["header_tokens"]
        self.num_tokens_seen += int(sums["tokens"])
        self.log_dict(logged, on_step=True, on_epoch=False, prog_bar=False)
        self._sums, self._step_started = defaultdict(float), now
