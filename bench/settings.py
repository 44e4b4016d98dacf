"""The settings in which ours and TRL are measured."""

from typing import Any

from bench.options import Options
from bench.setup import corpus_folder
from bench.shapes import SHAPES

OURS, TRL, BARE = "bench.contender_ours", "bench.contender_trl", "bench.contender_bare"
MATMUL = "bench.contender_matmul"
GLOBAL_BATCH_SIZE = 32

OURS_BEST = {
    "layout": "packed",
    "micro_batch_size": 32,
    "precision": "bf16-mixed",
    "attention": "eager",
    "compile": True,
}
"""What `treasure-train batch=world model.compile=true trainer.precision=auto` gives on a CPU with bfloat16."""

ABLATION: dict[str, dict[str, Any]] = {
    "packed, bf16, compiled": {},
    "packed, bf16": {"compile": False},
    "packed, fp32": {"compile": False, "precision": "32-true"},
    "padded, bf16": {"compile": False, "layout": "padded", "micro_batch_size": 8},
    "padded, fp32": {"compile": False, "layout": "padded", "micro_batch_size": 8, "precision": "32-true"},
    "packed, bf16, fused attention": {"compile": False, "attention": "sdpa"},
    "packed, bf16, micro-batches of 16": {"compile": False, "micro_batch_size": 16},
    "packed, bf16, micro-batches of 8": {"compile": False, "micro_batch_size": 8},
}
"""One thing changed at a time."""

_PADDED = {
    "packing": False,
    "row_length": 1024,
    "micro_batch_size": 32,
    "sampling": "random",
    "precision": "32-true",
    "attention": "sdpa",
    "compile": False,
    "num_workers": 0,
}
_SORTED = {"sampling": "batch_rebalance", "micro_batch_size": 8}
_BF16 = {"precision": "bf16-mixed"}
_PACKED = {**_PADDED, "packing": True, "row_length": 512, "micro_batch_size": 1}

TRL_SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "padded": {
        "fp32": _PADDED,
        "bf16": {**_PADDED, **_BF16},
        "fp32, eager attention": {**_PADDED, "attention": "eager"},
        "bf16, eager attention": {**_PADDED, **_BF16, "attention": "eager"},
        "bf16, eager attention, rows of similar length": {**_PADDED, **_BF16, **_SORTED, "attention": "eager"},
        "fp32, rows of similar length": {**_PADDED, **_SORTED},
        "bf16, eager attention, grouped by length": {
            **_PADDED, **_BF16, "attention": "eager", "sampling": "group_by_length"
        },
        "bf16, eager attention, one loading process": {**_PADDED, **_BF16, "attention": "eager", "num_workers": 1},
    },
    "padded + compile": {
        "fp32": {**_PADDED, "compile": True},
        "bf16": {**_PADDED, **_BF16, "compile": True},
        "bf16, eager attention": {**_PADDED, **_BF16, "attention": "eager", "compile": True},
        "bf16, eager attention, rows of similar length": {
            **_PADDED, **_BF16, **_SORTED, "attention": "eager", "compile": True
        },
        "bf16, eager attention, grouped by length": {
            **_PADDED, **_BF16, "attention": "eager", "sampling": "group_by_length", "compile": True
        },
    },
    "packed": {
        "fp32, rows of 512 one at a time": _PACKED,
        "bf16, rows of 512 one at a time": {**_PACKED, **_BF16},
        "bf16, eager attention, rows of 512 one at a time": {**_PACKED, **_BF16, "attention": "eager"},
        "bf16, one flat row": {**_PACKED, **_BF16, "micro_batch_size": GLOBAL_BATCH_SIZE},
    },
}  # fmt: skip
"""Kind -> name -> setting: what TRL offers on a CPU; the best of each kind goes into the contest."""

QUICK = ("bf16, eager attention", "bf16, rows of 512 one at a time")
"""The names that `--quick` tries, one of each kind."""


def shared(shape: str, options: Options) -> dict[str, Any]:
    """The part of a specification that all contenders of a shape have in common."""
    return {
        "shape": shape,
        "folder": str(corpus_folder(SHAPES[shape].corpus, options)),
        "mode": SHAPES[shape].mode,
        "global_batch_size": GLOBAL_BATCH_SIZE,
        **options.steps(shape),
    }


def ours(shape: str, options: Options, **changes: Any) -> tuple[str, dict[str, Any]]:
    """Our training in its best setting, with changes."""
    return OURS, {**shared(shape, options), **OURS_BEST, **changes}


def trl(shape: str, options: Options, setting: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """TRL in a setting."""
    return TRL, {**shared(shape, options), "num_rows": 8000, **setting}


def matmul(
    shape: str, options: Options, *, num_tokens: int, num_predicted: int, vocab_size: int, device: str = "cpu"
) -> tuple[str, dict[str, Any]]:
    """The matrix products alone of a step with so many useful tokens, of which so many have loss."""
    return MATMUL, {
        "shape": shape,
        "num_tokens": num_tokens,
        "num_predicted": num_predicted,
        "vocab_size": vocab_size,
        "dtype": "bfloat16",
        "device": device,
        "repeats": options.steps(shape)["round_steps"],
    }
