"""A bare loop as a contender: the same micro-batches, loss and optimizer as ours, without Lightning."""

import json
import sys

import torch

from bench.contender_ours import batch_config, batches, build_model, count
from bench.gate import Gate
from treasure.cli.console import quiet_libraries
from treasure.model.config import OptimizerConfig, SchedulerConfig
from treasure.model.loss import token_losses
from treasure.model.optimizer import make_optimizer, make_scheduler


def main() -> None:
    """Trains in rounds; the specification comes as JSON."""
    gate, spec = Gate(), json.loads(sys.argv[1])
    quiet_libraries()
    warmup, size, rounds = spec["warmup_steps"], spec["round_steps"], spec["num_rounds"]
    num_steps = warmup + size * rounds + 1
    dataset, each = batches(spec, num_steps), batch_config(spec).num_micro_batches
    ends = [warmup + size * number for number in range(rounds + 1)]
    counts = {end: count(dataset, range((end - size) * each, end * each)) for end in ends[1:]}
    model = build_model(spec)
    model.set_attn_implementation(spec["attention"])
    if spec["compile"]:
        model.base_model.forward = torch.compile(model.base_model.forward, dynamic=True)
    mixed = spec["precision"] == "bf16-mixed"
    config = OptimizerConfig(learning_rate=1e-3)
    optimizer = make_optimizer(model, config)
    scheduler = make_scheduler(optimizer, SchedulerConfig(), num_steps)
    model.train()
    for step in range(num_steps):
        optimizer.zero_grad()
        for index in range(step * each, (step + 1) * each):
            batch = dataset[index]
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
                loss = token_losses(model, batch).weighted_sum / batch.global_weight
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
        optimizer.step()
        scheduler.step()
        if step + 1 in ends:
            tokens, predicted = counts.get(step + 1, (0, 0))
            examples = spec["global_batch_size"] * size if counts.get(step + 1) else 0
            gate.pause(num_tokens=tokens, num_predicted=predicted, num_examples=examples)


if __name__ == "__main__":
    main()
