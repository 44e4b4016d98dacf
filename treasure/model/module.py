"""`MarkerLM`: the LightningModule that learns headers and content."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from transformers import PreTrainedModel

from treasure.data.layout import Batch
from treasure.data.slots import num_slots
from treasure.errors import TrainingError
from treasure.model.config import OptimizerConfig, SchedulerConfig
from treasure.model.loss import TokenLosses, token_losses
from treasure.model.metrics import step_metrics
from treasure.model.optimizer import make_optimizer, make_scheduler
from treasure.model.probe import has_bare_head
from treasure.model.sharding import cut


class MarkerLM(pl.LightningModule):
    """Trains a causal language model on micro-batches whose losses add up to that of their global batch.

    Each micro-batch carries the loss weight of its whole global batch, so that one optimizer step does not depend on
    how the batch was cut. A logged row is of one optimizer step: `loss`, what treasure/model/metrics.py tells apart by
    kind of token, `tokens_per_s` (without padding) and `learning_rate`. `categories` are those that the slots of a
    batch are numbered by.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        optimizer: OptimizerConfig,
        scheduler: SchedulerConfig,
        num_steps: int,
        categories: Sequence[str] = (),
        compile_loss: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.num_steps = num_steps
        self._optimizer_config, self._scheduler_config = optimizer, scheduler
        self._categories, self._compile_loss = tuple(categories), compile_loss
        self._bare_head: bool | None = None
        self._loss: Tensor | None = None
        self._by_slot: Tensor | None = None
        self._num_tokens = self._num_positions = 0
        self._step_started = time.perf_counter()
        self.num_tokens_seen = 0
        self.num_positions_seen = 0
        """Tokens and padding."""
        self.logged: dict[str, float] = {}
        """The newest row; empty before the first."""

    def configure_model(self) -> None:
        """Cuts the model over the processes where Lightning's strategy has laid out a mesh of them."""
        if self.device_mesh is not None:
            mesh, bfloat16 = self.device_mesh["data_parallel"], self.trainer.precision == "bf16-mixed"
            cut(self, self.model, mesh, bfloat16=bfloat16)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Moves the tensors alone; Lightning would copy the dataclass field by field, which takes milliseconds."""
        return batch.to(device)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The micro-batch's share of the global batch's mean loss, scaled for Lightning's averaging."""
        if self._bare_head is None:  # asked once, on the device and in the number format of the training
            self._bare_head = has_bare_head(self.model, batch.input_ids)
        found = token_losses(self.model, batch, bare_head=self._bare_head, compiled=self._compile_loss)
        loss = found.weighted_sum / batch.global_weight
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
        scaled = self.trainer.precision == "16-mixed"  # fused updates would take the scale back after the clipping
        optimizer = make_optimizer(self.model, self._optimizer_config, fused=not scaled)
        scheduler = make_scheduler(optimizer, self._scheduler_config, self.num_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clips the norm of all gradients together, which Lightning refuses beside fused updates in mixed precision."""
        if self._optimizer_config.gradient_clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._optimizer_config.gradient_clip)

    def counters(self) -> dict[str, float]:
        """What was counted since the first step, at the end of a step, for a run that goes on from there."""
        return {"num_tokens_seen": self.num_tokens_seen, "num_positions_seen": self.num_positions_seen}

    def load_counters(self, counters: Mapping[str, float]) -> None:
        """Goes on counting from `counters` of an earlier start."""
        self.num_tokens_seen = int(counters["num_tokens_seen"])
        self.num_positions_seen = int(counters["num_positions_seen"])

    def _add_up(self, found: TokenLosses, batch: Batch, loss: Tensor) -> None:
        by_slot, loss = found.by_slot(num_slots(len(self._categories))), loss.detach()
        self._by_slot = by_slot if self._by_slot is None else self._by_slot + by_slot
        self._loss = loss if self._loss is None else self._loss + loss
        self._num_tokens += batch.num_useful_tokens
        self._num_positions += batch.input_ids.numel()

    def _add_over_processes(self) -> None:
        """Makes the sums those of all processes together."""
        if self.trainer.world_size == 1:
            return
        counts = torch.tensor([self._num_tokens, self._num_positions], device=self.device)
        for sums in (self._loss, self._by_slot, counts):
            torch.distributed.all_reduce(sums)
        self._num_tokens, self._num_positions = counts.tolist()

    def _log_step(self) -> None:
        """Hands loggers a row where one is due and after the last step: to read sums is to wait for the device.

        Not by Lightning's `log`, which knows of no last step and costs as much at each step as at those with a row.
        """
        assert self._by_slot is not None and self._loss is not None
        self._add_over_processes()
        now = time.perf_counter()
        every: int = self.trainer.log_every_n_steps  # pyright: ignore[reportAttributeAccessIssue]  # set late by Lightning
        step = self.trainer.global_step
        if step % max(1, every) == 0 or step == self.num_steps:
            self.logged = {
                "loss": self._loss.item(),
                **step_metrics(self._by_slot.tolist(), self._categories),
                "tokens_per_s": self._num_tokens / max(1e-9, now - self._step_started),
                "learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"],
            }
            for logger in self.trainer.loggers:
                logger.log_metrics({**self.logged, "epoch": self.trainer.current_epoch}, step=step - 1)
        self.num_tokens_seen += self._num_tokens
        self.num_positions_seen += self._num_positions
        self._loss, self._by_slot, self._num_tokens, self._num_positions = None, None, 0, 0
        self._step_started = now
