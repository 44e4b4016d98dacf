"""Builds the program that runs a solution's tests and, having passed all, writes a word that the solution cannot know.

A solution that leaves early with status 0 thus fails, which it would not by its status alone. The first thing that a
program does is to remove its own text, so that a solution cannot look up there what the tests expect. What each
language adds beside that follows the harness that published HumanEvalPack's numbers (bigcode-evaluation-harness,
humanevalpack.py).
"""

import hashlib
import re
from collections.abc import Callable

from treasure.evaluation.code.go_imports import import_clause, imports_in, without_clauses
from treasure.evaluation.code.harness import Harness
from treasure.evaluation.code.languages import LANGUAGES
from treasure.evaluation.code.rand_calls import with_ranges
from treasure.evaluation.code.source_text import code_only, defined
from treasure.evaluation.program import Program, single_file

# fmt: off
_PYTHON_MODULES = (
    "math", "re", "sys", "copy", "datetime", "itertools", "collections", "heapq", "statistics", "functools",
    "hashlib", "string",
)
_CPP_HEADERS = (
    "stdlib.h", "algorithm", "cmath", "math.h", "numeric", "stdio.h", "vector", "set", "map", "queue", "stack",
    "list", "deque", "string", "climits", "iostream", "sstream", "fstream",
)
_C_STRINGS = frozenset((
    "memchr", "memcmp", "memcpy", "memmove", "memset", "strcat", "strchr", "strcmp", "strcpy", "strcspn",
    "strlen", "strncmp", "strpbrk", "strspn", "strstr", "strtok",
))
# fmt: on
"""Functions of <cstring>. Where one of them is asked for, that header would answer the tests in place of the answer."""
_FUTURE = re.compile(r"^from[ \t]+__future__[ \t]+import[ \t(]+(?P<names>[\w, \t]+)\)?;?", re.MULTILINE)
_RUST_TEST = re.compile(r"#\[test\]\s*(?:pub\s+)?fn\s+(?P<name>\w+)")


def program_with_tests(harness: Harness, solution: str) -> tuple[Program, str]:
    """The program, and the word that its output holds if and only if all tests passed."""
    word = "passed " + hashlib.sha256(f"{harness}\0{solution}".encode(errors="replace")).hexdigest()[:24]
    text = _BUILDERS[harness.language](harness, solution, word)
    has_tests = harness.language == "go"
    timeout_s = LANGUAGES[harness.language].timeout_s
    return single_file(harness.language, text, has_tests=has_tests, timeout_s=timeout_s), word


def _python(harness: Harness, solution: str, word: str) -> str:
    future = "".join(f"from __future__ import {found['names']}\n" for found in _FUTURE.finditer(solution))
    imports = "".join(f"import {name}\n" for name in _PYTHON_MODULES)
    imports += "from typing import *\nfrom collections import *\n"
    ending = f"import os, sys\nsys.stdout.flush()\nos.write(1, b'\\n{word}\\n')"
    hidden = "try:\n    __import__('os').remove(__file__)\nexcept OSError:\n    pass\n"
    return f"{future}{hidden}{imports}{_FUTURE.sub('', solution)}\n{harness.test}\n{ending}\n"


def _javascript(harness: Harness, solution: str, word: str) -> str:
    """An assertion of node does no more than to write a line, so it is made to end the program."""
    strict = 'console.assert = (ok) => { if (!ok) throw new Error("assertion failed"); };'
    hidden = 'try { require("fs").unlinkSync(__filename); } catch {}'
    return f'{hidden}\n{solution}\n;{strict}\n{harness.test}\n;process.stdout.write("\\n{word}\\n");\n'


def _java(harness: Harness, solution: str, word: str) -> str:
    tests = re.sub(r"\bpublic\s+class\s+Main\b", "class TestsOfSolution", harness.test)
    main = f'TestsOfSolution.main(arguments);\n        System.out.println("\\n{word}");'
    return (
        f"{solution}\n{tests}\npublic class Main {{\n"
        f"    public static void main(String[] arguments) throws Throwable {{\n"
        f'        new java.io.File("Main.java").delete();\n'
        f"        {main}\n    }}\n}}\n"
    )


def _go(harness: Harness, solution: str, word: str) -> str:
    body, own = without_clauses(solution)
    text = f"{body}\n{harness.test}"
    clause = import_clause(text, own, imports_in(harness.imports), imports_in(harness.test_setup))
    ending = f'println_word.Println("\\n{word}")'
    return (
        f'package main\n\n{clause}\nimport println_word "fmt"\nimport exit_tests "os"\nimport run_tests "testing"\n\n'
        f'var _ = exit_tests.Remove("program_test.go")\n\n{text}\n'
        "func TestMain(m *run_tests.M) {\n\tstatus := m.Run()\n"
        f"\tif status == 0 {{\n\t\t{ending}\n\t}}\n\texit_tests.Exit(status)\n}}\n"
    )


def _cpp(harness: Harness, solution: str, word: str) -> str:
    """The tests' `main` becomes a function, which must return on its own, and a new one calls it."""
    end = code_only(harness.test, "cpp").rfind("}")
    tests = f"{harness.test[:end]}\n    return 0;\n{harness.test[end:]}"
    headers = _CPP_HEADERS if _C_STRINGS & defined(solution, "cpp") else (*_CPP_HEADERS, "cstring")
    imports = "".join(f"#include<{name}>\n" for name in headers)
    hidden = 'static const int source_is_gone = remove("program.cpp");\n'
    main = f'int main(){{\n    tests_of_solution();\n    puts("\\n{word}");\n    return 0;\n}}'
    head, renamed = f"{imports}using namespace std;\n{hidden}", "#define main tests_of_solution"
    return f"{head}{solution}\n{renamed}\n{tests}\n#undef main\n{main}\n"


def _rust(harness: Harness, solution: str, word: str) -> str:
    """The tests become ordinary functions that `main` calls, since the test runner shows no end of a test."""
    names = [found["name"] for found in _RUST_TEST.finditer(harness.test)]
    tests = _RUST_TEST.sub(lambda found: f"pub fn {found['name']}", harness.test.replace("#[cfg(test)]", ""))
    calls = "\n".join(f"    tests::{name}();" for name in names)
    hidden = 'let _ = std::fs::remove_file("program.rs");'
    texts = f"{with_ranges(solution)}\n{with_ranges(tests)}"
    return f'{texts}\nfn main() {{\n    {hidden}\n{calls}\n    println!("\\n{word}");\n}}\n'


_BUILDERS: dict[str, Callable[[Harness, str, str], str]] = {
    "python": _python,
    "javascript": _javascript,
    "java": _java,
    "go": _go,
    "cpp": _cpp,
    "rust": _rust,
}
