"""Reliability of posteriors: measures by hand, and what the study concludes from rows that are known."""

import math

import numpy as np
import pytest

from treasure.analysis.figures.style import house_style
from treasure.analysis.lever_studies.posteriors import summarize
from treasure.analysis.lever_studies.reliability import (
    calibration_error,
    chance_error,
    divergence,
    error_interval,
    mass_bins,
    scored,
    variation,
)


def test_scores_by_hand():
    found = scored([{"a": 0.7, "b": 0.2, "c": 0.1}, {"a": 0.5, "b": 0.5}], ["b", "z"], ["p", "q"])
    assert found.confidence.tolist() == [0.7, 0.5] and found.right.tolist() == [False, False]
    assert found.brier == pytest.approx([0.7**2 + 0.8**2 + 0.1**2, 0.5**2 + 0.5**2 + 1])
    assert found.nll == pytest.approx([-math.log(0.2), -math.log(1e-9)])
    assert found.entropy[1] == pytest.approx(math.log(2))


def test_calibration_error_by_hand():
    """Two bins of 30: 0.6 said and half right, 0.9 said and all right: (0.1 + 0.1) / 2."""
    confidence = np.array([0.6, 0.9] * 30)
    right = np.array([i % 4 == 0 or i % 2 == 1 for i in range(60)])
    assert [(b.size, round(b.confidence, 6), b.num_right) for b in mass_bins(confidence, right)] == [
        (30, 0.6, 15), (30, 0.9, 30)
    ]  # fmt: skip
    assert calibration_error(confidence, right) == pytest.approx(0.1)
    assert calibration_error(confidence[:10], right[:10]) == pytest.approx(abs(0.75 - 0.8))  # one bin


def test_true_probabilities_show_what_chance_shows():
    random = np.random.default_rng(0)
    confidence = random.uniform(0.2, 1, 400)
    errors = [calibration_error(confidence, random.random(400) < confidence) for _ in range(60)]
    assert np.mean(errors) == pytest.approx(chance_error(confidence), abs=0.006) and np.mean(errors) > 0.02
    assert chance_error(np.ones(50)) == 0


def test_the_interval_holds_the_error_of_probabilities_that_are_too_sure():
    random = np.random.default_rng(1)
    right = random.random(3000) < 0.7
    found = scored([{"a": 0.9, "b": 0.1}] * 3000, ["a" if r else "b" for r in right], list(map(str, range(3000))))
    interval = error_interval(found)
    assert interval.low < 0.2 < interval.high and interval.high - interval.low < 0.05


def test_distances_by_hand():
    truth, belief = {"a": 0.5, "b": 0.5}, {"a": 0.25, "b": 0.25, "c": 0.5}
    assert divergence(truth, belief) == pytest.approx(math.log(2)) and divergence(truth, truth) == 0
    assert variation(truth, belief) == pytest.approx(0.5) and variation(truth, {"c": 1.0}) == 1


def row(place, kind="taught", truth="a", category="lang", **changes):
    return {
        "kind": kind, "prompt": f"p{place}", "category": category, "state": "known" if truth else "unknown",
        "truth": truth, "values": {"a": 0.72, "b": 0.08}, "not_written": 0.2, "other": 0.0, "invalid_mass": 0.01,
        "temperature": 2.0, "num_fit": 50, **changes,
    }  # fmt: skip


def marginal(place, truth="a", **changes):
    own = {"calibrated": {"a": 0.6, "b": 0.2}, "num_headers": 8, "true": {"a": 0.6, "b": 0.2}, "true_written": 0.7}
    return row(place, "marginal", truth, **{**own, **changes})


def rows_of_a_model_that_is_too_sure():
    """It says 0.9 for a, and 72 of the 96 known ones are."""
    return [row(i, truth=None if i >= 96 else "b" if i % 4 == 3 else "a") for i in range(128)]


def cells(table, name):
    return dict(zip(table.columns, next(r for r in table.rows if r[0] == name), strict=True))


