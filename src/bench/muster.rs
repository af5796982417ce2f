//! The Muster that is measured: a server in a process of its own over an empty database, filled through its own API.

use super::{
    client::{Client, request},
    figure::{Figure, now},
    process::{Server, Settings, output_of},
};
use model::{Error, Result, token};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use store::probe::SamplePerson;

/// See the module.
pub(crate) struct Muster {
    pub(crate) server: Server,
    recipe: Recipe,
    authorization: String,
    /// The number of the next invented person: nobody is invented twice.
    people: Arc<AtomicU64>,
}

/// How its server is started, again too.
#[derive(Clone)]
struct Recipe {
    file: PathBuf,
    settings: Settings,
}

/// Somebody who can sign in.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) id: String,
    username: String,
}

/// Where the organization is.
const BASE: &str = "/o/bench";
const PASSWORD: &str = "quince-harbour-41-lantern";
/// Callers at once while filling.
const HANDS: u64 = 8;
/// Rows that one request may import.
const CHUNK: u64 = 100;

impl Muster {
    /// Starts a server over `database`, which must be empty, with one organization and its owner's token.
    pub(crate) async fn start(directory: &Path, database: &str) -> Result<Self> {
        let token = token::reveal(&token::generate(&app::system::SystemEntropy));
        // Nothing of this machine's own settings.
        let file = directory.join("muster.toml");
        std::fs::write(&file, "").map_err(Error::internal)?;
        let settings: Settings = [
            ("DATABASE__URL", database),
            ("SERVER__SIGN_INS_PER_MINUTE", "1000000"),
            ("LOG__FORMAT", "text"),
            ("LOG__LEVEL", "error"),
            ("BOOTSTRAP__ORG_NAME", "Bench"),
            ("BOOTSTRAP__ORG_SLUG", "bench"),
            ("BOOTSTRAP__ADMIN_EMAIL", "owner@bench.example"),
            ("BOOTSTRAP__ADMIN_PASSWORD", PASSWORD),
            ("BOOTSTRAP__API_TOKEN", &token),
        ]
        .into_iter()
        .map(|(name, value)| (format!("MUSTER_{name}"), value.to_owned()))
        .collect();
        let recipe = Recipe { file, settings };
        let server = recipe.serve().await?;
        let authorization = format!("authorization: Bearer {token}\r\n");
        Ok(Self { server, recipe, authorization, people: Arc::default() })
    }

    /// A second node on the same database.
    pub(crate) async fn beside(&self) -> Result<Self> {
        Ok(Self {
            server: self.recipe.serve().await?,
            recipe: self.recipe.clone(),
            authorization: self.authorization.clone(),
            people: self.people.clone(),
        })
    }

    /// Ends the server as an operator would, and starts it again; how long it took until a request was answered.
    pub(crate) async fn restarted(self) -> Result<(Self, Figure)> {
        let Self { server, recipe, authorization, people } = self;
        server.stop().await?;
        let start = now();
        let again = Self { server: recipe.serve().await?, recipe, authorization, people };
        Client::connect(again.server.address).await?.json(&again.whoami()).await?;
        let figure = Figure { operations: 1, elapsed: start.elapsed(), ..Figure::default() };
        Ok((again, figure))
    }

    /// Verifies the audit log as an operator does; how many entries it has.
    pub(crate) async fn verify_audit(&self) -> Result<u64> {
        let file = self.recipe.file.display().to_string();
        let said =
            output_of(&["--config", &file, "--json", "audit", "verify"], &self.recipe.settings).await?;
        let report: Value = serde_json::from_slice(&said).map_err(Error::internal)?;
        report["items"][0]["entries"].as_u64().ok_or_else(|| Error::internal("a report without entries"))
    }

    /// Imports so many invented people.
    pub(crate) async fn fill(&self, users: u64) -> Result<()> {
        let first = self.people.fetch_add(users, Ordering::Relaxed);
        let chunk = |number: u64| {
            let from = first + number * CHUNK;
            let rows: Vec<Value> = (from..(from + CHUNK).min(first + users))
                .map(|number| json!({ "fields": person(number) }))
                .collect();
            self.post("/api/v1/users/import", &json!({ "rows": rows }))
        };
        self.each(users.div_ceil(CHUNK), 200, chunk, |_| Ok(())).await.map(drop)
    }

