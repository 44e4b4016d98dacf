"""Languages: a sentence in each, near languages that are not ours, scripts, mark-up, short and strange texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.annotation.rules.language import CLIP, detect_language
from treasure.annotation.rules.parts import Text
from treasure.annotation.rules.scripts import Script, letters_of

SENTENCES = {
    "English": "The children played in the garden until it began to rain in the evening.",
    "French": "Les enfants jouaient dans le jardin jusqu'à ce qu'il commence à pleuvoir.",
    "Spanish": "Los niños jugaban en el jardín hasta que empezó a llover por la tarde.",
    "Italian": "I bambini giocavano in giardino finché la sera non ha cominciato a piovere.",
    "German": "Die Kinder spielten im Garten, bis es am Abend zu regnen begann.",
    "Portuguese": "As crianças brincavam no jardim até que começou a chover à tarde.",
    "Japanese": "夕方に雨が降り始めるまで、子供たちは庭で遊んでいました。",
    "Korean": "저녁에 비가 내리기 시작할 때까지 아이들은 정원에서 놀았다.",
    "Arabic": "كان الأطفال يلعبون في الحديقة حتى بدأ المطر يهطل في المساء.",
    "Chinese": "孩子们在花园里玩耍，直到傍晚开始下雨。",
    "Russian": "Дети играли в саду, пока вечером не начался дождь.",
    "Polish": "Dzieci bawiły się w ogrodzie, dopóki wieczorem nie zaczęło padać.",
    "Turkish": "Çocuklar akşam yağmur yağmaya başlayana kadar bahçede oynadılar.",
    "Vietnamese": "Bọn trẻ chơi trong vườn cho đến khi trời bắt đầu mưa vào buổi tối.",
    "Dutch": "De kinderen speelden in de tuin totdat het 's avonds begon te regenen.",
    "Czech": "Děti si hrály na zahradě, dokud večer nezačalo pršet.",
    "Indonesian": "Anak-anak bermain di kebun karena cuaca bagus, namun hujan turun saat sore hari.",
    "Ukrainian": "Діти гралися в саду, доки ввечері не почався дощ.",
    "Romanian": "Copiii s-au jucat în grădină până când seara a început să plouă.",
    "Greek": "Τα παιδιά έπαιζαν στον κήπο μέχρι που το βράδυ άρχισε να βρέχει.",
    "Hindi": "बच्चे बगीचे में तब तक खेलते रहे जब तक शाम को बारिश शुरू नहीं हुई।",
    "Hebrew": "הילדים שיחקו בגינה עד שבערב התחיל לרדת גשם.",
    "Persian": "بچه‌ها در باغ بازی می‌کردند تا اینکه عصر باران شروع شد.",
}
NOT_OURS = {
    "Catalan": "Els nens jugaven al jardí fins que va començar a ploure al vespre i van haver d'entrar.",
    "Slovak": "Deti sa hrali v záhrade, keď večer začalo pršať, a preto museli ísť domov.",
    "Malay": "Kanak-kanak bermain di taman kerana cuaca baik, tetapi hujan turun selepas petang, kata polis.",
    "Urdu": "بچے باغ میں کھیلتے رہے یہاں تک کہ شام کو بارش شروع ہو گئی۔",
    "Marathi": "मुले बागेत खेळत होती आणि संध्याकाळी पाऊस सुरू झाला असे त्यांनी सांगितले.",
    "Bulgarian": "Децата играеха в градината, докато вечерта не започна да вали.",
    "Thai": "เด็กๆ เล่นอยู่ในสวนจนกระทั่งฝนเริ่มตกในตอนเย็น",
    "Yiddish": "די קינדער האבן געשפּילט אין גאָרטן ביז עס האט אנגעהויבן צו רעגענען אין אָוונט.",
    "Azerbaijani": "Uşaqlar axşam yağış başlayana qədər bağçada oynayırdılar və sonra evə getdilər.",
    "Afrikaans": "Die kinders het in die tuin gespeel totdat dit die aand begin reën het.",
}


def told(text: str, least: float = 0.4) -> str | None:
    guess = detect_language(Text(text).prose)
    return guess.language if guess.probability >= least else None


@pytest.mark.parametrize("language", SENTENCES)
def test_every_language_is_told(language):
    assert told(SENTENCES[language]) == language


def test_all_languages_have_a_sentence(taxonomy):
    assert set(SENTENCES) == set(taxonomy.category("lang").value_names)


@pytest.mark.parametrize("language", NOT_OURS)
def test_near_languages_are_left_unknown(language):
    assert told(NOT_OURS[language]) is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("孩子們在花園裡玩耍，直到傍晚開始下雨。", "Chinese"),  # traditional
        ("佢哋喺花園度玩，玩到夜晚落雨先至返屋企。", "Chinese"),  # Cantonese
        ("東京都の天気", "Japanese"),  # any kana
        ("THE CHILDREN PLAYED IN THE GARDEN UNTIL THE EVENING.", "English"),
        ("Let α and β be angles; then the sum of α, β and γ is π in the plane.", "English"),
        ("Das Wort 'weather' heißt auf Deutsch Wetter, und das ist schon alles dazu.", "German"),
        ("Привет, как дела у вас сегодня? Python and Java are here.", "Russian"),
    ],
)
def test_tie_breaks(text, language):
    assert told(text) == language


@pytest.mark.parametrize(
    "marked_up",
    [
        "```python\nprint('the quick brown fox and the other words of English')\n```\n{}",
        "{} https://example.com/the/english/path/with/words?and=more",
        "<p class='the english class of this'>{}</p>",
        "{} $\\frac{{the}}{{other}}$",
    ],
)
def test_code_addresses_and_marks_do_not_count(marked_up):
    assert told(marked_up.format(SENTENCES["German"])) == "German"


@given(
    before=st.sampled_from(["", "\u200e", "\u202b", "\ufeff", "\x00", "\ud800", "\t \n"]),
    language=st.sampled_from(list(SENTENCES)),
)
def test_marks_of_direction_and_control_do_not_matter(before, language):
    text = SENTENCES[language]
    assert told(before + text.replace(" ", f" {before}", 2)) == language


@pytest.mark.parametrize("text", ["", "   ", "12 345 + 6 = 7", "!!! ??? ...", "🙂🙂🙂", "\x00\x01"])
def test_without_letters_there_is_no_language(text):
    assert told(text, 0.0) is None


def test_a_long_text_is_judged_by_its_ends_and_middle():
    text = SENTENCES["Polish"] + " "
    assert told(text * 15_000) == "Polish"
    assert len(text) * 15_000 > 100 * 3 * CLIP


@given(st.text(max_size=200))
def test_letters_are_counted_for_any_text(text):
    letters = letters_of(text)
    assert len(letters) == len(Script)
    assert 0 <= sum(letters) <= 2 * len(text)
    assert letters[Script.NONE] == 0


def test_letters_by_script():
    letters = letters_of("abc é ж ω 你好 か 한국 अ ا א ไ 1!")
    names = {script.name: letters[script] for script in Script if letters[script]}
    assert names == {
        "LATIN": 4, "CYRILLIC": 1, "GREEK": 1, "HAN": 2, "KANA": 1, "HANGUL": 2, "DEVANAGARI": 1, "ARABIC": 1,
        "HEBREW": 1, "OTHER": 1,
    }  # fmt: skip
