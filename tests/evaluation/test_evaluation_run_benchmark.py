"""Running a benchmark: nothing is done twice, nothing is lost, and records can be scored without the model."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treasure.data.example import Message
from treasure.errors import ConfigError, DataError
from treasure.evaluation.benchmark_rows import Asked
from treasure.evaluation.benchmarks.protocol import Answer, Benchmark, BenchmarkPrompt, Score
from treasure.evaluation.record import Regime, read_records
from treasure.evaluation.run_benchmark import Setting, record_stored, rescore, run_benchmark
from treasure.inference.request import NO_ANSWER, Generation, GenerationRequest
from treasure.markers.marker_set import Marker, MarkerSet

SETTING = Setting(benchmark="echo", facts={"model": "m1"})


class Echo:
    """Prompts that want to hear themselves; `num_scored` counts what was scored."""

    name = "echo"

    def __init__(self, size=5):
        self._size, self.num_scored = size, 0

    def prompts(self):
        return [
            BenchmarkPrompt(id=f"p{i}", messages=(Message("user", f"say {i}"),), reference={"wanted": f"say {i}"})
            for i in range(self._size)
        ]

    def score(self, answers):
        self.num_scored += len(answers)
        return [
            Score(unscored="silence")
            if not answer.content
            else Score(scores={"heard": float(answer.content == answer.reference["wanted"])}, details={"n": 1})
            for answer in answers
        ]


class Model:
    """Answers with the prompt; dies before the call `dies_at`."""

    def __init__(self, dies_at=10**9):
        self.num_answered, self._left = 0, dies_at

    def __call__(self, requests, description, first):
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        self.num_answered += len(requests)
        return [Generation(MarkerSet(), one.messages[-1].content, (), 3, True) for one in requests]


def asked(benchmark, regimes=(Regime.INFERRED, Regime.FIXED), num_samples=1):
    return [
        Asked(prompt=prompt, regime=regime, request=GenerationRequest(prompt.messages), sample=sample)
        for regime in regimes
        for prompt in benchmark.prompts()
        for sample in range(num_samples)
    ]


def test_every_prompt_has_one_record_a_regime_and_sample(tmp_path):
    echo = Echo()
    assert isinstance(echo, Benchmark)
    records = run_benchmark(echo, asked(echo, num_samples=2), Model(), tmp_path, SETTING)
    assert len(records) == 5 * 2 * 2 == len({(r.prompt_id, r.regime, r.sample) for r in records})
    assert read_records(tmp_path / "records.jsonl") == records
    assert all(r.scores == {"heard": 1.0} and r.reference["wanted"] == r.prompt for r in records)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 6), st.integers(1, 7), st.integers(1, 3))
def test_a_stopped_run_goes_on_and_does_nothing_twice(tmp_path_factory, dies_at, batch_size, num_samples):
    folder, echo, first = tmp_path_factory.mktemp("run"), Echo(), Model(dies_at)
    wanted = asked(echo, num_samples=num_samples)
    try:
        run_benchmark(echo, wanted, first, folder, SETTING, batch_size=batch_size)
    except KeyboardInterrupt:
        assert not (folder / "records.jsonl").exists()
    second = Model()
    records = run_benchmark(echo, wanted, second, folder, SETTING, batch_size=batch_size)
    assert first.num_answered + second.num_answered == len(wanted) == len(records)
    assert echo.num_scored == len(wanted)
    third = Model()
    assert run_benchmark(echo, wanted, third, folder, SETTING) == records
    assert third.num_answered == 0
    assert echo.num_scored == len(wanted)


def twins(regimes=(Regime.INFERRED, Regime.FIXED), num_samples=1):
    """Two prompts, each at three qualities, which only the regime `fixed` tells the model."""
    levers = [MarkerSet((Marker("quality_bucket", str(n)),)) for n in range(3)]
    return [
        Asked(
            prompt=BenchmarkPrompt(id=f"{text}-{number}", messages=(Message("user", text),), reference={"wanted": ""}),
            regime=regime,
            request=GenerationRequest((Message("user", text),), fixed=lever if regime is Regime.FIXED else MarkerSet()),
            sample=sample,
        )
        for regime in regimes
        for text in ("a", "b")
        for number, lever in enumerate(levers)
        for sample in range(num_samples)
    ]


class Numbered(Model):
    """Each answer is another one, as draws are."""

    def __call__(self, requests, description, first):
        before = self.num_answered
        given = super().__call__(requests, description, first)
        return [replace(one, content=f"{one.content}{before + n}") for n, one in enumerate(given)]


@pytest.mark.parametrize("batch_size", [1, 4, 512])
def test_what_is_asked_in_the_same_words_and_levers_is_asked_once_a_regime_and_sample(tmp_path, batch_size):
    model = Numbered()
    records = run_benchmark(Echo(), twins(num_samples=2), model, tmp_path, SETTING, batch_size=batch_size)
    assert len(records) == 24 and model.num_answered == 2 * 2 + 12
    inferred = {(r.prompt, r.sample): {o.content for o in records if o.regime is Regime.INFERRED and
                (o.prompt, o.sample) == (r.prompt, r.sample)} for r in records}  # fmt: skip
    assert all(len(contents) == 1 for contents in inferred.values()) and len(inferred) == 4
    assert len({r.content for r in records}) == 16
    (tmp_path / "records.jsonl").unlink()
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:8]))
    again = Numbered()
    assert len(run_benchmark(Echo(), twins(num_samples=2), again, tmp_path, SETTING, batch_size=batch_size)) == 24
    assert again.num_answered <= 16


def test_a_line_that_was_cut_is_done_again(tmp_path):
    echo, wanted = Echo(), asked(Echo())
    run_benchmark(echo, wanted, Model(), tmp_path, SETTING)
    path = tmp_path / "answers.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    model = Model()
    assert len(run_benchmark(echo, wanted, model, tmp_path, SETTING)) == len(wanted)
    assert model.num_answered == len(wanted)  # its batch, so that draws are those of the first time


def test_two_at_once_in_a_folder_are_refused(tmp_path):
    """Whoever comes second is told, and neither asks twice nor writes between the lines of the first."""
    echo = Echo()

    def answering(requests, description, first):
        with pytest.raises(ConfigError, match=r"writes answers to '.*answers.jsonl'.*folder="):
            run_benchmark(echo, asked(echo), Model(), tmp_path, SETTING)
        return Model()(requests, description, first)

    assert len(run_benchmark(echo, asked(echo), answering, tmp_path, SETTING)) == 10
    assert len((tmp_path / "answers.jsonl").read_text().splitlines()) == 10


def test_an_answer_that_changed_is_scored_again(tmp_path):
    echo, wanted = Echo(), asked(Echo(), regimes=[Regime.INFERRED])
    run_benchmark(echo, wanted, Model(), tmp_path, SETTING)
    path = tmp_path / "answers.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["content"] = "nothing like it"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    again = Echo()
    records = run_benchmark(again, wanted, Model(), tmp_path, SETTING)
    assert again.num_scored == 1
    assert [r.scores["heard"] for r in records] == [0.0, 1.0, 1.0, 1.0, 1.0]


def test_answers_are_scored_again_by_other_rules_and_where_they_had_no_score(tmp_path):
    class Silent(Model):
        def __call__(self, requests, description, first):
            given = super().__call__(requests, description, first)
            return [Generation(MarkerSet(), "", (), 0, True), *given[1:]]

    wanted = asked(Echo(), regimes=[Regime.INFERRED])
    by_word, by_letter = (Setting(benchmark="echo", facts={"model": "m1"}, scoring=name) for name in ("word", "letter"))
    run_benchmark(Echo(), wanted, Silent(), tmp_path, by_word)
    for setting, num_scored in ((by_word, 1), (by_letter, 5), (by_letter, 1)):
        again = Echo()
        run_benchmark(again, wanted, Model(), tmp_path, setting)
        assert again.num_scored == num_scored
    found = [Answer(prompt_id="a", prompt="say 1", content="say 1", reference={"wanted": "say 1"})]
    for scoring, num_scored in (("word", 1), ("word", 0), ("letter", 1)):
        again = Echo()
        record_stored(again, found, tmp_path / "stored", scoring=scoring)
        assert again.num_scored == num_scored


def test_a_prompt_that_no_server_answered_has_no_score_and_is_asked_again(tmp_path):
    class Deaf(Model):
        def __call__(self, requests, description, first):
            given = super().__call__(requests, description, first)
            return [Generation(MarkerSet(), "", (f"{NO_ANSWER}timeout",), 0, finished=False), *given[1:]]

    wanted = asked(Echo(), regimes=[Regime.INFERRED])
    for found in (run_benchmark(Echo(), wanted, Deaf(), tmp_path, SETTING), rescore(Echo(), tmp_path)):
        assert [(r.unscored, dict(r.scores)) for r in found][:2] == [(f"{NO_ANSWER}timeout", {}), ("", {"heard": 1.0})]
    found = run_benchmark(Echo(), wanted, Model(), tmp_path, SETTING)
    assert [r.scores for r in found] == [{"heard": 1.0}] * 5


def test_another_setting_is_refused_with_what_differs(tmp_path):
    echo = Echo()
    run_benchmark(echo, asked(echo), Model(), tmp_path, SETTING)
    with pytest.raises(ConfigError, match=r"model was 'm1' and is 'm2'.*Give another folder"):
        run_benchmark(echo, asked(echo), Model(), tmp_path, Setting(benchmark="echo", facts={"model": "m2"}))
    with pytest.raises(ConfigError, match="num_prompts was 5 and is 6"):
        run_benchmark(Echo(6), asked(Echo(6)), Model(), tmp_path, SETTING)


def test_records_are_scored_again_without_a_model(tmp_path):
    echo = Echo()
    records = run_benchmark(echo, asked(echo), Model(), tmp_path, SETTING)
    for name in ("answers.jsonl", "scores.jsonl", "setting.json"):
        (tmp_path / name).unlink()

    class Stricter(Echo):
        def score(self, answers):
            return [Score(scores={"heard": 0.0}) for _ in answers]

    found = rescore(Stricter(), tmp_path)
    assert [r.scores for r in found] == [{"heard": 0.0}] * len(records)
    assert read_records(tmp_path / "records.jsonl") == found
    assert rescore(Echo(), tmp_path) == records

    class Other(Echo):
        name = "other"

    with pytest.raises(DataError, match="records of echo, not of other"):
        rescore(Other(), tmp_path)


def test_answers_of_others_are_recorded(tmp_path):
    answers = [
        Answer(prompt_id="a", prompt="say 1", content="say 1", reference={"wanted": "say 1"}),
        Answer(prompt_id="b", prompt="say 2", content="", reference={"wanted": "say 2"}),
    ]
    assert len(record_stored(Echo(), answers, tmp_path)) == 2
    heard, silent = read_records(tmp_path / "records.jsonl")
    assert heard.scores == {"heard": 1.0}
    assert silent.unscored == "silence" and silent.scores == {}


def test_the_same_prompt_twice_is_refused(tmp_path):
    echo = Echo()
    with pytest.raises(DataError, match="'p0' is there twice"):
        run_benchmark(echo, asked(echo) + asked(echo)[:1], Model(), tmp_path, SETTING)
