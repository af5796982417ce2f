//! Rows of CSV as they are written (RFC 4180), so that a spreadsheet shows them and computes nothing; and cells that list
//! several names.

/// One line. A cell that a spreadsheet would take for a formula gets an apostrophe in front.
pub fn line<'c>(cells: impl IntoIterator<Item = &'c str>) -> String {
    let mut line = String::new();
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            line.push(',');
        }
        let is_formula = cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r'])
            || cell.starts_with(['\t', '\r', '\n']);
        let guard = if is_formula { "'" } else { "" };
        if cell.contains([',', '"', '\n', '\r', ';']) || !guard.is_empty() {
            line.push('"');
            line.push_str(guard);
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(cell);
        }
    }
    line.push_str("\r\n");
    line
}

/// The names in a cell that lists several: `Support;Managers` or `Support|Managers`. A separator belongs to a name where a
/// backslash stands before it (`R\|D`) or the name is quoted (`"Sales; EMEA"; Support`).
pub fn names(cell: &str) -> Vec<String> {
    let (mut names, mut name, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = cell.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next_if(|next| matches!(next, ';' | '|' | '\\' | '"')) {
                Some(escaped) => name.push(escaped),
                None => name.push('\\'),
            },
            '"' if quoted && characters.next_if_eq(&'"').is_some() => name.push('"'),
            '"' if quoted => quoted = false,
            '"' if name.trim().is_empty() => quoted = true,
            ';' | '|' if !quoted => names.push(std::mem::take(&mut name)),
            other => name.push(other),
        }
    }
    names.push(name);
    let trimmed = names.into_iter().map(|name| name.trim().to_owned());
    trimmed.filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{line, names};

    #[test]
    fn a_separator_is_written_in_a_name() {
        for (cell, wanted) in [
            ("", &[][..]),
            (" Support; Managers|| On call ", &["Support", "Managers", "On call"]),
            (r"Sales\; EMEA;R\|D", &["Sales; EMEA", "R|D"]),
            (r#""Sales; EMEA" | "R|D""#, &["Sales; EMEA", "R|D"]),
            (r#""The ""A"" team";B"#, &["The \"A\" team", "B"]),
        ] {
            assert_eq!(names(cell), wanted, "{cell}");
        }
        assert_eq!(names(r"a\b;c\\"), [r"a\b", r"c\"]);
        assert_eq!(names("12\" screens; B"), ["12\" screens", "B"]);
    }

    #[test]
    fn cells_are_quoted_where_needed_and_compute_nothing() {
        let cells = ["plain", "a,b", "say \"hi\"", "=1+1", " @sum", "-5", "two\nlines", ""];
        let expected = "plain,\"a,b\",\"say \"\"hi\"\"\",\"'=1+1\",\"' @sum\",\"'-5\",\"two\nlines\",\r\n";
        assert_eq!(line(cells), expected);
    }
}
