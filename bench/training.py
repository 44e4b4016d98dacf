"""Training throughput against TRL in its best setting, and what each choice of ours brings."""

from typing import Any

from bench.contest import ContenderError, contest, say
from bench.options import Options
from bench.settings import ABLATION, QUICK, TRL_SETTINGS, ours, trl
from bench.setup import why_not
from bench.shapes import SHAPES


def measure(options: Options) -> dict[str, Any]:
    """Shape -> scores of ours and of TRL's best of each kind; a reason instead where a corpus is missing."""
    return {shape: _of_shape(shape, options) for shape in options.shapes}


def ablation(options: Options) -> dict[str, Any]:
    """Ours at 1.5M in several settings, in one contest."""
    shape = next(iter(SHAPES))
    contenders = {name: ours(shape, options, **changes) for name, changes in ABLATION.items()}
    return {name: score.to_dict() for name, score in contest(contenders, options.num_rounds).items()}


def _of_shape(shape: str, options: Options) -> dict[str, Any]:
    reason = why_not(SHAPES[shape].corpus, options)
    if reason:
        return {"skipped": reason}
    tried = {kind: _tried(shape, kind, options) for kind in TRL_SETTINGS}
    contenders = {"ours": ours(shape, options), "ours, not compiled": ours(shape, options, compile=False)}
    best: dict[str, str] = {}
    for kind, rates in tried.items():
        running = {name: rate for name, rate in rates.items() if isinstance(rate, float)}
        if running:
            best[kind] = max(running, key=lambda name: running[name])
            contenders[f"TRL {kind}"] = trl(shape, options, TRL_SETTINGS[kind][best[kind]])
    say(f"{shape}: the contest")
    scores = {name: score.to_dict() for name, score in contest(contenders, options.num_rounds).items()}
    peers = {name: score["tokens_per_s"] for name, score in scores.items() if name.startswith("TRL")}
    peer = max(peers, key=lambda name: peers[name])
    return {
        "tried": tried,
        "chosen": best,
        "scores": scores,
        "best_peer": peer,
        "ratio": scores["ours"]["tokens_per_s"] / peers[peer],
        "memory_ratio": scores["ours"]["peak_rss_mib"] / scores[peer]["peak_rss_mib"],
    }


def _tried(shape: str, kind: str, options: Options) -> dict[str, float | str]:
    """Name of a setting -> its useful tokens/s in one round, or why it does not run."""
    found: dict[str, float | str] = {}
    for name, setting in TRL_SETTINGS[kind].items():
        if options.quick and name not in QUICK:
            continue
        say(f"{shape}: trying TRL {kind}, {name}")
        try:
            score = contest({name: trl(shape, options, setting)}, 1)[name]
            found[name] = score.to_dict()["tokens_per_s"]
        except ContenderError as error:
            found[name] = str(error).strip().splitlines()[-1]
    return found
