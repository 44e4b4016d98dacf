"""Words and letters by which near languages are told apart, where a model of letter sequences wavers."""

COMMON_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the of and to in a is that for it on was with as be by at are this from or an not have you i but we "
        "they "
        "which will can has your he his their its were been more she our if what do there when all so no my how would "
        "about than who these out up one into them also other may some could such only over then most between her "
        "after first two new any where use like just because it's don't i'm through being",
        "fr": "le la les de des du et à en un une est que qui dans pour par sur ne pas au aux ce cette il elle se "
        "sont a "
        "avec plus ou son sa ses l d qu c n s y nous vous je on leur été mais comme être fait ont si tout",
        "es": "de la el que en y los las un una por con para se no del al lo su es como más o pero sus ha fue este "
        "esta "
        "son entre cuando muy sin sobre también me hasta desde todo nos ser hay está le ya si qué",
        "it": "di il la che e un una in per non è del della dei delle da con sono si le i al alla nel nella più ha "
        "come "
        "anche lo gli ma questo questa o se su dal dalla degli ai l un' dell all nell essere stato",
        "de": "der die das und in zu den von mit ist ein eine des im für dem nicht auf sich es als auch an sie er wie "
        "bei aus nach werden wird sind einer einem einen um am zum zur hat war oder aber ich wir haben kann dass was",
        "pt": "de a o que e do da em um uma para com não os as no na por mais dos das se como mas foi ao ele ela "
        "seu sua "
        "ou ser são está pelo pela entre quando muito nos já também só tem à isso este você é às aos",
        "pl": "i w na z do nie się że jest to o a od za po jak dla przez co ale być są może tym ich go który która "
        "które "
        "tak oraz ten ta był było jego już czy także tego lub tylko gdy bardzo pod przed",
        "tr": "ve bir bu için de da ile olarak çok daha en gibi olan ne kadar sonra o ama ya ki var değil her mi ise "
        "veya göre tarafından olduğu olduğunu yeni şey ancak iki hem diye ben sen biz",
        "vi": "và của là có cho không được một trong các những với người để đã này khi về từ đến cũng ra sẽ như vào "
        "nhiều thì năm ở bị tại trên hay rằng nhưng ông anh bạn phải hơn còn theo sau làm",
        "nl": "de het een van en in is dat op te zijn voor met die niet aan er om ook als dan bij maar of uit door "
        "over "
        "naar was wordt heeft kan hij ze zich deze worden meer tot je u ik wij hebben werd nog al",
        "cs": "a se v na je že s z do i o to za jako pro by ve po které který která ale jsou aby od k podle jeho "
        "již při "
        "jsem si však bude byl byla bylo není také jen než nebo tak co u další jeho jejich ze před",
        "id": "yang dan di dari untuk dengan pada ini itu adalah dalam tidak akan oleh juga ke karena sebagai atau "
        "bahwa "
        "telah dapat ada mereka lebih bisa saya kami kita anda sudah saat secara seperti para dia namun antara",
        "ro": "de și în a la cu o pe un care nu este din mai să ce au sa fi pentru sunt că al ale se am ca prin după "
        "fost dar sau lui ei el acest această cei cele unui unei fie avea si in sa",
    }.items()
}
"""fastText's code -> words that hardly any text of some length in that language is without."""

