import csv
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.analysis.annotations import blocks_of
from treasure.analysis.combinations import gap_rows, joints, pair_rows
from treasure.analysis.config import CoverageConfig, SupportConfig
from treasure.analysis.coverage import (
    ALL,
    giver_rows,
    language_rows,
    number_rows,
    outcome_rows,
    probability_rows,
    state_rows,
    value_rows,
    values_of,
)
from treasure.analysis.coverage_report import summary, write_coverage
from treasure.analysis.tally import NumberTally, tally
from treasure.annotation.finding import Finding, Outcome
from treasure.data.example import Example, MarkedExample, Message
from treasure.data.frequency import count
from treasure.errors import ConfigError
from treasure.markers.marker_set import MarkerSet
from treasure.taxonomy.taxonomy import AppliesWhen, Category, Kind, Taxonomy, Value

TAXONOMY = Taxonomy(
    "small",
    (
        Category("lang", Kind.NOMINAL, values=tuple(map(Value, ("English", "Greek")))),
        Category("domain", Kind.NOMINAL, values=tuple(map(Value, ("Legal", "Math", "Code"))), multiple=True),
        Category("style", Kind.NOMINAL, values=tuple(map(Value, ("Formal", "Informal")))),
        Category(
            "code_type",
            Kind.NOMINAL,
            values=tuple(map(Value, ("c", "go"))),
            applies_when=AppliesWhen("domain", ("Code",)),
        ),
        Category("length_tokens", Kind.INTEGER, minimum=0),
    ),
)
PLAIN = CoverageConfig(pairs=[["lang", "domain"]], support=SupportConfig(fewest=3, frequent=5, levers=[]))


def found(*values, annotator="rules", probability=None):
    return Finding(annotator, Outcome.FOUND, values, probability)


def tables(rows, size=10_000):
    got = tally(blocks_of(rows, size), TAXONOMY)
    return got, values_of(got, TAXONOMY)


def gaps(rows, **options):
    config = SupportConfig(**{"levers": [], **options})
    got, values = tables(rows)
    return gap_rows(joints(got, values, config), TAXONOMY, config)


def by_hand():
    """Ten examples of two datasets."""
    rows = []
    for k in range(10):
        row = {
            "lang": found("English" if k < 7 else "Greek", probability=0.9 if k < 7 else 0.31),
            "domain": found("Legal", "Math") if k == 0 else found("Math", annotator="facts"),
            "length_tokens": found(10 * k, annotator="lengths"),
        }
        if k in (3, 4):
            row["domain"] = [
                Finding("rules", Outcome.ABSTAINED),
                Finding("llm", (Outcome.FAILED, Outcome.FOUND)[k - 3], ("Code",) * (k - 3)),
            ]
        if k == 5:
            row["code_type"] = Finding("rules", Outcome.NOT_APPLICABLE)
        rows.append((str(k), "a" if k < 6 else "b", row))
    return rows


def test_states_by_hand():
    got, _ = tables(by_hand())
    rows = {(row.dataset, row.category, row.state): row.count for row in state_rows(got)}
    assert rows[ALL, "domain", "known"] == 9
    assert rows[ALL, "domain", "failed"] == 1 and rows[ALL, "domain", "abstained"] == 0
    assert rows[ALL, "code_type", "not_applicable"] == 8 and rows[ALL, "code_type", "not_asked"] == 2
    assert rows["a", "lang", "known"] == 6 and rows["b", "lang", "known"] == 4
    assert rows[ALL, "length_tokens", "known"] == 10 and rows["b", "length_tokens", "known"] == 4
    assert ("b", "code_type", "known") not in rows
    for category in TAXONOMY.names:
        assert sum(n for (dataset, name, _), n in rows.items() if (dataset, name) == (ALL, category)) == 10


def test_a_category_whose_rule_is_broken_is_not_applicable():
    rows = [("1", "a", {"domain": found("Math")}), ("2", "a", {"domain": found("Math", "Code")}), ("3", "a", {})]
    rows += [("4", "a", {"domain": found("Math"), "code_type": found("go")})]
    got, _ = tables(rows)
    states = {row.state: row.count for row in state_rows(got) if (row.dataset, row.category) == (ALL, "code_type")}
    assert (states["not_applicable"], states["not_asked"], states["known"]) == (1, 2, 1)


