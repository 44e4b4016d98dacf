"""Words that address the reader formally or informally, or that belong to one manner of writing, language by language."""

FORMAL: dict[str, str] = {
    "English": "sincerely hereby herewith pursuant hereafter thereof therein sir madam esteemed henceforth shall "
    "respectfully aforementioned kindly cordially notwithstanding forthwith undersigned heretofore "
    "",
    "French": "vous votre vos veuillez cordialement salutations distinguées",
    "Spanish": "usted ustedes ud uds vd atentamente disculpe permítame cordialmente",
    "Italian": "cordialmente distinti egregio gentilissimo ",
    "German": "",
    "Portuguese": "vossa atenciosamente prezado prezada cordialmente queira solicitamos",
    "Russian": "вы вас вам вами ваш ваша ваше ваши вашего вашей вашу ваших вашим уважаемый уважаемая уважаемые ",
    "Ukrainian": "ви вас вам вами ваш ваша ваше ваші вашого вашої вашу ваших вашим шановний шановна шановні",
    "Polish": "szanowny szanowna szanowni poważaniem uprzejmie",
    "Czech": "vy vás vám vámi váš vaše vaši vašeho vašemu vaší vážený vážená pozdravem račte",
    "Turkish": "siz sizin size sizi sizden sizinle sayın saygılarımla lütfen efendim beyefendi hanımefendi",
    "Vietnamese": "kính thưa ngài trân ",
    "Dutch": "u uw uzelf geachte hoogachtend meneer mevrouw",
    "Indonesian": "anda mohon silakan yth dimohon",
    "Romanian": "dumneavoastră dvs stimate stimată domnule doamnă dumneaei dumnealui vă",
    "Greek": "εσείς εσάς σας κύριε κυρία αξιότιμε παρακαλώ παρακαλούμε ",
    "Hindi": "आप आपका आपकी आपके आपको आपसे आपने महोदय महोदया श्रीमान कृपया आदरणीय",
    "Arabic": "حضرتك حضرتكم سيادتكم سيادتك المحترم المحترمة تفضلوا يرجى نرجو معالي وتفضلوا",
    "Persian": "شما شمارا جنابعالی سرکار بفرمایید احتراماً لطفاً لطفا گرامی جناب خواهشمند فرمایید می‌باشد می‌باشند",
    "Hebrew": "נכבד נכבדי אדוני גברתי בכבוד כבודו הנכם הנך נא לכבוד אנא",
    "Chinese": "",
    "Japanese": "",
    "Korean": "",
}
"""Language -> words in lower case."""

INFORMAL: dict[str, str] = {
    "English": "gonna wanna gotta kinda sorta yeah yep nope hey dude cool awesome lol omg haha btw dunno ain't y'all "
    "yup cuz pls thx wow oops bro cheers lemme gimme",
    "French": "tu te toi ton tes t' t'es t'as ouais salut coucou sympa truc mec ptit mdr lol bah ben super cool bisous",
    "Spanish": "tú ti contigo tus tuyo tuya guay hola jaja chao oye mola colega genial chévere",
    "Italian": "tu ti te tuo tua tuoi tue ciao boh dai figo beh mica ragazzi bello insomma okay",
    "German": "du dich dir dein deine deinen deinem deiner deines euch euer eure euren hey hallo cool nö "
    "hast bist geil kumpel tschüss",
    "Portuguese": "tu te ti teu tua teus tuas contigo cê tá né pra pro oi galera beleza valeu vc ",
    "Russian": "ты тебя тебе тобой твой твоя твоё твое твои твоего твоей твою привет ага круто чувак лол клёво "
    "блин щас",
    "Ukrainian": "ти тебе тобі тобою твій твоя твоє твої твого твоєї твою привіт ага круто чувак класно",
    "Polish": "ty ciebie cię tobie tobą twój twoja twoje twoi twojego twojej hej cześć fajnie fajny super spoko "
    "kurczę siema",
    "Czech": "ty tebe tě tobě tebou tvůj tvoje tvá tvé tvého ahoj čau hele fajn super jo prima kámo",
    "Turkish": "sen senin sana seni senden seninle selam abi kanka hadi canım lan naber",
    "Vietnamese": "mày tao tớ cậu nhé nha ơi nè hihi haha ừ ok ",
    "Dutch": "je jij jou jouw jullie hoi hey joh gaaf nou lekker hè doei",
    "Indonesian": "kamu kau lo gue gua lu nggak gak banget dong sih deh kok nih yuk aku loh aja",
    "Romanian": "tu tine ție ți te tău ta tăi tale salut bună mișto super hai bre",
    "Greek": "εσύ εσένα σου γεια ρε μωρέ τέλεια φίλε",
    "Hindi": "तू तुम तुम्हारा तुम्हारी तुम्हारे तुम्हें तुझे तेरा तेरी यार अरे हाय",
    "Arabic": "إيه ايه ازيك إزيك عشان علشان كده شو ايش إيش ليش هيك بدي وش يلا اوكي شلون هلا كتير مش",
    "Persian": "تو تورو بهت ازت می‌خوام میخوام می‌شه میشه اینه رو دیگه آره اگه چیه یه بریم خیلی‌ها مرسی",
    "Hebrew": "סבבה אחי יאללה היי אחלה מגניב כיף חחח וואו תותח די בקיצור תכלס",
    "Chinese": "",
    "Japanese": "",
    "Korean": "",
}
"""Language -> words in lower case."""

