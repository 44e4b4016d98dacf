"""The matmul peak at a model's own shapes as a contender: its matrix products alone, forward and backward."""

import json
import sys
from typing import Any

import torch

from bench.gate import Gate
from bench.shapes import Product, products, shape_of


def main() -> None:
    """Multiplies in rounds; the specification comes as JSON. What a round reports as tokens is FLOPs / 1e6."""
    gate, spec = Gate(), json.loads(sys.argv[1])
    found = products(shape_of(spec["shape"]).model, spec["num_tokens"], spec["num_predicted"], spec["vocab_size"])
    device = spec.get("device", "cpu")
    dtype = getattr(torch, spec["dtype"])
    works = [_Work(product, dtype, device) for product in found]
    flops = 3 * sum(product.flops for product in found) * spec["repeats"]
    _multiply(works, 1, device)
    gate.pause()
    for _ in range(spec["num_rounds"]):
        _multiply(works, spec["repeats"], device)
        gate.pause(num_tokens=round(flops / 1e6), num_predicted=0, num_examples=1)


class _Work:
    """One product of the forward pass with the two of its backward pass."""

    def __init__(self, product: Product, dtype: torch.dtype, device: str) -> None:
        rows, inner, columns = product.rows, product.inner, product.columns
        self.count = product.count
        self.inputs = torch.randn(rows, inner, device=device, dtype=dtype)
        self.weights = torch.randn(columns, inner, device=device, dtype=dtype)  # as nn.Linear keeps them
        self.gradients = torch.randn(rows, columns, device=device, dtype=dtype)

    def run(self) -> Any:
        """Forward, gradient of the inputs, gradient of the weights."""
        outputs = self.inputs @ self.weights.T
        return outputs, self.gradients @ self.weights, self.gradients.T @ self.inputs


def _multiply(works: list[_Work], repeats: int, device: str) -> None:
    for _ in range(repeats):
        for work in works:
            for _ in range(work.count):
                work.run()
    if device != "cpu":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
