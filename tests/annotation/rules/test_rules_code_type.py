"""Code types: one invented piece in each language, fences against content, near languages, code in the prompt."""

import pytest

from treasure.annotation.rules.code_type import LANGUAGES, detect_code_types
from treasure.annotation.rules.parts import Text

SNIPPETS = {
    "python": [
        "def total(rows):\n    result = 0\n    for row in rows:\n        result += row['price']\n    return result",
        "import numpy as np\n\nx = np.zeros(5)\nprint(x.mean())",
    ],
    "javascript": [
        "const names = users.map(u => u.name);\nconsole.log(names.length);",
        "function add(a, b) {\n  return a + b;\n}\nmodule.exports = add;",
    ],
    "typescript": [
        "interface User {\n  name: string;\n  age: number;\n}\nconst find = (users: User[], id: number): User | "
        "undefined => users[id];",
        "export function add(a: number, b: number): number {\n  return a + b;\n}",
    ],
    "cpp": [
        "#include <iostream>\n#include <vector>\nint main() {\n  std::vector<int> v{1, 2};\n  std::cout << "
        "v.size() << std::endl;\n}",
        "template <typename T>\nT largest(const T& a, const T& b) {\n  return a > b ? a : b;\n}",
    ],
    "c": [
        "#include <stdio.h>\n\nint main(void) {\n    int n = 3;\n    printf(\"%d\\n\", n);\n    return 0;\n}",
        "char *copy(const char *s) {\n    char *p = malloc(strlen(s) + 1);\n    strcpy(p, s);\n    return p;\n}",
    ],
    "java": [
        "public class Main {\n    public static void main(String[] args) {\n        System.out.println(\"hi\");\n  "
        "  }\n}",
        "public int sumOf(List<Integer> values) {\n    int total = 0;\n    for (int v : values) {\n        total "
        "+= v;\n    }\n    return total;\n}",
    ],
    "csharp": [
        "using System;\n\nclass Program {\n    static void Main(string[] args) {\n        "
        "Console.WriteLine(\"hi\");\n    }\n}",
        "public string Name { get; set; }\npublic int Total(List<int> values) {\n    return values.Where(v => v > "
        "0).Sum();\n}",
    ],
    "go": [
        "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tx := 3\n\tfmt.Println(x)\n}",
        "func Max(values []int) int {\n\tbest := values[0]\n\tfor _, v := range values {\n\t\tif v > best "
        "{\n\t\t\tbest = v\n\t\t}\n\t}\n\treturn best\n}",
    ],
    "rust": [
        "fn main() {\n    let mut v: Vec<i32> = Vec::new();\n    v.push(1);\n    println!(\"{:?}\", v);\n}",
        "pub fn largest(values: &[u32]) -> Option<u32> {\n    values.iter().copied().max()\n}",
    ],
    "swift": [
        "import UIKit\n\nclass ViewController: UIViewController {\n    override func viewDidLoad() {\n        "
        "super.viewDidLoad()\n    }\n}",
        "func greet(name: String) -> String {\n    guard !name.isEmpty else { return \"Hi\" }\n    return \"Hi, "
        "\\(name)\"\n}",
    ],
    "kotlin": [
        "fun main() {\n    val names = listOf(\"a\", \"b\")\n    for (n in names) println(n)\n}",
        "data class Point(val x: Int, val y: Int)\n\nfun Point.length(): Int = x * x + y * y",
    ],
    "php": [
        "<?php\n$name = $_POST['name'];\necho \"Hello, $name\";\n?>",
        "function total($rows) {\n    $sum = 0;\n    foreach ($rows as $row) {\n        $sum += $row['price'];\n   "
        " }\n    return $sum;\n}",
    ],
    "shell": [
        "#!/bin/bash\nfor f in *.txt; do\n  mv \"$f\" \"${f%.txt}.md\"\ndone",
        "sudo apt-get update\nsudo apt-get install nginx\nsystemctl start nginx",
    ],
    "ruby": [
        "class Dog\n  attr_reader :name\n  def initialize(name)\n    @name = name\n  end\nend\n\nputs "
        "Dog.new('Rex').name",
        "[1, 2, 3].each do |n|\n  puts n * 2\nend",
    ],
    "haskell": [
        "module Main where\n\nmain :: IO ()\nmain = putStrLn \"hi\"",
        "quicksort :: Ord a => [a] -> [a]\nquicksort [] = []\nquicksort (x:xs) = smaller ++ [x] ++ larger\n  "
        "where\n    smaller = quicksort (filter (< x) xs)\n    larger = quicksort (filter (>= x) xs)",
    ],
    "sql": [
        "SELECT name, COUNT(*) FROM orders GROUP BY name ORDER BY 2 DESC;",
        "CREATE TABLE users (\n  id INT PRIMARY KEY,\n  name VARCHAR(50) NOT NULL\n);",
    ],
    "cobol": [
        "IDENTIFICATION DIVISION.\nPROGRAM-ID. HELLO.\nPROCEDURE DIVISION.\n    DISPLAY 'HELLO'.\n    STOP RUN.",
        "WORKING-STORAGE SECTION.\n01 WS-TOTAL PIC 9(4).\nPROCEDURE DIVISION.\n    COMPUTE WS-TOTAL = 2 * 3.",
    ],
}  # fmt: skip
CASES = [(language, code) for language, pieces in SNIPPETS.items() for code in pieces]


