import io
import os
import re
import signal
import sys
import threading
import time

import pytest
from fault_server import FAULTS
from llm_examples import TAXONOMY, annotate, example, numbered, truth
from omegaconf import OmegaConf

from treasure.annotation.finding import Outcome
from treasure.annotation.llm.annotator import LLMAnnotator
from treasure.annotation.llm.config import AnswerMode, LLMConfig
from treasure.errors import AnnotationError, ConfigError, Interrupted, MissingExtraError
from treasure.llm.config import RunnerConfig
from treasure.llm.record import Totals
from treasure.stopping import deferred_stop, stop_signals

DOMAIN = {"categories": ["domain"]}


def totals(config):
    with LLMAnnotator(config, TAXONOMY) as annotator:
        return annotator.totals()


@pytest.mark.parametrize("mode", ["structured", "logprobs"])
def test_every_fault_is_survived_and_counted(serve, llm_config, mode):
    server = serve(first_faults=list(FAULTS), hang_s=1.5, retry_after="0.05")
    options = {"answer_mode": AnswerMode(mode), "timeout_s": 1.0, "max_attempts": len(FAULTS) + 1}
    config = llm_config(server, **options, **DOMAIN)
    (result,) = annotate(config, numbered(1))
    assert result["domain"].values == truth(0)["domain"]
    assert [row["kind"] for row in server.requests] == [*FAULTS, "answered"]
    found = totals(config)
    assert (found.num_answered, found.num_failed, found.num_sent, found.num_cut_off) == (1, 0, len(FAULTS) + 1, 0)
    assert found.num_silent == 2  # cut and timeout
    assert found.prompt_tokens > found.completion_tokens > 0  # of the answer, and of those that were no labels


def test_a_failure_for_good_is_a_finding_with_its_reason_and_is_tried_by_the_next_start(serve, llm_config):
    server = serve(first_faults=["bad_label"] * 3)
    config = llm_config(server, max_attempts=3, **DOMAIN)
    (failed,) = annotate(config, numbered(1))
    assert failed["domain"].outcome is Outcome.FAILED and failed["domain"].values == ()
    assert "Nonsense" in failed["domain"].note and "3 attempts" in failed["domain"].note
    (kept,) = annotate(llm_config(server, retry_failed=False, **DOMAIN), numbered(1))
    with LLMAnnotator(llm_config(server, retry_failed=False, **DOMAIN), TAXONOMY) as annotator:
        assert annotator.dry_run(numbered(1), [{}]).num_requests == 0
    assert kept["domain"].outcome is Outcome.FAILED and len(server.requests) == 3
    (answered,) = annotate(config, numbered(1))
    assert answered["domain"].values == truth(0)["domain"] and len(server.requests) == 4


def test_within_one_start_a_failure_is_not_tried_again(serve, llm_config):
    server = serve()
    with LLMAnnotator(llm_config(server, max_attempts=2, **DOMAIN), TAXONOMY) as annotator:
        for _ in range(2):
            (result,) = annotator.annotate([example("POISON")], [{}])
            assert result["domain"].outcome is Outcome.FAILED
    assert len(server.requests) == 2


def test_what_a_server_will_never_answer_is_asked_once(serve, llm_config):
    server = serve(first_faults=["400"])
    first, second = annotate(llm_config(server, concurrency=1, **DOMAIN), numbered(2))
    assert first["domain"].outcome is Outcome.FAILED and "HTTP 400" in first["domain"].note
    assert second["domain"].outcome is Outcome.FOUND
    assert len(server.requests) == 2


def test_an_endpoint_that_refuses_everything_ends_the_run_at_once(serve, llm_config):
    server = serve(first_faults=["401"] * 100)
    with pytest.raises(AnnotationError, match="HTTP 401"):
        annotate(llm_config(server, concurrency=1, **DOMAIN), numbered(20))
    assert len(server.requests) == 1


def test_a_row_of_failures_ends_the_run(serve, llm_config):
    server = serve(first_faults=["500"] * 1000)
    config = llm_config(server, max_attempts=2, max_failures_in_a_row=5, concurrency=1, **DOMAIN)
    with pytest.raises(AnnotationError, match=r"5 requests in a row.*HTTP 500"):
        annotate(config, numbered(30))
    assert totals(config).num_failed == 5
    with pytest.raises(AnnotationError, match=r"ConnectError|Connection"):
        annotate(llm_config(None, max_attempts=2, max_failures_in_a_row=5, **DOMAIN), numbered(30))