def test_a_model_that_is_too_sure_is_told_and_mended():
    study = summarize(rows_of_a_model_that_is_too_sure())
    taught, written = study.tables
    found = cells(taught, "lang")
    assert (found["n"], found["temperature"], found["invalid"]) == ("96", "2.00", "1.00 %")
    assert (
        found["right"] == "75.0 %"
        and found["ECE, points"].startswith("15.0 ")
        and found["ECE after"].startswith("0.0 ")
    )
    before, after = (-0.75 * math.log(p) - 0.25 * math.log(1 - p) for p in (0.9, 0.75))
    assert found["log loss"].startswith(f"{before:.2f} [")
    assert found["change of log loss"].startswith(f"\N{MINUS SIGN}{before - after:.3f} [")
    assert (
        "fits better" in study.sentences[1]
        and "too sure of itself (above 1.1) was the model in lang" in study.sentences[2]
    )
    shown = cells(written, "lang")
    assert shown["probability"].startswith("80.0 ") and shown["share written"] == "75.0 %"
    assert shown["where unknown"] == "80.0 % (n 32)" and shown["where it does not apply"] == "none"


def test_a_model_that_hardly_writes_headers_is_told():
    rows = rows_of_a_model_that_is_too_sure()
    assert not any(
        "no valid header" in one for one in summarize([{**row, "invalid_mass": 0.001} for row in rows]).sentences
    )
    told = summarize([{**row, "invalid_mass": 0.4} for row in rows]).sentences
    assert any("gives up to 40.0 % (in lang) to what no valid header" in one for one in told)


def test_no_effect_is_told_as_none():
    study = summarize([{**one, "temperature": 1.0} for one in rows_of_a_model_that_is_too_sure()])
    assert "fits neither better nor worse for sure" in study.sentences[1]
    assert "not corrected for their number" in next(text for text in study.sentences if "written at all" in text)


def test_nothing_is_said_of_temperatures_where_there_are_none():
    study = summarize([{**one, "temperature": None} for one in rows_of_a_model_that_is_too_sure()])
    assert study.sentences[0].endswith("No category had enough examples for a temperature.")
    assert "off by 15.0 points" in study.sentences[0] and "mean of 1 category " in study.sentences[0]
    assert not any("after one temperature" in text or "fits" in text for text in study.sentences)
    assert cells(study.tables[0], "lang")["temperature"] == "none"


def test_the_world_tells_how_far_the_truth_is():
    rows = rows_of_a_model_that_is_too_sure()
    study = summarize(rows + [marginal(i, one["truth"]) for i, one in enumerate(rows)])
    found = cells(study.tables[2], "lang")
    wanted = divergence({"a": 0.75, "b": 0.25}, {"a": 0.9, "b": 0.1})
    assert found["KL, nats"].startswith(f"{wanted:.3f} [") and found["n"] == "128"
    assert found["change by temperature"].startswith(f"\N{MINUS SIGN}{wanted:.3f} [")
    assert found["total variation, points"].startswith("15.0 ") and found["written, points off"].startswith("10.0 ")
    assert found["ECE"].startswith("15.0 ") and found["ECE of the truth"].startswith("0.0 ")
    assert any("nearer to the truth for lang and farther from it for none" in one for one in study.sentences)
    with house_style():
        for figure in study.figures:
            figure.draw().canvas.draw()
    assert [figure.name for figure in study.figures] == ["posteriors_reliability", "posteriors_distance"]


def test_rare_categories_and_unlisted_numbers_do_not_end_it():
    rows = [row(i, category="quality", values={"1": 0.1}, other=0.3, not_written=0.6, truth="7") for i in range(3)]
    rows += [row(i, category="style", values={}, not_written=1.0, truth=None, temperature=None) for i in range(3)]
    never = {"true": {}, "values": {}, "not_written": 1.0, "true_written": 0.0}
    rows += [marginal(i, None, category="style", **never) for i in range(3)]
    study = summarize(rows)
    assert cells(study.tables[0], "quality")["right"] == "100.0 %"  # (other numbers) is where the truth lies
    assert len(study.tables) == 2 and len(study.tables[1].rows) == 2
    assert summarize(rows[3:6]).sentences
