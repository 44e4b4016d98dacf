"""Finds the shapes that answers to questions have: the choice of an option, and steps of reasoning before a result."""

import re

from treasure.annotation.rules.parts import Text

_SURE = 0.97

_CHOICE = re.compile(r"\s*\(?([A-Ja-j]|[1-9]|[А-Га-г]|[أبجد])[).:]?(?:(?<=[).:])\s*\S[^\n]{0,200}|\s*)$")
_LABELS = re.compile(r"\s*(?:\(?[A-J]\)[\s,]*){1,10}")
_ANSWER_IS = re.compile(
    r"(?:answer|answer is|option|choice|correct|réponse|respuesta|Antwort|risposta|resposta|ответ|відповідь"
    r"|odpowied[źz]|"
    r"odpověď|cevap|答案|正解|答え|정답|jawaban|đáp án|antwoord|răspuns|απάντηση|उत्तर|תשובה|پاسخ|الإجابة)[^\n]{0,30}?"
    r"(?:[:：]|\bis\b|\best\b|\bes\b|\bist\b|是|は)?\s*[(\"'*]{0,3}(?-i:[A-J])[)\"'*]{0,3}(?=[\s).,:;。]|$)",
    re.IGNORECASE,
)
_LETTER = re.compile(r"(?<![^\W_])[A-Ja-jА-Га-г1-9أبجد](?![^\W_])(?!['’])")
_OPTION = re.compile(r"(?:^|[\s;,.。:：?？])\(?([A-Ja-j]|[1-9])[).:]\s*\S", re.MULTILINE)


def find_choice(text: Text, prompt: str) -> float:
    """The probability in [0, 1] that the answer is the choice of an option; low where the prompt shows no options."""
    answer = text.clipped
    if not answer or len(answer) > 600 or text.blocks:
        return 0.0
    if len(answer) > 12 and not _LETTER.search(answer):
        return 0.0
    is_choice = bool(_CHOICE.match(answer)) and "\n" not in answer.strip()
    if not is_choice and not _LABELS.fullmatch(answer) and not _ANSWER_IS.search(answer[:200]):
        return 0.0
    options = {option.upper() for option in _OPTION.findall(prompt[-4_000:])}
    has_options = {"A", "B"} <= options or {"1", "2"} <= options
    if has_options:
        return _SURE if is_choice else 0.9
    return 0.6 if re.match(r"\s*\(?[A-J]\)", answer) and "\n" not in answer.strip() else 0.0


_NUMBER = r"-?[$€£]?\d[\d,.]*%?"
_STEP = re.compile(
    rf"(?:{_NUMBER}|\w|\))[a-z²³]{{0,10}}\s*(?:[-+*/×÷·^x]|\\times"
    rf"|\\cdot)\s*[($]{{0,2}}{_NUMBER}[^=\n]{{0,60}}=\s*[($<]{{0,3}}{_NUMBER}|[a-z]\s*=\s*{_NUMBER}"
)
_RESULT = re.compile(
    r"####|\b(?:the )?(?:final )?answer\b|\btherefore\b|\bthus\b|\bhence\b|\bin total\b|∴|\\boxed"
    r"|\bso,? (?:the|there|he|she|they|it|we)\b|réponse|respuesta|Antwort|risposta|resposta|ответ|відповідь"
    r"|odpowied[źz]|odpověď|cevap|答案|答え|정답|jawaban|đáp án|antwoord|răspuns|απάντηση|उत्तर|תשובה|پاسخ"
    r"|الجواب|الإجابة|donc\b|por lo tanto|also ist|следовательно|因此|所以|したがって|따라서",
    re.IGNORECASE,
)
_STEP_LABEL = re.compile(r"\W{0,4}(?:Step|Étape|Schritt|Paso|Passo|Шаг|Krok|步骤|ステップ)\s*\d", re.IGNORECASE)
_ANSWERED = re.compile(r"\banswer\b|\btherefore\b|答案|ответ", re.IGNORECASE)


def find_reasoning(text: Text, prompt: str) -> float:
    """The probability in [0, 1] that steps which can be checked are written out before a result."""
    body = text.outside
    if text.is_bare_code or len(body) < 12:
        return 0.0
    steps = len(_STEP.findall(body)) if "=" in body else 0
    if not steps:
        labels = sum(map(bool, map(_STEP_LABEL.match, text.lines)))
        return 0.7 if labels >= 2 and _ANSWERED.search(body[-300:]) else 0.0
    has_result = bool(_RESULT.search(body[-600:]))
    if steps >= 2:
        return 0.95 if has_result else 0.75 if steps >= 3 else 0.6
    return 0.65 if has_result else 0.0
