"""Training: what is learned, what is measured on, and what is left out."""

import json

import numpy as np
import pytest
from classifier_cases import example, marked, sentence, small, train

from treasure.annotation.classifier.labelled import labelled_examples, shot_examples
from treasure.annotation.classifier.sample import balanced_weights, draw
from treasure.annotation.classifier.train import train_classifier
from treasure.data.config import DataConfig, DataSource
from treasure.data.decontaminate import ExcludedPrompts
from treasure.data.example import Example, MarkedExample
from treasure.data.readers import ColumnFact, DatasetConfig
from treasure.errors import ConfigError, DataError
from treasure.jsonl import write_jsonl
from treasure.markers.marker_set import MarkerSet
from treasure.seeding import stream


def test_it_learns_what_words_tell(taxonomy, tmp_path):
    report = train(taxonomy, tmp_path / "model").categories["domain"]
    assert report.counts == {"Medical": 30, "Legal": 30, "Math": 30}
    assert report.prompts.agreement.kappa.estimate > 0.8
    assert report.datasets is not None
    assert report.datasets.agreement.kappa.estimate > 0.8
    assert set(report.left_out) == {"set0", "set1"}
    assert "Finance" in report.not_learned


def test_noise_is_reported_as_noise(taxonomy, tmp_path):
    rng = stream("noise")
    rows = [
        MarkedExample(example(sentence([], rng), sentence([], rng)), MarkerSet.of(taxonomy, {"domain": value}))
        for value in ("Medical", "Legal") * 60
    ]
    found = train(taxonomy, tmp_path / "model", rows).categories["domain"].prompts
    assert found.agreement.kappa.low < 0 < found.agreement.kappa.high
    assert found.error_after < 0.15
    assert found.error_after < found.error_before


def test_answers_to_one_prompt_never_help_each_other(taxonomy, tmp_path):
    """Each prompt has a random label that its answers share: only a leak could learn it."""
    rng = stream("leak")
    rows = []
    for index in range(40):
        prompt, value = sentence([], rng, 20), rng.choice(["Medical", "Legal"])
        rows += [
            MarkedExample(example(prompt, f"answer {index} {number}"), MarkerSet.of(taxonomy, {"domain": value}))
            for number in range(5)
        ]
    found = train(taxonomy, tmp_path / "model", rows).categories["domain"].prompts.agreement
    assert found.num_prompts == 40
    assert found.accuracy.low < 0.5 < found.accuracy.high + 0.1


def test_a_model_that_learned_the_file_is_found_out(taxonomy, tmp_path):
    """Each value has a file with a word of its own: prompts held out look perfect, files left out do not."""
    rng = stream("file")
    rows = []
    for dataset, value in (("a", "Medical"), ("b", "Legal"), ("c", "Medical"), ("d", "Legal")):
        for _ in range(30):
            row = example(f"stamp{dataset} " + sentence([], rng), "", dataset)
            rows.append(MarkedExample(row, MarkerSet.of(taxonomy, {"domain": value})))
    report = train(taxonomy, tmp_path / "model", rows).categories["domain"]
    assert report.prompts.agreement.accuracy.estimate > 0.95
    assert report.datasets.agreement.accuracy.estimate < 0.7
    assert report.datasets.error_after < report.datasets.error_before
    assert report.temperature > 3  # so it will rather abstain


def test_values_that_one_dataset_alone_has_count_as_wrong_without_it(taxonomy, tmp_path):
    rng = stream("alone")
    rows = marked(taxonomy) + [
        MarkedExample(example(sentence([], rng) + " money", "", "bank"), MarkerSet.of(taxonomy, {"domain": "Finance"}))
        for _ in range(20)
    ]
    left_out = train(taxonomy, tmp_path / "model", rows).categories["domain"].left_out["bank"]
    assert (left_out.num_rows, left_out.num_unseen, left_out.accuracy) == (20, 20, 0.0)


