//! A search finds whoever is shown, however those who have the words are spread over the people.

use model::{
    GroupId,
    filter::UserQuery,
    page::{Page, Reader},
};
use store::{Engine, user_list::Listed};

use crate::{
    page,
    people::{Loaded, NOW, Person},
};

/// Who is shown is found, however many others have the same word: those in a hidden state, or outside a large group.
#[tokio::test]
async fn whoever_is_shown_is_found_among_many_who_are_not() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let loaded = Loaded::new(engine, 9_000).await;
        loaded
            .change(&[
                "INSERT INTO group_members (org_id, group_id, user_id, granted_by, granted_at, reason) \
                 SELECT org_id, org_id, id, 'operator', 0, '' FROM users \
                 WHERE id NOT IN (SELECT id FROM users ORDER BY id LIMIT 1500)",
                "UPDATE users SET state = 'deprovisioned' \
                 WHERE id IN (SELECT id FROM users ORDER BY id LIMIT 3000)",
            ])
            .await;
        let group = GroupId(loaded.context.org.0);
        let common = UserQuery { search: "cme.exam".to_owned(), limit: 200, ..UserQuery::default() };
        let rarer = UserQuery { search: "ukasz".to_owned(), ..common.clone() };
        let shown = |person: &&Person, word: &str| {
            let is_shown = !person.user.status(NOW).hidden_by_default();
            is_shown && person.search_text.contains(word)
        };
        let later = &loaded.people[3_000..];
        // As many as a search looks at, in the order of their keys.
        let looked_at = later[..1_000].iter().filter(|person| shown(person, "cme.exam")).count();
        for group in [None, Some(group)] {
            let found = all_pages(&loaded, &UserQuery { group, ..common.clone() }).await;
            // PostgreSQL looks at their states first, and finds them in the order in which they lie in its table.
            let is_right = match (engine, group) {
                (Engine::Sqlite, _) => found == looked_at,
                (Engine::Postgres, None) => found == 400,
                (Engine::Postgres, Some(_)) => found >= looked_at,
            };
            assert!(is_right, "{engine:?} {group:?}: {found} of {looked_at}");
        }
        let few = later.iter().filter(|person| shown(person, "lukasz")).count();
        let found = all_pages(&loaded, &UserQuery { group: Some(group), ..rarer }).await;
        assert_eq!(found, few, "{engine:?}");
    }
}

/// How common a word is among the first people says nothing of the others: who has it is found behind as many as are read
/// in order, and behind as few as are looked at first.
#[tokio::test]
async fn whoever_is_far_behind_is_found_however_the_words_are_spread() {
    let loaded = Loaded::new(Engine::Postgres, 300).await;
    loaded
        .change(&[
            "INSERT INTO users (org_id, id, username_key, sort_name, search_text, fields, email_verified, state, \
             state_data, source, created_at, updated_at, last_sign_in_at, version) \
             SELECT u.org_id, ('ffffffff-ffff-4fff-8fff-' || lpad(n::text, 12, '0'))::uuid, 'far' || n, 'far', '', \
             u.fields, false, 'active', u.state_data, u.source, 0, 0, 0, 1 \
             FROM (SELECT * FROM users ORDER BY id LIMIT 1) u CROSS JOIN generate_series(1, 15001) n",
            "UPDATE users SET state = 'active', search_text = '  quillon  quince' WHERE id IN \
             (SELECT id FROM users ORDER BY id LIMIT 100)",
            "UPDATE users SET search_text = '  quillon  quokka' WHERE username_key IN ('far300', 'far15001')",
            // How many people there are decides what is asked.
            "ANALYZE users",
        ])
        .await;
    for (word, found) in [("quillon", 102), ("quince", 100), ("quokka", 2), ("quagga", 0)] {
        let query = UserQuery { search: word.to_owned(), limit: 200, ..UserQuery::default() };
        assert_eq!(page(&loaded, &query).await.items.len(), found, "{word}");
    }
}

/// Whoever is the last of a page may have another name before the next page is asked for: that goes on behind, in whatever
/// order people of one import have their ids.
#[tokio::test]
async fn pages_go_on_behind_whoever_is_not_found_any_more() {
    let loaded = Loaded::new(Engine::Postgres, 1).await;
    loaded
        .change(&[
            "INSERT INTO users (org_id, id, username_key, sort_name, search_text, fields, email_verified, state, \
             state_data, source, created_at, updated_at, last_sign_in_at, version) \
             SELECT u.org_id, md5(n::text)::uuid, 'somebody' || n, 'ahorn', '  ahorn', \
             u.fields, false, 'active', u.state_data, u.source, 0, 0, 0, 1 \
             FROM (SELECT * FROM users ORDER BY id LIMIT 1) u CROSS JOIN generate_series(1, 3000) n",
            "ANALYZE users",
        ])
        .await;
    let query = UserQuery { search: "horn".to_owned(), limit: 60, ..UserQuery::default() };
    let mut found = std::collections::HashSet::new();
    let mut at: Option<String> = None;
    loop {
        let page = page(&loaded, &query.clone().at(Reader::default(), at.as_deref()).unwrap()).await;
        assert!(page.items.iter().all(|row| found.insert(row.user.id)), "somebody twice");
        let Some(next) = page.next else { break };
        at = Some(next);
        let last = page.items.last().unwrap().user.id;
        loaded.rename(last).await;
    }
    assert_eq!(found.len(), 3_000);
}

/// How many people all pages of a search show, nobody twice, and back the same way.
async fn all_pages(loaded: &Loaded, query: &UserQuery) -> usize {
    let ids = |page: &Page<Listed>| page.items.iter().map(|row| row.user.id).collect::<Vec<_>>();
    let (mut found, mut before, mut at) = (Vec::new(), None::<Page<Listed>>, None::<String>);
    loop {
        let page = page(loaded, &query.clone().at(Reader::default(), at.as_deref()).unwrap()).await;
        if let Some(before) = &before {
            let back = query.clone().at(Reader::default(), page.previous.as_deref()).unwrap();
            assert_eq!(ids(&super::page(loaded, &back).await), ids(before), "back");
        }
        found.extend(ids(&page));
        at.clone_from(&page.next);
        before = Some(page);
        if at.is_none() {
            break;
        }
    }
    let all: std::collections::HashSet<_> = found.iter().collect();
    assert_eq!(all.len(), found.len(), "somebody twice");
    found.len()
}
