//! The list of all sessions: whose, from where, on what; and ending all that were found.

use app::sessions::{COUNTED, Count, Listed};
use axum::{http::StatusCode, response::Response};
use model::{
    Error, Kind, Permission, UserId,
    device::Platform,
    filter::UserQuery,
    network::Network,
    page::{self, Page},
    session::SessionQuery,
};
use serde::{Deserialize, Serialize};

use super::{
    done::Done,
    sessions::{places, row},
    view::{
        form::{Control, Field, Form, Section},
        frame,
        parts::{Action, Avatar, Empty, Link, PageSize, Pager},
        question::Dialog,
        sessions::{Chip, ChipGroup, ListedSession, Revoke, SessionList, SessionRow},
    },
    visit::{Part, Visit, html, shown_again},
    words::{number, people},
};
use crate::{
    extract::{Fields, Query},
    problem::Answer,
};

/// What the address of the list says.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Address {
    /// As typed: a person, an address, a network.
    #[serde(skip_serializing_if = "String::is_empty")]
    q: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    platform: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    method: String,
    /// `yes` or `no`.
    #[serde(skip_serializing_if = "String::is_empty")]
    kept: String,
    /// `hour`, `day` or `week`.
    #[serde(skip_serializing_if = "String::is_empty")]
    active: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_size: Option<u16>,
    #[serde(skip_serializing_if = "String::is_empty")]
    page_token: String,
}

/// Offered page sizes.
const SIZES: [u16; 4] = [25, 50, 100, 200];
/// Since when a session was used: in the address, on the chip, in seconds.
const ACTIVE: [(&str, &str, u64); 3] = [
    ("hour", "Used in the last hour", 3_600),
    ("day", "Used in 24 hours", 86_400),
    ("week", "Used in 7 days", 604_800),
];
/// People offered when what was typed can mean several.
const MEANINGS: u16 = 6;
/// Requests that one answer to a question makes of the operation, each of which ends some hundreds.
const ROUNDS: usize = 1_000;

/// Whom or what the typed words mean.
enum Meant {
    Everything,
    Network(Network),
    Person(UserId),
    Several(Vec<(String, String)>),
    Nothing,
}

impl Address {
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut address = Self { page_token: String::new(), ..self.clone() };
        change(&mut address);
        address
    }

    fn href(&self, path: &str) -> String {
        let query = serde_urlencoded::to_string(self).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// What a new search keeps.
    fn others(&self) -> Vec<(String, String)> {
        let kept = self.with(|address| address.q.clear());
        let query = serde_urlencoded::to_string(&kept).unwrap_or_default();
        serde_urlencoded::from_str(&query).unwrap_or_default()
    }

    /// Everything but the typed words.
    fn understood(&self, visit: &Visit) -> model::Result<SessionQuery> {
        let now = visit.app().now();
        let unknown = |field: &'static str| {
            let message = "This address can't be understood. Start again from the list.";
            Error::invalid_field(field, "list.unknown_filter", message)
        };
        let platform = match self.platform.as_str() {
            "" => None,
            name => Some(Platform::parse(name).ok_or_else(|| unknown("platform"))?),
        };
        let remembered = match self.kept.as_str() {
            "" => None,
            "yes" => Some(true),
            "no" => Some(false),
            _ => return Err(unknown("kept")),
        };
        let active_since = match self.active.as_str() {
            "" => None,
            name => {
                let found = ACTIVE.iter().find(|(known, ..)| *known == name);
                let (.., seconds) = found.ok_or_else(|| unknown("active"))?;
                Some(now.minus(std::time::Duration::from_secs(*seconds)))
            }
        };
        let limit = page::limit(self.page_size)?;
        let method = self.method.clone();
        let query =
            SessionQuery { platform, method, remembered, active_since, limit, ..SessionQuery::default() };
        query.at(visit.caller.actor.reader(), &self.page_token)
    }

    /// What is meant by the typed words.
    async fn meant(&self, visit: &Visit) -> model::Result<Meant> {
        let typed = self.q.trim();
        if typed.is_empty() {
            return Ok(Meant::Everything);
        }
        if let Ok(network) = typed.parse() {
            return Ok(Meant::Network(network));
        }
        let actor = &visit.caller.actor;
        match visit.app().user_by_identifier(actor, typed).await {
            Ok(person) => return Ok(Meant::Person(person.user.id)),
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Forbidden) => {}
            Err(error) => return Err(error),
        }
        if !visit.may(Permission::UserList) {
            return Ok(Meant::Nothing);
        }
        let query = UserQuery { search: typed.to_owned(), limit: MEANINGS, ..UserQuery::default() };
        let found = visit.app().users(actor, query).await?;
        Ok(match found.items.as_slice() {
            [] => Meant::Nothing,
            [one] => Meant::Person(one.user.id),
            many => {
                let words = |user: &model::User| (user.name().to_owned(), user.username().to_owned());
                Meant::Several(many.iter().map(|listed| words(&listed.user)).collect())
            }
        })
    }
}

