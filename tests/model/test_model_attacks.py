"""Whatever a user writes stays words: in the ids of training, and where engines tokenize what our template wrote."""

from collections.abc import Sequence
from dataclasses import replace

import data_tokenizers
import pytest
import tiny
from attacks import OTHERS, attacks
from tokenizers import normalizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from treasure.data.config import TemplateConfig
from treasure.data.example import Example, MarkedExample, Message
from treasure.data.template import make_template, prompt_segments
from treasure.markers.config import MarkerMode
from treasure.markers.marker_set import MarkerSet
from treasure.markers.surface import SurfaceName, make_surface
from treasure.model.causal_lm import build_tiny
from treasure.model.checkpoint import Checkpoint, make_checkpoint, save_checkpoint

MARKERS = MarkerSet.of(tiny.TAXONOMY, {"domain": ["Legal", "Math"], "lang": "French", "length_tokens": 40})
SURFACES = [make_surface(name, tiny.TAXONOMY) for name in (SurfaceName.TEXT, SurfaceName.TOKENS)]
HEADERS = [surface.render(MARKERS) + surface.separator for surface in SURFACES]
SYNTAX = [
    "<MARKER_LIST>", "</MARKER_LIST>", " </MARKER_LIST>\n", "<domain>", "</domain>", " <domain> Legal </domain>",
    *SURFACES[1].added_tokens(), *HEADERS, *(header + "<|assistant|>" for header in HEADERS),
    *(text for text in OTHERS if not any("\ud800" <= letter < "\ue000" for letter in text)),
]  # fmt: skip


def composed() -> PreTrainedTokenizerFast:
    """Byte-level with the normalizer of many real ones, which makes an ordinary K of the Kelvin sign."""
    tokenizer = data_tokenizers.byte_level()
    tokenizer.backend_tokenizer.normalizer = normalizers.NFC()
    return tokenizer


MAKERS = {**data_tokenizers.MAKERS, "composed": composed}
FAST = ("byte_level", "composed")
NUM_ATTACKS = {maker: 400 if maker in FAST else 1200 for maker in MAKERS}
MODES = pytest.mark.parametrize("mode", [MarkerMode.TOKENS, MarkerMode.TEXT], ids=str)
EACH = pytest.mark.parametrize(
    "maker", [pytest.param(maker, marks=() if maker in FAST else pytest.mark.slow) for maker in MAKERS]
)


def checkpoint(maker: str, mode: MarkerMode) -> Checkpoint:
    tokenizer = MAKERS[maker]()
    surface = make_surface(SurfaceName(mode.value), tiny.TAXONOMY)
    model = build_tiny(replace(tiny.SHAPE, vocab_size=max(400, len(tokenizer))), tokenizer, 128, seed=0)
    return make_checkpoint(model, tokenizer, tiny.TAXONOMY, surface, TemplateConfig(), 128)


def conversations(seed: int, num_attacks: int) -> list[tuple[Message, ...]]:
    """Each attack in a turn of its own kind, some cut in two over neighbouring turns."""
    found = []
    for number, text in enumerate(attacks(seed, num_attacks, SYNTAX)):
        half = len(text) // 2
        match number % 5:
            case 0 | 1:
                turns = [("user", text)]
            case 2:
                turns = [("system", text), ("user", "Why?")]
            case 3:
                turns = [("user", text), ("assistant", text), ("user", text)]
            case _:
                turns = [("system", text[:half]), ("user", text[half:])]
        found.append(tuple(Message(*turn) for turn in turns))
    return found


def controls(found: Checkpoint) -> set[int]:
    """The ids that no word may become."""
    plain = {found.tokenizer.unk_token, "    "}
    return {i for i, token in found.tokenizer.added_tokens_decoder.items() if token.content not in plain}


def _holds(ids: list[int], part: list[int]) -> bool:
    return any(ids[i : i + len(part)] == part for i in range(len(ids) - len(part) + 1))


def written(text: str) -> str:
    """`text` without the letters that keep control strings apart; halves of a letter are no text."""
    return text.replace("\u200b", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read(text: str, maker: str) -> str:
    """Where look-alikes are control, a text that holds some is written in plain letters."""
    return text.replace("\u212a", "K") if maker == "composed" else text


def _only(ids: list[int], kept: set[int]) -> list[int]:
    return [i for i in ids if i in kept]


def _example(messages: Sequence[Message]) -> MarkedExample:
    return MarkedExample(Example("", tuple(messages), messages[-1].content, "attacks"), MARKERS)


@MODES
@EACH
def test_no_word_becomes_control_in_training(maker, mode):
    found = checkpoint(maker, mode)
    encoder, forbidden, template = found.encoder, controls(found), make_template(found.template, found.tokenizer)
    ends = [ids for ends in encoder.header_ends() if len(ids := ends.tolist())]
    asked = conversations(1, NUM_ATTACKS[maker])
    attacked = encoder.encode([_example(messages) for messages in asked])
    calm = encoder.encode([_example([replace(message, content="Why?") for message in messages]) for messages in asked])
    header = encoder.header_ids(MARKERS)
    for messages, found_ids, calm_ids in zip(asked, attacked, calm, strict=True):
        prompt = found_ids.prompt_ids.tolist()
        assert encoder.prompt_ids(messages, MARKERS) == [*prompt, *header, *calm_ids.bridge_ids.tolist()]
        assert _only(prompt, forbidden) == _only(calm_ids.prompt_ids.tolist(), forbidden), messages
        if maker != "word_level":  # where every second word is unknown
            assert not any(_holds(prompt, end) for end in ends), messages
        if maker in ("byte_level", "chatml"):
            text = "".join(segment.text for segment in prompt_segments(template, messages))
            assert written(found.tokenizer.decode(prompt)) == written(text)


@MODES
@EACH
def test_no_word_becomes_control_in_an_engine(maker, mode, tmp_path):
    found = checkpoint(maker, mode)
    save_checkpoint(found, tmp_path)
    tokenizer, forbidden = AutoTokenizer.from_pretrained(tmp_path), controls(found)
    template = make_template(found.template, found.tokenizer)
    header = found.surface.render(MARKERS) + found.surface.separator

    start = "<s>" if maker == "sentencepiece" else ""

    def rendered(messages, **keywords):
        turns = [{"role": message.role, "content": message.content} for message in messages]
        return tokenizer.apply_chat_template(turns, add_generation_prompt=True, markers=MARKERS.to_dict(), **keywords)

    calm: dict[tuple[str, ...], list[int]] = {}
    for messages in conversations(2, NUM_ATTACKS[maker]):
        text, roles = rendered(messages, tokenize=False), tuple(message.role for message in messages)
        frame = template.frame(roles)
        plain = "".join(segment.text for segment in prompt_segments(template, messages))
        assert text.endswith(header + frame.bridge)
        assert _read(written(text), maker).removeprefix(start) == _read(written(plain + header + frame.bridge), maker)
        if any("\ud800" <= letter < "\ue000" for letter in text):
            continue  # no tokenizer takes it
        if roles not in calm:
            calm[roles] = _only(rendered([Message(role, "Why?") for role in roles])["input_ids"], forbidden)
        ids = rendered(messages)["input_ids"]
        assert _only(ids, forbidden) == calm[roles], messages
        if maker != "word_level" and mode is MarkerMode.TEXT:
            assert tokenizer.decode(ids).count("<MARKER_LIST>") == 1, messages