def found(completion: str, prompt: str = "") -> set[str]:
    return set(detect_code_types(Text(completion), Text(prompt)))


def test_every_language_of_the_taxonomy_has_cases(taxonomy):
    assert set(SNIPPETS) == set(LANGUAGES) == set(taxonomy.category("code_type").value_names)


@pytest.mark.parametrize(("language", "code"), CASES)
def test_bare_code_tells_its_language(language, code):
    assert found(code) == {language}


@pytest.mark.parametrize(("language", "code"), CASES)
def test_a_fence_without_a_word_tells_its_language(language, code):
    assert found(f"Here it is:\n\n```\n{code}\n```\nThat is all.") == {language}


@pytest.mark.parametrize(
    ("info", "language"),
    [("py", "python"), ("C++", "cpp"), ("c#", "csharp"), ("golang", "go"), ("bash", "shell"), ("tsx", "typescript")],
)
def test_the_word_behind_the_fence_decides_where_the_code_is_silent(info, language):
    assert found(f"```{info}\nx\n```") == {language}


def test_a_fence_that_lies_is_found_out():
    assert found(f"```python\n{SNIPPETS['java'][0]}\n```") == {"java"}


def test_two_blocks_give_two_languages():
    assert found(f"```python\n{SNIPPETS['python'][0]}\n```\nand\n```go\n{SNIPPETS['go'][0]}\n```") == {"python", "go"}


@pytest.mark.parametrize("info", ["json", "html", "text", "yaml"])
def test_blocks_of_no_programming_language_say_nothing(info):
    assert found(f'```{info}\n{{"a": [1, 2]}}\n```') == set()


def test_the_prompt_settles_what_code_leaves_open():
    code = "int square(int x) {\n    return x * x;\n}"
    assert found(code, "Write a C program.") == {"c"}
    assert found(code, "Write a C++ function.") == {"cpp"}
    assert found("x = 3\nprint(x)", "In Python, please.") == {"python"}
    assert found("let x = 3;\nlet y = x + 1;", "Use TypeScript.") == {"typescript"}


def test_discussed_code_counts_where_the_answer_has_none():
    prompt = f"What does this do?\n```\n{SNIPPETS['rust'][0]}\n```"
    assert found("It fills a list and prints it.", prompt) == {"rust"}


@pytest.mark.parametrize(
    "prose",
    [
        "The meeting was moved; we begin at nine. Please bring the report, and let me know if you cannot come.",
        "I import wine from France, for I have a class to teach: while I wait, I return home.",
        "1. Go to the shop\n2. Print the list\n3. Return home",
        "# Title\n\nSome **text** about Java, the island.",
        "",
    ],
)
def test_prose_has_no_code(prose):
    assert found(prose, "Tell me something.") == set()
