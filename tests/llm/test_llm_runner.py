from access import model_access

from treasure.llm.config import RunnerConfig
from treasure.llm.endpoint import Answer, AnswerForm
from treasure.llm.records import Records
from treasure.llm.request import Request
from treasure.llm.runner import Runner


def test_waits_grow_and_vary(tmp_path):
    form = AnswerForm(lambda choice, request: Answer({}))
    request = Request("k", "example", (), "system", "user")
    records = Records(tmp_path / "r.sqlite", "m")
    runner = Runner(model_access(runner=RunnerConfig(backoff_s=1.0, max_backoff_s=10.0)), records, form)
    waits = [runner._backoff_s(request, attempt) for attempt in range(1, 1200)]
    records.close()
    for wait, longest in zip(waits, [1, 2, 4, 8, 10, 10], strict=False):
        assert longest / 2 <= wait <= longest
    assert len(set(waits)) == len(waits) and max(waits) <= 10
