"""Share of the roofline: the matrix products of a training step alone, against the step that has to do them."""

from typing import Any

from bench import corpora
from bench.contest import Score, contest
from bench.options import Options
from bench.settings import GLOBAL_BATCH_SIZE, matmul, ours
from bench.setup import corpus_folder
from bench.shapes import SHAPES, products


def measure(options: Options) -> dict[str, Any]:
    """Shape -> FLOP/s of the training step and of its products alone, in turn."""
    return {name: _of_shape(name, options) for name in options.shapes if SHAPES[name].goal is not None}


def _of_shape(name: str, options: Options) -> dict[str, Any]:
    shape = SHAPES[name]
    vocab_size = len(corpora.load(corpus_folder(shape.corpus, options), shape.mode).tokenizer)
    probe = contest({"probe": ours(name, options, compile=False)}, 1)["probe"].rounds[0]
    tokens = round(probe.num_tokens / probe.num_examples * GLOBAL_BATCH_SIZE)
    predicted = round(probe.num_predicted / probe.num_examples * GLOBAL_BATCH_SIZE)
    found = contest(
        {
            "step": ours(name, options),
            "step, not compiled": ours(name, options, compile=False),
            "products": matmul(name, options, num_tokens=tokens, num_predicted=predicted, vocab_size=vocab_size),
        },
        options.num_rounds,
    )
    flops_per_token = 3 * sum(p.flops for p in products(shape.model, tokens, predicted, vocab_size)) / tokens
    top = _median_rate(found["products"]) * 1e6
    steps = {key: _median_rate(score) * flops_per_token for key, score in found.items() if key != "products"}
    return {
        "peak_gflops": top / 1e9,
        "peak_gflops_rounds": [done.num_tokens / done.seconds / 1e3 for done in found["products"].rounds],
        "step_gflops": {key: rate / 1e9 for key, rate in steps.items()},
        "share": {key: rate / top for key, rate in steps.items()},
        "goal": shape.goal,
    }


def _median_rate(score: Score) -> float:
    return score.to_dict()["tokens_per_s"]