def test_texts_that_always_fail_do_not_end_a_run_that_has_answers(serve, llm_config):
    server = serve()
    poisoned = [example(f"POISON {number}") for number in range(6)]
    options = {"max_attempts": 1, "max_failures_in_a_row": 3, **DOMAIN}
    with pytest.raises(AnnotationError, match="3 requests in a row"):
        annotate(llm_config(server, concurrency=1, **options), poisoned)
    assert len(server.requests) == 3
    for _ in range(2):  # in the second round only failures are left to ask
        results = annotate(llm_config(server, concurrency=1, **options), [*numbered(3), *poisoned])
        assert [result["domain"].outcome for result in results] == [Outcome.FOUND] * 3 + [Outcome.FAILED] * 6


def test_retry_after_holds_back_all_requests(serve, llm_config):
    server = serve(first_faults=["429"], retry_after="1.5")
    annotate(llm_config(server, concurrency=2, **DOMAIN), numbered(6))
    times = {kind: [row["time"] for row in server.requests if row["kind"] == kind] for kind in ("429", "answered")}
    late = [moment - times["429"][0] for moment in times["answered"]]
    assert sum(wait < 1.4 for wait in late) <= 1  # the one that was in flight
    assert len(late) == 6


def test_requests_keep_to_their_rate(serve, llm_config):
    server = serve()
    annotate(llm_config(server, requests_per_minute=600, **DOMAIN), numbered(15))
    times = sorted(row["time"] for row in server.requests)
    assert times[-1] - times[0] >= 14 * 0.1 - 0.1
    for start in times:
        assert sum(start <= moment < start + 0.5 for moment in times) <= 7  # five, one more, and the clock's jitter


def test_tokens_keep_to_their_rate(serve, llm_config):
    server = serve()
    config = llm_config(server, tokens_per_minute=240_000, **DOMAIN)
    annotate(config, numbered(12))
    used, times = totals(config), sorted(row["time"] for row in server.requests)
    num_tokens = used.prompt_tokens + used.completion_tokens
    assert times[-1] - times[0] >= 0.8 * (num_tokens * 11 / 12) / 4000
    assert times[-1] - times[0] <= 3 * num_tokens / 4000 + 2


PRICES = {"prompt_price": 1000.0, "completion_price": 2000.0}


def test_the_budget_stops_before_it_is_passed_and_a_higher_one_goes_on(serve, llm_config):
    server, examples = serve(delay_s=0.01), numbered(40)
    options = {**PRICES, **DOMAIN, "max_answer_tokens": 20}
    with pytest.raises(AnnotationError, match=r"budget is used up.*Raise runner\.budget"):
        annotate(llm_config(server, budget=4.0, **options), examples)
    kept = totals(llm_config(server, **options))
    assert 2.5 < kept.cost <= 4.0 and 0 < kept.num_answered < 40
    with pytest.raises(AnnotationError, match="budget"):
        annotate(llm_config(server, budget=4.0, **options), examples)
    results = annotate(llm_config(server, budget=100.0, **options), examples)
    assert [result["domain"].values for result in results] == [truth(n)["domain"] for n in range(40)]
    assert len(server.requests) == 40 == totals(llm_config(server)).num_answered


def test_a_dry_run_tells_what_will_happen_and_sends_nothing(serve, llm_config):
    server, examples = serve(), [*numbered(60), *numbered(5)]
    config = llm_config(server, categories=["domain", "task"], requests_per_minute=100_000, **PRICES)
    known = [{} for _ in examples]
    with LLMAnnotator(config, TAXONOMY) as annotator:
        first = annotator.dry_run(examples, known)
        assert not server.requests and annotator.totals() == Totals()
        annotator.annotate(examples[:30], known[:30])
        second = annotator.dry_run(examples, known)
        before = annotator.totals()
        annotator.annotate(examples, known)
        after = annotator.totals()
        last = annotator.dry_run(examples, known)
    assert first.num_requests == after.num_sent == len(server.requests) == 120
    assert first.prompt_tokens == pytest.approx(after.prompt_tokens, rel=0.15)
    assert first.completion_tokens == pytest.approx(after.completion_tokens, rel=0.4)
    assert (second.num_requests, second.num_cached, second.num_measured) == (60, 60, 60)
    assert second.prompt_tokens == pytest.approx(after.prompt_tokens - before.prompt_tokens, rel=0.02)
    assert second.completion_tokens == pytest.approx(after.completion_tokens - before.completion_tokens, rel=0.1)
    assert second.cost == pytest.approx(after.cost - before.cost, rel=0.03)
    assert second.seconds > 0
    assert (last.num_requests, last.num_cached, last.cost) == (0, 120, 0)
    assert "60 requests to send (60 are settled already)" in second.describe()
    assert (second + last).num_cached == 180


