//! Rows of CSV as they are written (RFC 4180), so that a spreadsheet shows them and computes nothing.

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

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn cells_are_quoted_where_needed_and_compute_nothing() {
        let cells = ["plain", "a,b", "say \"hi\"", "=1+1", " @sum", "-5", "two\nlines", ""];
        let expected = "plain,\"a,b\",\"say \"\"hi\"\"\",\"'=1+1\",\"' @sum\",\"'-5\",\"two\nlines\",\r\n";
        assert_eq!(line(cells), expected);
    }
}
