//! One's own API tokens: what there is, making one, revoking one.

use app::tokens::NewToken;
use axum::{http::StatusCode, response::Response};
use model::{
    Error, Permission, Permissions, Timestamp, TokenId,
    token::{EVERYTHING, MAX_DAYS, Token},
};

use super::{
    account,
    done::Done,
    view::{
        account::{TokenRow, TokenScope, TokensPage},
        form::{Choice, Control, Field, Form, Section},
        frame,
        parts::{Action, Badge, Empty, Link, Secret, Tone},
        question::{Dialog, DonePage},
    },
    visit::{Part, Visit, html, shown_again},
    words::{moment, relative},
};
use crate::{
    extract::{Fields, Id},
    problem::Answer,
};

async fn frame(visit: &Visit, title: &str) -> Answer<frame::Frame> {
    let mut crumbs = vec![
        Link::new("My account", visit.at("/account")),
        Link::new("API tokens", visit.at("/account/tokens")),
    ];
    if title != "API tokens" {
        crumbs.push(Link::new(title, ""));
    }
    visit.frame(title, frame::Section::Account, crumbs, "").await
}

/// `GET /o/{slug}/account/tokens`
pub(crate) async fn list(visit: Visit) -> Answer<Response> {
    let tokens = visit.app().own_tokens(&visit.caller.actor).await?;
    let now = visit.app().now();
    let rows: Vec<TokenRow> = tokens.iter().map(|token| row(&visit, token, now)).collect();
    let create_href = visit.at("/account/tokens/new");
    let revoke_all =
        (!rows.is_empty()).then(|| Action::dialog(REVOKE_ALL, visit.at("/account/tokens/revoke"), "trash"));
    let empty = rows.is_empty().then(|| Empty {
        icon: "key",
        title: "No tokens yet".to_owned(),
        text: "A program that calls the API needs one. Give it only the scopes that it needs.".to_owned(),
        actions: Vec::new(),
    });
    let own = visit.app().own_account(&visit.caller.actor).await?;
    let page = TokensPage {
        frame: frame(&visit, "API tokens").await?,
        heading: account::heading(&visit, &own),
        tabs: account::tabs(&visit, "API tokens"),
        create_href,
        revoke_all,
        rows,
        empty,
    };
    match visit.part {
        Part::Results => html(StatusCode::OK, &page.as_results(), Part::Results),
        _ => html(StatusCode::OK, &page, Part::Page),
    }
}

/// A token as every list shows it; one's own is revoked here.
pub(super) fn row(visit: &Visit, token: &Token, now: Timestamp) -> TokenRow {
    let (tone, label) = match token.outgrown_at() {
        Some(_) => (Tone::Amber, "Ended after promotion"),
        None if token.expires_at > now => (Tone::Green, "Valid"),
        None => (Tone::Grey, "Expired"),
    };
    TokenRow {
        name: token.name.clone(),
        holder: None,
        is_service: false,
        scopes: scopes_in_words(token.scopes),
        status: Badge { tone, label: label.to_owned() },
        created: moment(token.created_at, now),
        expires: moment(token.expires_at, now),
        last_used: token.last_used_at.map(|at| moment(at, now)),
        revoke_href: visit.at(&format!("/account/tokens/{}/revoke", token.id)),
    }
}

/// Scopes by name, each with what it means; of many, the rest together.
fn scopes_in_words(scopes: Permissions) -> Vec<TokenScope> {
    const SHOWN: usize = 4;
    if scopes == Permissions::all() {
        let sentence = "Everything that its user may do, now and later".to_owned();
        return vec![TokenScope { name: "everything".to_owned(), sentence }];
    }
    let one =
        |scope: Permission| TokenScope { name: scope.to_string(), sentence: scope.sentence().to_owned() };
    let mut all: Vec<TokenScope> = scopes.iter().map(one).collect();
    if all.len() > SHOWN {
        let rest = all.split_off(SHOWN);
        let names: Vec<&str> = rest.iter().map(|scope| scope.name.as_str()).collect();
        all.push(TokenScope { name: format!("+{}", rest.len()), sentence: names.join(", ") });
    }
    all
}

/// `GET /o/{slug}/account/tokens/new`
pub(crate) async fn new(visit: Visit) -> Answer<Response> {
    ask(&visit, StatusCode::OK, ("", "90", &[]), None).await
}

