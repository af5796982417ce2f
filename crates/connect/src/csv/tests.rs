use super::*;
use std::io::Cursor;

fn open(bytes: impl Into<Vec<u8>>) -> Reader<Cursor<Vec<u8>>> {
    Reader::new(Cursor::new(bytes.into())).unwrap()
}

/// Rows as `line:email/given name`, errors as `line!column`.
fn summary(bytes: impl Into<Vec<u8>>) -> Vec<String> {
    open(bytes)
        .map(|row| match row {
            Ok(row) => format!("{}:{}/{}", row.line(), row.get(Column::Email), row.get(Column::GivenName)),
            Err(error) => format!("{}!{}", error.line, error.column.unwrap_or_default()),
        })
        .collect()
}

#[test]
fn every_separator_and_line_end_reads_the_same() {
    let expected = ["2:ada@a.example/Ada, Countess", "3:bob@a.example/Bob"];
    for separator in [",", ";", "\t", "|"] {
        for end in ["\n", "\r\n", "\r"] {
            let lines = ["email*given_name", "ada@a.example*\"Ada, Countess\"", "bob@a.example*Bob"];
            let file = lines.join(end).replace('*', separator);
            assert_eq!(summary(file.clone()), expected, "{file:?}");
            assert_eq!(summary(file + end), expected);
        }
    }
    assert_eq!(summary("sep=;\nemail;given_name\na@a.example;A"), ["3:a@a.example/A"]);
}

#[test]
fn every_encoding_is_recognised() {
    let text = "email,given_name\nz@a.example,Zoë\nl@a.example,Łukasz\n";
    let expected = ["2:z@a.example/Zoë", "3:l@a.example/Łukasz"];
    let wide = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    assert_eq!(summary(text), expected);
    assert_eq!(summary(format!("\u{feff}{text}")), expected);
    assert_eq!(summary(wide(u16::to_le_bytes)), expected);
    assert_eq!(summary(wide(u16::to_be_bytes)), expected);
    assert_eq!(summary([vec![0xff, 0xfe], wide(u16::to_le_bytes)].concat()), expected);
    assert_eq!(summary([vec![0xfe, 0xff], wide(u16::to_be_bytes)].concat()), expected);
    let old = b"email,given_name\nz@a.example,Zo\xeb \x80\n".to_vec();
    assert_eq!(open(old.clone()).encoding(), "windows-1252");
    assert_eq!(summary(old), ["2:z@a.example/Zoë €"]);
}

#[test]
fn an_encoding_is_never_guessed() {
    let file = |text: &[u8]| [b"email;given_name;title\na@a.example;".as_slice(), text, b";\n"].concat();
    let code = |text: &[u8]| Reader::new(Cursor::new(file(text))).err().map(|error| error.code().to_owned());
    let in_encoding = |text: &str, label: &str| {
        encoding_rs::Encoding::for_label(label.as_bytes()).unwrap().encode(text).0.into_owned()
    };
    for (text, label) in [
        ("Иван Петров, начальник отдела", "windows-1251"),
        ("Иван Петров, начальник отдела", "koi8-r"),
        ("Łukasz Żółw-Świątek, główny księgowy", "windows-1250"),
        ("Jiří Dvořák; vedoucí oddělení účetnictví, Třebíč", "windows-1250"),
        ("Νίκος Παπαδόπουλος, διευθυντής", "windows-1253"),
        ("İrem Kaya, müdür yardımcısı, Şişli", "windows-1254"),
        ("山田 太郎 東京本社 営業部", "shift_jis"),
        ("김민준 서울 본사", "euc-kr"),
        ("王小明 北京 总部", "gbk"),
    ] {
        assert_eq!(code(&in_encoding(text, label)).as_deref(), Some("csv.encoding"), "{label}: {text}");
    }
    // Old Macs and DOS: Müller, Böhm, Größe.
    for old in [b"M\x9fller B\x9ahm".as_slice(), b"M\x81ller", b"B\x94hm K\x84fer", b"Gr\x9a\xa7e"] {
        assert_eq!(code(old).as_deref(), Some("csv.encoding"), "{old:x?}");
    }
    for text in ["Jürgen Groß, Geschäftsführer", "Zoë Núñez", "François Lœuvre, Hélène", "Sean O’Brien – Zoë"]
    {
        assert_eq!(code(&in_encoding(text, "windows-1252")), None, "{text}");
    }
}