FORMAL_PATTERNS: dict[str, str] = {
    "German": r"(?<=[a-zäöüß,] )(?:Sie|Ihnen|Ihr|Ihre[nmrs]?)\b|\bSehr geehrte|\bMit freundlichen Grüßen|\bbitten wir",
    "English": r"\bDear (?:Sir|Madam|Mr|Ms|Mrs|Dr|Professor)\b|\byours (?:sincerely|faithfully)\b|\bI am writing "
    r"to\b|\bit is (?:essential|imperative|advisable)\b|\bwe regret\b|\bplease (?:be advised|find|do not hesitate)\b",
    "Italian": r"(?<=[a-zàèéìòù,] )(?:Lei|Suo|Sua|Suoi|Sue)\b",
    "Chinese": r"您|贵[司公方校]|貴[司公方校]|尊敬的|敬请|敬請|此致|敬上|阁下|閣下|谨此|謹此|兹|恳请|懇請",
    "Japanese": r"(?:です|ます|ました|ません|でした|でしょう|ましょう|ください|下さい|ございます|いたします|申し上げ)(?=[。！？!?、\s」』)）]|か|が|の|$)",
    "Korean": r"(?:니다|니까|세요|십시오|시오|어요|아요|해요|예요|이에요|네요|군요|죠|지요|까요|데요|거든요|래요)(?=[.!?。,\s\"'”’)…~]|$)",
    "Vietnamese": r"\b[Qq]uý (?:vị|khách|công ty|ông|bà)\b|\b[Kk]ính (?:gửi|chào|thưa|mời)\b|\b[Tt]rân trọng\b"
    r"|\b[Xx]in (?:vui lòng|phép|trân)\b",
    "Portuguese": r"\b[OoAa] (?:senhor|senhora)\b|\bV\.? ?S[ªa]",
    "Polish": r"(?<=[a-ząćęłńóśźż,] )(?:Pan|Pani|Państwo|Pana|Panu|Panią|Państwa|Państwu)\b(?! [A-ZŁŚŻ])",
    "French": r"\b(?:Madame, Monsieur|Cher Monsieur|Chère Madame)\b",
    "Spanish": r"\b(?:permítame|disculpe|tenga en cuenta|le informamos|le agradece|su atención)\b",
}
"""Language -> pattern; each match counts as a word."""