def test_outcomes_and_whose_word_counts_by_hand():
    got, _ = tables(by_hand())
    outcomes = {(r.dataset, r.category, r.annotator, r.outcome): (r.count, r.asked) for r in outcome_rows(got)}
    assert outcomes[ALL, "domain", "rules", "abstained"] == (2, 3)
    assert outcomes[ALL, "domain", "llm", "failed"] == (1, 2)
    assert outcomes["a", "domain", "facts", "found"] == (3, 3)
    givers = {(row.category, row.annotator): (row.count, row.settled) for row in giver_rows(got, TAXONOMY.names)}
    assert givers["domain", "facts"] == (7, 9) and givers["domain", "llm"] == (1, 9)
    assert givers["code_type", "rules"] == (1, 1)


def test_values_languages_numbers_and_probabilities_by_hand():
    got, values = tables(by_hand())
    rows = {(row.dataset, row.category, row.value): row for row in value_rows(got, values, 0.2)}
    legal = rows[ALL, "domain", "Legal"]
    assert (legal.count, legal.known, legal.share, legal.group) == (1, 9, pytest.approx(1 / 9), "tail")
    assert rows[ALL, "domain", "Math"].group == "head" and rows[ALL, "style", "Formal"].count == 0
    assert ("b", "domain", "Legal") not in rows and rows["b", "domain", "Math"].share == 1
    languages = {(row.language, row.value): (row.count, row.known) for row in language_rows(got, values)}
    assert languages["English", "Math"] == (5, 6) and languages["Greek", "Math"] == (3, 3)
    (number,) = number_rows(got)
    assert (number.count, number.mean, number.minimum, number.maximum, number.median) == (10, 45, 0, 90, 40)
    bins = {(row.category, row.low): row.count for row in probability_rows(got)}
    assert bins["lang", 0.9] == 7 and bins["lang", 0.3] == 3 and sum(bins.values()) == 10


markers = st.fixed_dictionaries(
    {},
    optional={
        "lang": st.sampled_from(["English", "Greek"]).map(lambda value: (value,)),
        "domain": st.sets(st.sampled_from(["Legal", "Math", "Code"]), min_size=1).map(tuple),
        "style": st.sampled_from(["Formal", "Informal"]).map(lambda value: (value,)),
    },
)
datasets = st.lists(st.tuples(st.sampled_from("ab"), markers), max_size=40)


@given(datasets, st.integers(1, 9))
def test_shares_are_those_of_the_training_mixture(rows, size):
    marked = [
        MarkedExample(Example(str(k), (Message("user", ""),), "", dataset), MarkerSet.of(TAXONOMY, values))
        for k, (dataset, values) in enumerate(rows)
    ]
    expected = count(marked, TAXONOMY)
    given_rows = [(str(k), name, {c: found(*v) for c, v in values.items()}) for k, (name, values) in enumerate(rows)]
    got, values = tables(given_rows, size)
    assert got.total == len(rows)
    for row in value_rows(got, values, 0.05):
        if row.dataset == ALL:
            assert row.count == expected.categories[row.category].values[row.value]
            assert row.known == expected.categories[row.category].known
            assert row.group == expected.group(row.category, row.value)


@given(datasets, st.integers(1, 9))
def test_pairs_are_counted_where_both_are_known(rows, size):
    given_rows = [(str(k), name, {c: found(*v) for c, v in values.items()}) for k, (name, values) in enumerate(rows)]
    got, values = tables(given_rows, size)
    expected = Counter(
        (a, b) for _, one in rows if {"lang", "domain"} <= one.keys() for a in one["lang"] for b in one["domain"]
    )
    held = {
        (row.value_a, row.value_b): row
        for row in pair_rows(joints(got, values, SupportConfig(levers=[])))
        if (row.category_a, row.category_b) == ("lang", "domain")
    }
    assert {key: row.count for key, row in held.items() if row.count} == expected
    for row in held.values():
        assert row.expected == pytest.approx(row.count_a * row.count_b / row.known)
        assert row.lift == pytest.approx(row.count / row.expected)
        assert np.isnan(row.pmi) if row.count == 0 else row.pmi == pytest.approx(np.log2(row.lift))


def combos(numbers):
    """(lang, domain, style) -> how many examples."""
    names = ("lang", "domain", "style")
    return [
        (f"{combo}-{k}", "a", {name: found(value) for name, value in zip(names, combo, strict=False)})
        for combo, number in numbers.items()
        for k in range(number)
    ]


def test_a_gap_by_hand():
    rows = gaps(
        combos({("English", "Math"): 50, ("English", "Legal"): 50, ("Greek", "Math"): 20}), fewest=3, frequent=20
    )
    (row,) = rows
    assert (row.combination, row.count, row.known) == ("lang=Greek + domain=Legal", 0, 120)
    assert row.expected == pytest.approx(20 * 50 / 120)
    assert row.surprise == pytest.approx(row.expected / np.log(10))
    assert (row.rarest_value, row.rarest_count) == ("lang=Greek", 20)


