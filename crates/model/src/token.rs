//! API tokens: `mst_pat_` + secret + checksum, so that scanners recognise one and a slip of the pen is seen at once.

use std::time::Duration;

use crate::{
    Entropy, Error, FieldError, OrgContext, Permission, Permissions, Result, Timestamp, TokenId, UserId,
    names::names,
    outgrown::Maker,
    page::{Cursor, List, Reader},
    session::{Secret, SecretHash},
    validate,
};

/// What every token starts with.
pub const PREFIX: &str = "mst_pat_";

/// The stored side of an API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id, for lists and revoking; opens nothing.
    pub id: TokenId,
    /// In which organization.
    pub org: OrgContext,
    /// Who acts with it.
    pub user: UserId,
    /// What its owner calls it.
    pub name: String,
    /// Stored form of its secret.
    pub secret: SecretHash,
    /// What it may do, within what its user may do.
    pub scopes: Permissions,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Last use, to within five minutes.
    pub last_used_at: Option<Timestamp>,
    /// Who made it, unless the user did.
    pub made_within: Option<Maker>,
}

impl Token {
    /// Since when it opens nothing, because its user was given more rights than whoever made it could give.
    pub fn outgrown_at(&self) -> Option<Timestamp> {
        self.made_within.as_ref().and_then(|maker| maker.outgrown_at)
    }

    /// Whether it opens anything, as far as the token itself goes.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires_at > now && self.outgrown_at().is_none()
    }
}

names! {
    /// Which tokens a list shows.
    TokenFilter {
        /// All, the newest first.
        All = "all",
        /// Those that end within fourteen days, the next to end first.
        Ending = "ending",
        /// Those that nobody has used for ninety days, the longest unused first.
        Unused = "unused",
        /// Those that may do everything that their user may, the newest first.
        Everything = "everything",
    }
}

impl TokenFilter {
    /// What ends within this ends soon.
    pub const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);
    /// What was not used for so long is unused.
    pub const LONG: Duration = Duration::from_secs(90 * 24 * 60 * 60);
}

/// What the list of everybody's tokens is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenQuery {
    /// Who reads it.
    pub reader: Reader,
    /// Which.
    pub filter: TokenFilter,
    /// How many on a page.
    pub limit: u16,
    /// After which row the page begins.
    pub cursor: Option<Cursor>,
}

impl TokenQuery {
    /// What its cursors lead through.
    pub fn list(&self) -> List {
        List::new(self.reader, "tokens")
    }

    /// From words as people and programs write them; empty ones ask for nothing special.
    pub fn read(reader: Reader, filter: &str, limit: Option<u16>, cursor: &str) -> Result<Self> {
        let filter = match filter {
            "" => TokenFilter::All,
            name => TokenFilter::parse(name).ok_or_else(|| {
                let message = format!("There is no filter {name}. Choose all, ending, unused or everything.");
                Error::invalid_field("filter", "token.unknown_filter", message)
            })?,
        };
        let limit = crate::page::limit(limit)?;
        let cursor = Some(cursor).filter(|text| !text.is_empty());
        let mut query = Self { reader, filter, limit, cursor: None };
        query.cursor = cursor.map(|text| query.list().open_in(filter.as_str(), text)).transpose()?;
        Ok(query)
    }
}

/// Longest life of a token.
pub const MAX_DAYS: u16 = 366;

/// Writes a token: shown once, never stored.
pub fn reveal(secret: &Secret) -> String {
    let body = secret.reveal();
    let checksum = String::from_iter(checksum(&body));
    format!("{PREFIX}{body}{checksum}")
}

/// A fresh secret for a token.
pub fn generate(entropy: &dyn Entropy) -> Secret {
    Secret::new(entropy)
}

/// Reads a token; `None` for anything that never was one.
pub fn parse(text: &str) -> Option<Secret> {
    let rest = text.strip_prefix(PREFIX)?;
    let (body, check) = rest.split_at_checked(43)?;
    if check.chars().eq(checksum(body)) { Secret::parse(body) } else { None }
}

/// Six characters that tell a mistyped token from a revoked one without asking the database.
fn checksum(body: &str) -> [char; 6] {
    use sha2::{Digest, Sha256};
    let [a, b, c, ..]: [u8; 32] = Sha256::digest(body.as_bytes()).into();
    [a >> 4, a & 15, b >> 4, b & 15, c >> 4, c & 15]
        .map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'))
}

/// A token's name: 1 to 100 characters.
pub fn name(text: &str) -> Result<String> {
    let name = validate::text("name", text, 100, false).map_err(|field| Error::invalid(vec![field]))?;
    if name.is_empty() {
        let message = "Say what the token is for, such as “Payroll export”.";
        return Err(Error::invalid(vec![FieldError::new("name", "name.missing", message)]));
    }
    Ok(name)
}

/// In the place of scopes: everything that its user may do, now and later. Chosen, never a default.
pub const EVERYTHING: &str = "*";

/// The scopes of a token by name, or `EVERYTHING`.
pub fn scopes(names: &[String]) -> Result<Permissions> {
    let refused = |code: &'static str, message: &str| Err(Error::invalid_field("scopes", code, message));
    if names.is_empty() {
        let message = "Choose what the token may do: scopes such as user:list, or * for everything.";
        return refused("token.no_scopes", message);
    }
    if names.iter().any(|name| name.trim() == EVERYTHING) {
        if names.len() > 1 {
            return refused("token.all_and_some", "Choose * for everything, or single scopes, not both.");
        }
        return Ok(Permissions::all());
    }
    let mut chosen = Vec::new();
    for name in names {
        let permission = Permission::parse(name.trim()).ok_or_else(|| {
            let message = format!("There is no scope {name}. Scopes are permissions such as user:list.");
            Error::invalid_field("scopes", "token.unknown_scope", message)
        })?;
        chosen.push(permission);
    }
    Ok(Permissions::of(&chosen))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;
    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            (0..).zip(bytes).for_each(|(number, byte)| *byte = number);
        }
    }

    #[test]
    fn any_changed_character_makes_it_no_token() {
        let token = reveal(&generate(&Counting));
        assert!(parse(&token).is_some());
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(parse(&changed).is_none(), "{changed}");
        }
        assert!(parse("").is_none() && parse(PREFIX).is_none() && parse("mst_pat_äöü").is_none());
    }
}
