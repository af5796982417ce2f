//! The list of invitations with 8,000 of them: every page is read from an index, and is the page that plain Rust would
//! have made.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must stop")]

use std::time::Duration;

use model::{
    Agent, EntryId, InvitationId, OrgContext, OrgId, Timestamp, User, UserFields, UserId,
    invitation::{Invitation, InvitationState, InvitationStatus as Status},
    invitation_query::{InvitationQuery, Order},
    link::Purpose,
    mail::MailState,
};
use store::{
    Attempt, Connection, Database, Engine, Lane, Options, Proof, invitation_list,
    testing::{Postgres, Scratch},
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);
const MANY: usize = 8_000;

fn id(number: usize) -> Uuid {
    Uuid::from_u128((number as u128 + 1) << 64 | 0x8000_0000_0000_0000)
}

fn context() -> OrgContext {
    OrgContext::from(OrgId(Uuid::from_u128(5)))
}

fn inviter(number: usize) -> Agent {
    if number % 50 == 7 { Agent::Operator } else { Agent::User(UserId(id(number % 3))) }
}

/// Most were accepted; of the open ones some have expired and a few could not be delivered.
fn invented(number: usize) -> Invitation {
    let hours = |count: usize| HOUR * u32::try_from(count).unwrap();
    let made = NOW.minus(hours(MANY - number));
    Invitation {
        id: InvitationId(id(number)),
        org: context(),
        user: UserId(id(number)),
        kind: Purpose::Invitation,
        state: match number % 10 {
            0..=3 => InvitationState::Pending,
            4 => InvitationState::Cancelled,
            _ => InvitationState::Accepted,
        },
        message: String::new(),
        invited_by: inviter(number),
        invited_by_name: String::new(),
        created_at: made,
        sent_at: made,
        expires_at: if number.is_multiple_of(2) {
            NOW.plus(hours(number % 977 + 1))
        } else {
            NOW.minus(hours(number % 997))
        },
        lifetime_hours: 168,
        resends: 0,
        resends_since: made,
        reminded: 0,
        opened_at: None,
        ended_at: None,
        delivery: if number % 40 == 2 { MailState::Failed } else { MailState::Sent },
        delivery_why: String::new(),
    }
}

fn person(number: usize) -> User {
    let rare = if number % 997 == 12 { "Zimmerli" } else { "Smith" };
    let fields = UserFields {
        username: Some(format!("p{number}")),
        email: Some(format!("p{number}@acme.example")),
        family_name: Some(rare.to_owned()),
        ..UserFields::default()
    };
    User::new(UserId(id(number)), context(), fields, NOW)
}

async fn loaded(engine: Engine) -> (Database, Scratch) {
    let scratch = Scratch::new();
    let url = match engine {
        Engine::Sqlite => scratch.sqlite(),
        Engine::Postgres => Postgres::shared().database(),
    };
    let database = Database::open(&Options::new(&url)).await.unwrap();
    database.migrate().await.unwrap();
    for from in (0..MANY).step_by(500) {
        let proof = Proof { org: OrgId(Uuid::nil()), entry: EntryId(id(from)) };
        let work = async move |connection: &mut Connection<'_>| {
            for number in from..from + 500 {
                store::users::insert(connection, &person(number), None).await?;
                store::invitations::insert(connection, &invented(number)).await?;
            }
            Ok(Attempt::Commit(()))
        };
        database.transaction(proof, Lane::Interactive, work, |(), _| {}).await.unwrap();
    }
    if engine == Engine::Postgres {
        let analyze = async |connection: &mut Connection<'_>| connection.execute("ANALYZE", &[]).await;
        database.read(analyze).await.unwrap();
    }
    (database, scratch)
}

fn queries() -> Vec<InvitationQuery> {
    let statuses = [
        vec![],
        vec![Status::Pending],
        vec![Status::Expired],
        vec![Status::Undeliverable],
        vec![Status::Accepted],
        vec![Status::Cancelled],
        vec![Status::Pending, Status::Undeliverable],
        vec![Status::Pending, Status::Expired],
        vec![Status::Accepted, Status::Expired],
    ];
    let mut queries = Vec::new();
    for statuses in statuses {
        for (within, older) in [(None, None), (Some(48), None), (None, Some(3))] {
            for invited_by in [None, Some(inviter(1)), Some(Agent::Operator)] {
                for search in ["", "smith", "zimmerli"] {
                    let search = search.to_owned();
                    queries.push(InvitationQuery {
                        reader: model::page::Reader::default(),
                        search,
                        statuses: statuses.clone(),
                        expires_within_hours: within,
                        older_than_days: older,
                        invited_by,
                        limit: 20,
                        cursor: None,
                    });
                }
            }
        }
    }
    queries
}

