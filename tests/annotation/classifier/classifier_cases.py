"""Small marked sets from which a classifier can learn, and what tests share about them."""

from pathlib import Path

from treasure.annotation.classifier.config import ClassifierTrainConfig, FeatureConfig
from treasure.annotation.classifier.report import Report
from treasure.annotation.classifier.train import train_classifier
from treasure.data.example import Example, MarkedExample, Message, example_id
from treasure.markers.marker_set import MarkerSet
from treasure.seeding import stream
from treasure.taxonomy.taxonomy import Taxonomy

WORDS = {
    "Medical": ["fever", "doctor", "pill", "nurse", "cough", "vaccine", "surgery", "clinic", "dose", "symptom"],
    "Legal": ["contract", "court", "judge", "clause", "tenant", "lawsuit", "statute", "appeal", "verdict", "lease"],
    "Math": ["sum", "prime", "angle", "fraction", "integral", "matrix", "proof", "equation", "decimal", "vector"],
}
FILLER = ["the", "a", "some", "of", "with", "about", "my", "your", "for", "please", "what", "how", "is", "tell", "me"]


def example(prompt: str, completion: str = "", dataset: str = "made") -> Example:
    messages = (Message("user", prompt),)
    return Example(example_id(messages, completion), messages, completion, dataset)


def sentence(domains: list[str], rng, num_words: int = 12) -> str:
    topic = [word for domain in domains for word in WORDS[domain]]
    return " ".join(rng.choice(topic if topic and rng.random() < 0.4 else FILLER) for _ in range(num_words))


def marked(taxonomy: Taxonomy, num: int = 90, *, seed: int = 0, several: bool = False) -> list[MarkedExample]:
    """Examples of three domains from two datasets; with `several` every third one has two domains."""
    names = list(WORDS)
    found = []
    for index in range(num):
        rng = stream(seed, "cases", index)
        domains = [names[index % 3], *([names[(index + 1) % 3]] if several and index % 9 < 3 else [])]
        row = example(sentence(domains, rng), sentence(domains, rng), f"set{index % 2}")
        found.append(MarkedExample(row, MarkerSet.of(taxonomy, {"domain": domains})))
    return found


def small(**options) -> ClassifierTrainConfig:
    settings = {"categories": ["domain"], "features": FeatureConfig(bits=10), "num_folds": 3, "min_prompts": 3}
    return ClassifierTrainConfig(**{**settings, **options})


def train(taxonomy: Taxonomy, folder: Path, rows: list[MarkedExample] | None = None, **options) -> Report:
    return train_classifier(marked(taxonomy) if rows is None else rows, taxonomy, small(**options), folder)
