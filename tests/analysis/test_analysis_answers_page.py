"""The page of answers: what stands in it, and what a user can do with it in a real browser."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import browser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.analysis.answers_page import render_answers, write_answers_page
from treasure.errors import DataError
from treasure.evaluation.record import EvaluationRecord, Regime

HOSTILE = (
    "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 2'>&lt; <!-- ]]> \u2028 {{ 7 }}"
)
LANGUAGES = ["German", "French", "Arabic"]


def record(number: int, regime: Regime, **changes) -> EvaluationRecord:
    base = EvaluationRecord(
        benchmark="facts" if number % 2 else "styles",
        prompt_id=f"prompt-{number:05}",
        regime=regime,
        seed=0,
        step=10,
        prompt=f"What is number {number}?",
        content=f"It is {number} as {regime} says.",
        scores={"fact_correct" if number % 2 else "style_pass": 1.0},
        slices={"lang": LANGUAGES[number % 3]},
    )
    return replace(base, **changes)


def data_of(page: str) -> dict:
    """What the page holds, read as a browser does: up to the first end of a script."""
    return json.loads(re.split(r"</script", page.split('id="data">', 1)[1], maxsplit=1, flags=re.IGNORECASE)[0])


TEXTS = st.text(st.characters(codec=None), max_size=30) | st.sampled_from([HOSTILE, "\ud800", "<!--<script>", "]]>"])


@given(TEXTS, TEXTS, st.floats())
def test_any_text_and_number_comes_back_as_data(content, reason, number):
    given = record(1, Regime.FIXED, content=content, unscored=reason, details={"n": number, reason: [content]})
    page = render_answers({"model": [given]}, "Title")
    page.encode()
    [[answer]] = data_of(page)["rows"][0]["answers"]
    assert answer["content"] == content and answer.get("unscored", "") == reason
    assert answer["details"][reason] == [content] or reason == "n"
    if reason != "n":
        assert answer["details"]["n"] == (number if math.isfinite(number) else str(number))


def test_titles_and_names_are_text_as_well():
    page = render_answers({HOSTILE: [record(1, Regime.FIXED)]}, HOSTILE)
    assert page.count("<script") == 2 and "<img" not in page
    assert data_of(page)["columns"] == [{"name": HOSTILE, "regime": "fixed"}]


def test_each_prompt_is_a_row_and_each_regime_of_a_model_a_column():
    baseline = [record(n, Regime.BASELINE, step=step) for step in (5, 10) for n in (1, 2)]
    marked = [
        record(n, regime, sample=sample)
        for regime in (Regime.FIXED, Regime.INFERRED)
        for n in (2, 3)
        for sample in (1, 0)
    ]
    page = data_of(render_answers({"Baseline": baseline, "Marked": marked}, "Title"))
    assert [(c["name"], c["regime"]) for c in page["columns"]] == [
        ("Baseline", "baseline"), ("Marked", "inferred"), ("Marked", "fixed"),
    ]  # fmt: skip
    counts = {row["id"]: [len(answers) for answers in row["answers"]] for row in page["rows"]}
    assert counts == {"prompt-00001": [1, 0, 0], "prompt-00002": [1, 2, 2], "prompt-00003": [0, 2, 2]}
    assert page["benchmarks"]["facts"] == {"label": "Facts", "primary": "fact_correct"}
    with pytest.raises(DataError, match="no records"):
        render_answers({"Baseline": []}, "Title")


def test_numbers_of_something_are_neither_passed_nor_failed_and_wins_lead():
    counted = record(1, Regime.FIXED, benchmark="ifeval", scores={"followed_loose": 1.0, "prompt_strict": 0.0})
    judged = record(2, Regime.FIXED, benchmark="arena_hard", scores={"flip": 1.0, "win_rate": 0.5})
    page = data_of(render_answers({"Marked": [counted, judged]}, "Title"))
    assert {name: metric["passes"] for name, metric in page["metrics"].items()} == {
        "prompt_strict": True, "followed_loose": False, "win_rate": True, "flip": True,
    }  # fmt: skip
    assert page["metrics"]["win_rate"]["label"] == "wins"
    leads = {name: found["primary"] for name, found in page["benchmarks"].items()}
    assert leads == {"ifeval": "prompt_strict", "arena_hard": "win_rate"}


RECORDS = {
    "Baseline": [record(n, Regime.BASELINE) for n in range(50)],
    "Marked": [record(n, Regime.INFERRED) for n in range(50)]
    + [record(n, Regime.FIXED, levers={"lang": LANGUAGES[n % 3]}) for n in range(50)],
}
RECORDS["Baseline"][3] = record(3, Regime.BASELINE, content=HOSTILE, scores={"fact_correct": 0.0})
RECORDS["Baseline"][4] = record(4, Regime.BASELINE, scores={}, unscored="The tool-chain is missing")
RECORDS["Marked"][5] = record(5, Regime.INFERRED, content="هذا جواب", prompt="What is number 5?", finished=False)
RECORDS["Marked"][57] = record(7, Regime.FIXED, predicted={"lang": "Greek"}, details={"judge": {"verdict": "tie"}})
RECORDS["Marked"][58] = record(8, Regime.FIXED, scores={"style_pass": 1.0, "num_words": 1.0})
RECORDS["Marked"] += [record(9, Regime.FIXED, sample=1, content="a second answer", scores={"fact_correct": 0.0})]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    if browser.CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    folder: Path = tmp_path_factory.mktemp("page")
    write_answers_page(folder / "answers.html", RECORDS, "Answers <b>side</b> by side")
    with browser.browser(folder / "profile") as tab:
        tab.address = (folder / "answers.html").as_uri()
        yield tab


@pytest.fixture
def opened(page):
    page.failures.clear()
    page.open(page.address)
    yield page
    assert not page.failures
    assert page.evaluate("window.broken") is None
    assert page.evaluate("document.images.length") == 0
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0


def ids(tab) -> list[str]:
    return tab.evaluate("[...document.querySelectorAll('.row .id')].map(e => e.textContent)")


def count(tab) -> str:
    return tab.evaluate("document.getElementById('count').textContent")


def wait(tab, told: str) -> None:
    tab.until(f"document.getElementById('count').textContent === {json.dumps(told)}")


def number(name: int) -> str:
    return f"prompt-{name:05}"


@pytest.mark.slow
def test_search_finds_prompts_answers_and_all_that_is_told_of_them(opened):
    assert count(opened) == "50 prompts" and len(ids(opened)) == 20
    told = {
        '"number 17?"': 17, "It is 31 as BASELINE": 31, number(12): 12, "onerror": 3, "tool-chain": 4, "جواب": 5,
        "greek": 7, "verdict: tie": 7, "second": 9,
    }  # fmt: skip
    for query, wanted in told.items():
        opened.press("/")
        opened.type(query)
        wait(opened, "1 of 50 prompts")
        assert ids(opened) == [number(wanted)]
        opened.click("#reset")
        wait(opened, "50 prompts")
    opened.click("#search")
    opened.type("number 1")  # both words, anywhere
    wait(opened, f"{sum('1' in str(n) or n == 3 for n in range(50))} of 50 prompts")
    assert set(opened.evaluate("[...document.querySelectorAll('mark')].map(e => e.textContent)")) == {"number", "1"}


@pytest.mark.slow
def test_a_hostile_answer_is_shown_as_text(opened):
    opened.click("#search")
    opened.type("onerror")
    wait(opened, "1 of 50 prompts")
    assert opened.evaluate("document.querySelector('[data-column=\"0\"] .text').textContent") == HOSTILE
    assert opened.evaluate("document.querySelector('h1').textContent") == "Answers <b>side</b> by side"


@pytest.mark.slow
def test_filters_leave_what_they_say(opened):
    opened.choose("#benchmark", "facts")
    assert count(opened) == "25 of 50 prompts"
    opened.choose("#slice", json.dumps(["slices", "lang", "Arabic"], separators=(",", ":")))
    assert ids(opened) == [number(n) for n in range(50) if n % 2 and n % 3 == 2]
    opened.click("#reset")
    for state, wanted in {"failed": [9, 3], "unscored": [4], "cut": [5], "passed": None}.items():
        opened.choose("#state", state)
        found = ids(opened)
        assert count(opened) == "50 prompts" if wanted is None else sorted(found) == sorted(map(number, wanted))
    opened.choose("#state", "failed")
    opened.choose("#where", "0")
    assert ids(opened) == [number(3)]
    opened.click("#reset")
    opened.choose("#state", "below")
    opened.click("#bound")
    opened.type("0.5")
    opened.until("document.querySelectorAll('.row').length === 2")
    opened.click("#reset")
    opened.choose("#differ", "score")
    assert set(ids(opened)) == {number(3), number(4), number(9)}
    opened.click(".column:nth-child(1)")
    assert ids(opened) == [number(9)], "a hidden column makes no difference"
    assert opened.evaluate("document.querySelectorAll('.row:first-child .answer').length") == 2


@pytest.mark.slow
def test_keys_go_through_prompts_and_pages(opened):
    place = "document.activeElement.querySelector('.id')?.textContent"
    first = ids(opened)
    opened.press("j")
    opened.press("j")
    assert opened.evaluate(place) == first[1]
    opened.press("k")
    assert opened.evaluate(place) == first[0]
    opened.press("n")
    assert opened.evaluate("document.getElementById('page').value") == "2" and first[0] not in ids(opened)
    opened.press("p")
    assert ids(opened) == first
    opened.click("#next")
    opened.click("#next")
    assert len(ids(opened)) == 10 and opened.evaluate("document.getElementById('next').disabled")
    opened.press("d")
    assert len(ids(opened)) == 3
    opened.press("?")
    assert opened.evaluate("document.getElementById('keys').open")


@pytest.mark.slow
def test_a_view_is_found_again_by_its_address(opened):
    opened.choose("#benchmark", "styles")
    opened.click("#search")
    opened.type("German")
    wait(opened, f"{sum(n % 2 == 0 and n % 3 == 0 for n in range(50))} of 50 prompts")
    address, found = opened.evaluate("location.href"), ids(opened)
    opened.open(address)
    assert ids(opened) == found and opened.evaluate("document.getElementById('search').value") == "German"
    opened.open(opened.address + "#benchmark=nobody&where=99&page=77&hidden=0,1,2,3&state=constructor")
    assert count(opened) == "50 prompts"


@pytest.mark.slow
def test_details_samples_directions_and_colours(opened):
    opened.click("#search")
    opened.type("second")
    wait(opened, "1 of 50 prompts")
    text = "document.querySelector('[data-column=\"2\"] .text').textContent"
    assert opened.evaluate(text) == "It is 9 as fixed says."
    opened.click('[data-column="2"] .steps button:last-child')
    assert opened.evaluate(text) == "a second answer"
    opened.open(opened.address + "#q=greek")
    assert opened.evaluate("document.querySelector('.known').offsetHeight") == 0
    opened.press("o")
    assert opened.evaluate("document.querySelector('.known').offsetHeight") > 0
    opened.open(opened.address + "#q=جواب")
    assert opened.evaluate("getComputedStyle(document.querySelector('[data-column=\"1\"] .text')).direction") == "rtl"
    before = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    opened.evaluate("localStorage.clear()")
    for _ in range(2):
        opened.click("#theme")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") != before


@pytest.mark.slow
def test_ten_thousand_records_stay_quick(page, tmp_path):
    text = "The quick brown fox says why it jumps over the lazy dog. " * 12
    many = {"Baseline": [record(n, Regime.BASELINE, content=f"{text}{n}") for n in range(2500)]}
    many["Marked"] = [
        record(n, regime, content=f"{text}{n}")
        for regime in (Regime.INFERRED, Regime.FIXED, Regime.FORCED)
        for n in range(2500)
    ]
    write_answers_page(tmp_path / "many.html", many, "Many")
    page.open((tmp_path / "many.html").as_uri())
    took = []
    for query in ("fox 24", "lazy", "2499"):
        page.press("Escape")
        page.press("/")
        page.type(query)
        page.until(f"location.hash.includes(new URLSearchParams({{q: {json.dumps(query)}}}).toString())")
        took.append(float(page.evaluate("document.documentElement.dataset.filterMs")))
    size = (tmp_path / "many.html").stat().st_size / 1e6
    print(f"page {size:.1f} MB, filtering {took} ms")
    assert size < 12 and max(took) < 2000, "measured: 7.6 MB and 40 ms"
