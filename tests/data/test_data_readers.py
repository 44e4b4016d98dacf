import gzip
import json
import logging
import math
from pathlib import Path

import datasets
import pyarrow
import pyarrow.parquet
import pytest

from treasure.data.example import Message, example_id
from treasure.data.readers import ColumnFact, DatasetConfig, OnBadRow, ReadReport, read_dataset
from treasure.data.shapes import Shape, Turns
from treasure.errors import ConfigError, DataError

ALPACA = [
    {"instruction": "Add.", "input": "1, 2", "output": "3"},
    {"instruction": "Greet, in\ntwo lines.", "input": "", "output": 'Hello, "you"'},
]
PROMPTS = ["Add.\n\n1, 2", "Greet, in\ntwo lines."]


def write(folder: Path, name: str, rows: list) -> str:
    """Writes `rows` in the format that `name` ends with."""
    stem = name.removesuffix(".gz")
    if stem.endswith(".parquet"):
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / name)
        return name
    if stem.endswith(".jsonl"):
        text = "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)
    elif stem.endswith(".json"):
        text = json.dumps(rows)
    else:
        sep = "\t" if stem.endswith(".tsv") else ","
        quoted = [[f'"{str(cell).replace(chr(34), chr(34) * 2)}"' for cell in row.values()] for row in rows]
        text = "\n".join(sep.join(line) for line in [list(rows[0]), *quoted]) + "\n"
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return name


def read(folder: Path, path: str, report: ReadReport | None = None, **options) -> list:
    return list(read_dataset(DatasetConfig(path=str(folder / path), name="a-set", **options), report))


def turns(*contents: str, role="role", content="content", names=("user", "assistant")) -> list[dict[str, str]]:
    return [{role: names[i % 2], content: text} for i, text in enumerate(contents)]


@pytest.mark.parametrize(
    "name",
    ["a.jsonl", "a.jsonl.gz", "a.json", "a.json.gz", "a.csv", "a.csv.gz", "a.tsv", "a.tsv.gz", "a.parquet"],
)
def test_every_format_gives_the_same_examples(tmp_path, name):
    found = read(tmp_path, write(tmp_path, name, ALPACA))
    assert [example.prompt for example in found] == PROMPTS
    assert [example.completion for example in found] == ["3", 'Hello, "you"']
    for example in found:
        assert example.id == example_id(example.messages, example.completion)
        assert example.dataset == "a-set"


def test_a_glob_reads_all_its_files_in_order(tmp_path, monkeypatch):
    write(tmp_path, "b.json", ALPACA[1:])
    write(tmp_path, "a.jsonl", ALPACA[:1])
    assert [example.prompt for example in read(tmp_path, "[ab].json*")] == PROMPTS
    monkeypatch.chdir(tmp_path)
    assert [example.prompt for example in read(Path(), "?.json*")] == PROMPTS


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["folder of files", "saved", "saved splits"])
def test_a_dataset_folder_is_read_by_the_library(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets, "disable_progress_bars", lambda: None)
    home = tmp_path / "set"
    made = datasets.Dataset.from_list(ALPACA)
    if kind == "folder of files":
        home.mkdir()
        write(home, "train.jsonl", ALPACA)
    elif kind == "saved":
        made.save_to_disk(home)
    else:
        datasets.DatasetDict({"train": made}).save_to_disk(home)
    assert [example.prompt for example in read(tmp_path, "set")] == PROMPTS


def test_what_is_nowhere_is_said(tmp_path):
    with pytest.raises(DataError, match=r"nope\.jsonl: No such file"):
        read(tmp_path, "nope.jsonl")
    with pytest.raises(DataError, match=r"\*\.csv: No such file"):
        read(tmp_path, "*.csv")
    with pytest.raises(DataError, match="Neither a file, a dataset folder nor a Hugging Face dataset"):
        list(read_dataset(DatasetConfig(path="nobody/nothing-here")))
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(DataError, match=r"Unknown file format.*\.jsonl"):
        read(tmp_path, "a.xlsx")


CHAT = turns("Hi", "Hello", "Bye", "See you")


