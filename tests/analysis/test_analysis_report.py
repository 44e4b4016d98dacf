import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from matplotlib.artist import Artist
from rich.console import Console

from treasure.analysis.examples import pick_examples
from treasure.analysis.figures.style import new_figure, save
from treasure.analysis.page import render_page
from treasure.analysis.report import final_lifts, write_report
from treasure.analysis.terminal import terminal_table
from treasure.evaluation.record import read_records, write_records

FIGURES = ["head_tail", "slices", "code", "length", "training", "markers"]


class Page(HTMLParser):
    """Collects what a browser would fetch, and checks that tags close in order."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self, text):
        super().__init__()
        self.sources, self.links, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.sources += [values[name] for name in ("src", "srcset") if name in values]
        self.links += [values["href"]] if "href" in values else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_holds_all_it_needs(report):
    page = Page(report.page.read_text(encoding="utf-8"))
    assert page.open == []
    assert len(page.sources) == len(FIGURES)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    files = [link for link in page.links if not link.startswith("#")]
    assert files
    assert all((report.folder / name).is_file() for name in files)


def test_text_of_users_and_models_is_escaped(report):
    text = report.page.read_text(encoding="utf-8")
    assert "<title>Tail &amp; &lt;head&gt;</title>" in text
    assert "&lt;b&gt;Zarvo" in text
    assert "<b>Zarvo" not in text


def test_the_page_answers_first(report):
    text = report.page.read_text(encoding="utf-8")
    places = [text.index(f'id="{name}"') for name in ("answers", "figures", "tables", "examples", "setting")]
    assert places == sorted(places)
    assert text.index(report.verdicts[0].question.partition("'")[0]) < places[1]


def test_verdicts_ask_of_every_benchmark(report, fake):
    assert len(report.verdicts) == 3 + len(fake["BENCHES"])
    assert [verdict.is_headline for verdict in report.verdicts[:3]] == [True, True, False]


def test_the_setting_names_the_price_of_markers_and_the_surroundings(report):
    facts = {fact.name: fact for fact in report.facts}
    assert facts["training tokens seen"].ratio.endswith("1.27")
    assert facts["training examples seen"].ratio == ""
    assert facts["training time"].baseline == "4 min 02 s"
    assert "same examples in the same order" in report.page.read_text(encoding="utf-8").replace("\n", " ")
    assert dict(report.provenance) == {"commit": "0123abc", "versions.torch": "2.13.0"}


def test_other_examples_are_told(report):
    marked = report.runs.marked[0]
    changed = replace(marked, summary={**marked.summary, "examples_key": "else"})
    other = replace(report.runs, marked=(changed, *report.runs.marked[1:]))
    assert report.runs.same_examples and not other.same_examples
    assert "not trained on the same examples" in " ".join(render_page(replace(report, runs=other)).split())


class _Interrupting(Artist):
    def draw(self, renderer):
        raise KeyboardInterrupt


def test_a_figure_that_is_cut_short_leaves_the_earlier_one_as_it_was(tmp_path):
    figure = new_figure(2, 2)
    before = [path.read_bytes() for path in save(figure, tmp_path, "a")]
    figure.add_artist(_Interrupting())
    for name in ("a", "b"):
        with pytest.raises(KeyboardInterrupt):
            save(figure, tmp_path, name)
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == before


def test_figures_are_saved_twice(report):
    assert [figure.name for figure in report.figures] == FIGURES
    for figure in report.figures:
        assert figure.png.read_bytes().startswith(b"\x89PNG")
        assert b"<dc:date>" not in figure.svg.read_bytes()
        assert figure.caption.endswith(".")


def test_the_same_runs_give_the_same_bytes(fake, tmp_path):
    benches = (fake["BENCHES"][0], fake["BENCHES"][4])
    runs = fake["write_fake_runs"](tmp_path, num_prompts=8, steps=(5, 9), benches=benches)
    folders = [write_report(runs.parent, runs.name, tmp_path / name, title="Twice").folder for name in ("one", "two")]
    contents = [{p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in folders]
    assert len(contents[0]) == 7 + 2 * 5
    assert contents[0] == contents[1]


def test_one_seed_one_step_and_one_unknown_benchmark_are_enough(fake, tmp_path):
    bench = replace(fake["BENCHES"][0], name="odd_one", category="shape", metrics=("shine",))
    runs = fake["write_fake_runs"](tmp_path, seeds=(3,), num_prompts=12, steps=(7,), benches=(bench,))
    found = write_report(runs.parent, runs.name, tmp_path / "out", title="Small")
    assert [figure.name for figure in found.figures] == ["head_tail", "slices", "markers"]
    assert "lift/odd_one/shine/tail/fixed" in final_lifts(found)
    assert "Odd one" in found.page.read_text()


def test_held_out_loss_alone_makes_a_report(fake, tmp_path):
    bench = replace(fake["BENCHES"][0], name="heldout", metrics=("content_loss",))
    runs = fake["write_fake_runs"](tmp_path, seeds=(0,), num_prompts=20, steps=(7,), benches=(bench,))
    for path in runs.glob("*/records.jsonl"):
        kept = [replace(r, scores={"content_loss": r.scores["content_loss"]}) for r in read_records(path)]
        write_records(path, kept)
    found = write_report(runs.parent, runs.name, tmp_path / "out", title="Loss")
    assert {row.benchmark for row in found.lifts} == {"heldout"}
    assert found.verdicts[0].is_headline
    assert "nats a token" in found.verdicts[0].sentence
    assert [figure.name for figure in found.figures] == ["head_tail", "markers"]
    assert found.examples == ()
    assert "lift/heldout/content_loss/tail/fixed" in final_lifts(found)


def test_runs_without_fixed_regime_still_make_a_report(fake, tmp_path):
    runs = fake["write_fake_runs"](tmp_path, seeds=(0,), num_prompts=12, steps=(7,), benches=fake["BENCHES"][:2])
    path = runs / "marked-00000000" / "records.jsonl"
    write_records(path, [record for record in read_records(path) if record.regime == "inferred"])
    found = write_report(runs.parent, runs.name, tmp_path / "out", title="Inferred only")
    assert found.examples == ()
    assert {row.regime for row in found.lifts} == {"inferred"}
    Console(width=80, file=io.StringIO()).print(terminal_table(found))


def test_examples_differ_and_show_gains_and_losses(report):
    assert {example.benchmark for example in report.examples} == {row.benchmark for row in report.lifts} - {"overall"}
    for example in report.examples:
        baseline, _, fixed = (answer.score for answer in example.answers)
        assert example.outcome == ("better" if fixed > baseline else "worse")
        assert fixed != baseline
    assert {example.outcome for example in report.examples} == {"better", "worse"}
    assert pick_examples(report.runs) == report.examples


def test_a_prompt_asked_otherwise_is_shown_as_asked(fake, tmp_path):
    runs = fake["write_fake_runs"](tmp_path, seeds=(0,), num_prompts=8, steps=(7,), benches=fake["BENCHES"][5:6])
    path = runs / "marked-00000000" / "records.jsonl"
    changed = [replace(r, prompt="Short, please.") if r.regime == "fixed" else r for r in read_records(path)]
    write_records(path, changed)
    found = write_report(runs.parent, runs.name, tmp_path / "out", title="Lengths")
    assert found.examples
    assert all(example.fixed_prompt == "Short, please." for example in found.examples)


def test_flat_lifts_name_each_slice_once(report):
    found = final_lifts(report)
    row = next(r for r in report.lifts if (r.benchmark, r.slice_kind, r.regime) == ("facts", "tail", "fixed"))
    assert found["lift/facts/fact_correct/tail/fixed"] == row.lift
    assert found["lift/overall/win_rate/tail/inferred"] != found["lift/overall/win_rate/head/inferred"]
    assert all(re.fullmatch(r"lift/\w+/\w+/(all|head|tail)/\w+", name) for name in found)


@pytest.mark.parametrize("width", [80, 120])
def test_the_closing_table_fits(report, width):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(terminal_table(report))
    text = console.export_text()
    assert "\u2026" not in text
    assert all(len(line) <= width for line in text.splitlines())
    rows = re.findall(r"^  (tail|head|all) \(\d+\) +\d+\.\d +.*\].*\]", text, re.MULTILINE)
    assert rows.count("tail") == rows.count("head") == 9  # reasoning has no tail: one line for all
    assert rows.count("all") == 1