RIVALS: dict[str, dict[str, frozenset[str]]] = {
    first: {language: frozenset(words.split()) for language, words in sides.items()}
    for first, sides in {
        "id": {
            "id": "bahwa karena bisa saat partai serikat eropa inggris bagian hal adanya pria tim persen jumat setelah "
            "parlemen meskipun menit umum pernyataan merasa bicara hasil memiliki sebagian percobaan mendukung lainnya "
            "keamanan namun uni perusahaan mobil mahasiswa kamis polisi yaitu yakni senin seharusnya sang rencana "
            "merek "
            "menambahkan kelompok kebijakan informasi ditemukan berhasil berarti pemerintah toko terlihat rapat "
            "menemukan memulai lokal laki dukungan diperkirakan bisnis universitas posisi penelitian mencoba melewati "
            "juni juli agustus rabu minggu berbicara petugas kota pendapat tampak senilai punya provinsi mengakhiri "
            "uang kantor hingga serta sejumlah resmi kalau nggak tak gue kamu anda ingin usai nomor bahasa butuh mau "
            "coba sementara maret desember miliar sebagai merupakan dalam tersebut",
            "ms": "beliau selepas kerana ia bahawa polis apabila daripada syarikat semula semasa ahad parti boleh "
            "kawasan bahagian minit jumaat eropah peratus awak berlaku lelaki pasukan tiada perhimpunan pelajar "
            "menghantar dijangka cuba undi keselamatan hadapan mengundi mahu ramai siasatan parlimen perkhidmatan "
            "bermakna perlawanan perniagaan percubaan pelbagai menambah kedudukan jenama pegawai tentera sokongan "
            "sebarang sebahagian petang mula menyertai maklumat khamis kenyataan kelihatan kanak kakitangan isnin "
            "baharu antarabangsa universiti tempatan sesiapa separuh pengarah mengekalkan mangsa laluan kesan "
            "kemahiran "
            "jun julai ogos disember mac filem berkuasa berjaya bercakap kerajaan walau kumpulan supaya sekurang ribut "
            "ialah wang pejabat kereta iaitu manakala mengikut sebanyak pengerusi bandar hendak mesyuarat bilion juta "
            "kesihatan mempunyai kini sebab serta daripada",
        },
        "cs": {
            "cs": "se ve pro jako který řekl když co které před jsou byl bylo podle jak kteří lidí která více být i ze "
            "své protože budou poté nebo byla při jsem pak není jen jejich další ke roce ještě což uvedl pokud "
            "může let "
            "jsme první kdy místo poslední včetně během také týden teď svůj nyní všechny velmi této mohou mezi kterou "
            "kvůli kterého jde čtyři zatímco stejně něco mě mít vzhledem než bude že je na",
            "sk": "sa ako povedal pre keď ktorý vo čo aj pred ktorá viac ktoré ktorí bol sú podľa len bolo uviedol som "
            "pri byť zo počas nie jej so bola ich pretože sme pričom ešte boli môže medzi svoj alebo či hovorí ktorej "
            "svoju niekoľko uviedla ide voči takisto miesto mali mal hoci ak ďalšie teraz tejto svojich presne môžu "
            "majú deň všetkých rokov napríklad mať ktorého úplne veľmi spoločnosť tohto tieto povedala okrem nikto "
            "niečo najmä ju keby iba tiež že je na",
        },
        "hi": {
            "hi": "में है से की के और हैं पर लिए किया इस यह नहीं करने भी गया था वाले कहा उन्होंने वे लेकिन अपने बात ही "
            "रहा बाद हुए वजह बहुत पहले दिया थी जा गई कुछ तरह तक का उन्हें कि रहे उनके कई वह साथ तौर सकता थे फिर हुआ "
            "इसके करना जो उसके किसी सबसे ऐसा गए हम कोई आगे अपनी जिसमें उस दो क्या क्योंकि चाहिए उसे होगा को ने हो एक",
            "ne": "र छ लागि थियो यो रूपमा भएको गर्न तर भन्नुभयो गर्ने उहाँले गरेको पनि मा धेरै आफ्नो गरिएको थिए "
            "गर्नुभयो "
            "छन् हुने केही एउटा कुरा उहाँको छैन वा भन्दा ले जसले कुनै भन्ने लाई यसको मात्र भनी यस म भएका तिनीहरूले "
            "भनेर "
            "गरी गरेका हामी भयो हुन रहेको मैले बढी देखि अर्को जुन उनीहरूको ठूलो हाम्रो मेरो मलाई भने नै नयाँ सबै "
            "त्यो को",
            "mr": "आणि आहे ते यांनी एका आहेत नाही हे सांगितलं असं असे त्यांनी केले म्हणाले हा परंतु त्यांच्या "
            "आपल्या केला "
            "काही सांगितले पण देखील त्याच्या म्हणून करण्यासाठी त्यांना करत त्या तर केवळ असलेल्या झाला किंवा मध्ये केलं "
            "आले अशा आपण दोन च्या करण्यात मी लोक मला त्याला झाली केली यांच्या म्हणजे नंतर होते होईल व पुन्हा ती",
        },
    }.items()
}
"""A language of ours -> it and its rivals, each with words that point to it against the others."""

FOREIGN_LETTERS: dict[str, str] = {
    "cs": "ľĺŕôäśćńł", "tr": "əñɖ", "pt": "ñ", "es": "ãõçìùŀ", "en": "ụọịẹṣǹńə", "ru": "іїєўҳқғҷӯәңөүҡҙһђћџљњјѓќѕ", "uk": "ыэёўҳқғҷӯәңөүҡҙһђћџљњјѓќѕъ",
    "hi": "ळ", "ar": "پچژگکیٹڈڑےںھەۆێڕڵ", "fa": "ٹڈڑےںھەۆێڕڵټډړږښۀېۍ", "vi": "ụọịẹṅṣńǹ",
}  # fmt: skip
"""fastText's code -> letters that texts in that language have at most in single foreign words."""

NEEDED_LETTERS: dict[str, str] = {"ru": "йьыэюящъё", "uk": "йьюящїієґ"}
"""fastText's code -> letters of which every sentence in that language has some."""

OWN_LETTERS: dict[str, str] = {
    "ru": "ыэё", "uk": "іїєґ", "fa": "پچژگ", "vi": "đơưảẻỉỏủỷẩểổởửẫễỗỡữấếốớứầềồờừặậệộợự", "cs": "řůě", "ro": "șțăşţ", "pl": "łąęśżźć", "tr": "ğışç", "pt": "ãõç",
}  # fmt: skip
"""fastText's code -> letters that point to that language among those it is mixed up with."""
