"""Numbers that must not move; if a change should move them, run `make golden` and say why in the commit."""

import json

import golden
import pytest

TOLERANCE = 1e-4
"""Nats. Processors round differently: over 20 steps of float32 that came to less than this."""


@pytest.mark.parametrize("name", golden.MODES)
def test_losses_are_those_that_were_recorded(name):
    recorded = json.loads((golden.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    found = golden.losses(name)
    assert set(found) == set(recorded)
    for column, values in recorded.items():
        assert found[column] == pytest.approx(values, abs=TOLERANCE), column
        assert len(values) == golden.NUM_STEPS