@pytest.mark.parametrize(
    ("row", "options", "expected"),
    [
        ({"prompt": "P", "completion": "C"}, {}, [("P", "C")]),
        ({"prompt": "P", "response": "C"}, {}, [("P", "C")]),
        ({"question": "P", "answer": "C"}, {"fields": {"prompt": "question", "completion": "answer"}}, [("P", "C")]),
        ({"instruction": "I", "output": "C"}, {}, [("I", "C")]),
        ({"instruction": "I", "input": "", "response": "C"}, {}, [("I", "C")]),
        ({"instruction": "I", "input": "x", "output": "C", "system": "S"}, {}, [("S|I\n\nx", "C")]),
        ({"instruction": "I", "output": "C", "history": [["A", "B"]]}, {}, [("A|B|I", "C")]),
        ({"messages": CHAT}, {}, [("Hi", "Hello"), ("Hi|Hello|Bye", "See you")]),
        ({"messages": CHAT}, {"turns": Turns.LAST}, [("Hi|Hello|Bye", "See you")]),
        ({"messages": CHAT[:3]}, {}, [("Hi", "Hello")]),
        ({"messages": [{"role": "system", "content": "S"}, *CHAT[:2]]}, {}, [("S|Hi", "Hello")]),
        ({"conversation": CHAT[:2]}, {}, [("Hi", "Hello")]),
        ({"conversations": turns("a", "b", role="from", content="value", names=("human", "gpt"))}, {}, [("a", "b")]),
        (
            {"dialogue": turns("a", "b", names=("UTILISATEUR", "ASSISTANT"))},
            {"fields": {"messages": "dialogue"}, "roles": {"UTILISATEUR": "user"}},
            [("a", "b")],
        ),
        ({"messages": turns("a", "b", names=("User", "Assistant"))}, {}, [("a", "b")]),
        (
            {"buggy": "x = {1}", "fixed": "x = 1", "n": 3},
            {"prompt_template": "Fix {{this}} ({n}):\n{buggy}", "completion_template": "{fixed}"},
            [("Fix {this} (3):\nx = {1}", "x = 1")],
        ),
    ],
)
def test_every_shape_is_found_by_its_columns(tmp_path, row, options, expected, caplog):
    with caplog.at_level(logging.WARNING):
        found = read(tmp_path, write(tmp_path, "a.jsonl", [row]), **options)
    joined = [("|".join(m.content for m in example.messages), example.completion) for example in found]
    assert joined == expected
    assert all(example.messages[-1].role == "user" for example in found)
    assert "are read as shape" in caplog.text


def test_roles_of_turns(tmp_path):
    row = {"messages": [{"role": "system", "content": "S"}, *CHAT]}
    (found,) = read(tmp_path, write(tmp_path, "a.jsonl", [row]), turns=Turns.LAST, shape=Shape.MESSAGES)
    assert found.messages[:2] == (Message("system", "S"), Message("user", "Hi"))
    assert [m.role for m in found.messages] == ["system", "user", "assistant", "user"]


GOOD = {"prompt": "P", "completion": "C"}
BAD = {
    "broken JSON": ('{"prompt": "P", \n', "Not valid JSON"),
    "no object": ("[1]\n", "Expected a JSON object, got list"),
    "missing": ({"prompt": "P"}, "'completion' is missing; there are prompt"),
    "empty": ({"prompt": " \n", "completion": "C"}, "'prompt' is empty"),
    "null": ({"prompt": None, "completion": "C"}, "'prompt' must hold text, got NoneType"),
    "wrong type": ({"prompt": ["P"], "completion": "C"}, "'prompt' must hold text, got list"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_stops_with_its_place_or_is_counted(tmp_path, name):
    bad, reason = BAD[name]
    path = write(tmp_path, "a.jsonl", [GOOD, bad, {"prompt": "Q", "completion": "C"}])
    with pytest.raises(DataError, match=rf"a\.jsonl:2: .*{reason}") as raised:
        read(tmp_path, path)
    assert raised.value.line == 2
    report = ReadReport()
    found = read(tmp_path, path, report, on_bad_row=OnBadRow.SET_ASIDE)
    assert [example.prompt for example in found] == ["P", "Q"]
    assert (report.num_rows, report.num_examples, report.num_bad) == (3, 2, 1)
    assert reason in report.describe()


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "must be a list of turns"),
        ("hi", "must be a list of turns, got str"),
        (turns("a"), "No assistant turn"),
        (turns("a", "b", names=("assistant", "user")), "turn 1 is assistant where user is due"),
        ([{"role": "system", "content": "S"}, *turns("a", "b", names=("user", "user"))], "turn 3 is user"),
        (turns("a", "b", names=("user", "tool")), "Turn 2 has the unknown role 'tool'"),
        (turns("a", " "), "Turn 2 must hold text"),
        ([{"role": "user"}], "Turn 1 must have 'role' and 'content'"),
        ([{"role": "system", "content": "S"}], "No assistant turn"),
    ],
)
def test_bad_turns_are_refused(tmp_path, messages, reason):
    path = write(tmp_path, "a.jsonl", [{"messages": CHAT}, {"messages": messages}])
    with pytest.raises(DataError, match=rf"a\.jsonl:2: .*{reason}"):
        read(tmp_path, path)


