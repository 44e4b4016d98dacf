"""`Judge`: compares answers by a model at an endpoint or on this machine, each pair in both orders.

pairs -> requests (prompt.py) -> verdicts (treasure/llm, read by verdict_form.py) -> games
"""

import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from treasure.errors import TreasureError
from treasure.evaluation.judge.config import JudgeConfig
from treasure.evaluation.judge.game import Game, Pair
from treasure.evaluation.judge.prompt import CHOICE, judge_request, prompt_hash
from treasure.evaluation.judge.verdict import worth
from treasure.evaluation.judge.verdict_form import TEXT, verdict_form
from treasure.llm.chat import check_installed
from treasure.llm.local_runner import LocalRunner
from treasure.llm.record import Record, Status
from treasure.llm.records import Records
from treasure.llm.request import Request
from treasure.llm.runner import Runner

SAME_TEXT = "both answers are the same text, so nobody was asked"


class Judge:
    """The judge of `config`. Verdicts lie in its records: what is judged there is never asked, and paid, again.

    Records, limits of rates, and a model on this machine stay open from one call to the next.

    Raises:
        MissingExtraError: openai is not installed.
    """

    def __init__(self, config: JudgeConfig) -> None:
        if not config.on_this_machine:
            check_installed()
        self._config = config
        self._runner: Runner | LocalRunner | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """Who judges and by which wording; stands beside each verdict."""
        config = self._config
        return {
            "model": config.model,
            "endpoint": config.endpoint,
            "prompt_hash": prompt_hash(config),
            "explains": config.explains,
            "temperature": None if config.on_this_machine else config.temperature,
        }

    def compare(self, pairs: Sequence[Pair]) -> list[tuple[Game, Game]]:
        """For each pair two games: the answer as B, then as A. Failed ones say why, and are asked by the next start.

        Raises:
            AnnotationError: the budget is used up, the endpoint refuses, or too many failed; what is judged is kept.
            DataError: the records cannot be used.
            Interrupted: a signal asked to stop; what is judged is kept.
        """
        asked = {place: self._requests(pair) for place, pair in enumerate(pairs) if pair.answer != pair.opponent}
        found = self._ask([request for both in asked.values() for request in both])
        tie = (
            Game(preference=0.5, answer_is_b=True, verdict="A=B", text=SAME_TEXT),
            Game(preference=0.5, answer_is_b=False, verdict="A=B", text=SAME_TEXT),
        )
        return [
            (_game(found[asked[place][0].key], answer_is_b=True), _game(found[asked[place][1].key], answer_is_b=False))
            if place in asked
            else tie
            for place in range(len(pairs))
        ]

    def _requests(self, pair: Pair) -> tuple[Request, Request]:
        config = self._config
        return (
            judge_request(config, pair.prompt_id, pair.prompt, pair.opponent, pair.answer),
            judge_request(config, pair.prompt_id, pair.prompt, pair.answer, pair.opponent),
        )

    def _ask(self, requests: Sequence[Request]) -> Mapping[str, Record]:
        if not requests:
            return {}
        runner = self._open()
        with tqdm(total=len({r.key for r in requests}), desc="judge", unit="game", disable=None, leave=False) as bar:
            return runner.run(requests, bar.update)

    def _open(self) -> Runner | LocalRunner:
        if self._runner is None:
            access = self._config.access
            records = Records(Path(self._config.records), access.model)
            weakref.finalize(self, _close, records)
            form = verdict_form(access.max_answer_tokens)
            self._runner = LocalRunner(access, records) if access.on_this_machine else Runner(access, records, form)
        return self._runner


def _close(records: Records) -> None:
    with suppress(TreasureError):  # the process may end because the disk is full
        records.close()


def _game(record: Record, *, answer_is_b: bool) -> Game:
    if record.status is Status.FAILED:
        problem = f"{record.error} ({record.num_sent} attempts)"
        return Game(preference=None, answer_is_b=answer_is_b, problem=problem, time=record.time)
    verdict = record.answers[CHOICE.category]
    return Game(
        preference=worth(verdict, answer_is_b=answer_is_b),
        answer_is_b=answer_is_b,
        verdict=verdict,
        text=record.answers.get(TEXT, ""),
        time=record.time,
    )
