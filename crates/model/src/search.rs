//! The text under which people are found, blind to case and accents, the same on both databases.
//!
//! Both engines index trigrams, which need three characters. Words are therefore separated by two blanks: a query of
//! one or two characters becomes “two blanks + m” or “blank + mu”, a trigram again, and means “a word starts so”.
//! Han, kana and Hangul have no blanks between words: every position counts as a word's start there.
//!
//! Numbers are also indexed without their marks, so that `5550142` and `555 0142` find `+49 (30) 555-0142`.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::{
    Error, Result,
    text::{ascii_digit, is_ignorable, plain_punctuation},
};

/// Between words; see the module.
const GAP: &str = "  ";

/// Lower case, without accents: `Müller` and `MULLER` and `Ｍüller` become `muller`, `Łukasz` becomes `lukasz`. Without
/// the vowels that Arabic and Hebrew leave out, and what nobody sees; digits, apostrophes and hyphens are those of ASCII.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    if text.is_ascii() {
        folded.extend(text.chars().map(|c| c.to_ascii_lowercase()));
        return folded;
    }
    let seen = text.chars().filter(|c| !is_ignorable(*c)).map(plain_punctuation);
    for c in seen.nfkd().filter(|c| !is_optional_mark(*c)).nfc().map(ascii_digit) {
        match c {
            c if c.is_ascii() => folded.push(c.to_ascii_lowercase()),
            // Latin letters that don't decompose: ł, ø, ß, æ, đ, ı …
            '\u{00c0}'..='\u{024f}' | '\u{1e00}'..='\u{1eff}' => {
                folded.push_str(&deunicode::deunicode_char(c).unwrap_or_default().to_lowercase());
            }
            // Sigma at a word's end is a sigma: whoever types capitals means both.
            'ς' => folded.push('σ'),
            c => folded.extend(c.to_lowercase()),
        }
    }
    folded
}

/// Marks that people leave out when they type: accents, the vowels and cantillation of Hebrew, the vowels and the
/// stretching of Arabic. Not those that make kana, Hangul or Indic letters what they are.
fn is_optional_mark(c: char) -> bool {
    match c {
        '\u{0640}' => true,
        '\u{0300}'..='\u{036f}'
        | '\u{0591}'..='\u{05c7}'
        | '\u{0610}'..='\u{061a}'
        | '\u{064b}'..='\u{065f}'
        | '\u{0670}'
        | '\u{06d6}'..='\u{06ed}'
        | '\u{08d3}'..='\u{08ff}' => is_combining_mark(c),
        _ => false,
    }
}

/// Digits and what people put between those of a number.
fn is_of_a_number(c: char) -> bool {
    c.is_ascii_digit() || "+-().,/".contains(c)
}

/// The digits of a number of at least three, if it is written with marks.
fn bare_number(number: &str) -> Option<String> {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    (digits.len() >= 3 && digits.len() < number.len()).then_some(digits)
}

/// The text to index: every word of every part, each after a gap, and every position of Han, kana and Hangul.
pub fn text<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut add = |word: String| {
        if !words.contains(&word) {
            words.push(word);
        }
    };
    for part in parts {
        let folded = fold(part);
        for word in folded.split_whitespace() {
            add(word.to_owned());
            word.split(|c| !is_of_a_number(c)).filter_map(bare_number).for_each(&mut add);
        }
        // A phone number has blanks between its parts, and its extension is no part of it.
        let number = folded.split_once(" ext").map_or(folded.as_str(), |(number, _)| number);
        if number.chars().all(|c| is_of_a_number(c) || c.is_whitespace()) {
            bare_number(number).into_iter().for_each(&mut add);
        }
    }
    let mut pairs: Vec<String> = Vec::new();
    for word in words.iter().filter(|word| !word.is_ascii()) {
        let letters: Vec<char> = word.chars().collect();
        for (at, letter) in letters.iter().enumerate().skip(1).filter(|(_, letter)| is_ideographic(**letter))
        {
            let pair: String = std::iter::once(letter).chain(letters.get(at + 1)).collect();
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
    }
    let mut text = String::new();
    for word in words.iter().chain(&pairs) {
        text.push_str(GAP);
        text.push_str(word);
    }
    text
}

/// Han, kana, Hangul: written without blanks.
pub(crate) fn is_ideographic(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
}

/// Most characters of a search. What is longer costs more to look for than it can find.
pub const LONGEST: usize = 200;

/// Refuses a search that is longer than anything stored could match.
pub fn check(query: &str) -> Result<()> {
    if query.chars().count() <= LONGEST {
        return Ok(());
    }
    let message = format!("Search for at most {LONGEST} characters.");
    Err(Error::invalid_field("search", "search.too_long", message))
}

/// The pieces that must all occur in the indexed text, each at least three characters long. Empty: nothing asked.
///
/// A query that is a number is one piece however it is written; in other queries each word is one.
pub fn terms(query: &str) -> Result<Vec<String>> {
    check(query)?;
    let folded = fold(query);
    let number: String = folded.chars().filter(char::is_ascii_digit).collect();
    if number.len() >= 3 && folded.trim().chars().all(|c| is_of_a_number(c) || c.is_whitespace()) {
        return Ok(vec![number]);
    }
    let pieces = folded
        .split_whitespace()
        .take(10)
        .map(|word| {
            let number = if word.chars().all(is_of_a_number) { bare_number(word) } else { None };
            match word.chars().count() {
                1 => format!("{GAP}{word}"),
                2 => format!(" {word}"),
                _ => number.unwrap_or_else(|| word.to_owned()),
            }
        })
        .collect();
    Ok(pieces)
}