def test_the_same_bytes_again(taxonomy, tmp_path):
    reports = [train(taxonomy, tmp_path / name, several).model for name, several in (("a", None), ("b", None))]
    assert reports[0] == reports[1]
    for name in ("classifier.json", "weights.safetensors", "report.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert train(taxonomy, tmp_path / "c", seed=1).model != reports[0]
    assert train(taxonomy, tmp_path / "d", marked(taxonomy, 81)).model != reports[0]


def test_order_and_repetition_change_nothing(taxonomy, tmp_path):
    rows = marked(taxonomy)
    once, twice = train(taxonomy, tmp_path / "a", rows), train(taxonomy, tmp_path / "b", [*reversed(rows), *rows])
    assert once.model == twice.model


def test_each_value_of_a_dataset_gives_so_many_rows(taxonomy):
    rows = marked(taxonomy, 300, several=True)
    found = draw(rows, taxonomy, ["domain"], 20, 0)["domain"]
    for value in ("Medical", "Legal", "Math"):
        column = found.values.index(value)
        assert 20 <= ((found.truth[:, column] > 0) & (found.datasets == "set0")).sum() <= 40  # further ones came along
    again = draw(rows, taxonomy, ["domain"], 20, 1)["domain"]
    assert {row.id for row in found.examples} != {row.id for row in again.examples}
    np.testing.assert_allclose(found.truth.sum(axis=1), 1)


def test_datasets_of_one_file_count_as_one(taxonomy):
    def placed(row: MarkedExample) -> MarkedExample:
        e = row.example
        return MarkedExample(Example(e.id, e.messages, e.completion, e.dataset, {"place": "one.jsonl:3"}), row.markers)

    found = draw(map(placed, marked(taxonomy)), taxonomy, ["domain"], 500, 0)["domain"]
    assert set(found.datasets) == {"set0"}


def test_weights_are_even_among_values():
    truth = np.array([[1, 0]] * 90 + [[1, 0]] * 10 + [[0, 1]] * 25)
    datasets = np.array(["large"] * 90 + ["small"] * 10 + ["large"] * 25)
    weights = balanced_weights(truth, datasets)
    assert weights.mean() == pytest.approx(1)
    assert weights[:100].sum() == pytest.approx(weights[100:].sum())
    assert weights[:90].sum() == pytest.approx(weights[90:100].sum())
    assert len(set(balanced_weights(truth, np.zeros(125)).round(6))) == 2


def test_report_and_provenance_are_written(taxonomy, tmp_path):
    report = train(taxonomy, tmp_path / "model")
    written = json.loads((tmp_path / "model" / "report.json").read_text())
    assert written == report.to_dict()
    confusion = written["categories"]["domain"]["prompts"]["agreement"]["confusion"]
    assert sum(map(sum, confusion)) == 90
    training = json.loads((tmp_path / "model" / "classifier.json").read_text())["training"]
    assert training["taxonomy"] == {"name": taxonomy.name, "hash": taxonomy.hash}
    assert training["datasets"] == {"domain": {"set0": 45, "set1": 45}}
    assert "kappa" in report.describe()


def test_nothing_to_learn_and_wrong_categories_are_refused(taxonomy, tmp_path):
    with pytest.raises(DataError, match="Nothing to learn"):
        train(taxonomy, tmp_path / "model", [])
    with pytest.raises(DataError, match="at least 40 different prompts"):
        train(taxonomy, tmp_path / "model", min_prompts=40)
    with pytest.raises(ConfigError, match="'quality' is a number"):
        train(taxonomy, tmp_path / "model", categories=["quality"])
    assert not (tmp_path / "model").exists()
    for options in ({"num_folds": 1}, {"min_prompts": 2}, {"alpha": 0}, {"tail_threshold": 1}, {"epochs": 0},
                    {"categories": ["domain", "domain"]}, {"threshold": 2}, {"max_per_dataset": 0}):  # fmt: skip
        with pytest.raises(ConfigError, match=next(iter(options))):
            small(**options)


def test_a_category_that_no_example_has_is_left_out(taxonomy, tmp_path):
    report = train(taxonomy, tmp_path / "model", categories=["domain", "style"])
    assert list(report.categories) == ["domain"]


def test_facts_are_labels(taxonomy, tmp_path):
    rows = [{"prompt": f"question {i}", "completion": "yes", "area": "law" if i % 2 else None} for i in range(6)]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    write_jsonl(tmp_path / "asked.jsonl", [{"prompt": "Question 1!"}])
    dataset = DatasetConfig(
        path=str(tmp_path / "rows.jsonl"),
        facts={"task": "QuestionAnswering"},
        columns={"domain": ColumnFact(column="area", values={"law": "Legal"})},
    )
    data = DataConfig(
        source=DataSource.FILES,
        datasets={"law": dataset},
        exclude_prompts=[ExcludedPrompts(path=str(tmp_path / "asked.jsonl"))],
    )
    found = list(labelled_examples(data, taxonomy))
    assert [row.markers.to_dict() for row in found] == [
        {"task": "QuestionAnswering", **({"domain": "Legal"} if index % 2 else {})} for index in (0, 2, 3, 4, 5)
    ]
    dataset.facts["task"] = "Nonsense"
    with pytest.raises(DataError, match="Nonsense"):
        list(labelled_examples(data, taxonomy))


def test_shots_are_labels(taxonomy, tmp_path):
    shot = '{prompt: "Fever?", completion: Rest.}'
    text = f"domain:\n  Medical: {shot}\n  Etiquette: {shot}\nmood:\n  Glad: {shot}\n"
    (tmp_path / "English.yaml").write_text(text)
    (found,) = shot_examples(tmp_path, taxonomy)
    assert found.markers.to_dict() == {"domain": "Medical"}
    assert (found.example.prompt, found.example.completion) == ("Fever?", "Rest.")
    (tmp_path / "French.yaml").write_text("domain:\n  Medical: {prompt: Fièvre}\n")
    with pytest.raises(DataError, match=r"French\.yaml.*completion"):
        list(shot_examples(tmp_path, taxonomy))
    with pytest.raises(DataError, match="No shots"):
        list(shot_examples(tmp_path / "nowhere", taxonomy))


def test_examples_may_be_an_iterator(taxonomy, tmp_path):
    assert train_classifier(iter(marked(taxonomy)), taxonomy, small(), tmp_path / "model").categories
