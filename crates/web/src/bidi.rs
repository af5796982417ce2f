//! Pages with names that are written from right to left: each gets an element of its own, so that the words around it stay
//! where they belong (`model::bidi`). Done once, on the finished page, and not by every template for every name.

use std::borrow::Cow;

use model::bidi::{has_any, isolated, pieces};

/// Elements whose text is no markup: a field would send the isolates back, the others show characters as they are.
const PLAIN: [&str; 4] = ["textarea", "title", "option", "script"];

/// The page with every such piece of its text in `<bdi>`. Attributes stay as they are: forms send some of them back.
pub(crate) fn in_page(html: String) -> String {
    if !has_any(&html) {
        return html;
    }
    let mut out = String::with_capacity(html.len() + 256);
    let (mut rest, mut inside) = (html.as_str(), "");
    while !rest.is_empty() {
        let text = rest.find('<').unwrap_or(rest.len());
        let (shown, after) = rest.split_at(text);
        match inside {
            "textarea" | "script" => out.push_str(shown),
            "title" | "option" => out.push_str(&isolated(shown)),
            _ => mark(shown, &mut out),
        }
        // A tag ends at the first `>`: the templates' escaping leaves none inside of attributes.
        let end = after.find('>').map_or(after.len(), |end| end + 1);
        let (tag, behind) = after.split_at(end);
        out.push_str(tag);
        let opens = PLAIN.iter().copied().find(|name| {
            let named = tag.strip_prefix('<').and_then(|tag| tag.strip_prefix(name));
            named.is_some_and(|rest| rest.starts_with([' ', '>']))
        });
        inside = if tag.starts_with("</") { "" } else { opens.unwrap_or(inside) };
        rest = behind;
    }
    out
}

fn mark(text: &str, out: &mut String) {
    if !has_any(text) {
        return out.push_str(text);
    }
    for (turns, piece) in pieces(text) {
        if turns {
            out.extend(["<bdi>", piece, "</bdi>"]);
        } else {
            out.push_str(piece);
        }
    }
}

/// A sentence for where there is no markup.
pub(crate) fn in_text(text: &str) -> Cow<'_, str> {
    isolated(text)
}

#[cfg(test)]
mod tests {
    use super::in_page;

    #[test]
    fn text_is_marked_and_what_a_form_sends_is_not() {
        for (page, expected) in [
            ("<p>By ليلى, 1 minute</p>", "<p>By <bdi>ليلى</bdi>, 1 minute</p>"),
            ("<b>דן</b> &amp; <i>דנה</i>", "<b><bdi>דן</bdi></b> &amp; <i><bdi>דנה</bdi></i>"),
            ("<input value=\"ليلى\"> ليلى", "<input value=\"ليلى\"> <bdi>ليلى</bdi>"),
            ("<textarea name=\"a\">ليلى 1</textarea>", "<textarea name=\"a\">ليلى 1</textarea>"),
            ("<option value=\"1\">ليلى 1</option>", "<option value=\"1\">\u{2068}ليلى\u{2069} 1</option>"),
            ("<titles>ليلى</titles>", "<titles><bdi>ليلى</bdi></titles>"),
            ("<p>Ana</p>", "<p>Ana</p>"),
        ] {
            assert_eq!(in_page(page.to_owned()), expected);
        }
    }
}
