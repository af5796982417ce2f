//! API tokens of others: everybody's in the settings, a service user's on its page; making one, revoking any. One's own
//! are `tokens.rs`.

use app::{
    Person,
    tokens::{Listed, NewToken},
};
use axum::{http::StatusCode, response::Response};
use model::{
    Error, Permission, TokenId, UserId,
    page::DEFAULT_LIMIT,
    token::{Token, TokenFilter, TokenQuery},
    user::UserType,
};
use serde::Deserialize;

use super::{
    actions::STRONGER,
    done::Done,
    lifecycle::show,
    questions::Question,
    settings::tabs,
    tokens::{REVOKE_ALL, REVOKE_ALL_LEAD, days_and_scopes, named, present_password, prove_password, row},
    user_page,
    view::{
        account::TokenRow,
        frame,
        parts::{Action, Empty, Link, Pager, Secret},
        question::DonePage,
        tokens::{AllTokens, TokensOf},
        users::StatusChoice,
    },
    visit::{Part, Visit, html, shown_again},
};
use crate::{
    extract::{Fields, Id, OfToken, Query},
    problem::Answer,
};

const PATH: &str = "/settings/tokens";

/// What the list is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    filter: String,
    page: String,
}

/// `GET /o/{slug}/settings/tokens`
pub(crate) async fn list(visit: Visit, Query(wanted): Query<Wanted>) -> Answer<Response> {
    let query =
        TokenQuery::read(visit.caller.actor.reader(), &wanted.filter, Some(DEFAULT_LIMIT), &wanted.page)?;
    let filter = query.filter;
    let page = visit.app().tokens(&visit.caller.actor, query).await?;
    let rows: Vec<TokenRow> = page.items.iter().map(|listed| listed_row(&visit, listed)).collect();
    let words = |filter| match filter {
        TokenFilter::All => "All",
        TokenFilter::Ending => "End within 14 days",
        TokenFilter::Unused => "Unused for 90 days",
        TokenFilter::Everything => "Without scopes",
    };
    let chip = |choice: &TokenFilter| StatusChoice {
        label: words(*choice).to_owned(),
        href: visit.at(&format!("{PATH}?filter={choice}")),
        count: String::new(),
        current: *choice == filter,
        words: String::new(),
    };
    let empty = rows.is_empty().then(|| Empty {
        icon: "key",
        title: "No such tokens".to_owned(),
        text: "People make their own under API tokens; a service user is given one on its page.".to_owned(),
        actions: Vec::new(),
    });
    let at = |cursor: &String| {
        let query = serde_urlencoded::to_string([("filter", filter.as_str()), ("page", cursor)]);
        visit.at(&format!("{PATH}?{}", query.unwrap_or_default()))
    };
    let crumbs = vec![Link::new("Settings", visit.at("/settings")), Link::new("API tokens", "")];
    let template = AllTokens {
        frame: visit.frame("API tokens", frame::Section::Settings, crumbs, "").await?,
        tabs: tabs(&visit, "API tokens"),
        chips: TokenFilter::ALL.iter().map(chip).collect(),
        pager: Pager { next: page.next.as_ref().map(at), ..Pager::default() },
        rows,
        empty,
    };
    match visit.part {
        Part::Results => html(StatusCode::OK, &template.as_results(), Part::Results),
        _ => html(StatusCode::OK, &template, Part::Page),
    }
}

fn listed_row(visit: &Visit, listed: &Listed) -> TokenRow {
    let user = listed.token.user;
    let mut holder = Link::new(&listed.holder.name, "");
    if visit.may(Permission::UserRead) {
        holder.href = visit.at_user(user, "");
    }
    TokenRow {
        holder: Some(holder),
        is_service: listed.holder.is_service,
        ..other_row(visit, &listed.token, visit.may(Permission::TokenRevoke))
    }
}

