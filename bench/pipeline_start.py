"""One start of a training up to its first batches, measured: `python -m bench.pipeline_start <spec as JSON>`."""

import json
import sys
import time
from pathlib import Path

from bench.gate import peak_rss_mib
from treasure.config.composer import conf_dir
from treasure.data.batches import MicroBatchDataset
from treasure.data.config import BatchConfig, DataConfig, DataSource, OverflowPolicy, TemplateConfig, TemplateKind
from treasure.data.readers import ColumnFact, DatasetConfig
from treasure.markers.config import MarkersConfig
from treasure.markers.dropout import DropoutConfig
from treasure.model.config import ModelConfig, TinyModelConfig
from treasure.model.tokenizer import pad_id
from treasure.taxonomy.load import load_taxonomy
from treasure.training.corpus import build_corpus
from treasure.training.prepare import prepare

NUM_STEPS = 200


def main() -> None:
    """Prints seconds and peak of memory as JSON."""
    spec = json.loads(sys.argv[1])
    before = peak_rss_mib()
    started = time.perf_counter()
    cache = Path(spec["cache"])
    taxonomy = load_taxonomy(conf_dir() / "taxonomy" / "treasure_hunt.yaml")
    columns = {name: ColumnFact(column=name) for name in ("domain", "lang")}
    rows = DatasetConfig(path=spec["path"], columns=columns)
    data = DataConfig(source=DataSource.FILES, datasets={"generated": rows})
    corpus = build_corpus(data, taxonomy, world=None, cache=cache)
    prepared = prepare(
        corpus,
        taxonomy,
        markers=MarkersConfig(),
        model=ModelConfig(path=None, tiny=TinyModelConfig(hidden_size=32, num_layers=1, num_heads=1)),
        template=TemplateConfig(kind=TemplateKind.PLAIN),
        overflow=OverflowPolicy.DROP,
        seed=0,
        cache=cache,
    )
    ready, cpu_s = time.perf_counter(), time.process_time()
    batches = MicroBatchDataset(
        prepared.dataset,
        BatchConfig(micro_batch_size=32),
        num_steps=NUM_STEPS,
        seed=0,
        pad_id=pad_id(prepared.checkpoint.tokenizer),
        dropout=DropoutConfig(),
    )
    drawn = sum(batches[index].num_examples for index in range(len(batches)))
    done = {
        "start_s": ready - started,
        "start_cpu_s": cpu_s,
        "draw_s_per_example": (time.perf_counter() - ready) / drawn,
        "peak_rss_mib": peak_rss_mib(),
        "imports_rss_mib": before,
        "num_train": len(prepared.dataset),
        "num_validation": len(corpus.validation),
    }
    print(json.dumps(done))


if __name__ == "__main__":
    main()
