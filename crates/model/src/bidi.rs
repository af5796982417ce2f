//! Names that are written from right to left, inside sentences that are not.
//!
//! Without a mark, the number or comma behind such a name is drawn on its wrong side ("1 minute ago" before "By"): the
//! Unicode bidirectional algorithm (UAX 9) takes it for a part of the name. So whatever is written from right to left is
//! put into an isolate. What people typed is never changed: this is done where text is shown.

use std::borrow::Cow;

/// First strong isolate, and its end (UAX 9 §2.4).
const OPENS: char = '\u{2068}';
const CLOSES: char = '\u{2069}';

/// Whether a letter belongs to a script that is written from right to left.
fn is_right_to_left(letter: char) -> bool {
    matches!(
        letter,
        '\u{590}'..='\u{65f}'
            | '\u{66a}'..='\u{6ef}'
            | '\u{6fa}'..='\u{8ff}'
            | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefe}'
            | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}'
    )
}

/// Whether there is anything to isolate.
pub fn has_any(text: &str) -> bool {
    !text.is_ascii() && text.chars().any(is_right_to_left)
}

/// The text in pieces, each with whether it is written from right to left: from its first letter to its last one before
/// something that is written from left to right.
pub fn pieces(text: &str) -> Vec<(bool, &str)> {
    let mut pieces = Vec::new();
    // Where what was not yet handed out begins, where a run began, and where its last letter ended.
    let (mut from, mut run): (usize, Option<(usize, usize)>) = (0, None);
    for (at, letter) in text.char_indices() {
        let end = at + letter.len_utf8();
        if is_right_to_left(letter) {
            run = Some(run.map_or((at, end), |(begins, _)| (begins, end)));
        } else if letter.is_alphabetic() || letter == '\n' || letter == OPENS || letter == CLOSES {
            close(text, &mut from, &mut run, &mut pieces);
        }
    }
    close(text, &mut from, &mut run, &mut pieces);
    if from < text.len() {
        pieces.push((false, &text[from..]));
    }
    pieces
}

fn close<'t>(
    text: &'t str,
    from: &mut usize,
    run: &mut Option<(usize, usize)>,
    pieces: &mut Vec<(bool, &'t str)>,
) {
    let Some((begins, ends)) = run.take() else { return };
    if *from < begins {
        pieces.push((false, &text[*from..begins]));
    }
    pieces.push((true, &text[begins..ends]));
    *from = ends;
}

/// The text with everything that is written from right to left in isolates, for where there is no markup.
pub fn isolated(text: &str) -> Cow<'_, str> {
    if !has_any(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (turns, piece) in pieces(text) {
        if turns {
            out.extend([OPENS]);
            out.push_str(piece);
            out.extend([CLOSES]);
        } else {
            out.push_str(piece);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_isolated_and_nothing_else() {
        for (text, expected) in [
            ("By Ana, 1 minute ago", "By Ana, 1 minute ago"),
            ("By ليلى حداد, 1 minute ago", "By \u{2068}ليلى حداد\u{2069}, 1 minute ago"),
            ("שלום 3", "\u{2068}שלום\u{2069} 3"),
            ("Ana ליאור Ruiz, דן (2)", "Ana \u{2068}ליאור\u{2069} Ruiz, \u{2068}דן\u{2069} (2)"),
            ("王小明, 2 days", "王小明, 2 days"),
            ("", ""),
        ] {
            assert_eq!(isolated(text), expected);
            assert_eq!(pieces(text).iter().map(|(_, piece)| *piece).collect::<String>(), text);
        }
    }
}
