"""What points to each programming language: words and literal pieces of its source, and how prompts name it."""

import re

WORDS: dict[str, dict[float, str]] = {
    "python": {
        4: "elif __init__ __name__ isinstance numpy pandas kwargs",
        2.5: "def None True False self lambda except raise nonlocal enumerate len",
        1: "range print import in not and pass yield with as zip sorted is or from str del list dict append async",
    },
    "javascript": {
        4: "getElementById addEventListener innerHTML querySelector module prototype undefined jQuery document",
        2: "function const let var typeof console await require window JSON Math forEach async parseInt",
        1: "new null true false this map filter reduce push of export return",
    },
    "typescript": {3: "readonly keyof declare never unknown "
    "Partial Promise", 2: "interface implements enum type", 0.5: "const let"},
    "cpp": {
        4: "cout cin endl iostream nullptr template typename constexpr unordered_map push_back static_cast std "
        "operator cerr",
        2: "namespace using vector virtual delete class friend auto",
        1: "#include int void char bool string const float double unsigned map pair size struct public private",
    },
    "c": {
        4: "printf scanf malloc calloc realloc strlen strcpy fprintf memcpy strcmp fgets strcat",
        2: "#include #define #ifndef typedef sizeof free size_t NULL FILE uint8_t",
        1.5: "int char struct unsigned static void",
        1: "double float long const return",
    },
    "java": {
        4: "@Override throws IOException StringBuilder ArrayList HashMap Scanner extends implements System boolean "
        "HashSet "
        "charAt Collections instanceof LinkedList hashCode JFrame",
        2.5: "String Integer final package Object synchronized println Collectors Character",
        1: "public private protected class new void int null import static return super interface this List Map equals "
        "length size get add Exception throw",
    },
    "csharp": {
        5: "Console WriteLine foreach IEnumerable DateTime internal sealed nameof ReadLine IList IDictionary "
        "IActionResult Linq virtual override",
        3: "using namespace string bool readonly decimal ref out delegate Dictionary base partial object",
        1: "public private protected class new void int null var static return get set List async await Task "
        "Length Count Add this "
        "throw is",
    },
    "go": {
        5: "func chan defer fmt Println Printf goroutine rune Errorf",
        2.5: "package nil range err struct",
        1: "type var append make import map string int error interface switch go for return len bool float64 sort "
        "strings",
    },
    "rust": {
        6: "fn mut println! impl vec! usize i32 i64 u8 u32 u64 f64 isize unwrap collect crate Vec panic! format! "
        "assert_eq!",
        2.5: "let pub match trait Some Option None iter mod Box",
        1: "use struct enum self str String loop move as in where",
    },
    "swift": {
        6: "guard UIKit SwiftUI UIViewController viewDidLoad inout NSObject fileprivate CGFloat @IBOutlet @State "
        "Foundation",
        3: "func nil",
        1.5: "let var self init String Int Double Bool struct extension protocol print override weak deinit throws "
        "in isEmpty",
    },
    "kotlin": {
        6: "fun listOf mutableListOf suspend mapOf lateinit companion downTo mutableMapOf readLine arrayOf",
        3: "val when data object until",
        1: "var null println Int String Boolean override in is class it open sealed",
    },
    "php": {
        5: "$this $_POST $_GET $_SESSION foreach mysqli_query isset $conn mysqli array_map $_SERVER",
        2: "echo array strlen count elseif",
        1: "function public private class new namespace use extends",
    },
    "shell": {
        5: "fi esac sudo grep awk sed chmod elif Get-ChildItem curl apt xargs wget docker kubectl",
        2: "echo done mkdir then ls cd cp mv rm cat npm pip git find ssh bash sh",
        1: "do export local read tar touch ps sort head tail wc if for in",
    },
    "ruby": {
        5: "puts elsif attr_accessor attr_reader gets rescue nil? each_with_index to_s to_i upcase downcase "
        "ActiveRecord include? empty?",
        2.5: "end unless nil initialize module gem",
        1.5: "def do require then each until yield self class begin puts map select when",
    },
    "haskell": {
        6: "putStrLn Maybe Just deriving foldr newtype concatMap mapM_ otherwise qualified getLine foldl instance",
        2: "where Nothing Integer",
        1.5: "let of data module Int Bool Show Eq Ord IO show map filter case import String",
    },
    "sql": {
        4: "SELECT WHERE INSERT JOIN VARCHAR FROM UPDATE VALUES HAVING GROUP ORDER ALTER DISTINCT DROP",
        2: "INTO TABLE CREATE PRIMARY KEY FOREIGN LIMIT DELETE COUNT AVG SUM INT AND ON BY AS SET",
        1.5: "select from where insert into values join group order by create table",
    },
    "cobol": {
        10: "DIVISION IDENTIFICATION WORKING PERFORM DISPLAY PIC COMPUTE ACCEPT VARYING LINKAGE",
        3: "PROCEDURE STOP RUN MOVE SECTION VALUE GIVING PROGRAM STORAGE",
    },
}  # fmt: skip
"""Language -> weight -> words; a word counts once."""