    /// Creates so many people with a password.
    pub(crate) async fn logins(&self, count: u64) -> Result<Vec<Login>> {
        let first = self.people.fetch_add(count, Ordering::Relaxed);
        let create = |number| {
            let mut body = person(first + number);
            body["password"] = PASSWORD.into();
            body["must_change_password"] = false.into();
            self.post("/api/v1/users", &body)
        };
        let made = |client: &Client| {
            let body: Value = serde_json::from_slice(client.body()).map_err(Error::internal)?;
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            Ok(Login { id: text("id"), username: text("username") })
        };
        self.each(count, 201, create, made).await
    }

    /// Sends `count` requests, some at once, all of which must be answered with `status`; keeps something of each
    /// answer, in no order.
    pub(crate) async fn each<T: Send + 'static>(
        &self,
        count: u64,
        status: u16,
        request: impl Fn(u64) -> Vec<u8>,
        keep: fn(&Client) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut idle = Vec::new();
        for _ in 0..HANDS.min(count) {
            idle.push(Client::connect(self.server.address).await?);
        }
        let mut busy = tokio::task::JoinSet::new();
        let (mut kept, mut number) = (Vec::new(), 0);
        while number < count || !busy.is_empty() {
            while let Some(mut client) = idle.pop_if(|_| number < count) {
                let bytes = request(number);
                number += 1;
                busy.spawn(async move {
                    client.expect(status, &bytes).await?;
                    let kept = keep(&client)?;
                    Ok::<_, Error>((client, kept))
                });
            }
            if let Some(answered) = busy.join_next().await {
                let (client, found) = answered.map_err(Error::internal)??;
                kept.push(found);
                idle.push(client);
            }
        }
        Ok(kept)
    }

    /// The request that creates the next invented person.
    pub(crate) fn creations(&self) -> impl Fn() -> Vec<u8> + Send + Sync + 'static {
        let (people, authorization) = (self.people.clone(), self.authorization.clone());
        move || {
            let body = person(people.fetch_add(1, Ordering::Relaxed)).to_string();
            request("POST", &format!("{BASE}/api/v1/users"), &authorization, &body)
        }
    }

    /// Reads a page or document.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        request("GET", &format!("{BASE}{path}"), &self.authorization, "")
    }

    /// Puts JSON.
    pub(crate) fn put(&self, path: &str, body: &Value) -> Vec<u8> {
        request("PUT", &format!("{BASE}{path}"), &self.authorization, &body.to_string())
    }

    /// Sends JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Vec<u8> {
        request("POST", &format!("{BASE}{path}"), &self.authorization, &body.to_string())
    }

    /// Ends something.
    pub(crate) fn delete(&self, path: &str) -> Vec<u8> {
        request("DELETE", &format!("{BASE}{path}"), &self.authorization, "")
    }

    /// Who am I, as the owner.
    pub(crate) fn whoami(&self) -> Vec<u8> {
        self.get("/api/v1/whoami")
    }

    /// Who am I, with another proof than the owner's token.
    pub(crate) fn whoami_with(header: &str) -> Vec<u8> {
        request("GET", &format!("{BASE}/api/v1/whoami"), header, "")
    }
}

impl Login {
    /// Signs in as a browser does.
    pub(crate) fn sign_in(&self) -> Vec<u8> {
        let form = format!("identifier={}&password={PASSWORD}", self.username);
        request("POST", &format!("{BASE}/sign-in"), "", &form)
    }

    /// Signs in and answers the header that proves it from then on.
    pub(crate) async fn cookie(&self, client: &mut Client) -> Result<String> {
        client.expect(303, &self.sign_in()).await?;
        let cookie = client.header("set-cookie").and_then(|line| line.split(';').next());
        let cookie = cookie.ok_or_else(|| Error::internal("a sign-in without a cookie"))?;
        Ok(format!("cookie: {cookie}\r\n"))
    }
}

impl Recipe {
    async fn serve(&self) -> Result<Server> {
        let (file, free) = (self.file.display().to_string(), "127.0.0.1:0");
        let arguments = ["--config", &file, "serve", "--listen", free, "--management", free];
        Server::start(&arguments, &self.settings).await
    }
}

/// An invented person as the API takes one: about the row that the probe writes.
fn person(number: u64) -> Value {
    let sample = SamplePerson::new(number);
    json!({
        "username": sample.username,
        "email": sample.email,
        "given_name": sample.given_name,
        "family_name": sample.family_name,
        "title": "Senior Specialist",
        "department": "Product Engineering",
        "cost_centre": "4100",
        "locale": "en-GB",
        "time_zone": "Europe/London",
        "phone": format!("+44207946{:04}", number % 10_000),
        "notes": "Joined with the spring intake; wants a quiet desk.",
    })
}
