//! How both engines go about every question with 20,000 users: by an index, never through everybody; and that the
//! ways there are to one page lead to the same page, compared with an answer worked out in Rust.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must stop")]

#[path = "../people/mod.rs"]
mod people;
mod spread;
#[path = "../texts/mod.rs"]
mod texts;

use std::time::Duration;

use model::{
    Role, Status, Timestamp, User,
    device::Platform,
    filter::{Sort, UserQuery},
    page::{Cursor, Page, Reader},
    rights::Reach,
    search,
    session::{ORDER, SessionQuery},
};
use people::{Loaded, NOW, Person};
use store::{
    Connection, Engine, session_list,
    testing::sqlite_connection,
    user_list::{self, Listed},
};

/// Tables that grow with the number of people; nothing that is asked often may go through all of them.
const LARGE: [&str; 14] = [
    "users",
    "audit_entries",
    "sessions",
    "tokens",
    "credentials",
    "password_history",
    "role_grants",
    "links",
    "mails",
    "invitations",
    "email_directory",
    "audit_trees",
    "mail_names",
    "audit_mentions",
];

/// Somebody has set the server's clock: once, everything that is protected for a while is moved, whosever it is.
const ABOUT_EVERYBODY: &str = "clock.rs";

#[tokio::test]
async fn sqlite_goes_through_everybody_for_nobody() {
    let loaded = Loaded::new(Engine::Sqlite, 20_000).await;
    assert_pages_are_short(&loaded).await;
    loaded.sign_in(20_000).await;
    assert_sessions_are_found_by_an_index(&loaded).await;
    let driver = sqlite_connection(&loaded.file());
    let mut wrong = Vec::new();
    for (file, text) in texts::statements(Engine::Sqlite) {
        let explain = format!("EXPLAIN QUERY PLAN {text}");
        let mut statement = driver.prepare(&explain).unwrap();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get(3).unwrap();
            // An erasure reads what is its person's, not all of the organization.
            let is_whole_org = file == "erasure.rs" && step.ends_with("(org_id=?)");
            let is_scan = LARGE.iter().any(|table| scans(&step, table, &text));
            if is_whole_org || (is_scan && file != ABOUT_EVERYBODY) {
                wrong.push(format!("{file}: {step}\n    {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a step goes through a whole table. `SCAN u` is a table by its alias.
fn scans(step: &str, table: &str, text: &str) -> bool {
    let Some(name) = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next()) else { return false };
    name == table || text.contains(&format!("{table} {name} "))
}

#[tokio::test]
async fn postgres_goes_through_everybody_for_nobody() {
    let loaded = Loaded::new(Engine::Postgres, 20_000).await;
    assert_pages_are_short(&loaded).await;
    loaded.sign_in(20_000).await;
    assert_sessions_are_found_by_an_index(&loaded).await;
    let (driver, connection) = tokio_postgres::connect(&loaded.url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    // Small tables are read whole, and rightly so; what matters is whether there is another way.
    driver.batch_execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off").await.unwrap();
    let mut wrong = Vec::new();
    for (file, text) in texts::statements(Engine::Postgres) {
        let parameters = driver.prepare(&text).await.unwrap().params().len();
        driver.batch_execute(&format!("PREPARE asked AS {text}")).await.unwrap();
        let nulls = vec!["NULL"; parameters].join(", ");
        let call = if parameters == 0 { String::new() } else { format!("({nulls})") };
        let plan = driver.query(&format!("EXPLAIN EXECUTE asked{call}"), &[]).await.unwrap();
        for row in &plan {
            let step: String = row.get(0);
            let scanned = LARGE.iter().any(|table| step.contains(&format!("Seq Scan on {table} ")));
            if scanned && file != ABOUT_EVERYBODY {
                wrong.push(format!("{file}: {step}\n    {text}"));
            }
        }
        driver.batch_execute("DEALLOCATE asked").await.unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Everything that the list can be asked for, with `search`.
fn queries(search: &str) -> Vec<UserQuery> {
    let statuses =
        [vec![], vec![Status::Active], vec![Status::Locked], vec![Status::Suspended, Status::Deleted]];
    let mut queries = Vec::new();
    for sort in [Sort::Name, Sort::Username, Sort::LastSignIn, Sort::Created] {
        for descending in [false, true] {
            for statuses in &statuses {
                for role in [None, Some(Role::Auditor)] {
                    let (search, statuses) = (search.to_owned(), statuses.clone());
                    let limit = 20;
                    queries.push(UserQuery {
                        reader: Reader::default(),
                        search,
                        statuses,
                        role: role.map(Into::into),
                        group: None,
                        sort,
                        descending,
                        limit,
                        cursor: None,
                    });
                }
            }
        }
    }
    queries
}

/// No page of the list reads more than it shows.
async fn assert_pages_are_short(loaded: &Loaded) {
    let engine = loaded.engine;
    let mut wrong = Vec::new();
    // Nobody in particular, a rare word, a common one, both.
    for query in ["", "zimmerli", "example", "zimmerli ana"].iter().flat_map(|search| queries(search)) {
        let plan = loaded
            .read(async |connection| {
                // Where few rows are wanted from all over a table of this size, PostgreSQL may rightly read it whole, and where
                // nearly everybody has the word, from its beginning: what matters is whether there is another way.
                let is_everywhere = query.search == "example";
                let sparse = engine == Engine::Postgres && (query.role.is_some() || is_everywhere);
                if sparse {
                    connection.execute("SET enable_seqscan = off", &[]).await?;
                }
                let plan =
                    user_list::explain(connection, loaded.context, &query, &Reach::Everybody, NOW).await;
                if sparse {
                    connection.execute("RESET enable_seqscan", &[]).await?;
                }
                plan
            })
            .await;
        if goes_through_everybody(&plan, &query) {
            wrong.push(format!("{engine:?} {query:?}\n    {}", plan.join("\n    ")));
        }
        let is_fed = |step: &String| step.contains("user_search") || step.contains("users_search");
        let words = plan.iter().any(is_fed);
        // Few are locked, suspended or deleted, and each is looked at.
        let are_many = query.statuses.is_empty() || query.statuses == [Status::Active];
        if query.search == "zimmerli" && query.role.is_none() && are_many && !words {
            wrong.push(format!(
                "{engine:?} does not use the words' index: {query:?}\n    {}",
                plan.join("\n    ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of them, such as\n{}", wrong.len(), wrong[..wrong.len().min(3)].join("\n"));
}

/// Whether a plan reads or sorts more than a page needs.
fn goes_through_everybody(plan: &[String], query: &UserQuery) -> bool {
    // Some rows of each state may be merged; nothing else of a walk is sorted but the page itself.
    let page = plan.iter().position(|step| step == "SCAN page").unwrap_or(plan.len());
    let merges = plan.iter().any(|step| step == "CO-ROUTINE u");
    let sorts = plan[..page].iter().filter(|step| step.starts_with("USE TEMP B-TREE")).count();
    let looks_at_few = plan.iter().any(|step| step.starts_with("SEARCH s USING"));
    let walks =
        query.role.is_none() && !looks_at_few && query.search != "zimmerli" && query.search != "zimmerli ana";
    let scans = plan.iter().any(|step| {
        (step == "SCAN u" && !merges) || step.starts_with("SCAN users") || step.contains("Seq Scan on users")
    });
    scans || (walks && sorts > usize::from(merges))
}

/// The index that each question to the list of sessions must go by.
fn session_queries(loaded: &Loaded) -> Vec<(SessionQuery, &'static str)> {
    let every = SessionQuery::default;
    let network = |text: &str| Some(text.parse().unwrap());
    let cursor = |backwards| {
        let (order, key) = (ORDER.to_owned(), NOW.minus(Duration::from_secs(9_000)).micros().to_string());
        Some(Cursor { order, key, id: uuid::Uuid::max(), backwards })
    };
    vec![
        (every(), "sessions_recent"),
        (SessionQuery { cursor: cursor(false), ..every() }, "sessions_recent"),
        (SessionQuery { cursor: cursor(true), ..every() }, "sessions_recent"),
        (
            SessionQuery { remembered: Some(true), method: "password".to_owned(), ..every() },
            "sessions_recent",
        ),
        (
            SessionQuery { active_since: Some(NOW.minus(Duration::from_secs(60))), ..every() },
            "sessions_recent",
        ),
        (SessionQuery { user: Some(loaded.people[7].user.id), ..every() }, "sessions_user"),
        (SessionQuery { network: network("198.51.0.20"), ..every() }, "sessions_address"),
        (SessionQuery { network: network("203.7.0.0/16"), ..every() }, "sessions_address"),
        // Where a fifth of everybody is, walking fills a page soonest.
        (SessionQuery { network: network("198.51.0.0/16"), ..every() }, "sessions_recent"),
        (SessionQuery { platform: Some(Platform::ChromeOs), ..every() }, "sessions_platform"),
        (
            SessionQuery { platform: Some(Platform::Windows), cursor: cursor(false), ..every() },
            "sessions_platform",
        ),
    ]
}

/// No page of the list of sessions reads through all of them, or sorts more than one person's or a small network's.
async fn assert_sessions_are_found_by_an_index(loaded: &Loaded) {
    let mut wrong = Vec::new();
    for (query, index) in session_queries(loaded) {
        let plan = loaded
            .read(async |connection| session_list::explain(connection, loaded.context, &query, NOW).await)
            .await;
        let scans = plan.iter().any(|step| {
            step == "SCAN s"
                || step == "SCAN u"
                || step.contains("Seq Scan on sessions")
                || step.contains("Seq Scan on users")
        });
        let sorts =
            plan.iter().any(|step| step.starts_with("USE TEMP B-TREE FOR ORDER") || step.contains("Sort"));
        let may_sort = matches!(index, "sessions_user" | "sessions_address");
        // PostgreSQL knows what is common, and may choose another one.
        let index = if loaded.engine == Engine::Sqlite { index } else { "sessions_" };
        let is_found = plan.iter().any(|step| step.contains(index));
        if scans || !is_found || (sorts && !may_sort && loaded.engine == Engine::Sqlite) {
            wrong.push(format!("{:?} {query:?}, not by {index}\n    {}", loaded.engine, plan.join("\n    ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the list must answer, worked out the plain way.
fn expected<'p>(people: &'p [Person], query: &UserQuery) -> Vec<&'p User> {
    let terms = search::terms(&query.search).unwrap();
    let shown = query.shown();
    let mut found: Vec<&Person> = people
        .iter()
        .filter(|person| {
            shown.contains(&person.user.status(NOW))
                && query.role.is_none_or(|role| person.roles.iter().any(|held| role == *held))
                && terms.iter().all(|term| person.search_text.contains(term.as_str()))
        })
        .collect();
    match query.sort {
        Sort::Name => found.sort_by(|a, b| (&a.sort_name, a.user.id).cmp(&(&b.sort_name, b.user.id))),
        Sort::Username => found.sort_by_key(|person| person.user.fields.username_key()),
        Sort::LastSignIn => {
            found.sort_by_key(|person| {
                (person.user.last_sign_in_at.map_or(0, Timestamp::micros), person.user.id)
            });
        }
        Sort::Created => found.sort_by_key(|person| person.user.id),
    }
    if query.descending {
        found.reverse();
    }
    found.into_iter().map(|person| &person.user).collect()
}

async fn page(loaded: &Loaded, query: &UserQuery) -> Page<Listed> {
    let (context, query) = (loaded.context, query.clone());
    let read = async |connection: &mut Connection<'_>| {
        user_list::page(connection, context, &query, &Reach::Everybody, NOW).await
    };
    loaded.read(read).await
}

/// Words that nobody has, that few have, that more have than are sorted; of one and two letters, of several scripts.
const SEARCHES: [&str; 18] = [
    "",
    "ana",
    "example",
    "a",
    "zi",
    "zimmerli",
    "ana zimmerli",
    "ZIMMERLI",
    "an",
    "p1",
    "p19999",
    "1",
    "νίκος",
    "ΝΊΚΟΣ",
    "林",
    "篤",
    "xyzzy",
    "example xyzzy",
];

#[tokio::test]
async fn every_way_to_a_page_leads_to_the_same_page() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let loaded = Loaded::new(engine, 6_000).await;
        for query in SEARCHES.iter().flat_map(|search| queries(search)) {
            let expected = expected(&loaded.people, &query);
            let first = page(&loaded, &query).await;
            if first.more_than.is_some() {
                assert_best_come_first(&loaded, &query).await;
                continue;
            }
            let ids = |page: &Page<Listed>| page.items.iter().map(|row| row.user.id).collect::<Vec<_>>();
            let expect =
                |from: usize| expected.iter().skip(from).take(20).map(|user| user.id).collect::<Vec<_>>();
            assert_eq!(ids(&first), expect(0), "{engine:?} {query:?}");
            assert_eq!(first.next.is_some(), expected.len() > 20, "{engine:?} {query:?}");
            let Some(next) = first.next else { continue };
            let second = page(&loaded, &query.clone().at(Reader::default(), Some(&next)).unwrap()).await;
            assert_eq!(ids(&second), expect(20), "{engine:?} {query:?}, second page");
            let back = query.clone().at(Reader::default(), Some(&second.previous.unwrap())).unwrap();
            assert_eq!(ids(&page(&loaded, &back).await), expect(0), "{engine:?} {query:?}, back");
        }
    }
}

/// What a search answers that finds more than are sorted: those whose name, username or email begins with it, in this
/// order, then others; on all pages nobody twice, and back the same way.
async fn assert_best_come_first(loaded: &Loaded, query: &UserQuery) {
    let matching = expected(&loaded.people, &UserQuery { sort: Sort::Created, ..query.clone() });
    let what = format!("{:?} {query:?}", loaded.engine);
    assert!(matching.len() > 20 && query.role.is_none(), "{what}");
    let (begin, key) = (search::sort_key(&query.search), model::text::key(&query.search));
    let is_one_word = !begin.contains(' ');
    let place = |user: &User| {
        let (name, fields) = (user.sort_name(), &user.fields);
        let (username, email) = (fields.username_key().unwrap(), fields.email_key().unwrap());
        match () {
            () if name.starts_with(&begin) => Some((0, name, user.id)),
            () if is_one_word && username.starts_with(&key) => Some((1, username, user.id)),
            () if is_one_word && email.starts_with(&key) => Some((2, email, user.id)),
            () => None,
        }
    };
    let mut best: Vec<_> = matching.iter().filter_map(|user| place(user)).collect();
    best.sort();
    let query = UserQuery { limit: 200, ..query.clone() };
    let (mut pages, mut at) = (Vec::new(), None);
    while pages.len() < 60 {
        let page = page(loaded, &query.clone().at(Reader::default(), at.as_deref()).unwrap()).await;
        assert_eq!(page.more_than, Some(400), "{what}");
        at.clone_from(&page.next);
        pages.push(page);
        if at.is_none() {
            break;
        }
    }
    let ids = |page: &Page<Listed>| page.items.iter().map(|row| row.user.id).collect::<Vec<_>>();
    let found: Vec<_> = pages.iter().flat_map(ids).collect();
    let first: Vec<_> = best.iter().map(|(.., id)| *id).collect();
    assert_eq!(found[..best.len()], first, "{what}");
    let all: std::collections::HashSet<_> = found.iter().collect();
    assert_eq!(all.len(), found.len(), "{what}: somebody twice");
    assert!(
        found.iter().all(|id| matching.iter().any(|user| user.id == *id)),
        "{what}: somebody who does not match"
    );
    assert!(found.len() <= best.len() + 4_000, "{what}: {} found", found.len());
    for pair in pages.windows(2) {
        let back = query.clone().at(Reader::default(), pair[1].previous.as_deref()).unwrap();
        assert_eq!(ids(&page(loaded, &back).await), ids(&pair[0]), "{what}, back");
    }
}

/// Every way to ask for a page of the audit log goes along an index, and ends at the page or at its window.
#[tokio::test]
async fn pages_of_the_audit_log_are_short() {
    let texts = store::audit_list::texts();
    let sqlite = Loaded::new(Engine::Sqlite, 3_000).await;
    let driver = sqlite_connection(&sqlite.file());
    for text in &texts {
        let mut statement = driver.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        let mut rows = statement.raw_query();
        let along = index_of_the_audit_log(text);
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get(3).unwrap();
            let is_walk = step.contains("audit_entries");
            assert!(
                !step.contains("TEMP B-TREE") && (!is_walk || step.contains(along)),
                "{step}\n    {text}"
            );
        }
    }
    let postgres = Loaded::new(Engine::Postgres, 3_000).await;
    let (driver, connection) = tokio_postgres::connect(&postgres.url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    driver
        .batch_execute(
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off",
        )
        .await
        .unwrap();
    for text in &texts {
        let parameters = driver.prepare(text).await.unwrap().params().len();
        driver.batch_execute(&format!("PREPARE asked AS {text}")).await.unwrap();
        let call = vec!["NULL"; parameters].join(", ");
        let plan = driver.query(&format!("EXPLAIN EXECUTE asked({call})"), &[]).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        // What was looked through is in order already; only that much may be sorted.
        assert!(
            steps.iter().any(|step| step.contains("Index Scan") || step.contains("Index Only Scan")),
            "{steps:?}"
        );
        assert!(
            !steps.iter().any(|step| step.contains("Seq Scan on audit_entries")),
            "{steps:?}\n    {text}"
        );
        driver.batch_execute("DEALLOCATE asked").await.unwrap();
    }
}

/// Along which index of `SQLite` a page goes: who and about whom have one, and few of all entries.
fn index_of_the_audit_log(text: &str) -> &'static str {
    match text {
        text if text.contains("AND target = ") => {
            "audit_entries_target (org_id=? AND target=? AND id>? AND id<?)"
        }
        text if text.contains("AND actor = $13") || text.contains("AND actor = $5") => {
            "audit_entries_actor (org_id=? AND actor=? AND id>? AND id<?)"
        }
        _ => "sqlite_autoindex_audit_entries_1 (org_id=? AND id>? AND id<?)",
    }
}
