//! What of a text people see, and the key under which two spellings of it are the same.
//!
//! Copying out of a mail, a chat or a spreadsheet brings characters along that nobody sees. They must not make a name
//! of nothing, nor a second name beside one that looks alike; and inside Persian, Indic and emoji they are needed.

use caseless::default_case_fold_str;
use unicode_normalization::UnicodeNormalization;

/// Characters that are not shown when they have no meaning: `Default_Ignorable_Code_Point` of Unicode 16, and the noncharacters
/// and interlinear marks beside them.
pub fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Ignorable characters that belong to the letter or picture before them, and so may end a text: joiners of Persian
/// and Indic scripts, variants of emoji and Han, the parts of flags.
fn belongs_to_the_one_before(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0020}'..='\u{e007f}'
        | '\u{e0100}'..='\u{e01ef}')
}

/// Whether nothing is seen of a character: ignorable, white space, or the one letter that is blank (U+2800, no dots of
/// Braille).
pub(crate) fn is_unseen(c: char) -> bool {
    is_ignorable(c) || c.is_whitespace() || c == '\u{2800}'
}

/// The text without what nobody sees at its ends; empty if nothing of it can be seen.
pub fn trimmed(text: &str) -> &str {
    let text = text.trim_start_matches(is_unseen);
    text.trim_end_matches(|c| is_unseen(c) && !belongs_to_the_one_before(c))
}

/// The key under which usernames, emails and names are unique: `NFKC_Casefold` (Unicode 16 §3.13), trimmed. Case, width, ligatures and
/// invisible characters make no difference; ß is ss, a final sigma is a sigma, and İ is i.
pub fn key(text: &str) -> String {
    if text.is_ascii() {
        return text.trim().to_ascii_lowercase();
    }
    let once = folded(&text.nfd().collect::<String>());
    let twice = folded(&once);
    trimmed(&twice).to_owned()
}

fn folded(text: &str) -> String {
    let seen: String = text.chars().filter(|c| !is_ignorable(*c)).collect();
    // Folding makes `i` and a dot of İ, which in Turkish is the capital of i.
    default_case_fold_str(&seen).replace("i\u{307}", "i").nfkc().collect()
}

/// The decimal digits of every script as those of ASCII; other characters as they are.
pub fn ascii_digit(c: char) -> char {
    // The zeros of the scripts whose digits people type (general category Nd).
    const ZEROS: [u32; 18] = [
        0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66,
        0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x17e0, 0xff10,
    ];
    let digit = |zero: &u32| u32::from(c).checked_sub(*zero).filter(|value| *value < 10);
    ZEROS.iter().find_map(digit).and_then(|value| char::from_digit(value, 10)).unwrap_or(c)
}

/// Whether a character stands between the entries of a pasted list, on keyboards of whatever script.
pub fn is_list_separator(c: char) -> bool {
    matches!(
        c,
        ',' | ';'
            | '\n'
            | '\r'
            | '\t'
            | '\u{2028}'
            | '\u{2029}'
            | '،'
            | '؛'
            | '、'
            | '，'
            | '；'
            | '﹐'
            | '﹔'
    )
}

/// Hyphens, dashes and minus signs as `-`, quotation marks that stand for an apostrophe as `'`: word processors and
/// telephones change what was typed.
pub fn plain_punctuation(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => '-',
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{02b9}' | '\u{02bc}' | '\u{2032}' | '\u{00b4}'
        | '\u{ff07}' => '\'',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_no_text() {
        let unseen =
            ["", " ", "\u{200b}", "\u{3164}", "\u{2800}", "\u{ad}", "\u{2060}", "\u{115f}", "\u{e0041}"];
        for text in
            unseen.into_iter().chain(["\u{200d}", "\u{fe0f}", "\u{a0}\u{200b}\u{3000}", "\u{feff}\u{202a}"])
        {
            assert_eq!(trimmed(text), "", "{text:?}");
            assert_eq!(key(text), "", "{text:?}");
        }
        assert_eq!(trimmed("\u{feff}\u{202a}Ana\u{202c}\u{200b} "), "Ana");
    }

    #[test]
    fn what_scripts_need_stays() {
        for text in
            ["می\u{200c}خواهم", "ක්\u{200d}", "❤\u{fe0f}", "🏴\u{e0067}\u{e0062}\u{e007f}", "葛\u{e0100}"]
        {
            assert_eq!(trimmed(text), text);
        }
    }

    #[test]
    fn spellings_of_one_name_have_one_key() {
        let same = [
            ("İREM.Kaya", "irem.kaya"),
            ("straße", "STRASSE"),
            ("ΝΙΚΟΣ", "νικοσ"),
            ("ΝΙΚΟΣ", "νικος"),
            ("İzmir", "İZMİR"),
            ("İzmir", "izmir"),
            ("\u{200b}Ops", "ops"),
            ("a\u{3164}b", "ab"),
            ("Ａnna", "anna"),
            ("ﬁnn", "FINN"),
            ("Zoe\u{308}", "ZOË"),
            ("می\u{200c}خواهم", "میخواهم"),
        ];
        for (one, other) in same {
            assert_eq!(key(one), key(other), "{one} and {other}");
        }
        assert_ne!(key("mıke"), key("mike"), "a dotless i is another letter");
        assert_ne!(key("Müller"), key("Muller"), "an accent makes another name");
    }

    #[test]
    fn a_key_is_its_own_key() {
        for c in (0..=0x2_ffff).filter_map(char::from_u32) {
            let once = key(&format!("a{c}b"));
            assert_eq!(key(&once), once, "{c:?} U+{:04x}", u32::from(c));
        }
    }

    #[test]
    fn digits_of_every_script_are_digits() {
        assert_eq!("٠١٢٣٤٥٦٧٨٩".chars().map(ascii_digit).collect::<String>(), "0123456789");
        assert_eq!("۰۹०９a".chars().map(ascii_digit).collect::<String>(), "0909a");
    }
}
