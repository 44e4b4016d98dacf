"""Training on a GPU in bfloat16 against TRL, and the share of the GPU's matmul peak (MFU), at two Llama shapes."""

from typing import Any

import torch

from bench import corpora
from bench.contest import contest, say
from bench.options import Options
from bench.settings import GLOBAL_BATCH_SIZE, OURS, TRL, TRL_SETTINGS, matmul
from bench.setup import corpus_folder, why_not
from bench.shapes import GPU_SHAPES, products

TRIED = ("padded", "padded + compile", "packed")


def measure(options: Options) -> dict[str, Any]:
    """Shape -> scores of ours and of TRL, and both as shares of the matmul peak; a reason where there is no GPU."""
    if not torch.cuda.is_available():
        return {"skipped": "no CUDA device"}
    reason = why_not("alpaca", options)
    if reason:
        return {"skipped": reason}
    return {name: _of_shape(name, options) for name in GPU_SHAPES}


def _of_shape(name: str, options: Options) -> dict[str, Any]:
    say(f"GPU: {name}")
    folder = corpus_folder("alpaca", options)
    own = {
        "shape": name,
        "folder": str(folder),
        "mode": "none",
        "global_batch_size": GLOBAL_BATCH_SIZE,
        "accelerator": "cuda",
        **options.steps(name),
        "layout": "packed",
        "micro_batch_size": GLOBAL_BATCH_SIZE,
        "precision": "bf16-mixed",
        "attention": "sdpa",
        "compile": False,
    }
    contenders = {"ours": (OURS, own), "ours, compiled": (OURS, {**own, "compile": True})}
    for kind in TRIED:
        setting = {**TRL_SETTINGS[kind]["bf16" if kind != "packed" else "bf16, rows of 512 one at a time"]}
        if kind == "packed":
            setting["micro_batch_size"] = GLOBAL_BATCH_SIZE
        contenders[f"TRL {kind}"] = (TRL, {**own, "num_rows": 4000, **setting})
    tokens, predicted, vocab_size = _step(folder)
    contenders["products"] = matmul(
        name, options, num_tokens=tokens, num_predicted=predicted, vocab_size=vocab_size, device="cuda"
    )
    found = {key: score.to_dict() for key, score in contest(contenders, options.num_rounds).items()}
    top = found.pop("products")["tokens_per_s"] * 1e6
    flops = 3 * sum(product.flops for product in products(GPU_SHAPES[name].model, tokens, predicted, vocab_size))
    for score in found.values():
        score["share"] = score["tokens_per_s"] * flops / tokens / top
    return {"scores": found, "peak_tflops": top / 1e12}


def _step(folder: Any) -> tuple[int, int, int]:
    """(useful tokens, tokens with loss, vocabulary) of an average optimizer step."""
    found = corpora.load(folder)
    examples = [found.dataset[index] for index in range(min(1000, len(found.dataset)))]
    content = sum(len(example.content_ids) for example in examples)
    tokens = content + sum(len(example.prompt_ids) + len(example.bridge_ids) for example in examples)
    share = GLOBAL_BATCH_SIZE / len(examples)
    return round(tokens * share), round(content * share), len(found.tokenizer)