def test_a_dry_run_knows_the_limits(serve, llm_config):
    config = llm_config(serve(), requests_per_minute=6, tokens_per_minute=1e9, **DOMAIN)
    with LLMAnnotator(config, TAXONOMY) as annotator:
        assert annotator.dry_run(numbered(30), [{}] * 30).seconds == pytest.approx(300)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_lets_what_is_in_flight_end_and_keeps_it(serve, llm_config, number):
    server = serve(delay_s=0.3)
    config = llm_config(server, concurrency=4, **DOMAIN)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def ask_to_stop():
        while len(server.requests) < 4:
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    try:
        thread = threading.Thread(target=ask_to_stop)
        thread.start()
        with pytest.raises(Interrupted, match=number.name), stop_signals():
            annotate(config, numbered(200))
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)
    found = totals(config)
    assert found.num_answered == found.num_sent == len(server.requests) < 30
    assert found.num_cut_off == 0


def test_a_signal_that_a_caller_defers_leaves_no_half_answer(serve, llm_config):
    server = serve(delay_s=0.2)
    config = llm_config(server, concurrency=2, **DOMAIN)

    def ask_to_stop():
        while not server.requests:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=ask_to_stop)

    def command():
        with stop_signals(), deferred_stop():
            thread.start()
            for _ in range(2):
                with pytest.raises(Interrupted):
                    annotate(config, numbered(100))

    with pytest.raises(Interrupted):
        command()
    thread.join()
    assert totals(config).num_answered == len(server.requests) < 20


def test_a_signal_does_not_wait_for_retries(serve, llm_config):
    server = serve(first_faults=["429"] * 50, retry_after="300")
    started = time.monotonic()

    def ask_to_stop():
        while not server.requests:
            time.sleep(0.01)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=ask_to_stop)
    thread.start()
    with pytest.raises(Interrupted), stop_signals():
        annotate(llm_config(server, **DOMAIN), numbered(20))
    thread.join()
    assert time.monotonic() - started < 60


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_shows_spend_and_when_all_blocks_will_be_done(serve, llm_config, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    config = llm_config(serve(), requests_per_minute=1200, **PRICES, **DOMAIN)
    with LLMAnnotator(config, TAXONOMY, num_examples=40) as annotator:
        for start in (0, 10):
            annotator.annotate(numbered(20)[start : start + 10], [{}] * 10)
        spent = annotator.totals().cost
    shown = sys.stderr.getvalue()
    assert f"spent {spent:.4f}" in shown and "20/40" in shown and re.search(r"<\d\d:\d\d", shown)


def test_the_options_fit_into_a_configuration():
    found = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(LLMConfig), {"model": "m", "records": "r"}))
    assert found == LLMConfig(model="m", records="r")


def test_it_works_within_a_running_loop(serve, llm_config):
    import asyncio

    config = llm_config(serve(), **DOMAIN)

    async def notebook():
        return annotate(config, numbered(3))

    assert [result["domain"].values for result in asyncio.run(notebook())] == [truth(n)["domain"] for n in range(3)]


def test_without_the_client_it_says_what_to_install(llm_config, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtraError, match=r"treasure\[judge\]"):
        LLMAnnotator(llm_config(), TAXONOMY)


@pytest.mark.parametrize(
    "options",
    [
        {"model": ""},
        {"records": ""},
        {"categories_per_request": 0},
        {"categories_per_request": 2, "answer_mode": AnswerMode.LOGPROBS},
        {"categories_per_request": 2, "on_this_machine": True},
        {"max_text_tokens": 1},
        {"max_answer_tokens": 0},
        {"min_probability": 1.5},
        {"temperature": -1.0},
    ],
    ids=str,
)
def test_bad_options_are_refused(options):
    with pytest.raises(ConfigError):
        LLMConfig(**{"model": "m", "records": "r", **options})


@pytest.mark.parametrize(
    "options",
    [
        {"concurrency": 0},
        {"max_attempts": 0},
        {"max_failures_in_a_row": 0},
        {"timeout_s": 0.0},
        {"backoff_s": 0.0},
        {"backoff_s": 2.0, "max_backoff_s": 1.0},
        {"requests_per_minute": 0.0},
        {"tokens_per_minute": -1.0},
        {"prompt_price": -1.0},
        {"budget": 1.0},
        {"budget": 0.0, "prompt_price": 1.0},
    ],
    ids=str,
)
def test_bad_options_of_the_runner_are_refused(options):
    with pytest.raises(ConfigError):
        RunnerConfig(**options)