#[test]
fn the_header_is_where_the_columns_are_named() {
    for before in [
        "\n",
        "Staff list 2026,,,\n",
        "#TYPE Deserialized.User\n",
        "version:v1.0\n",
        "\n\nStaff; all of them\n\n",
    ] {
        let file = format!("{before}email,given_name\na@a.example,A\n");
        let lines = before.matches('\n').count();
        assert_eq!(summary(file.clone()), [format!("{}:a@a.example/A", lines + 2)], "{before:?}");
        let told = format!("The columns are named on line {}. What stands before is left out.", lines + 1);
        assert_eq!(open(file).warnings().contains(&told), !before.trim().is_empty(), "{before:?}");
    }
    let other = "Staff list, as of today, all\nemail;given_name\na@a.example;A\n";
    assert_eq!(summary(other), ["3:a@a.example/A"], "the separator is the header's");
    let late = format!("{}email\na@a.example\n", "x\n".repeat(10));
    assert_eq!(Reader::new(Cursor::new(late.into_bytes())).err().unwrap().code(), "csv.no_email");
}

#[test]
fn what_a_spreadsheet_has_changed_is_not_taken() {
    let file = |cell: &str| format!("email,employee_number,given_name\na@a.example,{cell},1.23E+05\n");
    for changed in ["1.23E+05", "\"4,91763E+11\"", "1E+10", "#N/A", "#NAME?", "#ref!", "#DIV/0!"] {
        assert_eq!(summary(file(changed)), ["2!employee_number"], "{changed}");
    }
    for fine in ["12E5", "E+05", "1.2.3E+5", "N/A", "00123", "#1"] {
        assert_eq!(summary(file(fine)), ["2:a@a.example/1.23E+05"], "{fine}");
    }
}

#[test]
fn the_first_accent_may_come_late() {
    let mut file = b"email,given_name\n".to_vec();
    for number in 0..10_000 {
        file.extend(format!("p{number}@a.example,Plain\n").bytes());
    }
    let utf8 = [file.clone(), "é@a.example,é".into()].concat();
    assert_eq!(summary(utf8).last().unwrap(), "10002:é@a.example/é");
    file.extend(b"z@a.example,Zo\xeb");
    assert_eq!(summary(file).last().unwrap(), "10002:z@a.example/Zoë");
}

#[test]
fn bytes_that_are_not_utf8_spoil_their_row_only() {
    let file = [
        b"email,given_name\nz@a.example,Zo\xc3\xab\nb@a.example,B\xff\nc@a.example,".as_slice(),
        "éé".as_bytes(),
    ];
    assert_eq!(summary(file.concat()), ["2:z@a.example/Zoë", "3!given_name", "4:c@a.example/éé"]);
}

#[test]
fn columns_are_found_however_they_are_written() {
    let mut reader = open(
        "E-Mail; Given Name ;FAMILY_NAME;Costcenter;Favourite colour;Shoe size;\na@a.example;A;B;1;red;40;\n",
    );
    assert_eq!(
        reader.warnings(),
        ["The columns “Favourite colour”, “Shoe size” are not known and are left out."]
    );
    let columns: Vec<&str> = reader.columns().map(Column::name).collect();
    assert_eq!(columns, ["email", "given_name", "family_name", "cost_centre"]);
    let row = reader.next().unwrap().unwrap();
    assert_eq!(
        (row.get(Column::FamilyName), row.get(Column::CostCentre), row.get(Column::Title)),
        ("B", "1", "")
    );
    for column in Column::ALL {
        assert_eq!(Column::named(column.name()), Some(column));
    }
}