def test_a_surprise_beyond_all_probability_is_a_number():
    rows = combos({("English", "Math"): 4000, ("Greek", "Legal"): 4000, ("Greek", "Math"): 2})
    (row,) = [one for one in gaps(rows, fewest=3, frequent=20) if one.count == 2]
    expected = row.expected - np.log(1 + row.expected + row.expected**2 / 2)
    assert row.surprise == pytest.approx(expected / np.log(10)) and row.surprise > 800


def test_rare_values_and_supported_pairs_are_no_gaps():
    assert gaps(combos({("English", "Math"): 50, ("Greek", "Legal"): 4}), fewest=3, frequent=5) == ()
    assert gaps(combos({("English", "Math"): 9, ("Greek", "Math"): 9}), fewest=3, frequent=5) == ()


def test_the_more_surprising_comes_first():
    rows = gaps(
        combos({("English", "Math"): 90, ("English", "Code"): 30, ("Greek", "Legal"): 60}), fewest=3, frequent=20
    )
    assert [(row.combination, row.expected) for row in rows] == [
        ("lang=English + domain=Legal", pytest.approx(40)),
        ("lang=Greek + domain=Math", pytest.approx(30)),
        ("lang=Greek + domain=Code", pytest.approx(10)),
    ]


def test_longer_combinations_are_listed_only_where_their_parts_are_supported():
    levers = [["lang", "domain", "style"]]
    numbers = {
        (lang, domain, style): 40
        for lang in ("English", "Greek")
        for domain in ("Math", "Legal")
        for style in ("Formal", "Informal")
    }
    del numbers["Greek", "Legal", "Informal"]
    (row,) = gaps(combos(numbers), fewest=5, frequent=20, levers=levers)
    assert row.combination == "lang=Greek + domain=Legal + style=Informal"
    assert row.expected == pytest.approx(40 * 120 / 280)  # Greek + Legal (40) times the share of Informal
    del numbers["Greek", "Legal", "Formal"]
    assert [row.num_values for row in gaps(combos(numbers), fewest=5, frequent=20, levers=levers)] == [2]


def test_what_the_taxonomy_ties_together_is_no_gap():
    rows = [
        (f"{k}", "a", {"domain": found("Code" if k < 30 else "Math"), **({"code_type": found("c")} if k < 30 else {})})
        for k in range(60)
    ]
    rows += [(f"x{k}", "a", {"domain": found("Code", "Math"), "code_type": found("go")}) for k in range(30)]
    assert gaps(rows, fewest=20, frequent=10) == ()


@given(st.lists(st.integers(-999, 99_999) | st.floats(-10, 10).map(lambda x: round(x, 3)), min_size=1, max_size=200))
def test_quantiles_are_right_to_two_digits(numbers):
    counter = NumberTally()
    for part in (numbers[:50], numbers[50:]):
        counter.add(np.array(part, dtype=float))
    for share in (0.05, 0.5, 0.95):
        exact = float(np.quantile(numbers, share, method="inverted_cdf"))
        assert counter.quantile(share) == pytest.approx(exact, rel=0.051, abs=1e-9)
    assert (counter.num, counter.minimum, counter.maximum) == (len(numbers), min(numbers), max(numbers))