fn expected(query: &InvitationQuery) -> Vec<InvitationId> {
    let shown = query.shown();
    let (from, to) = query.ends(NOW);
    let by_end = query.order() != Order::Newest || query.expires_within_hours.is_some();
    let mut found: Vec<Invitation> = (0..MANY)
        .filter(|number| {
            let words = person(*number).search_text();
            let invitation = invented(*number);
            words.contains(&query.search)
                && shown.contains(&invitation.status(NOW))
                && query.invited_by.is_none_or(|agent| agent == invitation.invited_by)
                && invitation.created_at < query.made_before(NOW)
                && (!by_end
                    || (invitation.state == InvitationState::Pending
                        && invitation.expires_at > from
                        && invitation.expires_at <= to))
        })
        .map(invented)
        .collect();
    match query.order() {
        Order::Newest => found.sort_by_key(|one| std::cmp::Reverse(one.id)),
        Order::EndsNext => found.sort_by_key(|one| (one.expires_at, one.id)),
        Order::EndedLast => found.sort_by_key(|one| std::cmp::Reverse((one.expires_at, one.id))),
    }
    found.into_iter().map(|one| one.id).collect()
}

async fn every_page_is_right_and_short(engine: Engine) {
    let (database, _scratch) = loaded(engine).await;
    let mut wrong = Vec::new();
    for query in queries() {
        let asked = query.clone();
        // A table of this size is rightly read whole for a rare word: what matters is whether there is another way.
        let has_word = engine == Engine::Postgres && !query.search.is_empty();
        let read = async |connection: &mut Connection<'_>| {
            if has_word {
                connection.execute("SET enable_seqscan = off", &[]).await?;
            }
            let plan = invitation_list::explain(connection, context(), &asked, NOW).await?;
            if has_word {
                connection.execute("RESET enable_seqscan", &[]).await?;
            }
            let first = invitation_list::page(connection, context(), &asked, NOW).await?;
            Ok((plan, first))
        };
        let (plan, first) = database.read(read).await.unwrap();
        let scans = plan.iter().any(|step| {
            step.starts_with("SCAN") || step.contains("TEMP B-TREE") || step.contains("Seq Scan on")
        });
        if scans {
            wrong.push(format!("{query:?}\n    {}", plan.join("\n    ")));
        }
        let expected = expected(&query);
        let ids = |page: &model::page::Page<invitation_list::Listed>| {
            page.items.iter().map(|row| row.invitation.id).collect::<Vec<_>>()
        };
        let start = &expected[..expected.len().min(20)];
        assert_eq!(ids(&first), start, "{engine:?} {query:?}");
        let Some(next) = first.next else { continue };
        let asked = query.clone().at(model::page::Reader::default(), Some(&next)).unwrap();
        let read = async |connection: &mut Connection<'_>| {
            let second = invitation_list::page(connection, context(), &asked, NOW).await?;
            let back = query.clone().at(model::page::Reader::default(), second.previous.as_deref())?;
            let first = invitation_list::page(connection, context(), &back, NOW).await?;
            Ok((second, first))
        };
        let (second, again) = database.read(read).await.unwrap();
        assert_eq!(ids(&second), expected[20..expected.len().min(40)], "{engine:?} {query:?}, second page");
        assert_eq!(ids(&again), start, "{engine:?} {query:?}, and back");
    }
    assert!(
        wrong.is_empty(),
        "{engine:?}, {} of them:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(4)].join("\n")
    );
    let read = async |connection: &mut Connection<'_>| {
        invitation_list::counts(connection, context(), NOW, 10_000).await
    };
    for (status, count) in database.read(read).await.unwrap() {
        let there = (0..MANY).filter(|number| invented(*number).status(NOW) == status).count();
        assert_eq!(count, i64::try_from(there).unwrap(), "{engine:?} {status}");
    }
}

#[tokio::test]
async fn sqlite_reads_every_page_from_an_index() {
    every_page_is_right_and_short(Engine::Sqlite).await;
}

#[tokio::test]
async fn postgres_reads_every_page_from_an_index() {
    every_page_is_right_and_short(Engine::Postgres).await;
}