/// A token of somebody else.
fn other_row(visit: &Visit, token: &Token, may_revoke: bool) -> TokenRow {
    let revoke = visit.at_user(token.user, &format!("/tokens/{}/revoke", token.id));
    let revoke_href = if may_revoke { revoke } else { String::new() };
    TokenRow { revoke_href, ..row(visit, token, visit.app().now()) }
}

async fn crumbs(visit: &Visit, person: &Person, last: &str) -> Answer<frame::Frame> {
    let (name, id) = (person.user.name(), person.user.id);
    let mut crumbs = vec![Link::new("Users", visit.at("/users")), Link::new(name, visit.at_user(id, ""))];
    if last != "API tokens" {
        crumbs.push(Link::new("API tokens", visit.at_user(id, "/tokens")));
    }
    crumbs.push(Link::new(last, ""));
    visit.frame(&format!("{last} of {name}"), frame::Section::Users, crumbs, name).await
}

/// `GET /o/{slug}/users/{id}/tokens`
pub(crate) async fn of_user(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let tokens = visit.app().tokens_of(&visit.caller.actor, id).await?;
    let is_weaker = visit.caller.actor.rights.covers(&person.rights);
    let is_service = person.user.fields.kind() == UserType::Service;
    let may_revoke = visit.may(Permission::TokenRevoke) && is_weaker;
    let rows: Vec<TokenRow> = tokens.iter().map(|token| other_row(&visit, token, may_revoke)).collect();
    let create = is_service && visit.may(Permission::TokenCreate);
    let revoke_all = (!rows.is_empty() && visit.may(Permission::TokenRevoke)).then(|| {
        let all = Action::dialog(REVOKE_ALL, visit.at_user(id, "/tokens/revoke"), "trash");
        if is_weaker { all } else { all.refused(STRONGER) }
    });
    let actions = create.then(|| Action::dialog("Create token", visit.at_user(id, "/tokens/new"), "plus"));
    let name = person.user.name();
    let text = match (is_service, create) {
        (true, true) => format!("{name} is a program: it needs a token to call the API."),
        (true, false) => format!("{name} is a program, and has no token to call the API with."),
        _ => format!("{name} has made no token."),
    };
    let empty = rows.is_empty().then(|| Empty {
        icon: "key",
        title: "No tokens".to_owned(),
        text,
        actions: Vec::new(),
    });
    let page = TokensOf {
        frame: crumbs(&visit, &person, "API tokens").await?,
        heading: user_page::heading(&visit, &person),
        tabs: user_page::tabs(&visit, &person.user, "API tokens"),
        actions: actions.into_iter().collect(),
        revoke_all,
        rows,
        empty,
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// `GET /o/{slug}/users/{id}/tokens/new`
pub(crate) async fn new(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    ask(&visit, &person, StatusCode::OK, ("", "90", &[]), None).await
}

async fn ask(
    visit: &Visit,
    person: &Person,
    status: StatusCode,
    sent: (&str, &str, &[String]),
    error: Option<&Error>,
) -> Answer<Response> {
    let name = person.user.name();
    // What lies in both their rights: nothing else can be given.
    let offered = visit.caller.actor.permissions.within(person.rights.org);
    let mut fields = days_and_scopes(offered, sent, name);
    fields.extend(present_password(visit).await?);
    let asked = Question {
        title: format!("Create an API token for {name}"),
        icon: "key",
        lead: format!("Whatever shows it acts as {name}, within its scopes."),
        consequences: Vec::new(),
        advice: None,
        fields,
        submit: "Create token".to_owned(),
        danger: false,
    };
    show(visit, person, "/tokens/new", asked, status, error).await
}

/// `POST /o/{slug}/users/{id}/tokens/new`
pub(crate) async fn create(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let (name, days) = (fields.get("name"), fields.get("days"));
    let scopes: Vec<String> = fields.all("scopes").map(str::to_owned).collect();
    let new = NewToken {
        name: name.to_owned(),
        scopes: scopes.clone(),
        // What is no number is out of range too.
        days: days.trim().parse().unwrap_or_default(),
        secret: None,
    };
    let created = match prove_password(&visit, fields.get("present_password")).await {
        Ok(()) => visit.app().create_token_of(&visit.caller.actor, id, new).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(created) => visit.must_be_read(&DonePage {
            frame: crumbs(&visit, &person, "Create token").await?,
            secret: Secret {
                title: format!("“{}” was created", created.token.name),
                text: "Copy it now: only its hash is kept, and it can't be shown again.".to_owned(),
                label: "New token".to_owned(),
                value: created.secret.unwrap_or_default(),
            },
            rest: None,
            back: Link::new("Go on to the tokens", visit.at_user(id, "/tokens")),
        }),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask(&visit, &person, status, (name, days, &scopes), Some(&error)).await
        }
    }
}

/// `GET /o/{slug}/users/{id}/tokens/{token}/revoke`
pub(crate) async fn revoke_page(
    visit: Visit,
    Id(id): Id<UserId>,
    OfToken(token): OfToken,
) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    visit.caller.actor.rights.may_change(&person.rights)?;
    ask_revoke(&visit, &person, token, StatusCode::OK, None).await
}

