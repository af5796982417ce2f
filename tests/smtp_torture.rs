//! Two hundred invitations, a mail server that fails in every way, and Muster killed again and again in between: whoever was
//! invited gets the mail, nobody gets two different ones, and what was refused for good is known to be.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use model::{EntryId, OrgId};
use serde_json::{Value, json};
use store::{Attempt, Connection, Database, Lane, Proof, testing::Scratch, values};
use uuid::Uuid;

use crate::{
    crash::set_up,
    patience::{Dice, eventually},
    process::{Client, Server},
    smtp_server::{Behaviour, FaultyServer},
};

/// Whom to invite.
const PEOPLE: usize = 200;
/// Of these nobody can be reached: one in so many.
const UNKNOWN: usize = 20;
/// More rounds than this, each of which ends with a kill, are never needed.
const ROUNDS: usize = 150;
/// So many tries at a time are seen before the kill; fewer while people are still being invited.
const TRIES: usize = 30;
/// What an outage of the mail server puts between two tries at most, and a lease with it.
const A_WHILE: i64 = 2 * 3600 * 1_000_000;

fn address(number: usize) -> String {
    if number % UNKNOWN == 7 {
        format!("unknown{number}@acme.example")
    } else {
        format!("p{number}@acme.example")
    }
}

/// The same in every run of the same seed: how a connection goes.
fn by_connection(seed: u64, number: usize) -> Behaviour {
    match Dice::new(seed ^ number as u64).roll(40) {
        0..3 => Behaviour::Reset,
        3 => Behaviour::Hang,
        4..6 => Behaviour::Greet("421 4.3.2 too busy"),
        6 => Behaviour::Greet("554 5.7.1 not today"),
        7 => Behaviour::Hello("550 5.7.1 not from you"),
        _ => Behaviour::Deliver,
    }
}

/// And how a mail does.
fn by_recipient(seed: u64, recipient: &str, attempt: usize) -> Behaviour {
    if recipient.starts_with("unknown") {
        return Behaviour::Recipient("550 5.1.1 nobody of that name");
    }
    if attempt >= 4 {
        return Behaviour::Deliver;
    }
    let letters = recipient.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    match Dice::new(letters ^ (attempt as u64) << 32).roll(16) {
        0..2 => Behaviour::Recipient("450 4.2.0 greylisted"),
        2 => Behaviour::Content("452 4.3.1 full"),
        3 => Behaviour::End("451 4.3.0 try again"),
        4..6 => Behaviour::DropInContent,
        6..9 => Behaviour::StoreAndDrop,
        9..11 => Behaviour::AcknowledgeAndDrop,
        11 => Behaviour::StoreAndHang,
        12 => Behaviour::Slow,
        _ => Behaviour::Deliver,
    }
}

/// One caller with the owner's token; `None` where the server is gone.
struct Caller {
    client: Client,
    token: Arc<str>,
}

impl Caller {
    fn call(&mut self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        let token = &self.token;
        let headers = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let heard = self.client.ask(method, &format!("/o/acme/api/v1{path}"), &headers, &body).ok()?;
        Some((heard.status, serde_json::from_str(&heard.body).unwrap_or_default()))
    }

    /// Makes the user and sends the mail that lets them in, as far as neither has been done.
    fn invite(&mut self, address: &str) -> Option<()> {
        let person = json!({"given_name": "Quelle", "family_name": "Person", "email": address});
        let (status, user) = self.call("POST", "/users", &person)?;
        let user = if status == 409 {
            let (_, found) = self.call("GET", &format!("/users?search={address}"), &Value::Null)?;
            found["items"][0].clone()
        } else {
            assert_eq!(status, 201, "{user}");
            user
        };
        if user["state"] == "staged" {
            let id = user["id"].as_str().unwrap();
            let (status, user) = self.call("POST", &format!("/users/{id}/activate"), &json!({}))?;
            assert_eq!((status, user["state"].as_str()), (200, Some("invited")), "{user}");
        }
        Some(())
    }
}