PIECES: dict[str, dict[float, tuple[str, ...]]] = {
    "python": {
        5: ("if __name__", "print(f\"", "np.", "pd.", "plt.", "\n    return ", "):\n", " not in ", ":\n    ", "range(len("),
        2: ("else:", "try:", "import numpy", "-> int:", "-> str:", "**", "[::-1]", "\"\"\"", "self.", " for "),
    },
    "javascript": {
        5: ("console.log", "===", "!==", "document.", "module.exports", "require(", "React", "=> {", "$(", "`${"),
        2: ("=>", "function(", "function (", "() =>", "});", "async function", "export default", "{}", "Math.", ".length"),
    },
    "typescript": {2: ("as const", "<T>", "console.log", "=>", "private ", "readonly ")},
    "cpp": {
        6: ("std::", "cout <<", "cin >>", "<iostream>", "using namespace", "<vector>", "template<", "template <", "vector<", "nullptr"),
        3: ("public:", "private:", "::", "const &", "string&", "&&", "<<", ">& ", "auto "),
    },
    "c": {5: ("<stdio.h>", "<stdlib.h>", "<string.h>", "printf(", "scanf("), 2: ("int main(", "char *", "char* ", "int *", "->", "(void)")},
    "java": {
        6: ("System.out", "public static void "
        "main(String", "import java", "java.util", "java.lang", "java.io", "new ArrayList", "List<Integer>", "System.in", "<String>"),
        2: (".length()", ".size()", ".equals(", ".get(", ".add(", "@", "String[]", "int[]", "IllegalArgument", ".charAt("),
    },
    "csharp": {
        8: ("public override ", "public virtual ", "protected override ", "protected virtual ", "lock (", "internal "),
        6: ("using System", "Console.", "get;", "set;", "string[]", ": base(", "string.", "static void Main", "List<string>", "Task<", ": this(", "System.Text", "System.Collections"),
        2: (".Length", ".Count", ".ToString()", ".Add(", ".Select(", ".Where(", "int[]", "virtual ", "override "),
    },
    "go": {
        6: (":=", "package main", "fmt.", "func (", "[]int", "[]string", "interface{}", "err != nil", "import (", "make(", "go func"),
        2: ("func main()", "range ", "{\n\treturn", "strings."),
    },
    "rust": {
        6: ("let mut", "&str", "&mut", "&self", "::new(", "::from(", "Vec<", "Option<", "Result<", "println!", "-> bool", "pub fn", "'static", "use std::", "-> i32", "-> String", "-> Vec"),
        2: ("::", ".iter()", "-> ", "|x|", "=> ", "#[", "as usize"),
    },
    "swift": {
        6: ("import UIKit", "import Foundation", "if let ", "guard let", "\\(", "-> Int", "-> String", "-> Bool", "-> [", "@objc", "??", "import SwiftUI"),
        2: ("[Int]", "[String]", "..<", "...", "func ", ": Int", ": String", "_ "),
    },
    "kotlin": {
        6: ("fun main", "val ", "data class", "?.", "?:", "$it", "listOf(", ": Int", "fun ", "override fun"),
        2: ("when (", "println(", ": String", "List<", "-> ", "Array<", "..", " until "),
    },
    "php": {8: ("<?php", "$this->", "echo $", "mysqli", "foreach ("), 4: ("->", "= array(", "$result", "$i", "echo \"", "?>", "$row", ".="), 2: ("function ",)},
    "shell": {6: ("#!/bin/", "$(", "[ ", "; then", "; do", "apt-get", "| grep", "sudo ", "$1", "-eq ", "chmod ", "pip install", "npm install", "docker ", "git ", "mkdir ", "Get-", "| sort"), 2: ("echo \"", "${", " -", " | ", "./", "&& ")},
    "ruby": {6: (".each do", " do |", "\nend", "puts ", "require '", ".nil?", "#{", "{ |", "attr_", "=> '", "def self."), 2: ("@", ".map", "  end", "::", ".new", "then\n")},
    "haskell": {7: (" :: ", "main = ", ":: IO", "import Data.", "module Main", " <- ", "where\n", "<$>", ">>="), 2: (" -> ", "++", "| ", "\\x", "(x:xs)", "[]")},
    "sql": {6: ("SELECT ", "select * from", "INSERT INTO", "CREATE TABLE", "GROUP BY", "ORDER BY", "DELETE FROM", "PRIMARY KEY", "UPDATE ", "ALTER TABLE", "INNER JOIN", "WHERE "), 2: (" = '", "COUNT(", "VARCHAR(", ");", "*")},
    "cobol": {12: (" DIVISION.", "PROGRAM-ID.", "WORKING-STORAGE", "STOP RUN", " PIC ", "END-IF", "END-PERFORM")},
}  # fmt: skip
"""Language -> weight -> pieces of source; a piece counts once."""

