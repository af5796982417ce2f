//! The cultures that the demonstration's people come from: names as their bearers write them, and a Latin reading.
//!
//! A list is one string: names are separated by spaces, `_` stands for a space inside a name, and what follows `|` is
//! the Latin reading that addresses are made of. Without one, the name is Latin and only loses its accents.

/// How a display name is put together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// "Ada Lovelace".
    GivenFirst,
    /// "Nagy Anna".
    FamilyFirst,
    /// "王伟".
    FamilyFirstJoined,
}

/// One culture: where its people live and what they are called.
pub(super) struct Culture {
    /// BCP 47.
    pub(super) locale: &'static str,
    /// IANA.
    pub(super) timezone: &'static str,
    /// City of the postal address.
    pub(super) city: &'static str,
    /// ISO 3166-1 alpha-2.
    pub(super) country: &'static str,
    /// Start of a number that is nobody's: a range kept for fiction, or one that the numbering plan leaves unused.
    pub(super) dial: &'static str,
    /// How many of 100 people or so.
    pub(super) weight: u64,
    pub(super) order: Order,
    pub(super) given: &'static str,
    /// Empty for people of one name.
    pub(super) family: &'static str,
}

/// A name and its Latin reading.
pub(super) struct Name {
    pub(super) written: String,
    pub(super) latin: String,
}

/// The names of a list.
pub(super) fn names(list: &'static str) -> impl Iterator<Item = Name> {
    list.split_whitespace().map(|entry| {
        let (written, latin) = entry.split_once('|').unwrap_or((entry, entry));
        Name { written: written.replace('_', " "), latin: ascii(latin) }
    })
}

/// Lower-case letters and digits only: what is safe in every mail system.
pub(super) fn ascii(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase) {
        match letter {
            'a'..='z' | '0'..='9' | '-' => plain.push(letter),
            _ => plain.push_str(without_accent(letter)),
        }
    }
    plain
}

fn without_accent(letter: char) -> &'static str {
    match letter {
        'á' | 'à' | 'â' | 'ã' | 'ă' | 'ą' | 'ā' | 'ấ' | 'ầ' | 'ậ' | 'ắ' | 'ạ' | 'ả' | 'ằ' => {
            "a"
        }
        'ä' | 'æ' => "ae",
        'å' => "aa",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'é' | 'è' | 'ê' | 'ë' | 'ě' | 'ę' | 'ē' | 'ế' | 'ễ' | 'ệ' | 'ẹ' => "e",
        'ğ' => "g",
        'í' | 'ì' | 'î' | 'ï' | 'ī' | 'ı' | 'ị' => "i",
        'ł' | 'ľ' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ó' | 'ò' | 'ô' | 'õ' | 'ő' | 'ố' | 'ō' | 'ơ' | 'ớ' | 'ộ' | 'ồ' | 'ọ' => "o",
        'ö' | 'ø' | 'œ' => "oe",
        'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' | 'ṣ' => "s",
        'ß' => "ss",
        'ť' | 'ț' | 'ţ' => "t",
        'ú' | 'ù' | 'û' | 'ů' | 'ű' | 'ū' | 'ư' | 'ũ' | 'ứ' | 'ữ' | 'ụ' => "u",
        'ü' => "ue",
        'þ' => "th",
        'ý' | 'ỳ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        // Apostrophes, okinas, middle dots and combining marks.
        _ => "",
    }
}

use Order::{FamilyFirst, FamilyFirstJoined, GivenFirst};