async fn ask_revoke(
    visit: &Visit,
    person: &Person,
    token: TokenId,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let path = format!("/tokens/{token}/revoke");
    let asked = Question {
        title: format!("Revoke a token of {}?", person.user.name()),
        icon: "trash",
        lead: "Whatever uses it is refused from its next request on. This can't be undone.".to_owned(),
        consequences: Vec::new(),
        advice: None,
        fields: Vec::new(),
        submit: "Revoke token".to_owned(),
        danger: true,
    };
    show(visit, person, &path, asked, status, error).await
}

/// `POST /o/{slug}/users/{id}/tokens/{token}/revoke`
pub(crate) async fn revoke(
    visit: Visit,
    Id(id): Id<UserId>,
    OfToken(token): OfToken,
    fields: Fields,
) -> Answer<Response> {
    fields.of(&visit.caller)?;
    match visit.app().revoke_token_of(&visit.caller.actor, id, token).await {
        Ok(()) => Ok(visit.done(&visit.at_user(id, "/tokens"), Done::TokenRevoked, "")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let person = visit.app().user(&visit.caller.actor, id).await?;
            ask_revoke(&visit, &person, token, status, Some(&error)).await
        }
    }
}

/// `GET /o/{slug}/users/{id}/tokens/revoke`
pub(crate) async fn revoke_all_page(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    visit.caller.actor.rights.may_change(&person.rights)?;
    ask_revoke_all(&visit, &person, StatusCode::OK, None).await
}

async fn ask_revoke_all(
    visit: &Visit,
    person: &Person,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let tokens = if visit.may(Permission::TokenList) {
        visit.app().tokens_of(&visit.caller.actor, person.user.id).await?
    } else {
        Vec::new()
    };
    let asked = Question {
        title: format!("Revoke all API tokens of {}?", person.user.name()),
        icon: "trash",
        lead: REVOKE_ALL_LEAD.to_owned(),
        consequences: named(&tokens, visit.app().now()),
        advice: None,
        fields: Vec::new(),
        submit: REVOKE_ALL.to_owned(),
        danger: true,
    };
    show(visit, person, "/tokens/revoke", asked, status, error).await
}

/// `POST /o/{slug}/users/{id}/tokens/revoke`
pub(crate) async fn revoke_all(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    match visit.app().revoke_tokens_of(&visit.caller.actor, id).await {
        Ok(_) => Ok(visit.done(&visit.at_user(id, "/tokens"), Done::TokensRevoked, "")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let person = visit.app().user(&visit.caller.actor, id).await?;
            ask_revoke_all(&visit, &person, status, Some(&error)).await
        }
    }
}