/// The whole filter of an address; `None` if nothing can match.
async fn filter(visit: &Visit, address: &Address) -> model::Result<(Option<SessionQuery>, Meant)> {
    let query = address.understood(visit)?;
    let meant = address.meant(visit).await?;
    let query = match &meant {
        Meant::Everything => Some(query),
        Meant::Network(network) => Some(SessionQuery { network: Some(*network), ..query }),
        Meant::Person(user) => Some(SessionQuery { user: Some(*user), ..query }),
        Meant::Several(_) | Meant::Nothing => None,
    };
    Ok((query, meant))
}

/// `GET /o/{slug}/sessions`
pub(crate) async fn list(visit: Visit, Query(address): Query<Address>) -> Answer<Response> {
    let (query, meant) = filter(&visit, &address).await?;
    let (page, count) = match &query {
        Some(query) => (
            visit.app().sessions(&visit.caller.actor, query.clone()).await?,
            visit.app().session_count(&visit.caller.actor, query).await?,
        ),
        None => (Page { items: Vec::new(), next: None, previous: None, more_than: None }, Count::default()),
    };
    let rows: Vec<ListedSession> = page.items.iter().map(|listed| listed_row(&visit, listed)).collect();
    let list = List { visit: &visit, address: &address };
    let summary = summary(count);
    let empty = rows.is_empty().then(|| list.empty(&meant));
    let crumbs = vec![Link::new("Sessions", "")];
    let template = SessionList {
        frame: visit.frame("Sessions", frame::Section::Sessions, crumbs, "").await?,
        announcement: if rows.is_empty() { "No session matches".to_owned() } else { summary.clone() },
        query: address.q.clone(),
        path: visit.at("/sessions"),
        kept: address.others(),
        chips: list.chips(),
        meanings: list.meanings(&meant),
        revoke: list.revoke(query.as_ref(), count),
        places: places(&visit, &visit.app().places().look(), rows.is_empty()),
        pager: list.pager(&page, count),
        summary,
        rows,
        empty,
    };
    match visit.part {
        Part::Results => html(StatusCode::OK, &template.as_results(), Part::Results),
        _ => html(StatusCode::OK, &template, Part::Page),
    }
}

fn listed_row(visit: &Visit, listed: &Listed) -> ListedSession {
    let user = listed.labelled.session.user;
    let revoke = if visit.may(Permission::SessionRevoke) && !listed.labelled.is_this {
        let session = listed.labelled.session.id;
        Revoke::Ask(visit.at_user(user, &format!("/sessions/{session}/revoke")))
    } else {
        Revoke::No("")
    };
    ListedSession {
        name: listed.name.clone(),
        username: listed.username.clone(),
        avatar: Avatar::of(&listed.name, &user.to_string()),
        href: if visit.may(Permission::UserRead) { visit.at_user(user, "/sessions") } else { String::new() },
        session: SessionRow { whose: listed.name.clone(), ..row(visit, &listed.labelled, revoke) },
    }
}

