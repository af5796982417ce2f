//! Reading pasted lists of people to invite: addresses with commas, semicolons or lines between, perhaps with names.
//!
//! Whether an address is acceptable is not decided here: whatever was typed comes back, so that nothing is lost.

use crate::text::{is_list_separator, trimmed};

/// One entry of a pasted list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invitee {
    /// As it was typed, without the blanks around it.
    pub typed: String,
    /// The address: what stands between `<` and `>`, else everything.
    pub address: String,
    /// Given name, if a name stands before the address.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
}

/// The entries of a pasted list, in order: `a@b.example, "Silva, Ana" <ana@b.example>`.
pub fn list(text: &str) -> Vec<Invitee> {
    entries(text).iter().map(|entry| trimmed(entry)).filter(|entry| !entry.is_empty()).map(read).collect()
}

/// Cuts at commas, semicolons and line ends outside of quotation marks. Quotation marks end with their line.
fn entries(text: &str) -> Vec<String> {
    let (mut entries, mut entry, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '\n' | '\r' => quoted = false,
            '"' => quoted = !quoted,
            _ => {}
        }
        if matches!(c, '\n' | '\r') || (!quoted && is_list_separator(c)) {
            entries.push(std::mem::take(&mut entry));
        } else {
            entry.push(c);
        }
    }
    entries.push(entry);
    entries
}

fn read(entry: &str) -> Invitee {
    let typed = entry.to_owned();
    let Some((name, rest)) = entry.split_once('<') else {
        return Invitee { address: typed.clone(), typed, ..Invitee::default() };
    };
    let address = trimmed(rest.split('>').next().unwrap_or_default()).to_owned();
    let (given_name, family_name) = names(name.trim().trim_matches('"').trim());
    Invitee { typed, address, given_name, family_name }
}

/// `Ana Maria Silva` and `Silva, Ana Maria` as given and family name.
fn names(name: &str) -> (Option<String>, Option<String>) {
    let whole = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    if let Some((family, given)) = name.split_once(',') {
        return (whole(given), whole(family));
    }
    match name.rsplit_once(' ') {
        Some((given, family)) => (whole(given), whole(family)),
        None => (whole(name), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(typed: &str, address: &str, given: Option<&str>, family: Option<&str>) -> Invitee {
        Invitee {
            typed: typed.to_owned(),
            address: address.to_owned(),
            given_name: given.map(str::to_owned),
            family_name: family.map(str::to_owned),
        }
    }

    #[test]
    fn a_list_is_read_however_it_was_pasted() {
        let text = "a@x.example, b@x.example;\r\n  Ana Maria Silva <c@x.example>\n\"Okafor, Bo\" <d@x.example>\nCher <e@x.example\n\nnot an address\n";
        assert_eq!(
            list(text),
            [
                entry("a@x.example", "a@x.example", None, None),
                entry("b@x.example", "b@x.example", None, None),
                entry("Ana Maria Silva <c@x.example>", "c@x.example", Some("Ana Maria"), Some("Silva")),
                entry("\"Okafor, Bo\" <d@x.example>", "d@x.example", Some("Bo"), Some("Okafor")),
                entry("Cher <e@x.example", "e@x.example", Some("Cher"), None),
                entry("not an address", "not an address", None, None),
            ]
        );
        assert_eq!(list(" ,;\n "), []);
        let keyboards =
            list("a@x.example، b@x.example؛c@x.example、d@x.example；\u{200b}e@x.example\u{feff}");
        let addresses: Vec<&str> = keyboards.iter().map(|entry| entry.address.as_str()).collect();
        assert_eq!(addresses, ["a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example"]);
    }

    #[test]
    fn an_open_quotation_mark_costs_one_line() {
        let read = list("\"a@x.example, b@x.example\nc@x.example");
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].address, "c@x.example");
    }
}