async fn ask(
    visit: &Visit,
    status: StatusCode,
    (name, days, scopes): (&str, &str, &[String]),
    error: Option<&Error>,
) -> Answer<Response> {
    let mut fields = days_and_scopes(visit.caller.actor.permissions, (name, days, scopes), "you");
    fields.extend(present_password(visit).await?);
    let mut form = Form {
        action: visit.at("/account/tokens/new"),
        csrf: visit.caller.csrf.clone(),
        submit: "Create token".to_owned(),
        cancel: visit.at("/account/tokens"),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let dialog = Dialog {
        title: "Create an API token".to_owned(),
        icon: "key",
        lead: "A program that shows it acts as you, within its scopes.".to_owned(),
        consequences: Vec::new(),
        advice: None,
        form,
    };
    visit.question(status, frame(visit, "Create token").await?, dialog)
}

/// The field for the password, unless it was typed in this session a moment ago.
pub(super) async fn present_password(visit: &Visit) -> Answer<Option<Field>> {
    if visit.app().is_password_proved(&visit.caller.actor).await? {
        return Ok(None);
    }
    let field = Field::new("present_password", "Your password", Control::Password).required();
    Ok(Some(field.hint("A token outlives this session, so it is you who must create it.")))
}

/// Notes that the password was typed, if it was.
pub(super) async fn prove_password(visit: &Visit, typed: &str) -> model::Result<()> {
    if typed.is_empty() { Ok(()) } else { visit.app().prove_password(&visit.caller.actor, typed).await }
}

/// What is asked of a new token: its name, its days, and which of the scopes that can be given.
pub(super) fn days_and_scopes(
    offered: Permissions,
    (name, days, scopes): (&str, &str, &[String]),
    who: &str,
) -> Vec<Field> {
    let everything = Choice::new(EVERYTHING, "Everything")
        .hint(format!("All that {who} may do, now and later."))
        .chosen(scopes.iter().any(|chosen| chosen == EVERYTHING));
    let choice = |scope: Permission| {
        let is_chosen = scopes.iter().any(|chosen| chosen == scope.as_str());
        Choice::new(scope.as_str(), scope.as_str()).hint(scope.sentence()).chosen(is_chosen)
    };
    vec![
        Field::text("name", "Name").value(name).required().autofocus().limit(100).hint("What will use it."),
        Field::new("days", "Valid for", Control::Number { min: 1, max: MAX_DAYS.into(), unit: "days" })
            .value(days)
            .required(),
        Field::new(
            "scopes",
            "Scopes",
            Control::Checkboxes(std::iter::once(everything).chain(offered.iter().map(choice)).collect()),
        )
        .hint("Tick what the token is needed for."),
    ]
}

/// `POST /o/{slug}/account/tokens/new`
pub(crate) async fn create(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let (name, days) = (fields.get("name"), fields.get("days"));
    let scopes: Vec<String> = fields.all("scopes").map(str::to_owned).collect();
    // What is no number is out of range too.
    let new = NewToken {
        name: name.to_owned(),
        scopes: scopes.clone(),
        days: days.trim().parse().unwrap_or_default(),
        secret: None,
    };
    let created = match prove_password(&visit, fields.get("present_password")).await {
        Ok(()) => visit.app().create_token(&visit.caller.actor, new, None).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(created) => visit.must_be_read(&DonePage {
            frame: frame(&visit, "Create token").await?,
            secret: Secret {
                title: format!("“{}” was created", created.token.name),
                text: "Copy it now: only its hash is kept, and it can't be shown again.".to_owned(),
                label: "New token".to_owned(),
                value: created.secret.unwrap_or_default(),
            },
            rest: None,
            back: Link::new("Go on to the tokens", visit.at("/account/tokens")),
        }),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask(&visit, status, (name, days, &scopes), Some(&error)).await
        }
    }
}

/// `GET /o/{slug}/account/tokens/{id}/revoke`
pub(crate) async fn revoke_page(visit: Visit, Id(id): Id<TokenId>) -> Answer<Response> {
    let tokens = visit.app().own_tokens(&visit.caller.actor).await?;
    let token = tokens.iter().find(|token| token.id == id).ok_or_else(Error::not_found)?;
    let form = Form {
        action: visit.at(&format!("/account/tokens/{id}/revoke")),
        csrf: visit.caller.csrf.clone(),
        submit: "Revoke token".to_owned(),
        danger: true,
        cancel: visit.at("/account/tokens"),
        ..Form::default()
    };
    let dialog = Dialog {
        title: format!("Revoke “{}”?", token.name),
        icon: "trash",
        lead: "Programs that use it are refused from their next request on. This can't be undone.".to_owned(),
        consequences: Vec::new(),
        advice: None,
        form,
    };
    visit.question(StatusCode::OK, frame(&visit, "Revoke token").await?, dialog)
}

/// `POST /o/{slug}/account/tokens/{id}/revoke`
pub(crate) async fn revoke(visit: Visit, Id(id): Id<TokenId>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    visit.app().revoke_token(&visit.caller.actor, id).await?;
    Ok(visit.done(&visit.at("/account/tokens"), Done::TokenRevoked, ""))
}

/// `GET /o/{slug}/account/tokens/revoke`
pub(crate) async fn revoke_all_page(visit: Visit) -> Answer<Response> {
    let tokens = visit.app().own_tokens(&visit.caller.actor).await?;
    let form = Form {
        action: visit.at("/account/tokens/revoke"),
        csrf: visit.caller.csrf.clone(),
        submit: REVOKE_ALL.to_owned(),
        danger: true,
        cancel: visit.at("/account/tokens"),
        ..Form::default()
    };
    let dialog = Dialog {
        title: "Revoke all your API tokens?".to_owned(),
        icon: "trash",
        lead: REVOKE_ALL_LEAD.to_owned(),
        consequences: named(&tokens, visit.app().now()),
        advice: None,
        form,
    };
    visit.question(StatusCode::OK, frame(&visit, REVOKE_ALL).await?, dialog)
}

/// The button that revokes every token of somebody.
pub(super) const REVOKE_ALL: &str = "Revoke all tokens";
/// What it does.
pub(super) const REVOKE_ALL_LEAD: &str =
    "Programs that use one of them are refused from their next request on. This can't be undone.";

/// Tokens in a list of consequences: each by name, with its age and its last use.
pub(super) fn named(tokens: &[Token], now: Timestamp) -> Vec<String> {
    let line = |token: &Token| {
        let used = token
            .last_used_at
            .map_or("never used".to_owned(), |at| format!("last used {}", relative(at, now)));
        format!("“{}”, created {}, {used}", token.name, relative(token.created_at, now))
    };
    tokens.iter().map(line).collect()
}

/// `POST /o/{slug}/account/tokens/revoke`
pub(crate) async fn revoke_all(visit: Visit, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    visit.app().revoke_own_tokens(&visit.caller.actor, false).await?;
    Ok(visit.done(&visit.at("/account/tokens"), Done::TokensRevoked, ""))
}