class Page(HTMLParser):
    """What a browser would fetch, and tags that close in order."""

    def __init__(self, path):
        super().__init__()
        self.sources, self.links, self.open, self.text = [], [], [], path.read_text(encoding="utf-8")
        self.feed(self.text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.sources += [values["src"]] if "src" in values else []
        self.links += [values["href"]] if not values.get("href", "#").startswith("#") else []
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_report(tmp_path):
    report = write_coverage(blocks_of(by_hand()), TAXONOMY, tmp_path, title="What <we> know", config=PLAIN)
    page = Page(report.page)
    assert [figure.name for figure in report.figures] == [
        "states",
        "values",
        "pair_lang_domain",
        "datasets",
        "probabilities",
    ]
    assert len(page.sources) == 5 and all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    assert page.links and all((tmp_path / name).is_file() for name in page.links)
    assert "<title>What &lt;we&gt; know</title>" in page.text
    places = [page.text.index(f'id="{name}"') for name in ("summary", "figures", "gaps", "tables")]
    assert places == sorted(places)
    text = " ".join(summary(report))
    assert text.startswith("10 examples in 2 datasets. 3 of 5 categories are settled for nine examples in ten or more")
    assert "Nobody has said anything of style." in text
    assert "1 questions ended in a failure" in text
    with (tmp_path / "values.csv").open(encoding="utf-8") as file:
        assert next(csv.DictReader(file)).keys() >= {"dataset", "category", "value", "count", "known", "share", "group"}


def test_the_same_annotations_give_the_same_bytes(tmp_path):
    contents = []
    for name in ("one", "two"):
        write_coverage(blocks_of(by_hand()), TAXONOMY, tmp_path / name, title="Twice", config=PLAIN)
        contents.append({p.name: p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()})
    assert contents[0] == contents[1]


def test_nothing_at_all(tmp_path):
    report = write_coverage(iter(()), TAXONOMY, tmp_path, title="Empty", config=PLAIN)
    assert report.figures == () and report.num_examples == 0
    assert "Nothing is annotated here yet." in Page(report.page).text


def test_examples_of_which_nobody_knows_anything(tmp_path):
    report = write_coverage(blocks_of([("1", "d", {})]), TAXONOMY, tmp_path, title="Blank", config=PLAIN)
    assert [figure.name for figure in report.figures] == ["states"]
    assert "Nobody has said anything of" in Page(report.page).text


def test_one_category_alone(tmp_path):
    taxonomy = Taxonomy("one", TAXONOMY.categories[:1])
    config = CoverageConfig(pairs=[], support=SupportConfig(levers=[]))
    rows = [(str(k), "d", {"lang": found("Greek"), "domain": found("Math")}) for k in range(3)]
    report = write_coverage(blocks_of(rows), taxonomy, tmp_path, title="One", config=config)
    assert {row.category for row in report.values} == {"lang"}
    assert [figure.name for figure in report.figures] == ["states", "values"]


def test_names_with_markup_and_formulas(tmp_path):
    nasty = "<script>alert(1)</script> $\\frac{$ \x07 & " + "x" * 60
    category = Category("lang", Kind.NOMINAL, values=(Value(nasty), Value("$")))
    rows = [
        (str(k), f"{nasty}{k % 2}", {"lang": found(nasty if k else "$", annotator=nasty, probability=0.5)})
        for k in range(9)
    ]
    config = CoverageConfig(pairs=[], support=SupportConfig(levers=[]))
    report = write_coverage(blocks_of(rows), Taxonomy("n", (category,)), tmp_path, title=nasty, config=config)
    text = report.page.read_text(encoding="utf-8")
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert len(report.figures) == 4


def test_thousands_of_datasets(tmp_path):
    rows = [(str(k), f"dataset {k:04}", {"lang": found("Greek"), "length_tokens": found(k)}) for k in range(1500)]
    report = write_coverage(blocks_of(rows), TAXONOMY, tmp_path, title="Many", config=PLAIN)
    assert len({row.dataset for row in report.states}) == 1501
    text = Page(report.page).text
    assert "And 1\u202f460 smaller ones" in text
    assert len(text) < 1_000_000


def test_patterns_are_merged_along_the_way(monkeypatch):
    monkeypatch.setattr("treasure.analysis.tally._MERGE_AT", 3)
    got, values = tables(by_hand() * 4, size=2)
    whole, _ = tables(by_hand())
    assert len(got.counts) == len(whole.counts) and got.total == 40
    assert {(r.dataset, r.category, r.value): r.count for r in value_rows(got, values, 0.05)} == {
        (r.dataset, r.category, r.value): 4 * r.count for r in value_rows(whole, values, 0.05)
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": [["lang", "domian"]]}, "pairs: 'domian' is no category.*Did you mean 'domain'"),
        ({"pairs": [["lang", "length_tokens"]]}, "pairs: 'length_tokens' is no category with names"),
        ({"support": SupportConfig(levers=[["lang", "domain", "tone"]])}, "levers: 'tone' is no category"),
    ],
)
def test_categories_that_are_not_there(tmp_path, options, message):
    config = CoverageConfig(**{"pairs": [], "support": SupportConfig(levers=[]), **options})
    with pytest.raises(ConfigError, match=message):
        write_coverage(blocks_of(by_hand()), TAXONOMY, tmp_path, title="", config=config)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CoverageConfig(tail_threshold=1), "tail_threshold must be between"),
        (lambda: CoverageConfig(color="heat"), "color must be count or lift"),
        (lambda: CoverageConfig(pairs=[["lang", "lang"]]), "two different categories"),
        (lambda: SupportConfig(fewest=0), "at least 1"),
        (lambda: SupportConfig(levers=[["lang", "domain"]]), "three or more different"),
    ],
)
def test_options_out_of_range(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
