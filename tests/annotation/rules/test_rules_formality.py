"""Formality: a formal and an informal sentence where the language tells them apart, and abstention elsewhere."""

import pytest

from treasure.annotation.rules.formality import detect_style
from treasure.annotation.rules.formality_signs import FORMAL, FORMAL_PATTERNS, INFORMAL, INFORMAL_PATTERNS

PAIRS = {
    "English": (
        "Dear Sir or Madam, I am writing to request the documents. Kindly reply. Yours sincerely, A. Smith",
        "Hey dude, I'm gonna be late, but it's cool, lol!",
    ),
    "French": ("Veuillez nous indiquer votre adresse.", "Salut, tu viens avec ton vélo ?"),
    "Spanish": ("¿Podría usted enviarme el informe?", "Hola, ¿tú vienes con tus amigos?"),
    "Italian": ("La ringrazio e Le auguro, come Lei sa, una buona giornata.", "Ciao, vieni anche tu con tuo fratello?"),
    "German": ("Bitte senden Sie uns Ihre Unterlagen.", "Hey, hast du deine Sachen dabei?"),
    "Portuguese": ("Prezado cliente, o senhor receberá a carta.", "Oi, tu tá bem? Beleza!"),
    "Japanese": ("資料をお送りいたします。ご確認ください。", "今日めっちゃ楽しかったよね！明日も行くじゃん。"),
    "Korean": ("자료를 보내 드렸습니다. 확인해 주십시오.", "오늘 진짜 재밌었어! 내일도 가자 ㅋㅋ"),
    "Arabic": ("يرجى من حضرتكم إرسال الوثائق.", "ازيك؟ انت عايز ايه عشان نخلص كده؟"),
    "Chinese": ("尊敬的客户，请您查收附件。", "哈哈，咱们明天见啦！"),
    "Russian": ("Уважаемый клиент, просим вас прислать ваши документы.", "Привет, ты где? Жду тебя!"),
    "Polish": ("Czy może Pan przesłać dokumenty? Z poważaniem", "Hej, gdzie jest twój rower? Czekam na ciebie!"),
    "Turkish": ("Sayın müşterimiz, sizin belgeleriniz alındı.", "Selam kanka, sana bir şey diyeceğim."),
    "Vietnamese": ("Kính gửi quý khách, trân trọng cảm ơn.", "Ê mày, đi chơi với tao nhé!"),
    "Dutch": ("Geachte heer, wij ontvingen uw brief.", "Hoi, heb jij je fiets bij je?"),
    "Czech": ("Vážený pane, děkujeme vám za váš dopis.", "Ahoj, kde máš tvoje kolo? Čekám na tebe."),
    "Indonesian": ("Silakan Anda mengirim dokumen.", "Eh kamu nggak ikut sih, aku tunggu dong."),
    "Ukrainian": ("Шановний клієнте, просимо вас надіслати документи.", "Привіт, ти де? Чекаю на тебе!"),
    "Romanian": ("Stimate domn, vă rugăm să trimiteți actele dumneavoastră.", "Salut, tu vii cu bicicleta ta?"),
    "Greek": ("Αξιότιμε κύριε, παρακαλώ στείλτε μας την "
    "αίτησή σας.", "Γεια, εσύ πού είσαι ρε; Πού είναι η τσάντα σου;"),
    "Hindi": ("कृपया आप अपना पता भेजें।", "अरे यार, तू कहाँ है?"),
    "Hebrew": ("לכבוד אדוני, נא לשלוח את המסמכים.", "היי אחי, סבבה, יאללה נדבר!"),
    "Persian": ("لطفاً شما مدارک را بفرمایید.", "تو کجایی؟ یه چیزی بهت میگم."),
}  # fmt: skip
NEUTRAL = {
    "English": "Water boils at one hundred degrees at the level of the sea.",
    "German": "Wasser kocht bei hundert Grad. Sie ist heute kalt.",
    "French": "L'eau bout à cent degrés.",
    "Italian": "Maria è qui; lei abita a Roma.",
    "Polish": "Ci ludzie mieszkają w Polsce, a to jest duże państwo.",
    "Chinese": "水在一百度沸腾。",
}


def style(text: str, language: str | None, prompt: str = "") -> str:
    return detect_style(text, prompt, language)[0]


@pytest.mark.parametrize("language", PAIRS)
def test_both_manners_are_told(language):
    formal, informal = PAIRS[language]
    assert (style(formal, language), style(informal, language)) == ("Formal", "Informal")


def test_every_language_has_tables_and_cases(taxonomy):
    names = set(taxonomy.category("lang").value_names)
    assert set(PAIRS) == set(FORMAL) == set(INFORMAL) == names
    assert set(FORMAL_PATTERNS) | set(INFORMAL_PATTERNS) <= names


@pytest.mark.parametrize("language", NEUTRAL)
def test_neither_is_left_unknown(language):
    assert style(NEUTRAL[language], language) == ""


@pytest.mark.parametrize("language", ["French", "Russian"])
def test_both_at_once_are_left_unknown(language):
    formal, informal = PAIRS[language]
    assert style(f"{formal} {informal}", language) == ""


def test_a_language_without_tables_goes_by_emoji_alone():
    assert style("Cool 🙂 🎉 😀", None) == "Informal"
    assert style("Sie und du", None) == ""


@pytest.mark.parametrize(
    "prompt",
    [
        "Explain rain as if you were a pirate.",
        "Write a poem in the style of Poe.",
        "Pretend to be a robot and greet me.",
        "用李白的口吻写一首诗",
    ],
)
def test_a_prescribed_manner_is_custom(prompt):
    assert style("It rains.", "English", prompt) == "Custom"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Rewrite it in a formal tone.", "Formal"),
        ("Rewrite it in a less formal way.", "Informal"),
        ("Rewrite it in an informal style.", "Informal"),
        ("What does formal logic mean?", ""),
        ("You are a helpful assistant. What is rain?", ""),
    ],
)
def test_a_prompt_that_asks_for_a_manner(prompt, expected):
    assert style("It rains.", "English", prompt) == expected
