//! Names that look like others: compared by their skeleton (UTS 39 §4), after what can't be seen was removed, capitals were
//! made small, blanks and hyphens made alike, and marks and punctuation left out: `Owner.` is read as a name that is taken, too.

use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton as confusable;

use crate::text;

/// The form under which two texts that look alike are the same.
pub(crate) fn skeleton(name: &str) -> String {
    let seen: String = name.chars().filter(|c| !text::is_unseen(*c) || c.is_whitespace()).collect();
    let folded: String = seen.nfkc().collect::<String>().to_lowercase().nfkc().collect();
    let words = folded.split(|c: char| c.is_whitespace() || matches!(c, '-' | '_' | '\u{2010}'..='\u{2015}'));
    let plain = words.map(|word| word.nfkd().filter(|c| c.is_alphanumeric()).collect::<String>());
    let shown = plain.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_");
    // A capital may look like the small letter of another script only once its skeleton is made small again.
    let once: String = confusable(&shown).collect::<String>().to_lowercase();
    confusable(&once).collect()
}

#[cfg(test)]
mod tests {
    use super::skeleton;

    #[test]
    fn what_looks_alike_is_the_same() {
        for other in [
            "Owner",
            "OWNER",
            "ow\u{200b}ner",
            "\u{41e}wner",
            "\u{ff4f}\u{ff57}\u{ff4e}\u{ff45}\u{ff52}",
            "o\u{3164}wner",
            "\u{3bf}wner",
            "0wner",
            "ow\u{ad}ner\u{e0041}",
            "Owner.",
            "owne\u{332}r",
            "Owner\u{b7}",
        ] {
            assert_eq!(skeleton(other), skeleton("owner"), "{other}");
        }
        assert_eq!(skeleton("User\u{2011}manager"), skeleton("user_manager"));
        for other in ["Content editor", "Owners' helper", "Besitzer", "owner2", "\u{4e3b}"] {
            assert_ne!(skeleton(other), skeleton("owner"), "{other}");
        }
    }
}
