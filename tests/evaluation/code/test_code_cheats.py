"""Answers that want to pass without being right: none does, and honest ones still pass."""

from dataclasses import replace

import pytest
import tiny_pack

from treasure.evaluation.benchmarks.protocol import Answer
from treasure.evaluation.code.frozen import frozen
from treasure.evaluation.code.harness import Harness
from treasure.evaluation.code.languages import LANGUAGES
from treasure.evaluation.code.probe import Probe
from treasure.evaluation.code.programs import program_with_tests
from treasure.evaluation.code.scoring import UNJUDGED, score_programs
from treasure.evaluation.metrics.pass_at_k import PASSED
from treasure.evaluation.run_programs import problem_with, run_programs
from treasure.evaluation.sandbox_config import SandboxConfig

SANDBOX = SandboxConfig(time_factor=3.0)
SCRIPTS = ("python", "javascript")
EACH = [pytest.param(name, marks=() if name in SCRIPTS else pytest.mark.slow) for name in LANGUAGES]
WORD = "passed [0-9a-f]{24}"
_CPP = "#include<vector>\n#include<fstream>\n#include<sstream>\n#include<iostream>\n#include<unistd.h>\n"
_CPP += "using namespace std;\n"

CHEATS = {
    "python": {
        "word in the source": f"""\
import os, re
def sum_squares(n):
    os.write(1, re.findall(r'{WORD}', open(__file__).read())[-1].encode())
    os._exit(0)
""",
        "word in a frame": f"""\
import os, re, sys
def sum_squares(n):
    frame, seen = sys._getframe(), ''
    while frame:
        seen, frame = seen + repr(frame.f_code.co_consts), frame.f_back
    os.write(1, re.findall(r'{WORD}', seen)[-1].encode())
    os._exit(0)
""",
        "equal to everything": """\
class Any(int):
    def __eq__(self, other):
        return True
def sum_squares(n):
    return Any()
""",
        "tests from the source": """\
import re
KNOWN = dict(re.findall(r'sum_squares\\((.*)\\) == (.*)', open(__file__).read()))
def sum_squares(n):
    return int(KNOWN[str(n)])
""",
        "source before all else": """\
from __future__ import annotations; import re; KNOWN = dict(re.findall(r'res\\((.*)\\) == (.*)', open(__file__).read()))
def sum_squares(n):
    return int(KNOWN[str(n)])
""",
    },
    "javascript": {
        "word in the source": f"""\
const sumSquares = (n) => {{
  const text = require('fs').readFileSync(__filename, 'utf8');
  process.stdout.write(text.match(/{WORD}/g).pop()); process.exit(0);
}};
""",
        "assertions that stay deaf": """\
Object.defineProperty(console, 'assert', {value: () => {}, writable: false});
const sumSquares = (n) => 0;
""",
    },
    "java": {
        "word in a class": f"""\
import java.util.*;
class Solution {{
    public int sumSquares(List<Integer> n) {{
        try {{
            byte[] all = java.nio.file.Files.readAllBytes(java.nio.file.Paths.get("Main.class"));
            var found = java.util.regex.Pattern.compile("{WORD}").matcher(new String(all, "ISO-8859-1"));
            while (found.find()) System.out.println(found.group());
            System.out.flush();
        }} catch (Exception e) {{ }}
        Runtime.getRuntime().halt(0);
        return 0;
    }}
}}
""",
        "lists of its own": """\
import java.util.*;
class Solution { public int sumSquares(List<Integer> n) { return 0; } }
class Arrays { static <T> List<T> asList(T... all) { return new ArrayList<T>(); } }
""",
    },
    "go": {
        "other tests": """\
package main
import ("os"; "testing")
func init() { os.Args = []string{os.Args[0], "-test.v", "-test.run=^TestOk$"} }
func TestOk(t *testing.T) {}
func SumSquares(numbers []int) int { return 0 }
""",
        "no tests": """\
package main
import ("os"; "fmt")
func init() { fmt.Println("--- PASS"); os.Args = append(os.Args, "-test.run=^$") }
func SumSquares(numbers []int) int { return 0 }
""",
    },
    "cpp": {
        "word in the program": _CPP
        + """\
int sum_squares(vector<int> n) {
    ifstream file("program"); stringstream all; all << file.rdbuf(); string text = all.str(); size_t at = 0;
    while ((at = text.find(string("pas") + "sed ", at)) != string::npos) cout << text.substr(at++, 31) << endl;
    _exit(0);
}
""",
        "assertions that go on": _CPP
        + """\
extern "C" void __assert_fail(const char*, const char*, unsigned, const char*) noexcept {}
int sum_squares(vector<int> n) { return 0; }
""",
        "equal to everything": _CPP
        + """\
struct Any { bool operator==(int) const { return true; } };
Any sum_squares(vector<int> n) { return {}; }
""",
    },
    "rust": {
        "word in the source": """\
const TEXT: &str = include_str!("program.rs");
fn sum_squares(n: Vec<i32>) -> i32 {
    for part in TEXT.split("passed ").skip(1) { println!("passed {}", &part[..part.len().min(24)]); }
    std::process::exit(0)
}
""",
        "deaf assertions": "macro_rules! assert_eq { ($($x:tt)*) => {} }\nfn sum_squares(n: Vec<i32>) -> i32 { 0 }\n",
        "equal to everything": """\
#[derive(Debug)]
struct Any;
impl PartialEq<i32> for Any { fn eq(&self, _: &i32) -> bool { true } }
fn sum_squares(n: Vec<i32>) -> Any { Any }
""",
    },
}