INFORMAL_PATTERNS: dict[str, str] = {
    "English": r"\b(?:i'm|you're|don't|can't|won't|it's|that's|isn't|didn't|we're|they're|i've|you've|i'll|you'll"
    r"|doesn't|"
    r"let's|what's|there's|i'd|couldn't|wouldn't|shouldn't|wasn't|aren't|haven't|he's|she's|you'd|we'll|we've)\b",
    "Chinese": r"哈哈|嘻嘻|呵呵|啦[！!。~～]|呗|唄|咱们|咱們|哥们|哥們|亲[，,~～!！]|嗨|哎呀|超级棒|啥|咋|嘛[，,。！!？?]|喔|耶|嘿|吧[！!~～]|哦[！!~～]|呀[！!。~～]",
    "Japanese": r"(?:だよ|だね|だな|じゃん|だろ|かな|だぜ|だぞ|ってば|よね|ちゃった|てる|じゃない|んだ|さ|ぞ|ぜ|わ|っす|しよう|してね|してよ|だから)(?=[。！？!?～~♪…\n]|$)"
    r"|笑(?=[。）\s]|$)|やばい|すごっ|めっちゃ",
    "Korean": r"(?:했어|이야|야|해|어|지|네|거든|잖아|래|자|냐|니|을게|ㄹ게|할게|줘|봐|돼|아)(?=[.!?~…](?:\s|$)|$)|ㅋ{2,}|ㅎ{2,}|ㅠ{2,}",
    "French": r"\b(?:j'sais|j'suis|y'a|t'inquiète|t'as|t'es|c'est parti)\b",
    "Dutch": r"\b(?:zo'n|'t|m'n|d'r)(?=\s)",
}
"""Language -> pattern; each match counts as a word."""

PICTURE = "[\U0001f300-\U0001faff\u2600-\u26ff\u2764\u270c\u263a]"
"""A drawn sign of a mood or a thing."""

EMOJI = PICTURE + "|(?<!\\w)[:;]-?[)(DP](?!\\w)|(?:[!?]){3,}|\\bx+d\\b|\\blol\\b"
"""What is informal in any language."""

PERSONA = (
    r"\b(?:act|speak|talk|explain|describe|tell|write|respond|reply|answer|behave|pretend"
    r"|imagine)\b[^.\n]{0,40}?\b(?:as if you (?:were|are)|like|as) "
    r"(?:an?|the) (?:\w+ ){0,2}?(?:pirate|robot|wizard|knight|king|queen|poet|cowboy|vampire|child|villain"
    r"|detective|alien|"
    r"butler|character|rapper|gangster|ghost|dragon|elf|superhero|medieval|victorian|cat|dog|monk|samurai|ninja"
    r"|witch)\b"
    r"|\b(?:in|using|with) the (?:style|voice|manner|tone|persona) of (?!an? (?:formal|informal|email|letter|list"
    r"|news|report|blog))"
    r"|\b(?:role-?play|take on the role|stay in character|pretend (?:to be|that you are|you are|you're))\b"
    r"|\bdans le style de\b|\bà la manière d|\bfais comme si tu étais\b|\ben el estilo de\b|\bal estilo de\b"
    r"|\bimita a\b"
    r"|\bim (?:Stil|Tonfall) (?:von|eines|einer|des|der)\b|\bnello stile di\b|\bno estilo de\b|\bв стиле\b|\bу "
    r"стилі\b|\bw stylu\b|\bve stylu\b"
    r"|\bin de stijl van\b|\bîn stilul\b|\btarzında\b|\btheo phong cách\b|\bdengan gaya\b|\bστο (?:στυλ|ύφος) τ|की "
    r"शैली में|بأسلوب|به سبک|בסגנון"
    r"|的(?:口吻|口气|口氣|风格|風格|语气|語氣)|のような口調|の口調で|になりきって|말투로|스타일로"
)
"""What in a prompt prescribes a manner of its own."""

_MANNER = r"(?: (?:tone|way|manner|style|language|letter|e-?mail|version|register|writing|note|invitation|message|conversation))"
ASKS_FORMAL = (
    rf"(?<!less )(?<!in)\b(?:formal|professional|official){_MANNER}|\b(?:more formal|formally|more professional)\b"
)
ASKS_INFORMAL = (
    rf"\b(?:informal|casual|friendly|colloquial|slang){_MANNER}|\b(?:less formal|more casual|informally|casually)\b"
)
"""What in an English prompt asks for either manner."""

PERSONA_HINTS = (
    "like a", "as a", "as the", "as if", "style", "voice", "manner", "tone", "role", "pretend", "character", "imita", "maniè",
    "comme si", "stil", "tonfall", "stijl", "tarz", "phong cách", "gaya", "стил", "στυλ", "ύφος", "शैली", "أسلوب", "سبک",
    "סגנון", "口", "风格", "風格", "语气", "語氣", "なりきって", "말투", "스타일",
)  # fmt: skip
"""What any match of `PERSONA` holds, in lower case: a quick look before a slow one."""