fn sessions(count: i64) -> String {
    match count {
        1 => "1 session".to_owned(),
        many if many > COUNTED => format!("Over {} sessions", number(COUNTED)),
        many => format!("{} sessions", number(many)),
    }
}

fn summary(count: Count) -> String {
    if count.sessions > COUNTED {
        return sessions(count.sessions);
    }
    format!("{} of {}", sessions(count.sessions), people(count.people))
}

/// What the parts of the page are made from.
struct List<'p> {
    visit: &'p Visit,
    address: &'p Address,
}

impl List<'_> {
    fn href(&self, change: impl FnOnce(&mut Address)) -> String {
        self.address.with(change).href(&self.visit.at("/sessions"))
    }

    fn chips(&self) -> Vec<ChipGroup> {
        let any = |label: &str, href: String, current: bool| Chip { label: label.to_owned(), href, current };
        let address = self.address;
        let mut platforms =
            vec![any("All platforms", self.href(|to| to.platform.clear()), address.platform.is_empty())];
        for platform in Platform::ALL {
            let href = self.href(|to| platform.as_str().clone_into(&mut to.platform));
            platforms.push(any(platform.label(), href, address.platform == platform.as_str()));
        }
        let mut active =
            vec![any("Used at any time", self.href(|to| to.active.clear()), address.active.is_empty())];
        for (name, label, _) in ACTIVE {
            let href = self.href(|to| name.clone_into(&mut to.active));
            active.push(any(label, href, address.active == name));
        }
        let mut kept = vec![any("Kept or not", self.href(|to| to.kept.clear()), address.kept.is_empty())];
        for (name, label) in [("yes", "Kept signed in"), ("no", "Until the browser closes")] {
            let href = self.href(|to| name.clone_into(&mut to.kept));
            kept.push(any(label, href, address.kept == name));
        }
        let mut groups = vec![
            ChipGroup { id: "platform", label: "Platform", choices: platforms },
            ChipGroup { id: "use", label: "Use", choices: active },
            ChipGroup { id: "duration", label: "Duration", choices: kept },
        ];
        if !address.method.is_empty() {
            let label = super::sessions::method(&address.method);
            let choices = vec![
                any("Any method", self.href(|to| to.method.clear()), false),
                any(&label, self.href(|_| ()), true),
            ];
            groups.push(ChipGroup { id: "method", label: "Method", choices });
        }
        groups
    }

    fn meanings(&self, meant: &Meant) -> Vec<Link> {
        let Meant::Several(several) = meant else { return Vec::new() };
        let link = |(name, username): &(String, String)| {
            Link::new(name.as_str(), self.href(|to| to.q.clone_from(username)))
        };
        several.iter().map(link).collect()
    }

    /// Ending all that is found.
    fn revoke(&self, query: Option<&SessionQuery>, count: Count) -> Option<Action> {
        let query = query.filter(|_| count.sessions > 0 && self.visit.may(Permission::SessionRevoke))?;
        let href = self.address.with(|_| ()).href(&self.visit.at("/sessions/revoke"));
        let label = match (query.network, query.is_everything()) {
            (_, true) => "End all sessions…".to_owned(),
            (Some(network), _) if network.is_single() => "End all from this address…".to_owned(),
            _ => format!("End {}…", sessions(count.sessions).to_lowercase()),
        };
        Some(Action::dialog(label, href, "sign-out").dangerous())
    }

    fn pager(&self, page: &Page<Listed>, count: Count) -> Pager {
        let step = |token: &Option<String>| {
            token.as_ref().map(|token| self.href(|address| address.page_token.clone_from(token)))
        };
        let current = self.address.page_size.unwrap_or(page::DEFAULT_LIMIT);
        let sizes = SIZES.map(|size| PageSize {
            size: size.into(),
            href: self.href(|address| address.page_size = Some(size)),
            current: size == current,
        });
        let shown = i64::try_from(page.items.len()).unwrap_or(i64::MAX);
        let whole = page.next.is_none() && page.previous.is_none();
        let summary = if whole {
            sessions(shown)
        } else {
            format!("{} of {}", number(shown), sessions(count.sessions).to_lowercase())
        };
        let sizes =
            if whole && page.items.len() <= usize::from(SIZES[0]) { Vec::new() } else { sizes.to_vec() };
        Pager { summary, previous: step(&page.previous), next: step(&page.next), sizes }
    }

    fn empty(&self, meant: &Meant) -> Empty {
        let typed = self.address.q.trim();
        let (title, text) = match meant {
            Meant::Nothing => (
                "Nobody and no address matches",
                format!("“{typed}” is no person here, and no address such as 203.0.113.7 or 203.0.113.0/24."),
            ),
            Meant::Several(_) => ("Who is meant?", "Choose one of the people above.".to_owned()),
            _ => ("No session matches", "Nobody is signed in this way at the moment.".to_owned()),
        };
        let clear = Action::page("Clear search and filters", self.visit.at("/sessions"), "close");
        Empty { icon: "no-match", title: title.to_owned(), text, actions: vec![clear] }
    }
}