/// A name as it sorts: folded, so that `Ärzte` stands at A and `Łukasz` at L.
pub fn sort_key(name: &str) -> String {
    fold(name).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(query: &str, parts: &[&str]) -> bool {
        let text = text(parts.iter().copied());
        let terms = terms(query).unwrap();
        assert!(terms.iter().all(|term| term.chars().count() >= 3), "{terms:?}");
        terms.iter().all(|term| text.contains(term.as_str()))
    }

    #[test]
    fn any_part_of_a_name_is_found_with_or_without_accents() {
        for query in ["mull", "Müll", "MÜLLER", "ler", "anna", "anna mül", "m", "mü", "a", "an m"] {
            assert!(finds(query, &["Anna Müller", "anna.mueller@x.example"]), "{query}");
        }
        for query in ["nn", "lle r", "x", "ue"] {
            assert!(!finds(query, &["Anna Müller"]), "{query}");
        }
        assert!(finds("lukasz", &["Łukasz Żółw"]) && finds("zolw", &["Łukasz Żółw"]));
        assert!(finds("strasse", &["Straße"]) && finds("soren", &["Søren"]) && finds("nguyen", &["Nguyễn"]));
    }

    #[test]
    fn han_kana_and_hangul_are_found_at_any_position() {
        for query in ["篤", "司", "篤司", "林", "司林", "篤司林"] {
            assert!(finds(query, &["篤司林"]), "{query}");
        }
        assert!(finds("민", &["김민준"]) && finds("がき", &["ながきり"]) && finds("준", &["김민준"]));
        assert!(!finds("か", &["ながきり"]), "a voiced kana is another letter");
    }

    #[test]
    fn other_scripts_fold_case_only() {
        assert!(finds("иван", &["Иван Й."]) && finds("Й", &["Иван Й."]) && finds("αθη", &["Αθηνά"]));
        assert!(finds("ΝΙΚΟΣ", &["Νίκος"]) && finds("νίκος", &["ΝΙΚΟΣ"]) && finds("νίκοσ", &["Νίκος"]));
    }

    #[test]
    fn numbers_are_found_however_they_are_written() {
        let phone = ["Ana Kim", "+49 (30) 555-0142", "ana@x.example"];
        for query in
            ["5550142", "555 0142", "555-0142", "(30) 555", "+49 30 555", "+4930555", "0142", "ana 555.0142"]
        {
            assert!(finds(query, &phone), "{query}");
        }
        assert!(
            finds("٥٥٥٠١٤٢", &phone) && finds("12", &["030 5550142 ext. 12"]) && !finds("55501421", &phone)
        );
        assert!(
            finds("2020-17", &["E-7", "2020-17"]) && finds("202017", &["2020-17"]) && finds("e-7", &["E-7"])
        );
        assert!(finds("1234-5", &["1234-5@x.example"]));
        assert!(!finds("014212", &["030 5550142 ext. 12"]), "an extension is no part of the number");
    }

    #[test]
    fn marks_that_people_leave_out_make_no_difference() {
        assert!(finds("محمد", &["مُحَمَّد"]) && finds("مُحَمَّد", &["محمد"]) && finds("محمد", &["محمـد"]));
        assert!(finds("שלום", &["שָׁלוֹם"]) && finds("שָׁלוֹם", &["שלום"]));
        assert!(finds("हिन्दी", &["हिन्दी"]) && !finds("हनद", &["हिन्दी"]), "Indic vowels are letters");
    }

    #[test]
    fn typographic_punctuation_is_what_a_keyboard_has() {
        for query in ["O'Brien", "O’Brien", "o`brien".replace('`', "\u{02bc}").as_str()] {
            assert!(finds(query, &["Sean O’Brien"]) && finds(query, &["Sean O'Brien"]), "{query}");
        }
        assert!(finds("Smith-Jones", &["Ann Smith‑Jones"]) && finds("smith–jones", &["Ann Smith-Jones"]));
        assert!(finds("ann\u{200b}a", &["Anna"]) && finds("Anna", &["An\u{ad}na"]));
    }
    #[test]
    fn whoever_sorts_by_what_was_typed_has_all_its_words() {
        let names = [
            "Anna Müller",
            "Łukasz  Żółw",
            "Straße, Søren",
            "篤司 林",
            "ながきり",
            "김민준",
            "Иван Й.",
            "ΝΙΚΟΣ Αθηνά",
            "مُحَمَّد بن سلمان",
            "שָׁלוֹם",
            "हिन्दी",
            "Sean O’Brien-Smith‑Jones",
            "An\u{ad}na  \u{200b}Li",
            "(4930) 555-0142 x",
            "d'Arc & Co. #7",
        ];
        for typed in names.iter().flat_map(|name| name.char_indices().map(|(at, _)| &name[..at])) {
            for name in names {
                if !terms(typed).unwrap().is_empty()
                    && !typed.contains(char::is_numeric)
                    && sort_key(name).starts_with(&sort_key(typed))
                {
                    assert!(finds(typed, &[name]), "{typed} {name}");
                }
            }
        }
    }
}