/// Everyone that the demonstration draws from.
#[rustfmt::skip] // One culture is one paragraph: a field per line would hide the names.
pub(super) const CULTURES: &[Culture] = &[
    Culture { locale: "en-GB", timezone: "Europe/London", city: "Leeds", country: "GB", dial: "+442079460", weight: 9, order: GivenFirst,
        given: "Olivia Amelia George Arthur Freya Imogen Harold Beatrix Rhys Alistair Mary-Jane Jo Bo Maximilian-Alexander",
        family: "Smith Ashworth Fairweather Ng Featherstonehaugh-Cholmondeley Llewellyn St_John Whitaker MacLeod Patel Brown Ox" },
    Culture { locale: "en-IE", timezone: "Europe/Dublin", city: "Galway", country: "IE", dial: "+3532091", weight: 4, order: GivenFirst,
        given: "Siobhán Niamh Pádraig Caoimhe Seán Róisín Eoghan Saoirse",
        family: "O'Brien O'Sullivan Ó_Conaill Ní_Dhomhnaill Byrne McGrath D'Arcy" },
    Culture { locale: "en-US", timezone: "America/Chicago", city: "St. Paul", country: "US", dial: "+161255501", weight: 6, order: GivenFirst,
        given: "Jayden Latoya Caleb Destiny Wyatt Ximena Keanu D'Angelo Mary_Ellen Zoë",
        family: "Washington Garcia-Lopez Nguyen Johnson Kealoha Kahananui-O'Neill Begay de_la_Cruz Kaʻahumanu" },
    Culture { locale: "de-DE", timezone: "Europe/Berlin", city: "Köln", country: "DE", dial: "+493023125", weight: 7, order: GivenFirst,
        given: "Jürgen Anneliese Sönke Käthe Björn Hans-Peter Friederike Uwe Mareike",
        family: "Müller Weiß von_der_Lühe Schößler Groß Leutheusser-Schnarrenberger Jäger Öztürk Köhler" },
    Culture { locale: "fr-FR", timezone: "Europe/Paris", city: "Nîmes", country: "FR", dial: "+3319900", weight: 6, order: GivenFirst,
        given: "Anne-Laure François Zoé Maël Hélène Jean-Baptiste Loïc Cédric Éléonore",
        family: "Lefèvre d'Aubigné Benoît Garçon L'Hôpital Nguyên Fernández Deschênes Œuvrard" },
    Culture { locale: "es-ES", timezone: "Europe/Madrid", city: "A Coruña", country: "ES", dial: "+34000", weight: 5, order: GivenFirst,
        given: "María_José Íñigo Begoña Ángel Nuria Agustín María_del_Pilar Gonzalo",
        family: "Muñoz_Ibáñez García_Márquez de_la_Peña_y_Ruiz Núñez Etxeberria Puigdevall_Güell" },
    Culture { locale: "pt-BR", timezone: "America/Sao_Paulo", city: "São Luís", country: "BR", dial: "+55000", weight: 5, order: GivenFirst,
        given: "João Conceição Thaís Caetano Luísa Antônio Inês Raimundo",
        family: "da_Silva Gonçalves Araújo dos_Santos_Magalhães Guimarães e_Souza" },
    Culture { locale: "it-IT", timezone: "Europe/Rome", city: "L'Aquila", country: "IT", dial: "+39000", weight: 4, order: GivenFirst,
        given: "Niccolò Giosuè Chiara Desirée Gian_Luca Ornella", family: "D'Amico Dall'Oglio Rossi De_Nicolò Fabbri" },
    Culture { locale: "pl-PL", timezone: "Europe/Warsaw", city: "Łódź", country: "PL", dial: "+48000", weight: 4, order: GivenFirst,
        given: "Łukasz Małgorzata Stanisław Żaneta Święcisława Grzegorz",
        family: "Brzęczyszczykiewicz Wójcik Źrebiec Nowak-Jeziorańska Gąsior" },
    Culture { locale: "cs-CZ", timezone: "Europe/Prague", city: "Plzeň", country: "CZ", dial: "+420000", weight: 3, order: GivenFirst,
        given: "Jiří Zdeněk Žofie Ondřej Božena", family: "Dvořák Šťastný Příhodová Černý Nováková" },
    Culture { locale: "hu-HU", timezone: "Europe/Budapest", city: "Győr", country: "HU", dial: "+36000", weight: 2, order: FamilyFirst,
        given: "Győző Zsófia Ödön Csilla", family: "Nagy Szűcs Kővári Petőfi" },
    Culture { locale: "sv-SE", timezone: "Europe/Stockholm", city: "Malmö", country: "SE", dial: "+468465004", weight: 3, order: GivenFirst,
        given: "Åsa Göran Märta Bo Signe", family: "Ångström Sjögren Öberg Lindqvist Ek" },
    Culture { locale: "da-DK", timezone: "Europe/Copenhagen", city: "Ærøskøbing", country: "DK", dial: "+45000", weight: 2, order: GivenFirst,
        given: "Søren Bodil Jørgen Ida", family: "Kjær Østergaard Ærø Å" },
    Culture { locale: "is-IS", timezone: "Atlantic/Reykjavik", city: "Ísafjörður", country: "IS", dial: "+354000", weight: 4, order: GivenFirst,
        given: "Þórdís Guðmundur Sæunn Ásgeir Hrafnhildur Björk",
        family: "Jónsdóttir Sigurðsson Guðlaugsdóttir Þorvaldsson Kristjánsbur Aðalsteinsson" },
    Culture { locale: "tr-TR", timezone: "Europe/Istanbul", city: "İzmir", country: "TR", dial: "+90000", weight: 4, order: GivenFirst,
        given: "Işıl|isil İbrahim|ibrahim Çağla Göknur|goknur Şükrü|sukru Ümit|umit",
        family: "Yılmaz Özdoğan|ozdogan Işık|isik Güneş|gunes İnce|ince Çelik" },
    Culture { locale: "vi-VN", timezone: "Asia/Ho_Chi_Minh", city: "Đà Nẵng", country: "VN", dial: "+84000", weight: 4, order: FamilyFirst,
        given: "Thị_Minh_Khai Văn_Đức Ngọc_Ánh Hữu_Phước Bảo_Châu Tuấn|tuan", family: "Nguyễn Trần Lê Đặng Hoàng Võ|vo" },
    Culture { locale: "ro-RO", timezone: "Europe/Bucharest", city: "Iași", country: "RO", dial: "+40000", weight: 2, order: GivenFirst,
        given: "Ștefan Ioana Răzvan Anca", family: "Țepeș Brâncuși Ionescu Vlăduț" },
    Culture { locale: "yo-NG", timezone: "Africa/Lagos", city: "Ìbàdàn", country: "NG", dial: "+234000", weight: 3, order: GivenFirst,
        given: "Adébáyọ̀ Fọláṣadé Olúwaṣeun Ngozi Chukwuemeka",
        family: "Okonkwo Ọlátúnjí Adéyẹmí Oluwatobiloba-Babatunde Eze" },
    Culture { locale: "id-ID", timezone: "Asia/Jakarta", city: "Surabaya", country: "ID", dial: "+62000", weight: 3, order: GivenFirst,
        given: "Sukarno Wulandari Suharti Budiman Kartini Slamet Yanti Widodo", family: "" },
    Culture { locale: "zh-CN", timezone: "Asia/Shanghai", city: "成都", country: "CN", dial: "+86000", weight: 6, order: FamilyFirstJoined,
        given: "伟|wei 秀英|xiuying 子涵|zihan 建国|jianguo 雨桐|yutong 欣怡|xinyi 浩然|haoran",
        family: "王|wang 李|li 欧阳|ouyang 陈|chen 司马|sima 赵|zhao 吕|lyu" },
    Culture { locale: "zh-TW", timezone: "Asia/Taipei", city: "臺南", country: "TW", dial: "+886000", weight: 2, order: FamilyFirstJoined,
        given: "淑芬|shufen 志豪|zhihao 雅婷|yating 龍|long", family: "張|chang 蕭|hsiao 龔|kung 葉|yeh" },
    Culture { locale: "ja-JP", timezone: "Asia/Tokyo", city: "金沢市", country: "JP", dial: "+81000", weight: 6, order: FamilyFirst,
        given: "陽子|yoko 太郎|taro さくら|sakura ひなた|hinata マリア|maria 龍之介|ryunosuke ケン|ken 翼|tsubasa",
        family: "佐藤|sato 渡邊|watanabe 小鳥遊|takanashi いとう|ito 髙橋|takahashi 一|ninomae 勅使河原|teshigawara" },
    Culture { locale: "ko-KR", timezone: "Asia/Seoul", city: "부산", country: "KR", dial: "+82000", weight: 4, order: FamilyFirstJoined,
        given: "민준|minjun 서연|seoyeon 지우|jiwoo 하늘|haneul 준|jun", family: "김|kim 이|yi 박|park 남궁|namgung 황보|hwangbo" },
    Culture { locale: "ru-RU", timezone: "Asia/Yekaterinburg", city: "Пермь", country: "RU", dial: "+7000", weight: 4, order: GivenFirst,
        given: "Алёна|alyona Дмитрий|dmitri Фёкла|fyokla Юрий|yuri Ия|iya", family: "Щербаков|shcherbakov Королёва|korolyova Ким|kim Объедков|obyedkov" },
    Culture { locale: "uk-UA", timezone: "Europe/Kyiv", city: "Львів", country: "UA", dial: "+380000", weight: 4, order: GivenFirst,
        given: "Олексій|oleksii Соломія|solomiia Ґалина|galyna Ївга|yivha", family: "Шевченко|shevchenko Ковальчук|kovalchuk Лук'яненко|lukianenko Яць|yats" },
    Culture { locale: "el-GR", timezone: "Europe/Athens", city: "Θεσσαλονίκη", country: "GR", dial: "+30000", weight: 4, order: GivenFirst,
        given: "Ελένη|eleni Γιώργος|giorgos Άννα|anna Ξένια|xenia Οδυσσέας|odysseas", family: "Παπαδόπουλος|papadopoulos Χατζηγεωργίου|chatzigeorgiou Ψαρράς|psarras Δήμου|dimou" },
    Culture { locale: "ar-EG", timezone: "Africa/Cairo", city: "الإسكندرية", country: "EG", dial: "+20000", weight: 5, order: GivenFirst,
        given: "محمد|mohamed فاطمة|fatma عبد_الرحمن|abdelrahman نور|nour يوسف|youssef ليلى|layla", family: "حسين|hussein الشريف|elsherif عبد_الله|abdallah المصري|elmasry" },
    Culture { locale: "fa-IR", timezone: "Asia/Tehran", city: "شیراز", country: "IR", dial: "+98000", weight: 2, order: GivenFirst,
        given: "پریسا|parisa آرش|arash ژاله|zhaleh", family: "گلستانی|golestani حسینی‌نژاد|hosseininejad کیانی|kiani" },
    Culture { locale: "he-IL", timezone: "Asia/Jerusalem", city: "חיפה", country: "IL", dial: "+972000", weight: 4, order: GivenFirst,
        given: "נועה|noa איתי|itai שושנה|shoshana ג'ורג'|george יעל|yael", family: "כהן|cohen לוי|levi בן־דוד|ben-david אברהמי|avrahami" },
    Culture { locale: "hi-IN", timezone: "Asia/Kolkata", city: "जयपुर", country: "IN", dial: "+91000", weight: 5, order: GivenFirst,
        given: "प्रिया|priya अर्जुन|arjun लक्ष्मी|lakshmi कृष्ण|krishna ओम|om", family: "शर्मा|sharma त्रिपाठी|tripathi सिंह|singh चट्टोपाध्याय|chattopadhyay" },
    Culture { locale: "ta-IN", timezone: "Asia/Kolkata", city: "மதுரை", country: "IN", dial: "+91000", weight: 2, order: GivenFirst,
        given: "கவிதா|kavitha முருகன்|murugan செல்வி|selvi", family: "" },
    Culture { locale: "bn-BD", timezone: "Asia/Dhaka", city: "ঢাকা", country: "BD", dial: "+880000", weight: 2, order: GivenFirst,
        given: "আয়েশা|ayesha রহিম|rahim মিতা|mita", family: "চৌধুরী|chowdhury হক|haque বেগম|begum" },
    Culture { locale: "th-TH", timezone: "Asia/Bangkok", city: "เชียงใหม่", country: "TH", dial: "+66000", weight: 2, order: GivenFirst,
        given: "สมชาย|somchai มาลี|malee ณัฐ|nat", family: "ศรีสุวรรณ|srisuwan วงศ์ประเสริฐกุล|wongprasertkul ใจดี|jaidee" },
    Culture { locale: "ka-GE", timezone: "Asia/Tbilisi", city: "ბათუმი", country: "GE", dial: "+995000", weight: 2, order: GivenFirst,
        given: "ნინო|nino გიორგი|giorgi თამარ|tamar", family: "ბერიძე|beridze წიკლაური|tsiklauri ჯავახიშვილი|javakhishvili" },
    Culture { locale: "hy-AM", timezone: "Asia/Yerevan", city: "Գյումրի", country: "AM", dial: "+374000", weight: 1, order: GivenFirst,
        given: "Անահիտ|anahit Տիգրան|tigran", family: "Սարգսյան|sargsyan Պետրոսյան|petrosyan" },
    Culture { locale: "am-ET", timezone: "Africa/Addis_Ababa", city: "አዲስ አበባ", country: "ET", dial: "+251000", weight: 2, order: GivenFirst,
        given: "አበበ|abebe ሰላም|selam ትዕግስት|tigist", family: "ቢቂላ|bikila ተስፋዬ|tesfaye" },
];
