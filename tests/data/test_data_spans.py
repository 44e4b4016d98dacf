import tiny

from treasure.data.spans import count_by_kind, marker_tax, spans
from treasure.data.template import SegmentKind
from treasure.data.tokenize import compose
from treasure.markers.config import MarkerMode


def _spans(mode, prompt_markers):
    found = tiny.checkpoint(mode)
    (tokenized,) = found.encoder.encode(tiny.corpus(1))
    ids, kinds = compose(tokenized, prompt_markers=prompt_markers, completion_header=mode is not MarkerMode.NONE)
    return ids, spans(ids, kinds, found.tokenizer)


def test_spans_follow_the_template_and_hold_every_token():
    ids, found = _spans(MarkerMode.TOKENS, (0,))
    kinds = [span.kind for span in found]
    prompt, header = SegmentKind.PROMPT, SegmentKind.HEADER
    assert kinds == [prompt, SegmentKind.PROMPT_HEADER, prompt, header, SegmentKind.CONTENT]
    assert sum(span.num_tokens for span in found) == len(ids)
    assert found[1].text == "<|markers|><|domain=Math|><|/markers|>"
    assert [span.is_learned for span in found] == [False, False, False, True, True]


def test_the_tax_is_one_without_headers_and_more_with_them():
    assert marker_tax(_spans(MarkerMode.NONE, None)[1]) == 1.0
    _, found = _spans(MarkerMode.TOKENS, None)
    counts = count_by_kind(found)
    total = sum(counts.values())
    assert marker_tax(found) == total / (total - counts[SegmentKind.HEADER]) > 1