@pytest.mark.parametrize("history", ["x", [["a"]], [["a", ""]], [["a", 1]]])
def test_a_bad_history_is_refused(tmp_path, history):
    path = write(tmp_path, "a.jsonl", [{"instruction": "I", "output": "O", "history": history}])
    with pytest.raises(DataError, match="'history' must be a list"):
        read(tmp_path, path)


def test_csv_names_the_line_in_the_file(tmp_path):
    (tmp_path / "a.csv").write_text('prompt,completion\n"two\nlines",x\nonly-one\n')
    with pytest.raises(DataError, match=r"a\.csv:4: Expected 2 values.*got 1"):
        read(tmp_path, "a.csv")


def test_json_and_parquet_name_the_row(tmp_path):
    write(tmp_path, "a.json", [GOOD, {}])
    with pytest.raises(DataError, match=r"a\.json: item 2: "):
        read(tmp_path, "a.json")
    write(tmp_path, "a.parquet", [GOOD, {"prompt": "", "completion": "C"}])
    with pytest.raises(DataError, match=r"a\.parquet: row 2: "):
        read(tmp_path, "a.parquet")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.json", b"{", "Not a readable JSON file"),
        ("a.json", b'{"a": 1}', "Expected a JSON list"),
        ("a.jsonl", b'{"a": "\xff"}', "Not readable as UTF-8"),
        ("a.jsonl.gz", b"not gzip", "Not readable as UTF-8"),
        ("a.jsonl.gz", gzip.compress(b'{"prompt": "P", "completion": "C"}\n' * 999)[:-20], "Not readable as UTF-8"),
        ("a.parquet", b"nonsense", "Not a readable Parquet"),
        ("a.jsonl", b"", "No row is usable"),
        ("a.csv", b"prompt,completion\n", "No row is usable"),
    ],
    ids=["no json", "no list", "no text", "no gzip", "cut gzip", "no parquet", "empty", "only a head line"],
)
def test_files_that_are_not_what_they_say(tmp_path, name, data, reason):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=reason):
        read(tmp_path, name, on_bad_row=OnBadRow.SET_ASIDE)


def test_nothing_usable_is_an_error_even_when_rows_are_set_aside(tmp_path):
    path = write(tmp_path, "a.jsonl", [GOOD | {"prompt": ""}] * 9)
    with pytest.raises(DataError, match=r"9 bad rows(.|\n)*and 4 more"):
        read(tmp_path, path, on_bad_row=OnBadRow.SET_ASIDE)


def test_columns_of_no_shape_are_listed(tmp_path):
    with pytest.raises(DataError, match=r"columns question, reply fit no known shape. Known: .*instruction"):
        read(tmp_path, write(tmp_path, "a.jsonl", [{"question": "?", "reply": "!"}]))


def test_the_first_of_two_equal_rows_is_kept(tmp_path):
    report = ReadReport()
    found = read(tmp_path, write(tmp_path, "a.jsonl", [GOOD, GOOD | {"extra": 1}, GOOD]), report)
    assert (len(found), report.num_duplicates, report.num_rows) == (1, 2, 3)
    assert found[0].metadata["place"].endswith("a.jsonl:1")


def test_limit_counts_examples(tmp_path):
    path = write(tmp_path, "a.jsonl", [{"messages": CHAT}, {"messages": turns("x", "y")}])
    assert len(read(tmp_path, path, limit=1)) == 1
    assert [example.completion for example in read(tmp_path, path, limit=3)] == ["Hello", "See you", "y"]


def test_facts_come_from_the_dataset_and_from_columns(tmp_path):
    cells = ["en", "", "Xhosa", "?", ["en", "de", ""]]
    rows = [GOOD | {"prompt": str(i), "language": cell} for i, cell in enumerate(cells)]
    found = read(
        tmp_path,
        write(tmp_path, "a.jsonl", rows),
        facts={"source": "Human", "lang": "French"},
        columns={"lang": ColumnFact(column="language", values={"en": "English", "?": None})},
    )
    assert [example.metadata["facts"] for example in found] == [
        {"source": "Human", "lang": "English"},
        {"source": "Human", "lang": "French"},
        {"source": "Human", "lang": "Xhosa"},
        {"source": "Human", "lang": "French"},
        {"source": "Human", "lang": ["English", "de"]},
    ]
    with pytest.raises(DataError, match="Column 'tongue', which holds 'lang', is missing"):
        read(tmp_path, "a.jsonl", columns={"lang": ColumnFact(column="tongue")})