/// Where every mail stands: address, state.
async fn mails(database: &Database) -> Vec<(String, String)> {
    let sql = "SELECT address, state FROM mails ORDER BY address";
    database.read(async |connection: &mut Connection<'_>| connection.all(sql, &[]).await).await.unwrap()
}

/// While no server runs: lets hours go by for every mail that waits, and says how many do.
async fn a_while_later(directory: &Path) -> usize {
    let url = format!("sqlite:{}", directory.join("muster-data/muster.db").display());
    let database = Database::open(&store::Options::new(url)).await.unwrap();
    let proof = Proof { org: OrgId(Uuid::nil()), entry: EntryId(Uuid::nil()) };
    let pass = async |connection: &mut Connection<'_>| {
        let sql =
            "UPDATE mails SET next_at = next_at - $1, leased_until = 0 WHERE state IN ('queued', 'deferred')";
        connection.execute(sql, values![A_WHILE]).await.map(Attempt::Commit)
    };
    database.transaction(proof, Lane::Interactive, pass, |_, _| ()).await.unwrap();
    let waiting = mails(&database)
        .await
        .iter()
        .filter(|(_, state)| ["queued", "deferred"].contains(&state.as_str()))
        .count();
    database.close().await;
    waiting
}

/// Invites until all are or the server is gone; how many are.
fn invite_all(server: &str, token: Arc<str>, mut invited: usize) -> usize {
    let Ok(client) = Client::to(server) else { return invited };
    let mut caller = Caller { client, token };
    while invited < PEOPLE && caller.invite(&address(invited)).is_some() {
        invited += 1;
    }
    invited
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_invitation_arrives_however_the_mail_server_fails_and_however_often_this_one_is_killed() {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mail_server = FaultyServer::start(
        Box::new(move |number| by_connection(seed, number)),
        Box::new(move |recipient, attempt| by_recipient(seed, recipient, attempt)),
    )
    .await;
    let scratch = Scratch::new();
    let directory = scratch.path();
    let token = set_up(directory);
    let settings = format!(
        "[mail]\nserver = \"{}\"\nsecurity = \"none\"\nfrom = \"muster@acme.example\"\ntimeout = 1\n",
        mail_server.address()
    );
    let file = directory.join("muster.toml");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + &settings).unwrap();

    let (mut dice, mut invited, mut waiting, mut rounds) = (Dice::new(seed), 0, 1, 0);
    while invited < PEOPLE || waiting > 0 {
        rounds += 1;
        assert!(rounds <= ROUNDS, "{waiting} mails never arrive");
        let before = mail_server.tries();
        let server = Server::start(directory);
        let patience = Duration::from_micros(dice.roll(400_000));
        let enough = if invited < PEOPLE { 5 } else { waiting.min(TRIES) };
        let (listens, token) = (server.address.clone(), token.clone());
        let inviting = std::thread::spawn(move || invite_all(&listens, token, invited));
        eventually("a try", async || mail_server.tries() >= before + enough).await;
        // At an arbitrary moment of the next ones.
        tokio::time::sleep(patience).await;
        server.kill();
        invited = inviting.join().expect("a caller");
        waiting = a_while_later(directory).await;
    }
    assert_all_is_well(directory, &mail_server, rounds).await;
}

async fn assert_all_is_well(directory: &Path, mail_server: &FaultyServer, rounds: usize) {
    let url = format!("sqlite:{}", directory.join("muster-data/muster.db").display());
    let database = Database::open(&store::Options::new(url)).await.unwrap();
    let stands = mails(&database).await;
    database.close().await;
    let stored = mail_server.stored();
    assert_eq!(stands.len(), PEOPLE);
    let stands: BTreeMap<String, String> = stands.into_iter().collect();
    let mut ids = BTreeSet::new();
    for number in 0..PEOPLE {
        let address = address(number);
        let of_this: Vec<_> = stored.iter().filter(|stored| stored.recipient == address).collect();
        if address.starts_with("unknown") {
            assert_eq!((stands[&address].as_str(), of_this.len()), ("failed", 0), "{address}");
            continue;
        }
        assert_eq!(stands[&address], "sent", "{address}");
        assert!(
            of_this.iter().any(|stored| stored.is_acknowledged),
            "{address} got nothing that was acknowledged"
        );
        let id = &of_this[0].message_id;
        assert!(of_this.iter().all(|stored| stored.message_id == *id), "{address} got two different mails");
        assert!(ids.insert(id.clone()) && id.contains('@'), "{id} went to two people");
    }
    println!(
        "{rounds} rounds, {} tries, {} mails stored for {} people",
        mail_server.tries(),
        stored.len(),
        ids.len()
    );
}
