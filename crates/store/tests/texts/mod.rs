//! The statements of the nouns' files, read out of the source.

use std::path::Path;

use store::Engine;

/// The seam itself, whose statements are tried in `tests/seam`, and what measures without Muster's tables.
const OTHERS: [&str; 14] = [
    "commit.rs",
    "connection.rs",
    "db.rs",
    "pooler.rs",
    "migrations.rs",
    "notify.rs",
    "older.rs",
    "postgres.rs",
    "probe.rs",
    "sql.rs",
    "sqlite.rs",
    "testing.rs",
    "writer.rs",
    "writing.rs",
];

/// A string literal, and what stands before it.
struct Literal {
    before: String,
    text: String,
}

/// The string literals of a source text, without comments and tests.
fn literals(source: &str) -> Vec<Literal> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let source = lines.collect::<Vec<_>>().join("\n").replace("'\"'", "' '").replace("'\\\"'", "' '");
    let (mut found, mut before, mut rest) = (Vec::new(), String::new(), source.as_str());
    while let Some((code, after)) = rest.split_once('"') {
        before.push_str(code);
        let (mut text, mut characters) = (String::new(), after.char_indices());
        let end = loop {
            match characters.next().unwrap() {
                (at, '"') => break at + 1,
                (_, '\\') => match characters.next().unwrap().1 {
                    // Goes on in the next line, after its indentation.
                    '\n' => {
                        let indented = characters.as_str();
                        for _ in 0..indented.len() - indented.trim_start().len() {
                            characters.next();
                        }
                    }
                    other => text.push(other),
                },
                (_, other) => text.push(other),
            }
        };
        found.push(Literal { before: before.trim_end().to_owned(), text });
        rest = &after[end..];
    }
    found
}

/// The statement that `engine` is given by this literal, if it is one.
fn statement(Literal { before, text }: Literal, engine: Engine) -> Option<String> {
    let follows = |ends: &[&str]| ends.iter().any(|end| before.ends_with(end));
    if follows(&["select!("]) {
        // Its columns are those that are prepared with the literal in `users::lock`.
        return Some(format!("SELECT 1 FROM users u {text}"));
    }
    // Of two texts for one question, the first is `SQLite`'s.
    let code: String = before.chars().filter(|letter| !letter.is_whitespace()).collect();
    let code = code.strip_suffix('{').map_or(code.clone(), str::to_owned);
    let of_sqlite = code.ends_with("by_engine(");
    let of_postgres = code.ends_with("by_engine(,");
    let verb = text.split_whitespace().next().unwrap_or_default();
    // What one engine alone is given is put into a statement that is put together, as is a lone verb.
    let is_part = code.ends_with("Engine::Sqlite=>")
        || code.ends_with("Engine::Postgres=>")
        || text.split(' ').count() < 3;
    let whole = !is_part && !follows(&["concat!(", "format!(", "write!("]);
    if !whole || !["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&verb) {
        return None;
    }
    match engine {
        Engine::Sqlite if of_postgres || follows(&["const POSTGRES: &str ="]) => None,
        Engine::Postgres if of_sqlite || follows(&["const SQLITE: &str ="]) || text.contains(" MATCH ") => {
            None
        }
        Engine::Postgres if follows(&["locking!("]) => Some(format!("{text} FOR UPDATE")),
        _ => Some(text),
    }
}

/// Every statement that `engine` is given, with the file that it stands in.
pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    let mut statements = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            if OTHERS.contains(&name) {
                continue;
            }
            let found = literals(&std::fs::read_to_string(&path).unwrap()).into_iter();
            let found = found.filter_map(|literal| statement(literal, engine));
            statements.extend(found.map(|statement| (name.to_owned(), statement)));
        }
    }
    assert!(statements.len() > 60, "only {} statements: has their way of writing changed?", statements.len());
    statements
}
