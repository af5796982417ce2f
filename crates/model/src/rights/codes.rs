//! Permissions in few letters, for rights that are kept in many rows: three letters for each, `*` for all.
//!
//! The letters follow from a permission's name, so they stay what they are when other permissions come or go. A list of
//! names, as rights were written before, is read too.

use serde::{Deserializer, Serializer, de};

use crate::{Permission, Permissions};

/// Who may do everything that can be done now.
const ALL: &str = "*";
/// Letters of one permission.
const WIDTH: usize = 3;

/// The letters of a permission: 18 bits of its name's FNV-1a hash. A test keeps them different.
fn code(permission: Permission) -> [u8; WIDTH] {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = permission.as_str().bytes().fold(0x811c_9dc5, mix);
    [0, 6, 12].map(|shift| LETTERS[(hash >> shift & 63) as usize])
}

/// Writes a set.
pub(super) fn serialize<S: Serializer>(set: &Permissions, serializer: S) -> Result<S::Ok, S::Error> {
    if *set == Permissions::all() {
        return serializer.serialize_str(ALL);
    }
    let codes: Vec<char> = set.iter().flat_map(code).map(char::from).collect();
    serializer.collect_str(&String::from_iter(codes))
}

/// Reads a set.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Permissions, D::Error> {
    deserializer.deserialize_any(Reader)
}

struct Reader;

impl<'de> de::Visitor<'de> for Reader {
    type Value = Permissions;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("permissions")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Permissions, E> {
        if text == ALL {
            return Ok(Permissions::all());
        }
        let known: Vec<[u8; WIDTH]> = Permission::ALL.iter().map(|permission| code(*permission)).collect();
        let mut set = Vec::new();
        for letters in text.as_bytes().chunks(WIDTH) {
            let at = known.iter().position(|code| code == letters);
            set.push(Permission::ALL[at.ok_or_else(|| E::custom("an unknown permission"))?]);
        }
        Ok(Permissions::of(&set))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut names: A) -> Result<Permissions, A::Error> {
        let mut set = Vec::new();
        while let Some(permission) = names.next_element()? {
            set.push(permission);
        }
        Ok(Permissions::of(&set))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Role, rights::Rights};

    #[test]
    fn every_permission_has_letters_of_its_own_that_never_change() {
        let codes: BTreeSet<[u8; WIDTH]> =
            Permission::ALL.iter().map(|permission| code(*permission)).collect();
        assert_eq!(codes.len(), Permission::ALL.len());
        let letters = [Permission::UserList, Permission::OwnerManage].map(code);
        assert_eq!(letters.map(|code| String::from_utf8_lossy(&code).into_owned()), ["gMk", "ZA_"]);
    }

    #[test]
    fn rights_of_every_role_are_short_and_read_back_also_from_names() {
        for role in Role::ALL {
            let rights = Rights { org: Permissions::of_roles(&[*role]), ..Rights::default() };
            let text = serde_json::to_string(&rights).unwrap();
            assert!(text.len() <= 200, "{role}: {} bytes", text.len());
            assert_eq!(serde_json::from_str::<Rights>(&text).unwrap(), rights, "{role}");
            let names = serde_json::to_string(&rights.org).unwrap();
            let before = format!(r#"{{"org":{names},"scoped":[],"applications":[]}}"#);
            assert_eq!(serde_json::from_str::<Rights>(&before).unwrap(), rights, "{role}");
        }
        assert!(serde_json::from_str::<Rights>(r#"{"org":"AAA"}"#).is_err());
    }
}
