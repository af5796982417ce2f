//! A rise that touches very many people: everybody is counted, listed and confirmed, and nobody else is written to.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use model::Role;
use serde_json::{Value, json};

use super::{accepts, id, links_to};
use crate::{
    app::{Somebody, TestApp},
    patience::use_first,
};

/// More than one transaction carries out.
const MANY: usize = 520;
/// All but one, as the database counts.
const CONFIRMED: i64 = 519;

fn email(group: &str, number: usize) -> String {
    format!("{group}{number}@acme.example")
}

/// A group of people whom somebody has invited.
async fn invited(app: &TestApp, maker: &Somebody, name: &str, count: usize) -> String {
    let group = id(app, "/groups", json!({"name": name})).await;
    let emails: Vec<String> = (0..count).map(|number| email(name, number)).collect();
    for some in emails.chunks(260) {
        // Named apart: nobody is refused because many at once look for a free username.
        let invite = |email: &String| json!({"given_name": "New", "username": email, "email": email});
        let list: Vec<Value> = some.iter().map(invite).collect();
        let body = json!({"invitations": list});
        let done = app.call(Method::POST, "/invitations/batch", &maker.token, body).await.expect(200);
        assert_eq!(done.json()["invited"], some.len(), "{}", done.text);
    }
    let added = app.post(&format!("/groups/{group}/members"), json!({"members": emails})).await;
    added.expect(200);
    group
}

/// The newest link of each address, as far as the mailbox has kept it.
async fn newest_links(app: &TestApp) -> BTreeMap<String, String> {
    let mails = app.mails().await.into_iter().rev();
    let links = mails.filter_map(|letter| {
        let (_, rest) = letter.text.split_once("/o/acme/invitation/")?;
        let link = rest.split_whitespace().next()?.to_owned();
        Some((letter.to, link))
    });
    links.collect()
}

