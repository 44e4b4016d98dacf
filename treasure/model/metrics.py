"""What a training step logs beside its loss, from sums by slot (treasure/data/slots.py)."""

from collections.abc import Iterable, Sequence

from treasure.data.slots import BRACKET, CONTENT_HEAD, CONTENT_TAIL, category_slot

Sums = Sequence[float]
"""Losses in nats, tokens and right predictions, each summed over the tokens of a slot."""


def step_metrics(by_slot: Sequence[Sums], categories: Sequence[str]) -> dict[str, float]:
    """Losses in nats a token, unweighted, and rates in [0, 1]; what had no token is left out.

    `header_loss` and `content_loss`, the latter also for examples without (`/head`) and with a tail value (`/tail`);
    `header_loss/<category>`. Of the header tokens of markers that stood in the prompt header `copy_rate` is the share
    whose likeliest prediction is right; `infer_rate` is that of markers that did not. `token_accuracy` is over all.
    """
    given = [by_slot[category_slot(number, in_prompt=True)] for number in range(len(categories))]
    open_ = [by_slot[category_slot(number, in_prompt=False)] for number in range(len(categories))]
    parts = {
        "content_loss": _total([by_slot[CONTENT_HEAD], by_slot[CONTENT_TAIL]]),
        "content_loss/head": by_slot[CONTENT_HEAD],
        "content_loss/tail": by_slot[CONTENT_TAIL],
        "header_loss": _total(by_slot[BRACKET:]),
        **{f"header_loss/{name}": _total((given[i], open_[i])) for i, name in enumerate(categories)},
    }
    found = {name: losses / tokens for name, (losses, tokens, _) in parts.items() if tokens}
    rates = {"token_accuracy": _total(by_slot), "copy_rate": _total(given), "infer_rate": _total(open_)}
    return found | {name: right / tokens for name, (_, tokens, right) in rates.items() if tokens}


def _total(rows: Iterable[Sums]) -> Sums:
    return [sum(column) for column in zip(*rows, strict=True)] or [0.0, 0.0, 0.0]
