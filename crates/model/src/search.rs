//! The text under which people are found, blind to case and accents, the same on both databases.
//!
//! Both engines index trigrams, which need three characters. Words are therefore separated by two blanks: a query of
//! one or two characters becomes “two blanks + m” or “blank + mu”, a trigram again, and means “a word starts so”.
//! Han, kana and Hangul have no blanks between words: every position counts as a word's start there.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Between words; see the module.
const GAP: &str = "  ";

/// Lower case, without accents: `Müller` and `MULLER` and `Ｍüller` become `muller`, `Łukasz` becomes `lukasz`.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    if text.is_ascii() {
        folded.extend(text.chars().map(|c| c.to_ascii_lowercase()));
        return folded;
    }
    for c in text.nfkd().filter(|c| !is_latin_mark(*c)).nfc() {
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

/// Accents, and not the marks that make kana, Hangul, Arabic or Indic letters what they are.
fn is_latin_mark(c: char) -> bool {
    is_combining_mark(c) && matches!(c, '\u{0300}'..='\u{036f}')
}

/// The text to index: every word of every part, each after a gap, and every position of Han, kana and Hangul.
pub fn text<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut words: Vec<String> = Vec::new();
    for part in parts {
        for word in fold(part).split_whitespace() {
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
    }
    let mut pairs: Vec<String> = Vec::new();
    for word in &words {
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
fn is_ideographic(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
}

/// The pieces that must all occur in the indexed text, each at least three characters long. Empty: nothing asked.
pub fn terms(query: &str) -> Vec<String> {
    fold(query)
        .split_whitespace()
        .take(10)
        .map(|word| match word.chars().count() {
            1 => format!("{GAP}{word}"),
            2 => format!(" {word}"),
            _ => word.to_owned(),
        })
        .collect()
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
        let terms = terms(query);
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
}
