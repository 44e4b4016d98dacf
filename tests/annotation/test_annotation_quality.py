"""Quality buckets: quarters within a language, ties to the better side, edges that never move."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.quality import QualityAnnotator, fit_edges
from treasure.annotation.quality_config import QualityConfig, SmallGroups
from treasure.annotation.quality_edges import EdgeFitter, QualityEdges
from treasure.data.example import Example, Message
from treasure.errors import ConfigError, DataError
from treasure.taxonomy.load import taxonomy_from_dict, taxonomy_to_dict

SCORES = st.lists(st.integers(-20, 20).map(lambda score: score / 4), min_size=4, max_size=80)


def config(path="edges.json", **options) -> QualityConfig:
    return QualityConfig(**{"scorer": "people", "edges": str(path), "min_examples": 4, **options})


def fitted(taxonomy, scores, **options) -> QualityEdges:
    fitter = EdgeFitter(config(**options), taxonomy)
    for score, *group in scores:
        fitter.add(score, *group)
    return fitter.edges()


def known(score=None, lang="French", task=None) -> dict[str, Finding]:
    given_values = {"quality": score, "lang": lang, "task": task}
    return {name: Finding("facts", Outcome.FOUND, (v,)) for name, v in given_values.items() if v is not None}


def test_four_scores_are_four_quarters(taxonomy):
    edges = fitted(taxonomy, [(score, "French") for score in (3.0, 1.0, 4.0, 2.0)])
    assert [edges.bucket(score, "French") for score in (4.0, 3.0, 2.0, 1.0)] == ["1", "2", "3", "4"]
    assert edges.bucket(100.0, "French") == "1"
    assert edges.bucket(-100.0, "French") == "4"


def test_a_score_on_an_edge_is_in_the_better_bucket(taxonomy):
    edges = fitted(taxonomy, [(float(score), "French") for score in range(5)])  # edges at 3, 2 and 1
    assert edges.groups["French", ""].edges == (3.0, 2.0, 1.0)
    assert [edges.bucket(float(score), "French") for score in range(5)] == ["4", "3", "2", "1", "1"]
    assert edges.bucket(2.999, "French") == "2"


def test_equal_scores_share_a_bucket(taxonomy):
    edges = fitted(taxonomy, [(5.0, "French")] * 9 + [(1.0, "French")])
    assert edges.bucket(5.0, "French") == "1"
    assert edges.bucket(1.0, "French") == "4"
    assert edges.quality_95th("2", "French") is None  # nobody is in it


@given(SCORES)
def test_buckets_are_quarters_or_better(taxonomy, scores):
    edges = fitted(taxonomy, [(score, "French") for score in scores])
    buckets = [int(str(edges.bucket(score, "French"))) for score in scores]
    ranked = sorted(zip(scores, buckets, strict=True), reverse=True)
    assert [bucket for _, bucket in ranked] == sorted(buckets)  # a higher score is never in a worse bucket
    for bucket in (1, 2, 3):
        assert sum(found <= bucket for found in buckets) >= len(scores) * bucket // 4


def test_languages_are_cut_apart(taxonomy):
    rows = [(float(i), "French") for i in range(8)] + [(float(i + 100), "German") for i in range(8)]
    edges = fitted(taxonomy, rows)
    assert edges.bucket(7.0, "French") == "1"
    assert edges.bucket(7.0, "German") == "4"
    assert edges.bucket(7.0, "Dutch") is None


def test_tasks_are_cut_apart_if_asked_for_and_large_enough(taxonomy):
    rows = [(float(i), "French", "Rewrite") for i in range(4)] + [(i + 10.0, "French", "Reasoning") for i in range(4)]
    rows += [(50.0, "French", "Translation")]
    edges = fitted(taxonomy, rows, within_task=True)
    assert edges.bucket(3.0, "French", "Rewrite") == "1"
    assert edges.bucket(3.0, "French", "Translation") == edges.bucket(3.0, "French") == "3"
    assert edges.bucket(3.0, "French", "Translation", fall_back=False) is None
    assert ("French", "Translation") not in edges.groups
    together = fitted(taxonomy, rows)
    assert together.bucket(3.0, "French", "Rewrite") == together.bucket(3.0, "French")


def test_the_95th_percentile_of_each_bucket_is_kept(taxonomy, tmp_path):
    scores = np.random.default_rng(0).normal(size=400).round(2)
    edges = fitted(taxonomy, [(float(score), "French") for score in scores])
    edges.save(tmp_path / "edges.json")
    again = QualityEdges.load(tmp_path / "edges.json", "people")
    assert again == edges
    for bucket in "1234":
        inside = [score for score in scores if edges.bucket(float(score), "French") == bucket]
        assert len(inside) == pytest.approx(100, abs=3)
        assert again.quality_95th(bucket, "French") == pytest.approx(np.quantile(inside, 0.95))
    assert again.quality_95th("1", "Dutch") is None
    with pytest.raises(ConfigError, match="Allowed: 1, 2, 3, 4"):
        again.quality_95th("5", "French")


def test_edges_are_fitted_once_and_then_frozen(taxonomy, tmp_path):
    options = config(tmp_path / "edges.json")
    fit_edges([known(float(i)) for i in range(8)] + [known(None), known(9.0, lang=None)], options, taxonomy)
    before = (tmp_path / "edges.json").read_text()
    assert json.loads(before)["groups"][0]["num_scores"] == 8
    with pytest.raises(ConfigError, match="there already"):
        fit_edges([known(float(i)) for i in range(80)], options, taxonomy)
    assert (tmp_path / "edges.json").read_text() == before


def test_the_annotator_speaks_where_the_score_is_known(taxonomy, tmp_path):
    options = config(tmp_path / "edges.json")
    fit_edges([known(float(i)) for i in range(8)], options, taxonomy)
    annotator = QualityAnnotator(options, taxonomy)
    settled = known(7.0) | {"quality_bucket": Finding("facts", Outcome.FOUND, ("3",))}
    abstained = {"quality": Finding("reward", Outcome.FAILED), **known(None)}
    rows = [known(7.0), known(0.0), known(None), settled, known(7.0, lang=None), known(7.0, "Dutch"), abstained]
    found = annotator.annotate([Example("x", (Message("user", "a"),), "b", "d")] * len(rows), rows)
    assert found[0] == {"quality_bucket": Finding("quality", Outcome.FOUND, ("1",))}
    assert found[1]["quality_bucket"].values == ("4",)
    assert found[2] == found[3] == found[6] == {}
    assert found[4]["quality_bucket"].outcome is found[5]["quality_bucket"].outcome is Outcome.ABSTAINED
    assert "Dutch" in found[5]["quality_bucket"].note


def test_a_small_task_takes_the_edges_of_its_language_or_none(taxonomy, tmp_path):
    options = config(tmp_path / "edges.json", within_task=True)
    fit_edges([known(float(i), task="Rewrite") for i in range(8)], options, taxonomy)
    strict = config(tmp_path / "edges.json", within_task=True, small_groups=SmallGroups.ABSTAIN)
    row, example = known(7.0, task="Reasoning"), Example("x", (Message("user", "a"),), "b", "d")
    (found,) = QualityAnnotator(options, taxonomy).annotate([example], [row])
    assert found["quality_bucket"].values == ("1",)
    (found,) = QualityAnnotator(strict, taxonomy).annotate([example], [row])
    assert found["quality_bucket"].outcome is Outcome.ABSTAINED
    assert QualityAnnotator(options, taxonomy).version != QualityAnnotator(strict, taxonomy).version


def test_edges_of_others_are_refused(taxonomy, tmp_path):
    path = tmp_path / "edges.json"
    fit_edges([known(float(i)) for i in range(8)], config(path), taxonomy)
    with pytest.raises(DataError, match=r"edges\.json.*'people'.*'a model'"):
        QualityAnnotator(config(path, scorer="a model"), taxonomy)
    with pytest.raises(ConfigError, match="within_task"):
        QualityAnnotator(config(path, within_task=True), taxonomy)
    data = taxonomy_to_dict(taxonomy)
    data["categories"]["quality_bucket"]["values"] = ["good", "bad"]
    with pytest.raises(ConfigError, match="good, bad"):
        QualityAnnotator(config(path), taxonomy_from_dict(data, "test"))
    with pytest.raises(ConfigError, match="has none"):
        EdgeFitter(config(path), taxonomy.only(["lang"]))


def test_buckets_follow_the_taxonomy(taxonomy):
    data = taxonomy_to_dict(taxonomy)
    data["categories"]["quality_bucket"]["values"] = ["good", "bad"]
    edges = fitted(taxonomy_from_dict(data, "test"), [(float(i), "French") for i in range(4)])
    assert [edges.bucket(float(i), "French") for i in range(4)] == ["bad", "bad", "good", "good"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 1, "scorer": "people", "buckets": [1, 2], "groups": [{}]}']
)
def test_broken_files_are_refused(tmp_path, text):
    (tmp_path / "edges.json").write_text(text)
    with pytest.raises(DataError, match=r"edges\.json"):
        QualityEdges.load(tmp_path / "edges.json", "people")
    with pytest.raises(DataError, match="No such file"):
        QualityEdges.load(tmp_path / "none.json", "people")


def test_too_few_scores_are_told(taxonomy, tmp_path):
    with pytest.raises(DataError, match="the most that one has is 3"):
        fit_edges([known(float(i)) for i in range(3)], config(tmp_path / "edges.json"), taxonomy)
    assert not (tmp_path / "edges.json").exists()
    for options in ({"min_examples": 3}, {"scorer": " "}, {"edges": ""}):
        with pytest.raises(ConfigError, match=next(iter(options))):
            config(**options)
