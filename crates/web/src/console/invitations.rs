//! The list of invitations: what is out, what has become of it, and what can be done from each row or with many at once.

use app::invitations::{Listed, MOST_AT_ONCE, ManyResent};
use axum::{http::StatusCode, response::Response};
use model::{
    Error, InvitationId, Permission,
    invitation::{Invitation, InvitationState, InvitationStatus},
    invitation_query::InvitationQuery,
    link::Purpose,
    mail::MailState,
    page::{self, Page},
};
use serde::{Deserialize, Serialize};

use super::{
    view::{
        form::{Control, Field, Form, Section},
        frame,
        invitations::{InvitationList, InvitationRow, InvitePage, Verdict},
        parts::{Action, Badge, Empty, Link, Menu, Pager, Tone},
        question::Dialog,
        users::StatusChoice,
    },
    visit::{Part, Visit, html, shown_again},
    words::{moment, number},
};
use crate::{
    extract::{Fields, Query},
    problem::Answer,
};

/// Beyond so many a status is not counted exactly.
const COUNTED: i64 = 10_000;
/// From so many on the count is typed before all are sent again.
const MANY: i64 = 50;

/// What the address of the list says.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Address {
    #[serde(skip_serializing_if = "String::is_empty")]
    q: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    status: String,
    /// Ends within so many hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<u16>,
    /// Older than so many days.
    #[serde(skip_serializing_if = "Option::is_none")]
    older: Option<u16>,
    /// `me`.
    #[serde(skip_serializing_if = "String::is_empty")]
    by: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    page_token: String,
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

    fn kept(&self) -> Vec<(String, String)> {
        let kept = self.with(|address| address.q.clear());
        let query = serde_urlencoded::to_string(&kept).unwrap_or_default();
        serde_urlencoded::from_str(&query).unwrap_or_default()
    }

    fn is_narrowed(&self) -> bool {
        !self.href("").is_empty()
    }

    fn understood(&self, visit: &Visit) -> model::Result<InvitationQuery> {
        let query = InvitationQuery {
            search: self.q.clone(),
            expires_within_hours: self.within,
            older_than_days: self.older,
            invited_by: (self.by == "me").then_some(visit.caller.actor.agent),
            limit: page::DEFAULT_LIMIT,
            ..InvitationQuery::default()
        };
        query.with_statuses(&self.status)?.at(visit.caller.actor.reader(), Some(&self.page_token))
    }
}

/// `GET /o/{slug}/invitations`
pub(crate) async fn list(visit: Visit, Query(address): Query<Address>) -> Answer<Response> {
    let query = address.understood(&visit)?;
    let page = visit.app().invitations(&visit.caller.actor, query.clone()).await?;
    let counts = Counts(visit.app().invitation_counts(&visit.caller.actor).await?);
    let rows: Vec<InvitationRow> = page.items.iter().map(|listed| row(&visit, listed)).collect();
    let empty = rows.is_empty().then(|| nothing(&visit, &address));
    let can_resend = visit.may(Permission::InvitationResend) && rows.iter().any(|row| row.can_resend);
    let pager = pager(&visit, &address, &page);
    let crumbs = vec![Link::new("Invitations", "")];
    let template = InvitationList {
        frame: visit.frame("Invitations", frame::Section::Invitations, crumbs, "The user").await?,
        summary: counts.summary(),
        actions: actions(&visit, &counts),
        query: address.q.clone(),
        path: visit.at("/invitations"),
        kept: address.kept(),
        chips: chips(&visit, &address, &counts),
        filters: filters(&visit, &address),
        announcement: if empty.is_some() { "No invitations".to_owned() } else { pager.summary.clone() },
        resend: if can_resend { visit.at("/invitations/resend") } else { String::new() },
        rows,
        pager,
        empty,
    };
    match visit.part {
        Part::Results => html(StatusCode::OK, &template.as_results(), Part::Results),
        _ => html(StatusCode::OK, &template, Part::Page),
    }
}