on_both! {
    async fn everybody_whom_a_rise_touches_is_counted_and_listed_and_confirmed(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        for somebody in [&app.owner, &weak] {
            use_first(&app, &app.router, &somebody.token).await;
        }
        let (few, many) = (invited(&app, &weak, "few", 20).await, invited(&app, &weak, "many", MANY).await);
        app.worked().await;
        let body = json!({"role": "auditor"});
        let ask = async |group: &str, query: String| {
            app.post(&format!("/groups/{group}/roles{query}"), body.clone()).await
        };
        // What it costs to ask does not follow the number of people.
        store::testing::watch_statements(app.org.id);
        ask(&few, String::new()).await.expect(409);
        let of_few = store::testing::take_statements(app.org.id).len();
        let asked = ask(&many, String::new()).await.expect(409);
        let of_many = store::testing::take_statements(app.org.id).len();
        assert!(of_many <= of_few + 20, "{of_many} statements for {MANY} people, {of_few} for 20");

        // Nobody waits for a dry run.
        let dry = ask(&many, "?dry_run=true&impact=true".to_owned()).await.expect(200).json();
        let of_dry = store::testing::take_statements(app.org.id);
        assert!(of_dry.len() <= of_few + 40, "{}", of_dry.len());
        assert!(!of_dry.iter().any(|text| text.contains("FOR UPDATE")), "{of_dry:?}");
        let listed = dry["ended"].as_array().unwrap();
        assert_eq!((listed.len(), &dry["secrets"]), (2 * MANY, &json!(2 * MANY)));
        assert_eq!(dry["confirm"], asked.json()["confirm"]);
        let shown: BTreeSet<&str> = listed.iter().map(|one| one["label"].as_str().unwrap().split(' ').next().unwrap()).collect();
        assert_eq!(shown, (0..MANY).map(|number| email("many", number)).collect::<Vec<_>>().iter().map(String::as_str).collect());
        assert!(asked.text.contains(&format!("And {} more such secrets end.", 2 * MANY - 6)), "{}", asked.text);

        // Whoever it is that gets another address meanwhile: it is asked about again.
        let last = app.app.user_by_identifier(&app.operator(), &email("many", MANY - 1)).await.unwrap().user.id;
        let other = json!({"email": "evil@elsewhere.example"});
        app.call(Method::PATCH, &format!("/users/{last}"), &weak.token, other).await.expect(200);
        let again = ask(&many, format!("?end_secrets={}", asked.json()["confirm"])).await.expect(409);
        let back = json!({"email": email("many", MANY - 1)});
        app.patch(&format!("/users/{last}"), back).await.expect(200);
        ask(&many, format!("?end_secrets={}", again.json()["confirm"])).await.expect(409);
        let shown = ask(&many, String::new()).await.expect(409).json()["confirm"].clone();

        app.worked().await;
        let old = newest_links(&app).await;
        let before = app.count("SELECT count(*) FROM mails").await;
        app.later(std::time::Duration::from_secs(1));
        store::testing::take_statements(app.org.id);
        ask(&many, format!("?end_secrets={shown}")).await.expect(200);
        // Others wait for the first ones only: the worker goes on with the rest, in steps as short.
        let of_rise = store::testing::take_statements(app.org.id).len();
        assert!(of_rise <= of_few + 50 * 20, "{of_rise}");
        let queued = app.count("SELECT count(*) FROM mails").await;
        assert!(queued - before < CONFIRMED, "the worker does the rest");
        app.worked().await;
        // The last one's address is the owner's doing by now.
        let written = app.count("SELECT count(*) FROM mails").await;
        assert_eq!(written - before, CONFIRMED);
        let open = "SELECT count(DISTINCT address) FROM links WHERE ended_at IS NULL AND address LIKE 'many%'";
        assert_eq!(app.count(open).await, CONFIRMED + 1);
        // The mailbox keeps the latest five hundred.
        let new = newest_links(&app).await;
        let (watched, link) = new.iter().find(|(email, link)| old.get(*email).is_some_and(|old| old != *link)).unwrap();
        assert!(!accepts(&app, &old[watched], watched).await, "the old one");
        assert!(accepts(&app, link, watched).await, "the new one");
    }

    async fn who_was_not_shown_is_written_to_by_nobody(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let group = invited(&app, &weak, "unseen", 3).await;
        let role = id(&app, "/roles", json!({"name": "Post", "permissions": ["audit:read"]})).await;
        app.post(&format!("/groups/{group}/roles"), json!({"role": role})).await.expect(409);
        // A group's owner who may see nobody gives it to them, to begin soon.
        let choir = id(&app, "/groups", json!({"name": "Choir"})).await;
        app.post(&format!("/groups/{choir}/roles"), json!({"role": role})).await.expect(200);
        let gus = app.person("Gus", Role::Member).await;
        app.post(&format!("/users/{}/roles", gus.id), json!({"role": role})).await.expect(200);
        app.call(Method::PUT, &format!("/groups/{choir}/owners/{}", gus.id), &app.owner.token, json!({})).await.expect(200);
        let from = app.app.now().plus(crate::outgrown::SOON).to_string();
        // By an id: the address was not typed either.
        let user = app.app.user_by_identifier(&app.operator(), &email("unseen", 0)).await.unwrap().user.id;
        let (own, body) = (format!("/account/groups/{choir}/members"), json!({"members": [user], "valid_from": from}));
        app.confirmed(Method::POST, &own, &gus.token, body).await.expect(200);
        let before = links_to(&app, &email("unseen", 0)).await;
        app.later(crate::outgrown::SOON + std::time::Duration::from_secs(1));
        app.worked().await;
        let after = links_to(&app, &email("unseen", 0)).await;
        assert_eq!(after.len(), before.len(), "nobody has confirmed the address");
        assert!(!accepts(&app, &after[0], &email("unseen", 0)).await);
    }
}
