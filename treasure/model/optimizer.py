"""AdamW with a warm-up and a cosine that ends at a floor."""

import math

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from treasure.model.adapters import MARKER_ROWS
from treasure.model.config import OptimizerConfig, SchedulerConfig


def make_optimizer(model: nn.Module, config: OptimizerConfig, *, fused: bool = True) -> torch.optim.AdamW:
    """AdamW over the trainable parameters; only matrices outside embeddings are decayed, never rows of markers."""
    embeddings = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    embeddings |= {id(p) for name, p in model.named_parameters() if MARKER_ROWS in name}
    trainable = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in trainable if p.ndim >= 2 and id(p) not in embeddings]
    rest = [p for p in trainable if p.ndim < 2 or id(p) in embeddings]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        fused=fused,
    )


def learning_rate_factor(step: int, num_steps: int, config: SchedulerConfig) -> float:
    """The share of the peak learning rate that optimizer step `step` (from 0) uses, in [0, 1]."""
    if step < config.warmup_steps:
        return (step + 1) / (config.warmup_steps + 1)
    done = (step - config.warmup_steps) / max(1, num_steps - 1 - config.warmup_steps)
    return config.floor + (1 - config.floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def make_scheduler(optimizer: torch.optim.Optimizer, config: SchedulerConfig, num_steps: int) -> LambdaLR:
    """The schedule over `num_steps` optimizer steps, to be advanced once a step."""
    return LambdaLR(optimizer, lambda step: learning_rate_factor(step, num_steps, config))
