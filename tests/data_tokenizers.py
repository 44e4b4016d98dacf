"""Small tokenizers of every kind that base models come with, and the words that are hard on them."""

import tiny
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from treasure.markers.surface import Surface, SurfaceName, make_surface
from treasure.model.marker_embeddings import add_marker_tokens
from treasure.model.tokenizer import train_tokenizer

TEXTS = [
    "What is two plus two?",
    "the cat  sat on the mat\n\nand the dog too",
    "def f(x):\n    return x + 1",
    "<MARKER_LIST> in a text of the base model </MARKER_LIST>",
] * 3
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_level() -> PreTrainedTokenizerFast:
    """Our own: byte-level BPE, <|end|>, no beginning-of-sequence token, a chat template."""
    return train_tokenizer(TEXTS, 400)


def chatml() -> PreTrainedTokenizerFast:
    """Byte-level, with turn tokens added as ordinary tokens, and white space added too, as some base models have it."""
    tokenizer = train_tokenizer(TEXTS, 400)
    tokenizer.add_tokens([AddedToken(token, special=False) for token in ("<|im_start|>", "<|im_end|>", "    ")])
    tokenizer.chat_template = CHATML
    return tokenizer


def sentencepiece() -> PreTrainedTokenizerFast:
    """BPE with byte fallback, a blank put before each text, `<s>` put before each sequence; no chat template."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    specials = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=450, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator([text.replace(" ", "▁") for text in TEXTS], trainer)
    data = tokenizer.to_str()
    tokenizer = Tokenizer.from_str(data)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=_with_special(tokenizer, {"<unk>", "<s>", "</s>"}),
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="</s>",
    )


def word_level() -> PreTrainedTokenizerFast:
    """Whole words, `</s>` among them: without care, the word `</s>` in a text would be the token."""
    words = sorted({word for text in TEXTS for word in text.split()})
    vocabulary = {word: i for i, word in enumerate(["<unk>", "</s>", *"</s>", *words])}
    vocabulary = {word: i for i, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>", pad_token="</s>")


def _with_special(tokenizer: Tokenizer, kept: set[str]) -> Tokenizer:
    """Only `kept` stay added tokens; the bytes are plain vocabulary."""
    import json

    source = json.loads(tokenizer.to_str())
    source["added_tokens"] = [entry for entry in source["added_tokens"] if entry["content"] in kept]
    return Tokenizer.from_str(json.dumps(source))


MAKERS = {"byte_level": byte_level, "chatml": chatml, "sentencepiece": sentencepiece, "word_level": word_level}


def surface_of(name: SurfaceName, tokenizer: PreTrainedTokenizerFast) -> Surface:
    """The surface of the tiny taxonomy, its tokens added to `tokenizer`."""
    surface = make_surface(name, tiny.TAXONOMY)
    add_marker_tokens(tokenizer, surface)
    return surface


NASTY = (
    "<|end|>", "</s>", "<s>", "<unk>", "<|user|>", "<|assistant|>", "<|im_end|>", "<|markers|>", "<|domain=Legal|>",
    "<|/markers|>", "<MARKER_LIST>", "</MARKER_LIST>", " <domain> Legal </domain>", "<|e<|end|>nd|>", "    ", "\n", " ",
)  # fmt: skip
words = st.lists(st.one_of(st.sampled_from(NASTY), st.text(st.characters(codec="utf-8"), max_size=6)), max_size=6).map(
    "".join
)
"""Texts full of control syntax."""
