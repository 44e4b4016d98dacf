import math

from treasure.analysis.lifts import leading_rows
from treasure.analysis.progress import read_progress


def test_every_step_has_baseline_and_each_regime(numbers):
    rows = [row for row in numbers.progress if (row.benchmark, row.slice_kind) == ("facts", "all")]
    assert [row.step for row in rows if row.regime == "baseline"] == [400, 800, 1200]
    assert {row.regime for row in rows} == {"baseline", "inferred", "fixed", "forced", "oracle"}
    assert len(rows) == 3 * 5


def test_the_last_step_agrees_with_the_lifts(numbers):
    progress = {(r.slice_kind, r.regime): r for r in numbers.progress if (r.benchmark, r.step) == ("code", 1200)}
    for row in leading_rows(numbers.lifts, "code"):
        found = progress[row.slice_kind, row.regime]
        assert (found.value, found.lift, found.low, found.high) == (row.marked, row.lift, row.low, row.high)
        assert progress[row.slice_kind, "baseline"].value == row.baseline


def test_baseline_has_a_level_but_no_lift(numbers):
    rows = [row for row in read_progress(numbers.folder) if row.regime == "baseline"]
    assert rows
    assert all(math.isnan(row.lift) and not math.isnan(row.value) for row in rows)


def test_the_learning_of_the_fake_runs_shows(numbers):
    rows = [r for r in numbers.progress if (r.benchmark, r.slice_kind, r.regime) == ("facts", "all", "fixed")]
    assert rows[-1].value > rows[0].value