def scored(harness: Harness, codes: list[str], right: str):
    answers = [
        Answer(prompt_id=str(place), prompt="", content=f"```\n{code}\n```", reference=harness.to_reference())
        for place, code in enumerate(codes)
    ]
    return score_programs(answers, lambda name: Probe(language=name, num_cases=1), lambda _: right, SANDBOX)


@pytest.mark.parametrize("language", EACH)
def test_cheats_fail_and_honest_answers_pass(language: str):
    if problem := problem_with(language, SANDBOX):
        pytest.skip(problem)
    right = tiny_pack.DECLARATIONS[language] + tiny_pack.CANONICAL[language]
    cheats = CHEATS[language]
    *found, honest = scored(tiny_pack.harness(language), [*cheats.values(), right], right)
    passed = {name: score.scores[PASSED] for name, score in zip(cheats, found, strict=True)}
    assert passed == dict.fromkeys(cheats, 0.0)
    assert honest.scores == {PASSED: 1.0}


@pytest.mark.parametrize("language", EACH)
def test_a_right_solution_whose_first_result_comes_back_always_is_run_and_fails(language: str):
    """Else one would be told from the other by what does not even compile."""
    if problem := problem_with(language, SANDBOX):
        pytest.skip(problem)
    right = tiny_pack.DECLARATIONS[language] + tiny_pack.CANONICAL[language]
    changed = frozen(tiny_pack.harness(language), right)
    assert changed is not None
    (result,) = run_programs([program_with_tests(*changed)[0]], SANDBOX)
    assert not result.passed
    assert result.step == "run", result.stderr


def test_an_answer_is_not_blamed_for_tests_that_ask_for_one_result_alone():
    harness = replace(tiny_pack.harness("python"), test="assert sum_squares([2]) == 4\n")
    right = tiny_pack.DECLARATIONS["python"] + tiny_pack.CANONICAL["python"]
    assert [score.scores[PASSED] for score in scored(harness, [right], right)] == [1.0]
    told = scored(harness, [right], "def sum_squares(n):\n    return 4 if n == [2] else 0\n")
    assert told[0].scores[PASSED] == 1.0


def test_what_passes_without_being_judged_says_so():
    (score,) = scored(
        tiny_pack.harness("python"),
        [CHEATS["python"]["equal to everything"]],
        tiny_pack.DECLARATIONS["python"] + tiny_pack.CANONICAL["python"],
    )
    assert score.details["reason"] == UNJUDGED