/// `GET /o/{slug}/sessions/revoke`
pub(crate) async fn ask(visit: Visit, Query(address): Query<Address>) -> Answer<Response> {
    question(&visit, &address, StatusCode::OK, None).await
}

async fn question(
    visit: &Visit,
    address: &Address,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let (query, _) = filter(visit, address).await?;
    let query = query.ok_or_else(Error::not_found)?;
    // What would happen, exactly: done and undone.
    let mut trying = visit.caller.actor.clone();
    trying.dry_run = true;
    let ended = visit.app().revoke_sessions(&trying, query.clone(), None).await?;
    let (count, of) =
        (i64::try_from(ended.sessions).unwrap_or(i64::MAX), i64::try_from(ended.people).unwrap_or(i64::MAX));
    let mut fields = Vec::new();
    if visit.app().needs_number(&visit.caller.actor, ended.people).await? {
        let label = "Type the number of people to confirm";
        fields.push(Field::new("confirm", label, Control::Retype(ended.people.to_string())).required());
    }
    let mut form = Form {
        action: address.with(|_| ()).href(&visit.at("/sessions/revoke")),
        csrf: visit.caller.csrf.clone(),
        submit: "End sessions".to_owned(),
        danger: true,
        cancel: address.href(&visit.at("/sessions")),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let mut consequences = Vec::new();
    if ended.spared > 0 {
        let spared = sessions(i64::try_from(ended.spared).unwrap_or(i64::MAX)).to_lowercase();
        consequences
            .push(format!("Left alone: {spared}, which are yours here and of people who may do more."));
    }
    let which = if query.is_everything() { "Every session of everybody" } else { "What the filter finds" };
    let dialog = Dialog {
        title: format!("End {}?", sessions(count).to_lowercase()),
        icon: "sign-out",
        lead: format!("{which} ends at once: {} must sign in again.", people(of)),
        consequences,
        advice: None,
        form,
    };
    let crumbs = vec![Link::new("Sessions", visit.at("/sessions")), Link::new("End sessions", "")];
    let frame = visit.frame("End sessions", frame::Section::Sessions, crumbs, "").await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/sessions/revoke`
pub(crate) async fn revoke(visit: Visit, Query(address): Query<Address>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let (query, _) = filter(&visit, &address).await?;
    let query = query.ok_or_else(Error::not_found)?;
    let confirm = fields.get("confirm").trim().parse().ok();
    for _ in 0..ROUNDS {
        match visit.app().revoke_sessions(&visit.caller.actor, query.clone(), confirm).await {
            Ok(ended) if ended.more => {}
            Ok(_) => break,
            Err(error) => {
                let (status, error) = shown_again(error)?;
                return question(&visit, &address, status, Some(&error)).await;
            }
        }
    }
    Ok(visit.done(&visit.at("/sessions"), Done::SessionsEnded, ""))
}