NAMES: dict[str, str] = {
    "python": r"python\d?|django|pandas|numpy|flask|pytorch|jupyter",
    "javascript": r"javascript|node\.?js|java ?script|\bjs\b|react(?:\.?js)?|jquery|express\.js|vue(?:\.js)?",
    "typescript": r"typescript|angular",
    "cpp": r"c\+\+|\bcpp\b",
    "c": r"\bin c\b(?![+#])|\bc (?:program|code|function|language)\b|\bansi c\b",
    "java": r"\bjava\b(?! ?script)|spring boot",
    "csharp": r"c#|\bcsharp\b|\.net\b|unity",
    "go": r"\bgolang\b|\b(?-i:Go)\b(?= (?:program|function|code|language|routine|script))|\b(?:in|using) (?-i:Go)\b",
    "rust": r"\brust\b",
    "swift": r"\bswift\b|swiftui",
    "kotlin": r"\bkotlin\b",
    "php": r"\bphp\b|laravel|wordpress",
    "shell": r"\bbash\b|shell script|\bshell\b|powershell|\bzsh\b|command line|\blinux command|unix command"
    r"|terminal command",
    "ruby": r"\bruby\b|\brails\b",
    "haskell": r"haskell",
    "sql": r"\bsql\b|mysql|postgres(?:ql)?|sqlite|\bsql query|database query",
    "cobol": r"cobol",
}
"""Language -> how prompts name it, without regard to case."""

ANY_NAME = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in NAMES.items()), re.IGNORECASE)

INFO: dict[str, str] = {
    "py": "python", "python3": "python", "ipython": "python", "pycon": "python", "js": "javascript", "jsx": "javascript",
    "node": "javascript", "ts": "typescript", "tsx": "typescript", "c++": "cpp", "cc": "cpp", "cxx": "cpp", "hpp": "cpp",
    "cuda": "cpp", "golang": "go", "rs": "rust", "cs": "csharp", "c#": "csharp", "kt": "kotlin", "rb": "ruby", "hs": "haskell",
    "bash": "shell", "sh": "shell", "zsh": "shell", "console": "shell", "powershell": "shell", "ps1": "shell",
    "mysql": "sql", "postgresql": "sql", "sqlite": "sql", "tsql": "sql", "plsql": "sql", "erb": "ruby", "cmd": "shell",
}  # fmt: skip
"""Words behind an opening fence -> language, beside the languages' own names."""
