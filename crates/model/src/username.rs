//! Usernames made from names, for people whom nobody gave one.

use unicode_normalization::UnicodeNormalization;

use crate::UserFields;

impl UserFields {
    /// Usernames to try in turn, from the template (`{given}.{family}`), else from the email's local part; numbered
    /// from 2 when taken. Names in other scripts are transliterated, pictures are left out.
    pub fn username_candidates(&self, template: &str) -> impl Iterator<Item = String> + use<> {
        let locale = self.locale.as_deref().unwrap_or_default();
        let part = |name: &Option<String>| transliterated(name.as_deref().unwrap_or_default(), locale, "");
        let (given, family) = (part(&self.given_name), part(&self.family_name));
        let from_email = || {
            let local = self
                .email
                .as_deref()
                .and_then(|email| email.rsplit_once('@'))
                .map_or("user", |(local, _)| local);
            transliterated(local, locale, "._-+")
        };
        let made = if given.is_empty() && family.is_empty() {
            from_email()
        } else {
            let initial = |name: &str| name.chars().take(1).collect::<String>();
            template
                .replace("{given}", &given)
                .replace("{family}", &family)
                .replace("{g}", &initial(&given))
                .replace("{f}", &initial(&family))
        };
        let base: String = made.trim_matches(|c| "._-+".contains(c)).chars().take(80).collect();
        let base = if base.is_empty() { "user".to_owned() } else { base };
        // `agent7` numbered would look like the seventy-second.
        let gap = if base.ends_with(|c: char| c.is_ascii_digit()) { "-" } else { "" };
        std::iter::once(base.clone()).chain((2..).map(move |number| format!("{base}{gap}{number}")))
    }
}

/// A name in lower-case letters and digits of ASCII, and the `kept` marks: `Łukasz` is `lukasz`; `Müller` is `muller`,
/// of somebody whose language is German `mueller`.
fn transliterated(name: &str, locale: &str, kept: &str) -> String {
    let is_german = locale.get(..2).is_some_and(|language| language.eq_ignore_ascii_case("de"));
    let mut plain = String::new();
    for c in name.nfc() {
        match c {
            'ä' | 'Ä' if is_german => plain.push_str("ae"),
            'ö' | 'Ö' if is_german => plain.push_str("oe"),
            'ü' | 'Ü' if is_german => plain.push_str("ue"),
            // Of pictures there would be a description.
            c if c.is_alphanumeric() => plain.push_str(deunicode::deunicode_char(c).unwrap_or_default()),
            c => plain.push(c),
        }
    }
    plain.retain(|c| c.is_ascii_alphanumeric() || kept.contains(c));
    plain.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(given: &str, family: &str, locale: &str) -> Vec<String> {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (given_name, family_name, locale) = (text(given), text(family), text(locale));
        let fields = UserFields { given_name, family_name, locale, ..UserFields::default() };
        fields.username_candidates("{given}.{family}").take(3).collect()
    }

    #[test]
    fn names_become_usernames_that_people_can_type() {
        for (given, family, locale, username) in [
            ("Jürgen", "Groß", "", "jurgen.gross"),
            ("Jürgen", "Groß", "de-AT", "juergen.gross"),
            ("Göran", "Åkesson", "sv", "goran.akesson"),
            ("Ana 😀", "Kim 🚀", "", "ana.kim"),
            ("Łukasz", "Żółw", "pl", "lukasz.zolw"),
            ("Sean", "O’Brien", "", "sean.obrien"),
            ("Ann Mary", "Smith-Jones", "", "annmary.smithjones"),
            ("小明", "王", "", "xiaoming.wang"),
            ("🚀", "", "", "user"),
        ] {
            assert_eq!(made(given, family, locale)[0], username, "{given} {family}");
        }
    }

    #[test]
    fn a_number_behind_a_number_has_a_gap() {
        assert_eq!(made("Ana", "Kim", ""), ["ana.kim", "ana.kim2", "ana.kim3"]);
        assert_eq!(made("Agent", "7", ""), ["agent.7", "agent.7-2", "agent.7-3"]);
    }
}
