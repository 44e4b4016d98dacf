"""What the analysis knows of metrics and benchmarks by name: labels, direction, primary metric, main category.

A benchmark or metric that is not listed is still analysed: it gets a label from its name, counts as a rate of which
more is better, and its first metric and category lead.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

OVERALL = "overall"
"""The pseudo-benchmark that pools the prompts of all benchmarks."""

MAIN = "main"
"""The pseudo-category under which a prompt counts as head or tail by the main category of its own benchmark."""

WIN_RATE = "win_rate"
ORACLE_SCORE = "oracle_score"


@dataclass(frozen=True, slots=True)
class Metric:
    """How a metric is read. `is_rate`: in [0, 1] and shown in per cent; otherwise in `unit` with `decimals`."""

    name: str
    label: str
    lower_is_better: bool = False
    is_rate: bool = True
    unit: str = "points"
    decimals: int = 1

    @property
    def sign(self) -> int:
        """+1 where more is better, -1 where less is."""
        return -1 if self.lower_is_better else 1


@dataclass(frozen=True, slots=True)
class BenchmarkInfo:
    """How a benchmark is presented: its primary metric, the category of its head and tail, the question it answers."""

    name: str
    label: str
    primary: str
    category: str
    question: str


METRICS = {
    metric.name: metric
    for metric in (
        Metric("fact_correct", "right fact"),
        Metric("quality_form", "good form"),
        Metric("language_pass", "wanted language"),
        Metric("format_valid", "valid format"),
        Metric("style_pass", "wanted style"),
        Metric("pass_at_1", "pass@1"),
        Metric("length_violation_rate", "over the length limit", lower_is_better=True),
        Metric("length_distance_words", "distance from the limit", lower_is_better=True, is_rate=False, unit="words"),
        Metric("explanation_correct", "right explanation"),
        Metric("answer_correct", "right answer"),
        Metric("translation_exact", "exact translation"),
        Metric("translation_f1", "translation word F1"),
        Metric("task_form", "right kind of answer"),
        Metric("exact", "exact answer"),
        Metric("exact_f1", "answer word F1"),
        Metric("content_loss", "held-out loss", lower_is_better=True, is_rate=False, unit="nats a token", decimals=3),
        Metric(ORACLE_SCORE, "overall score"),
        Metric(WIN_RATE, "win rate against Baseline"),
        # Scores of public benchmarks; the first that a benchmark has is its main one.
        Metric("prompt_strict", "all instructions followed"),
        Metric("prompt_loose", "all followed, loosely"),
        Metric("followed_strict", "instructions followed", is_rate=False, unit="instructions"),
        Metric("followed_loose", "followed, loosely", is_rate=False, unit="instructions"),
        Metric("num_instructions", "of instructions", is_rate=False, unit="instructions"),
        Metric("line_pass", "wanted language by line (LPR)"),
        Metric("line_pass_strict", "by line, strictly"),
        Metric("word_pass", "no English word (WPR)"),
        Metric("word_pass_strict", "by word, strictly"),
        Metric("line_accuracy", "share of lines"),
        Metric("passed", "tests passed"),
        Metric("length_violation", "over the limit of words", lower_is_better=True),
        Metric("empty", "empty", lower_is_better=True),
        Metric("num_words", "words", is_rate=False, unit="words"),
        Metric("flip", "winner changes with the order", lower_is_better=True),
        Metric("judge_failed", "games without a verdict", lower_is_better=True),
        Metric("length_difference", "characters longer", is_rate=False, unit="characters"),
        Metric("xcomet", "XCOMET", is_rate=False),
        Metric("chrf", "chrF++", is_rate=False),
        Metric("bleu", "BLEU", is_rate=False),
        Metric("reward_win_rate", "reward wins"),
        Metric("reward", "reward", is_rate=False),
    )
}

BENCHMARKS = {
    info.name: info
    for info in (
        BenchmarkInfo(OVERALL, "All benchmarks", WIN_RATE, MAIN, "Do fixed markers make better answers overall?"),
        BenchmarkInfo(
            "facts", "Facts", "fact_correct", "domain", "Do fixed domain and quality markers bring more right facts?"
        ),
        BenchmarkInfo(
            "languages", "Languages", "language_pass", "lang", "Does a fixed language marker keep to the language?"
        ),
        BenchmarkInfo(
            "formats", "Formats", "format_valid", "format", "Does a fixed format marker bring more valid formats?"
        ),
        BenchmarkInfo("styles", "Styles", "style_pass", "style", "Does a fixed style marker bring the wanted style?"),
        BenchmarkInfo("code", "Code", "pass_at_1", "task", "Do fixed task and language markers let more code pass?"),
        BenchmarkInfo(
            "length",
            "Length",
            "length_violation_rate",
            "length_bucket",
            "Does a fixed length marker cut the violation rate?",
        ),
        BenchmarkInfo(
            "reasoning", "Reasoning", "answer_correct", "task", "Does asking for steps bring more right answers?"
        ),
        BenchmarkInfo(
            "translation", "Translation", "translation_f1", "lang", "Do fixed markers bring closer translations?"
        ),
        BenchmarkInfo(
            "text_tasks", "Text tasks", "task_form", "task", "Does a fixed task marker bring the right kind of answer?"
        ),
        BenchmarkInfo(
            "heldout", "Held-out examples", "content_loss", "domain", "Do known markers make answers easier to predict?"
        ),
    )
}


def metric_info(name: str) -> Metric:
    """What is known of the metric `name`; a rate of which more is better when it is not listed."""
    return METRICS.get(name) or Metric(name, name.replace("_", " "))


def benchmark_info(name: str, metrics: Iterable[str] = (), categories: Collection[str] = ()) -> BenchmarkInfo:
    """How the benchmark `name` is presented, given the metrics and grouped categories that its rows hold.

    A listed primary metric or category that the rows do not hold gives way to the first of theirs by name.
    """
    held = sorted(metrics, key=metric_order)
    label = name.replace("_", " ").capitalize()
    known = BENCHMARKS.get(name) or BenchmarkInfo(name, label, "", "", f"Do fixed markers help on {label}?")
    own = [metric for metric in held if metric not in (WIN_RATE, ORACLE_SCORE)] or held
    primary = known.primary if known.primary in held or not own else own[0]
    category = known.category if known.category in categories or not categories else min(categories)
    return BenchmarkInfo(name, known.label, primary or ORACLE_SCORE, category or MAIN, known.question)


def benchmark_order(name: str) -> tuple[int, str]:
    """A sort key: the pooled benchmark, the listed ones in their order, then all others by name."""
    names = list(BENCHMARKS)
    return (names.index(name) if name in names else len(names), name)


def metric_order(name: str) -> tuple[int, str]:
    """A sort key: the listed metrics in their order, then all others by name."""
    names = list(METRICS)
    return (names.index(name) if name in names else len(names), name)
