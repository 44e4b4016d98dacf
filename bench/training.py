"""Training throughput against TRL in its best setting, and what each choice of ours brings."""

from typing import Any

from bench.contest import ContenderError, contest, say
from bench.options import Options
from bench.settings import ABLATION, QUICK, TRL_SETTINGS, ours, trl
from bench.setup import why_not
from bench.shapes import SHAPES

Settings = dict[str, dict[str, dict[str, Any]]]
CLOSE = 0.85
"""Share of the speed of the best setting of a kind from which a setting is tried again at the next shape."""


def measure(options: Options) -> dict[str, Any]:
    """Shape -> scores of ours and of TRL's best of each kind; a reason instead where a corpus is missing.

    All settings of TRL are tried at the first shape, at later ones those that came close to the best of their kind.
    """
    settings, found = TRL_SETTINGS, {}
    for shape in options.shapes:
        found[shape] = _of_shape(shape, options, settings)
        if "tried" in found[shape]:
            settings = _close_to_best(found[shape]["tried"])
    return found


def _close_to_best(tried: dict[str, dict[str, float | str]]) -> Settings:
    """Kind -> name -> setting of TRL, for those with at least `CLOSE` of the speed of the best of their kind."""
    kept: Settings = {}
    for kind, rates in tried.items():
        running = {name: rate for name, rate in rates.items() if not isinstance(rate, str)}
        best = max(running.values(), default=0.0)
        kept[kind] = {name: TRL_SETTINGS[kind][name] for name, rate in running.items() if rate >= CLOSE * best}
    return kept


def ablation(options: Options) -> dict[str, Any]:
    """Ours at 1.5M in several settings, in one contest."""
    shape = next(iter(SHAPES))
    contenders = {name: ours(shape, options, **changes) for name, changes in ABLATION.items()}
    return {name: score.to_dict() for name, score in contest(contenders, options.num_rounds).items()}


def _of_shape(shape: str, options: Options, settings: Settings) -> dict[str, Any]:
    reason = why_not(SHAPES[shape].corpus, options)
    if reason:
        return {"skipped": reason}
    tried = options.tried.get(shape) or {kind: _tried(shape, kind, options, some) for kind, some in settings.items()}
    contenders = {"ours": ours(shape, options), "ours, not compiled": ours(shape, options, compile=False)}
    best: dict[str, str] = {}
    for kind, rates in tried.items():
        running = {name: rate for name, rate in rates.items() if not isinstance(rate, str)}
        if running:
            best[kind] = max(running, key=lambda name: running[name])
            contenders[f"TRL {kind}"] = trl(shape, options, TRL_SETTINGS[kind][best[kind]])
    if not best:
        raise ContenderError(f"{shape}: no setting of TRL runs here: {tried}")
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


def _tried(shape: str, kind: str, options: Options, settings: dict[str, dict[str, Any]]) -> dict[str, float | str]:
    """Name of a setting -> its useful tokens/s in one round, or why it does not run."""
    found: dict[str, float | str] = {}
    for name, setting in settings.items():
        if options.quick and name not in QUICK:
            continue
        say(f"{shape}: trying TRL {kind}, {name}")
        try:
            score = contest({name: trl(shape, options, setting)}, 1)[name]
            found[name] = score.to_dict()["tokens_per_s"]
        except ContenderError as error:
            found[name] = str(error).strip().splitlines()[-1]
    return found
