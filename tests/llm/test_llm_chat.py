import time
from email.utils import formatdate

import pytest

from treasure.llm.chat import _retry_after_s


def test_retry_after_is_read_in_all_its_forms():
    assert _retry_after_s({"retry-after": "2"}) == 2
    assert _retry_after_s({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    assert _retry_after_s({"retry-after": formatdate(time.time() + 100, usegmt=True)}) == pytest.approx(100, abs=5)
    assert _retry_after_s({"retry-after": "1e9"}) == 3600
    for odd in ("", "soon", "nan", "-3", "inf", formatdate(time.time() - 100)):
        assert _retry_after_s({"retry-after": odd}) == 0