def test_facts_come_from_paths_and_parts_of_cells(tmp_path):
    labels = ["helpful:4,true:2", "helpful:0.5", "true:1", "helpful:9", None, ["helpful:1", "true:2"]]
    rows = [GOOD | {"prompt": str(i), "turns": [{}, {"label": label}]} for i, label in enumerate(labels)]
    rows.append(GOOD | {"prompt": "no turns", "turns": []})
    column = ColumnFact(column="turns[1][label]", pattern=r"helpful:([\d.]+)", values={"9": None})
    found = read(tmp_path, write(tmp_path, "a.jsonl", rows), columns={"quality": column})
    facts = [example.metadata["facts"].get("quality") for example in found]
    assert facts == ["4", "0.5", None, None, None, ["1"], None]
    with pytest.raises(DataError, match=r"Column 'grades\[0\]', which holds 'quality', is missing"):
        read(tmp_path, "a.jsonl", columns={"quality": ColumnFact(column="grades[0]")})


@pytest.mark.parametrize("cell", [None, "", math.nan])
@pytest.mark.parametrize("pattern", ["", r"(.+)", r"(.*)"])
def test_an_empty_cell_is_unknown_whatever_the_pattern(cell, pattern):
    assert ColumnFact(column="label", pattern=pattern).value(cell) is None


@pytest.mark.parametrize(("pattern", "reason"), [("(", "cannot be read"), (r"\d", "got 0"), (r"(\d)(\d)", "got 2")])
def test_a_pattern_has_one_group(pattern, reason):
    with pytest.raises(ConfigError, match=reason):
        ColumnFact(column="label", pattern=pattern)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"weight": 0.0}, "weight must be above 0"),
        ({"weight": math.inf}, "weight must be above 0"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"roles": {"x": "boss"}}, "got boss"),
        ({"shape": Shape.TEMPLATE}, "needs both"),
        ({"prompt_template": "{a}"}, "needs both"),
        ({"prompt_template": "{a", "completion_template": "{b}"}, "cannot be filled"),
        ({"prompt_template": "{a.b}", "completion_template": "{b}"}, "cannot be filled"),
        ({"prompt_template": "fixed", "completion_template": "{b}"}, "names no column"),
        ({"shape": Shape.MESSAGES, "prompt_template": "{a}", "completion_template": "{b}"}, "not read by shape"),
        ({"fields": {"promt": "x"}}, "Did you mean 'prompt'"),
        ({"shape": Shape.MESSAGES, "fields": {"prompt": "x"}}, "Allowed: answer, messages"),
    ],
    ids=str,
)
def test_options_are_checked(options, reason):
    with pytest.raises(ConfigError, match=reason):
        DatasetConfig(path="a.jsonl", **options)


def test_paths_lead_into_columns(tmp_path):
    rows = [{"ask": "How?", "out": {"a": "So.", "b": "Thus."}, "cases": [{"in": "1"}]}, {"ask": "Why?", "out": {}}]
    options = {"shape": Shape.TEMPLATE, "prompt_template": "{ask} {cases[0][in]}", "completion_template": "{out[b]}"}
    report = ReadReport()
    found = read(tmp_path, write(tmp_path, "a.jsonl", rows), report, on_bad_row=OnBadRow.SET_ASIDE, **options)
    assert [(example.prompt, example.completion) for example in found] == [("How? 1", "Thus.")]
    assert report.num_bad == 1 and "cases[0][in]" in report.bad[0]
    (found,) = read(tmp_path, write(tmp_path, "b.jsonl", rows[:1]), fields={"instruction": "ask", "output": "out[a]"})
    assert (found.prompt, found.completion) == ("How?", "So.")


@pytest.mark.parametrize("answer", [{"from": "gpt", "value": "Five."}, "Five."], ids=["turn", "text"])
def test_an_answer_of_its_own_closes_the_conversation(tmp_path, answer):
    row = {"conversations": turns("2 + 3?", role="from", content="value", names=("human", "gpt")), "chosen": answer}
    (found,) = read(tmp_path, write(tmp_path, "a.jsonl", [row]), fields={"answer": "chosen"})
    assert (found.prompt, found.completion) == ("2 + 3?", "Five.")


def test_half_a_character_makes_a_bad_row(tmp_path):
    """JSON can hold one, as where an emoji was cut in two; text cannot."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "x \\ud83d", "completion": "c"}\n')
    with pytest.raises(DataError, match=r"rows\.jsonl:2: .*half of a character"):
        read(tmp_path, str(path))
    report = ReadReport()
    assert [row.completion for row in read(tmp_path, str(path), report, on_bad_row=OnBadRow.SET_ASIDE)] == ["b"]
    assert report.num_bad == 1
