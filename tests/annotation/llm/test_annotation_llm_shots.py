import pytest
from llm_examples import TAXONOMY, annotate, example, found

from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.llm.annotator import LLMAnnotator
from treasure.annotation.llm.config import AnswerMode
from treasure.annotation.llm.prompt import PromptWriter
from treasure.annotation.llm.shots import load_shots
from treasure.errors import ConfigError

FILES = {
    "English": """
domain:
  Legal: {prompt: English question, completion: English answer}
  Nonsense: {prompt: a, completion: b}
""",
    "French": """
domain:
  Legal: {prompt: Question, completion: 'Réponse : non'}
strange: {x: {prompt: a, completion: b}}
""",
    "any": """
task:
  Rewrite:
    prompt: |-
      two
      lines
    completion: done
""",
}


@pytest.fixture
def folder(tmp_path):
    shots = tmp_path / "shots" / "small"
    shots.mkdir(parents=True)
    for name, text in FILES.items():
        (shots / f"{name}.yaml").write_text(text, encoding="utf-8")
    return shots


def system(folder, language):
    writer = PromptWriter(
        TAXONOMY, load_shots(folder, TAXONOMY), mode=AnswerMode.TEXT, seed=0, max_text_tokens=99, decides={}
    )
    return writer.request(example("x"), ["domain", "task"], language).system


def test_shots_are_in_the_language_of_the_text_else_in_english_and_some_in_any(folder):
    assert "Réponse : non" in system(folder, "French") and "English" not in system(folder, "French")
    for language in ("English", "Zulu", None):
        assert "English answer" in system(folder, language)
    for language in ("French", "English", "Zulu"):
        assert "## An example whose task is Rewrite\n[prompt]\ntwo\nlines\n[completion]\ndone" in system(
            folder, language
        )
    assert "Nonsense" not in system(folder, "English") and "strange" not in system(folder, "French")


def test_the_language_is_what_is_known_of_it_else_the_guess(folder, serve, llm_config):
    server = serve()
    config = llm_config(server, categories=["domain"])
    languages = []

    def guess(one):
        languages.append(one.prompt)
        return "French"

    known = [{"lang": found("English")}, {"lang": Finding("rules", Outcome.ABSTAINED)}]
    examples = [example("first domain=Legal"), example("second domain=Legal")]
    annotate(config, examples, known, shipped_shots=folder.parent, guess_language=guess)
    assert languages == ["second domain=Legal"]
    first, second = (row["key"] for row in server.requests)
    assert first != second


def test_no_shots_are_needed(tmp_path, folder, llm_config):
    assert not load_shots(tmp_path / "nowhere", TAXONOMY).by_language
    plain = LLMAnnotator(llm_config(), TAXONOMY, shipped_shots=tmp_path).version
    shown = LLMAnnotator(llm_config(), TAXONOMY, shipped_shots=folder.parent).version
    assert plain != shown
    assert LLMAnnotator(llm_config(use_shots=False), TAXONOMY, shipped_shots=folder.parent).version == plain
    assert LLMAnnotator(llm_config(shots=str(folder)), TAXONOMY).version == shown
    with pytest.raises(ConfigError, match="no folder"):
        LLMAnnotator(llm_config(shots="nowhere"), TAXONOMY)


@pytest.mark.parametrize(
    "text",
    ["domain: [Legal]", "domain: {Legal: {prompt: only}}", "domain: {Legal: {prompt: '', completion: x}}", "a: ]"],
)
def test_a_malformed_file_is_named(folder, text):
    (folder / "Greek.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"Greek\.yaml"):
        load_shots(folder, TAXONOMY)


def test_names_that_yaml_takes_for_numbers_or_truths_are_names(folder):
    from llm_examples import closed

    from treasure.taxonomy.taxonomy import Taxonomy

    taxonomy = Taxonomy("odd", (closed("answer", "No", "1"),))
    (folder / "any.yaml").write_text(
        "answer:\n  No: {prompt: a, completion: 3}\n  1: {prompt: yes, completion: b}\n", encoding="utf-8"
    )
    shots = load_shots(folder, taxonomy).of("answer", None)
    assert shots["No"].completion == "3" and shots["1"].prompt == "yes"
