"""Writes a tiny XCOMET with random weights by the real library, and scores with it: `tiny_xcomet.py FOLDER`.

Runs under a Python that has unbabel-comet. Reads rows of `src`, `mt` and `ref` as one JSON list from the standard
input; the last line that it prints is a JSON list of their scores, by the library alone. The model is
`FOLDER/checkpoints/model.ckpt`.
"""

# pyright: reportMissingImports=false

import json
import sys
from pathlib import Path


def write(folder: Path) -> None:
    import pytorch_lightning
    import torch
    from comet.models import XCOMETMetric
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizerFast

    base = folder / "base"
    core = Tokenizer(models.Unigram())
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=special, unk_token="<unk>", show_progress=False)
    core.train_from_iterator(["Hello world, a small text.", "Hallo Welt, ein kleiner Text."] * 20, trainer)
    tokenizer = XLMRobertaTokenizerFast(tokenizer_object=core)
    tokenizer.model_max_length = 512
    tokenizer.save_pretrained(base)
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=514, pad_token_id=1, type_vocab_size=1,
    )  # fmt: skip
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(base)
    model = XCOMETMetric(
        encoder_model="XLM-RoBERTa", pretrained_model=str(base), word_layer=1, hidden_sizes=[16], local_files_only=True
    )
    lightning = pytorch_lightning.Trainer(logger=False, enable_checkpointing=False, max_steps=0)
    lightning.strategy.connect(model)
    lightning.save_checkpoint(folder / "checkpoints" / "model.ckpt")
    (folder / "hparams.yaml").write_text("class_identifier: xcomet_metric\nlayer_transformation: sparsemax\n")


def main(folder: Path) -> None:
    from comet import load_from_checkpoint

    write(folder)
    model = load_from_checkpoint(str(folder / "checkpoints" / "model.ckpt"))
    rows = json.load(sys.stdin)
    scores = model.predict(rows, batch_size=1, gpus=0, progress_bar=False)["scores"]
    sys.stdout.write("\n" + json.dumps([float(score) for score in scores]) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