fn row(visit: &Visit, Listed { invitation, fields }: &Listed) -> InvitationRow {
    let now = visit.app().now();
    let email = fields.email.clone().or_else(|| fields.personal_email.clone()).unwrap_or_default();
    let name = fields.display_name.clone().or_else(|| fields.username.clone()).unwrap_or_default();
    let is_open = invitation.state == InvitationState::Pending;
    InvitationRow {
        id: invitation.id.to_string(),
        href: visit.at_user(invitation.user, ""),
        name,
        email,
        status: badge(invitation.status(now)),
        delivery: delivery(invitation.delivery).to_owned(),
        why: if matches!(invitation.delivery, MailState::Deferred | MailState::Failed) {
            invitation.delivery_why.clone()
        } else {
            String::new()
        },
        sent: moment(invitation.sent_at, now),
        opened: invitation.opened_at.map(|at| moment(at, now)),
        expires: moment(invitation.expires_at, now),
        by: invitation.invited_by_name.clone(),
        can_resend: is_open,
        menu: menu(visit, invitation),
    }
}

/// What can be done with an invitation.
pub(crate) fn menu(visit: &Visit, invitation: &Invitation) -> Menu {
    let at = |path: &str| visit.at_user(invitation.user, path);
    let mut groups = vec![vec![Action::page("View profile", at(""), "user")]];
    if invitation.state == InvitationState::Pending {
        let mut mails = Vec::new();
        if visit.may(Permission::InvitationResend) {
            mails.push(Action::dialog("Resend invitation…", at("/invite"), "mail"));
            if invitation.expires_at > visit.app().now() {
                mails.push(Action::dialog("Remind now…", at("/remind"), "clock"));
            }
        }
        if visit.may(Permission::UserInvite) {
            if invitation.expires_at > visit.app().now() {
                mails.push(Action::dialog("Copy link…", at("/invitation-link"), "copy"));
            }
            groups.push(mails);
            groups.push(vec![
                Action::dialog("Cancel invitation…", at("/cancel_invitation"), "close").dangerous(),
            ]);
        } else {
            groups.push(mails);
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// A status in its colour.
pub(crate) fn badge(status: InvitationStatus) -> Badge {
    let (tone, label) = match status {
        InvitationStatus::Pending => (Tone::Blue, "Pending"),
        InvitationStatus::Expired => (Tone::Amber, "Expired"),
        InvitationStatus::Undeliverable => (Tone::Red, "Undeliverable"),
        InvitationStatus::Accepted => (Tone::Green, "Accepted"),
        InvitationStatus::Cancelled => (Tone::Grey, "Cancelled"),
    };
    Badge { tone, label: label.to_owned() }
}

/// What the mail servers say, in a word.
pub(crate) fn delivery(state: MailState) -> &'static str {
    match state {
        MailState::Queued => "Waiting",
        MailState::Sent => "Sent",
        MailState::Deferred => "Delayed",
        MailState::Failed => "Failed",
        MailState::Cancelled => "Not sent",
    }
}

/// How many invitations there are of each status.
struct Counts(Vec<(InvitationStatus, i64)>);

impl Counts {
    fn of(&self, status: InvitationStatus) -> i64 {
        self.0.iter().find(|(known, _)| *known == status).map_or(0, |(_, count)| *count)
    }

    fn written(&self, status: InvitationStatus) -> String {
        match self.of(status) {
            count if count > COUNTED => format!("over {}", number(COUNTED)),
            count => number(count),
        }
    }

    fn summary(&self) -> String {
        use InvitationStatus as S;
        let words = [(S::Pending, "pending"), (S::Expired, "expired"), (S::Undeliverable, "undeliverable")];
        let parts: Vec<String> = words
            .into_iter()
            .filter(|(status, _)| self.of(*status) > 0)
            .map(|(status, word)| format!("{} {word}", self.written(status)))
            .collect();
        if parts.is_empty() { "No open invitations".to_owned() } else { parts.join(" · ") }
    }
}

fn actions(visit: &Visit, counts: &Counts) -> Vec<Action> {
    let mut actions = Vec::new();
    if visit.may(Permission::InvitationResend) && counts.of(InvitationStatus::Expired) > 0 {
        actions.push(Action::page("Resend all expired", visit.at("/invitations/resend"), "mail"));
    }
    if visit.may(Permission::UserInvite) {
        actions.push(Action::page("Invite", visit.at("/invitations/new"), "user-plus"));
    }
    actions
}

fn chips(visit: &Visit, address: &Address, counts: &Counts) -> Vec<StatusChoice> {
    let href = |status: &str| {
        address.with(|address| status.clone_into(&mut address.status)).href(&visit.at("/invitations"))
    };
    let all = StatusChoice {
        label: "All".to_owned(),
        href: href(""),
        count: String::new(),
        current: address.status.is_empty(),
        words: String::new(),
    };
    let choice = |status: &InvitationStatus| StatusChoice {
        label: badge(*status).label,
        href: href(status.as_str()),
        count: counts.written(*status),
        current: address.status == status.as_str(),
        words: String::new(),
    };
    std::iter::once(all).chain(InvitationStatus::ALL.iter().map(choice)).collect()
}

fn filters(visit: &Visit, address: &Address) -> Vec<StatusChoice> {
    let choice = |label: &str, current, change: &dyn Fn(&mut Address)| StatusChoice {
        label: label.to_owned(),
        href: address.with(change).href(&visit.at("/invitations")),
        count: String::new(),
        current,
        words: String::new(),
    };
    let (within, older, mine) = (address.within.is_some(), address.older.is_some(), address.by == "me");
    vec![
        choice("Expires within 48 h", within, &|address| {
            address.within = (!within).then_some(48);
            if !within && address.status == InvitationStatus::Expired.as_str() {
                address.status.clear();
            }
        }),
        choice("Older than 3 days", older, &|address| address.older = (!older).then_some(3)),
        choice("By me", mine, &|address| address.by = if mine { String::new() } else { "me".to_owned() }),
    ]
}

fn pager(visit: &Visit, address: &Address, page: &Page<Listed>) -> Pager {
    let step = |token: &Option<String>| {
        token.as_ref().map(|token| {
            let there = address.with(|address| address.page_token.clone_from(token));
            there.href(&visit.at("/invitations"))
        })
    };
    let count = i64::try_from(page.items.len()).unwrap_or(i64::MAX);
    let noun = if count == 1 { "invitation" } else { "invitations" };
    let whole = page.next.is_none() && page.previous.is_none();
    let summary =
        if whole { format!("{count} {noun}") } else { format!("{} {noun} on this page", number(count)) };
    Pager { summary, previous: step(&page.previous), next: step(&page.next), sizes: Vec::new() }
}

fn nothing(visit: &Visit, address: &Address) -> Empty {
    if address.is_narrowed() {
        let clear = Action::page("Clear search and filters", visit.at("/invitations"), "close");
        let text = "No invitation is like that at the moment.".to_owned();
        return Empty { icon: "no-match", title: "Nothing matches".to_owned(), text, actions: vec![clear] };
    }
    let invite = Action::page("Invite", visit.at("/invitations/new"), "user-plus");
    Empty {
        icon: "mail",
        title: "Nobody was invited yet".to_owned(),
        text: "People you invite get a mail with a link to choose a password.".to_owned(),
        actions: if visit.may(Permission::UserInvite) { vec![invite] } else { Vec::new() },
    }
}

/// `GET /o/{slug}/invitations/resend`: all that have expired?
pub(crate) async fn ask_resend(visit: Visit) -> Answer<Response> {
    ask_all(&visit, StatusCode::OK, None).await
}

async fn expired(visit: &Visit) -> model::Result<i64> {
    let counts = Counts(visit.app().invitation_counts(&visit.caller.actor).await?);
    Ok(counts.of(InvitationStatus::Expired))
}

async fn ask_all(visit: &Visit, status: StatusCode, error: Option<&Error>) -> Answer<Response> {
    let count = expired(visit).await?;
    let now = count.min(i64::from(MOST_AT_ONCE));
    let mut fields = Vec::new();
    if now > MANY {
        let retype = Control::Retype(now.to_string());
        fields.push(Field::new("count", "Type how many to confirm", retype).required().autofocus());
    }
    let mut form = Form {
        action: visit.at("/invitations/resend?all=yes"),
        csrf: visit.caller.csrf.clone(),
        submit: "Resend".to_owned(),
        cancel: visit.at("/invitations?status=expired"),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let noun = if now == 1 { "invitation" } else { "invitations" };
    let mut consequences = vec!["Each gets a new link and a new end; the old links stay dead.".to_owned()];
    if count > now {
        let left = number(count - now);
        consequences.push(format!("{left} are left after that; send those in the same way."));
    }
    let dialog = Dialog {
        title: format!("Resend {} expired {noun}?", number(now)),
        icon: "mail",
        lead: "Everybody whose invitation has expired gets another mail.".to_owned(),
        consequences,
        advice: None,
        form,
    };
    let crumbs = vec![Link::new("Invitations", visit.at("/invitations")), Link::new("Resend", "")];
    let frame = visit.frame(&dialog.title, frame::Section::Invitations, crumbs, "").await?;
    visit.question(status, frame, dialog)
}

/// Which are sent again.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Which {
    all: String,
}

/// `POST /o/{slug}/invitations/resend`: the ticked ones, or all that have expired.
pub(crate) async fn resend(visit: Visit, Query(which): Query<Which>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let chosen = if which.all.is_empty() {
        let ids: model::Result<Vec<InvitationId>> = fields.all("id").map(str::parse).collect();
        Some(ids?)
    } else {
        if let Err(error) = counted(&visit, &fields).await {
            let (status, error) = shown_again(error)?;
            return ask_all(&visit, status, Some(&error)).await;
        }
        None
    };
    let many = visit.app().resend_invitations(&visit.caller.actor, visit.org(), chosen).await?;
    result(&visit, &many).await
}

/// Whether the count was typed, where it must be.
async fn counted(visit: &Visit, fields: &Fields) -> model::Result<()> {
    let now = expired(visit).await?.min(i64::from(MOST_AT_ONCE));
    if now <= MANY || fields.get("count").trim() == now.to_string() {
        return Ok(());
    }
    Err(Error::invalid_field("count", "bulk.not_counted", format!("Type {now} to confirm.")))
}

async fn result(visit: &Visit, many: &ManyResent) -> Answer<Response> {
    let mut verdicts = Vec::new();
    for (id, error) in &many.refused {
        let (subject, actions) = match visit.app().invitation(&visit.caller.actor, *id).await {
            Ok((_, person)) => {
                let there = Link::new("Open", visit.at_user(person.user.id, ""));
                (person.user.name().to_owned(), vec![there])
            }
            Err(_) => (id.to_string(), Vec::new()),
        };
        let badge = Badge { tone: Tone::Red, label: "Not sent".to_owned() };
        verdicts.push(Verdict { subject, badge, text: error.message().to_owned(), actions });
    }
    let sent = i64::try_from(many.sent.len()).unwrap_or(i64::MAX);
    let mut text = match (sent, many.refused.len()) {
        (0, 0) => "Nothing selected. Go back and select the ones to resend.".to_owned(),
        (1, 0) => "1 invitation was sent again.".to_owned(),
        (_, 0) => format!("{} invitations were sent again.", number(sent)),
        (_, refused) => format!("{} sent again, {refused} not.", number(sent)),
    };
    if many.left > 0 {
        text = format!("{text} {} expired are left.", number(many.left));
    }
    let crumbs = vec![Link::new("Invitations", visit.at("/invitations")), Link::new("Resend", "")];
    let page = InvitePage {
        frame: visit.frame("Sent again", frame::Section::Invitations, crumbs, "").await?,
        banner: visit.no_mail(),
        result: text,
        verdicts,
        form: None,
        back: Link::new("All invitations", visit.at("/invitations")),
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// What an invitation is called on a user's page.
pub(crate) fn noun(invitation: &Invitation) -> &'static str {
    if invitation.kind == Purpose::Activation { "activation mail" } else { "invitation" }
}
