//! Who stands twice in a file. A dry run undoes each chunk before the next, so only the importer can see that.

use std::collections::HashMap;

use app::import::{Row, Verdict};
use model::{FieldError, user::key};

/// The rows that would have been taken so far, by the forms under which addresses and usernames are unique.
#[derive(Default)]
pub(super) struct Duplicates {
    emails: HashMap<String, (u64, Option<String>)>,
    usernames: HashMap<String, u64>,
}

impl Duplicates {
    /// Corrects the verdicts on a chunk by what earlier chunks hold, as the real import would find it.
    pub(super) fn judge(&mut self, rows: &[Row], verdicts: &mut [Verdict]) {
        for (row, verdict) in rows.iter().zip(&mut *verdicts) {
            if *verdict == Verdict::Created {
                *verdict = self.verdict(row);
            }
        }
        for (row, verdict) in rows.iter().zip(verdicts) {
            if *verdict == Verdict::Created {
                self.remember(row);
            }
        }
    }

    fn verdict(&self, row: &Row) -> Verdict {
        let username = row.fields.username_key();
        if let Some((line, known)) = row.fields.email_key().and_then(|email| self.emails.get(&email)) {
            return if username.is_none() || username == *known {
                Verdict::Unchanged { notes: Vec::new() }
            } else {
                refused("email", *line, "address")
            };
        }
        match username.and_then(|username| self.usernames.get(&username)) {
            Some(line) => refused("username", *line, "username"),
            None => Verdict::Created,
        }
    }

    fn remember(&mut self, row: &Row) {
        let username = row.fields.username.as_deref().map(key);
        if let Some(email) = row.fields.email_key() {
            self.emails.insert(email, (row.line, username.clone()));
        }
        if let Some(username) = username {
            self.usernames.insert(username, row.line);
        }
    }
}

fn refused(field: &'static str, line: u64, what: &str) -> Verdict {
    let message = format!("Line {line} has the same {what}.");
    Verdict::Refused { fields: vec![FieldError::new(field, format!("{field}.taken"), message)] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::import::Listed;
    use model::UserFields;

    fn row(line: u64, username: &str, email: &str) -> Row {
        let (username, email) = (Some(username.to_owned()), Some(email.to_owned()));
        Row {
            line,
            fields: UserFields { username, email, ..UserFields::default() },
            roles: Listed::Names(Vec::new()),
            groups: Listed::Names(Vec::new()),
        }
    }

    #[test]
    fn a_row_is_compared_with_earlier_chunks() {
        let mut duplicates = Duplicates::default();
        let mut first = [Verdict::Created];
        duplicates.judge(&[row(2, "ana", "ana@x.example")], &mut first);
        let rows = [
            row(102, "ana", "ANA@x.example"),
            row(103, "other", "ana@x.example"),
            row(104, "Ana", "new@x.example"),
            row(105, "new", "new2@x.example"),
        ];
        let mut verdicts = [const { Verdict::Created }; 4];
        duplicates.judge(&rows, &mut verdicts);
        assert_eq!(verdicts[0], Verdict::Unchanged { notes: Vec::new() });
        assert!(matches!(&verdicts[1], Verdict::Refused { fields } if fields[0].field == "email"));
        assert!(matches!(&verdicts[2], Verdict::Refused { fields } if fields[0].message.contains("Line 2")));
        assert_eq!(verdicts[3], Verdict::Created);
    }
}