#[test]
fn rows_that_do_not_fit_are_reported_and_the_rest_goes_on() {
    let file = "email,given_name\na@a.example\nb@a.example,B,extra\n\n,,\nc@a.example,C,,\nd@a.example,D\n";
    let lines = ["2:a@a.example/", "3!", "6:c@a.example/C", "7:d@a.example/D"];
    assert_eq!(summary(file), lines);
    let error = open(file).find_map(Result::err).unwrap();
    assert!(error.reason.contains("3 cells, the header has 2"), "{error}");
}

#[test]
fn a_stray_quote_never_swallows_the_rows_below() {
    // Closed by a later row's quote, closed by nothing, and followed by text.
    let file = "email,given_name\n\"a@a.example,A\nb@a.example,\"B\"\nc@a.example,\"C\" x\nd@a.example,D\ne@a.example,\"E\nf@a.example,F";
    let expected = ["2!", "3:b@a.example/B", "4!", "5:d@a.example/D", "6!", "7:f@a.example/F"];
    assert_eq!(summary(file), expected);
    // A pair of stray quotes that happens to look like one long cell.
    let pair = "email,given_name\na@a.example,\"A\nb@a.example,B\nc@a.example,C\",\"x\"\nd@a.example,D\n";
    assert_eq!(summary(pair)[0], "2!");
    assert_eq!(summary(pair).last().unwrap(), "5:d@a.example/D");
    assert!(summary(pair).contains(&"3:b@a.example/B".to_owned()));
}

#[test]
fn quotes_may_hold_lines_quotes_and_separators() {
    let file =
        "email,given_name\na@a.example, \"A \"\"the\"\"\r\nfirst, great\" \r\nb@a.example,5\" tall\r\n";
    assert_eq!(summary(file), ["2:a@a.example/A \"the\"\r\nfirst, great", "4:b@a.example/5\" tall"]);
}

#[test]
fn an_endless_row_is_skipped_in_constant_memory() {
    let long = "x".repeat(3 * LARGEST_ROW);
    let file = format!("email,given_name\na@a.example,{long}\nb@a.example,\"{long}\nc@a.example,C\n");
    assert_eq!(summary(file), ["2!", "3!", "4:c@a.example/C"]);
    let unclosed = format!("email,given_name\na@a.example,\"A\n{}", "b@a.example,B\n".repeat(20_000));
    let summary = summary(unclosed);
    assert_eq!((summary.len(), summary[0].as_str()), (20_001, "2!"));
}

#[test]
fn line_ends_cut_by_a_piece_of_the_file_count_once() {
    // Whatever the length, some row's CR LF falls on the end of a 32 KiB piece.
    for padding in 0..14 {
        let head = format!("email,given_name,{}\r\n", "x".repeat(padding));
        let file = head + &"a@a.ex,A,\r\nb@a.ex,\"B\" x,\r\n".repeat(6000);
        let rows: Vec<_> = open(file).collect();
        assert_eq!(rows.len(), 12_000);
        assert_eq!(rows[11_999].as_ref().unwrap_err().line, 12_001);
    }
}

#[test]
fn what_is_no_list_of_people_is_refused_with_a_reason() {
    let code = |bytes: &[u8]| Reader::new(Cursor::new(bytes.to_vec())).err().unwrap().code().to_owned();
    assert_eq!(code(b""), "csv.empty");
    assert_eq!(code(b"PK\x03\x04rest of an xlsx"), "csv.spreadsheet");
    assert_eq!(code(b"name,age\nx,1"), "csv.no_email");
    assert_eq!(code(b"email,E-Mail\n"), "csv.column_twice");
    assert_eq!(code(b"email,\"given_name\n"), "csv.header");
}

#[test]
fn lists_are_split_at_semicolons_and_bars() {
    let row = open("email,groups\na@a.example, Support; Managers|| On call \n").next().unwrap().unwrap();
    assert_eq!(row.list(Column::Groups), ["Support", "Managers", "On call"]);
}
