"""`make bench`: measures on the machine at hand and writes docs/benchmarks.md.

make bench                                              everything; an hour or two on two cores
.venv/bin/python -m bench.run --quick                   shows that all of it works; the numbers say little
.venv/bin/python -m bench.run --only training,roofline  measures these again, keeps the other results
.venv/bin/python -m bench.run --only training --keep-tried  the contests alone, without trying TRL's settings again
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import annotation, generation, gpu, marker_tax, overhead, pipeline, roofline, training
from bench.contest import ROOT, say
from bench.options import Options
from bench.page import write_page
from bench.shapes import SHAPES
from treasure import provenance

MEASUREMENTS: dict[str, Callable[[Options], dict[str, Any]]] = {
    "training": training.measure,
    "ablation": training.ablation,
    "roofline": roofline.measure,
    "overhead": overhead.measure,
    "marker_tax": marker_tax.measure,
    "pipeline": pipeline.measure,
    "annotation": annotation.measure,
    "generation": generation.measure,
    "gpu": gpu.measure,
}


def main() -> None:
    """Measures what was asked for and writes the page anew from all results there are."""
    arguments = _arguments()
    arguments.work.mkdir(parents=True, exist_ok=True)
    results_file = arguments.work.resolve() / ("quick.json" if arguments.quick else "results.json")
    results = json.loads(results_file.read_text(encoding="utf-8")) if results_file.is_file() else {}
    options = Options(
        quick=arguments.quick,
        work=arguments.work.resolve(),
        tokenizer=arguments.tokenizer,
        alpaca=arguments.alpaca,
        pipeline_rows=arguments.rows,
        data=arguments.data,
        model=None if arguments.model is None else arguments.model.resolve(),
        shapes=arguments.shapes,
        tried=_tried(results) if arguments.keep_tried else {},
    )
    for name in arguments.only:
        say(f"== {name}")
        entry = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "provenance": _provenance(),
            "options": options.to_dict(),
            "result": MEASUREMENTS[name](options),
        }
        results[name] = with_earlier_shapes(entry, results.get(name)) if name in ("training", "roofline") else entry
        results_file.write_text(json.dumps(results, indent=1), encoding="utf-8")
    page = options.work / "quick.md" if options.quick else ROOT / "docs" / "benchmarks.md"
    write_page(results, page)
    say(f"{page}")


def with_earlier_shapes(entry: dict[str, Any], earlier: dict[str, Any] | None) -> dict[str, Any]:
    """`entry` with the shapes that were measured before and not again, or left out now, and the commit of each."""
    shapes: dict[str, Any] = {}
    for one in (earlier, entry):
        for shape, found in one["result"].items() if one is not None else ():
            if "skipped" not in found or shape not in shapes:
                shapes[shape] = {"commit": one["provenance"]["commit"], **found}
    return {**entry, "result": shapes}


def _tried(results: dict[str, Any]) -> dict[str, Any]:
    shapes = results.get("training", {}).get("result", {})
    return {shape: found["tried"] for shape, found in shapes.items() if "tried" in found}


def _provenance() -> dict[str, Any]:
    found = provenance.collect()
    found["packages"] |= {name: provenance.package_version(name) for name in ("trl", "accelerate")}
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0] if __doc__ else None)
    names = ",".join(MEASUREMENTS)
    parser.add_argument("--only", type=_names, default=list(MEASUREMENTS), help=f"comma-separated, of {names}")
    parser.add_argument("--shapes", type=_shapes, default=tuple(SHAPES), help=f"of {','.join(SHAPES)}; by default all")
    parser.add_argument("--keep-tried", action="store_true", help="take the settings of TRL that were best last time")
    parser.add_argument("--quick", action="store_true", help="a few steps each, to see that it works")
    parser.add_argument("--work", type=Path, default=ROOT / "outputs" / "bench", help="corpora and results.json")
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the pipeline; the paper's size is 2700000")
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT.parent / "shared" / "data",
        help="folder with train/ntrex128 and more, for the texts that rules annotate; those of the world without",
    )
    parser.add_argument(
        "--model",
        type=Path,
        help="model folder of a run on the world, for generation; by default one is trained for it, two minutes",
    )
    parser.add_argument(
        "--tokenizer",
        type=Path,
        default=ROOT / "outputs" / "tokenizer_mistral_7b",
        help="folder with a tokenizer.json of 32,000 pieces, for the 15M model; its rows are left out without",
    )
    parser.add_argument(
        "--alpaca",
        type=Path,
        default=ROOT / "outputs" / "alpaca.jsonl.gz",
        help="Alpaca rows (instruction, input, output), for the 15M model; its rows are left out without",
    )
    return parser.parse_args()


def _names(text: str) -> list[str]:
    return _chosen(text, MEASUREMENTS)


def _shapes(text: str) -> tuple[str, ...]:
    return tuple(_chosen(text, SHAPES))


def _chosen(text: str, allowed: Iterable[str]) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in allowed]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; allowed: {', '.join(allowed)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
