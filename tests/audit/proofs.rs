//! Proofs as others see them: checked by another implementation of RFC 6962 (`ct-merkle`), the signature by Ed25519 alone,
//! with nothing but what the API and `docs/audit-format.md` say.

use axum::http::Method;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest, Sha256, digest::Output};

use super::*;

fn bytes(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().unwrap()).unwrap()
}

fn digest(text: &Value) -> Output<Sha256> {
    Output::<Sha256>::try_from(&bytes(text)[..]).unwrap()
}

fn digests(list: &Value) -> Vec<Output<Sha256>> {
    list.as_array().unwrap().iter().map(digest).collect()
}

fn root(hash: &Value, size: &Value) -> RootHash<Sha256> {
    RootHash::new(digest(hash), size.as_u64().unwrap())
}

/// Checks a signed note by hand: the text, a blank line, and `— name base64(key id ‖ signature)`.
fn signed(note: &str, key: &str) -> (u64, Vec<u8>) {
    let (text, signature) = note.split_once("\n\n").unwrap();
    let text = format!("{text}\n");
    let mut parts = key.splitn(3, '+');
    let (name, id, key) =
        (parts.next().unwrap(), parts.next().unwrap(), STANDARD.decode(parts.next().unwrap()).unwrap());
    assert_eq!(key[0], 1, "Ed25519");
    let (by, signature) = signature.trim_end().strip_prefix("— ").unwrap().split_once(' ').unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    assert_eq!(
        (by, u32::from_be_bytes(signature[..4].try_into().unwrap())),
        (name, u32::from_str_radix(id, 16).unwrap())
    );
    UnparsedPublicKey::new(&ED25519, &key[1..]).verify(text.as_bytes(), &signature[4..]).expect("signed");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], name);
    (lines[1].parse().unwrap(), STANDARD.decode(lines[2]).unwrap())
}

on_both! {
    async fn another_implementation_agrees_with_every_proof(app: TestApp) {
        history(&app, 110).await;
        let key = app.get("/audit/checkpoint").await.expect(200).json()["key"].as_str().unwrap().to_owned();
        let all: Vec<Value> = {
            let (mut all, mut before) = (Vec::new(), String::new());
            loop {
                let page = app.get(&format!("/audit?limit=200{before}")).await.expect(200).json();
                all.extend(page["items"].as_array().unwrap().clone());
                let Some(next) = page["next"].as_str() else { break all };
                before = format!("&before={next}");
            }
        };
        assert!(all.len() > 256);
        let mut places = std::collections::BTreeSet::new();
        for (number, entry) in all.iter().enumerate().filter(|(number, _)| number % 7 == 0) {
            let id = entry["id"].as_str().unwrap();
            let size = if number % 2 == 0 { String::new() } else { format!("?size={}", all.len()) };
            let proof = app.get(&format!("/audit/{id}/proof{size}")).await.expect(200).json();
            let leaf = proof["leaf"].as_str().unwrap();
            let path = digests(&proof["path"]);
            let root = root(&proof["root"], &proof["size"]);
            let index = proof["index"].as_u64().unwrap();
            let path = InclusionProof::<Sha256>::from_digests(path.iter());
            root.verify_inclusion(&leaf.as_bytes(), index, &path).expect("included");
            assert!(root.verify_inclusion(&leaf.replace(":1}", ":2}").as_bytes(), index, &path).is_err());
            assert_eq!(signed(proof["checkpoint"].as_str().unwrap(), &key), (proof["size"].as_u64().unwrap(), bytes(&proof["root"])));
            // The leaf is about the entry: what is not personal stands in it, the rest follows from the salts.
            let said: Value = serde_json::from_str(leaf).unwrap();
            for field in ["id", "event", "actor", "target", "target_type", "request_id", "door"] {
                assert_eq!(said[field], entry[field], "{field}");
            }
            let commitment = |salt: &Value, values: Value| {
                let salt = model::audit::seal::parse_hash(salt.as_str().unwrap()).unwrap();
                model::audit::seal::hex(&Sha256::digest([&salt[..], values.to_string().as_bytes()].concat()))
            };
            if entry["erased_at"].is_null() {
                let by = json!({"actor_name": entry["actor_name"], "address": entry["address"]});
                assert_eq!(said["by"], commitment(&proof["by_salt"], by));
                let about = json!({"changes": entry["changes"], "reason": entry["reason"], "target_name": entry["target_name"]});
                assert_eq!(said["about"], commitment(&proof["about_salt"], about));
            }
            assert!(places.insert(index));
        }
        let now = all.len() as u64;
        for (from, to) in [(1, 2), (1, now), (7, 8), (128, 256), (255, 257), (256, 270), (256, now), (now - 1, now)] {
            let proof = app.get(&format!("/audit/consistency?from={from}&to={to}")).await.expect(200).json();
            let path = digests(&proof["path"]);
            let (old, new) = (root(&proof["from_root"], &proof["from"]), root(&proof["to_root"], &proof["to"]));
            new.verify_consistency(&old, &ConsistencyProof::from_digests(path.iter())).expect("consistent");
            assert_eq!(signed(proof["checkpoint"].as_str().unwrap(), &key), (to, bytes(&proof["to_root"])));
        }
        app.get(&format!("/audit/consistency?from=1&to={}", now + 100)).await.expect(422);
        app.get("/audit/consistency?from=5&to=2").await.expect(422);
        let id = all[0]["id"].as_str().unwrap();
        app.get(&format!("/audit/{id}/proof?size=1")).await.expect(422);
        app.get(&format!("/audit/{}/proof", Uuid::max())).await.expect(404);
    }

    async fn a_proof_outlives_the_person(app: TestApp) {
        let id = app.create("Ana", "Ng", "ana@acme.example").await;
        let entry = app.get(&format!("/audit?target={id}&event=user.created")).await.expect(200).json()["items"][0].clone();
        let address = format!("/audit/{}/proof", entry["id"].as_str().unwrap());
        let before = app.get(&address).await.expect(200).json();
        let size = before["size"].as_u64().unwrap();
        assert_eq!(entry["target_name"], "Ana Ng");
        app.call(Method::POST, &format!("/users/{id}/delete"), &app.owner.token, json!({"confirm": "ana@acme.example"})).await.expect(200);
        app.call(Method::POST, &format!("/users/{id}/purge"), &app.owner.token, json!({"confirm": "ana@acme.example"})).await.expect(200);
        let after = app.get(&format!("{address}?size={size}")).await.expect(200).json();
        for same in ["leaf", "leaf_hash", "index", "root", "path"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        assert!(after["about_salt"].is_null() && !before["about_salt"].is_null());
        let erased = app.get(&format!("/audit/{}", entry["id"].as_str().unwrap())).await.expect(200).json();
        assert!(erased["intact"] == true && erased["changes"] == json!({}) && !erased["erased_at"].is_null(), "{erased}");
    }
}
