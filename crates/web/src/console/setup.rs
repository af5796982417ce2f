//! The single-use page of the first start: the organization and its first owner. Opening the link changes nothing.

use app::setup::SetUp;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use model::{Error, UserFields, session::Secret};

use super::{
    done::Done,
    passwords::{owners_password, repeat_password, repeated},
    signin,
    view::{
        form::{Control, Field, Form, Section},
        signin::SetupPage,
    },
    visit::{Part, html, shown_again},
};
use crate::{
    Shared,
    extract::{Fields, Name},
    problem::Answer,
    security::Origin,
};

fn secret(link: &str) -> Result<Secret, Error> {
    Secret::of_link(link).ok_or_else(Error::not_found)
}

/// `GET /setup/{name}`
pub(crate) async fn page(State(shared): State<Shared>, Name(link): Name) -> Answer<Response> {
    shared.app.check_setup_link(&secret(&link)?).await?;
    html(StatusCode::OK, &SetupPage { form: form(&link, &|_| String::new()) }, Part::Page)
}

fn form(link: &str, value: &dyn Fn(&str) -> String) -> Form {
    let text = |name, label: &str| Field::text(name, label).required().half().value(value(name));
    let fields = vec![
        text("name", "Organization").autofocus().autocomplete("organization").limit(100),
        text("slug", "Short name").hint("In every address: /o/short-name").limit(40),
        text("given_name", "Your given name").autocomplete("given-name").limit(100),
        text("family_name", "Your family name").autocomplete("family-name").limit(100),
        Field::new("email", "Your email", Control::Input("email"))
            .required()
            .value(value("email"))
            .autocomplete("email"),
        owners_password("password", "Password"),
        repeat_password("Password again"),
    ];
    Form {
        action: format!("/setup/{link}"),
        submit: "Create the organization".to_owned(),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    }
}

/// `POST /setup/{name}`
pub(crate) async fn set_up(
    State(shared): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
    Name(link): Name,
    fields: Fields,
) -> Answer<Response> {
    let secret = secret(&link)?;
    match create(&shared, &secret, &fields, &origin, &headers).await {
        Ok(response) => Ok(response),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let mut form = form(&link, &|name| fields.get(name).to_owned());
            form.refuse_all(&error);
            html(status, &SetupPage { form }, Part::Page)
        }
    }
}

/// Creates organization and owner, and signs the owner in.
async fn create(
    shared: &Shared,
    secret: &Secret,
    fields: &Fields,
    origin: &Origin,
    headers: &HeaderMap,
) -> Result<Response, Error> {
    repeated(fields, "password")?;
    let text = |name| fields.filled(name).map(str::to_owned);
    let owner = UserFields {
        given_name: text("given_name"),
        family_name: text("family_name"),
        email: text("email"),
        ..UserFields::default()
    };
    let wanted = SetUp {
        org_name: fields.get("name").to_owned(),
        slug: fields.get("slug").to_owned(),
        owner,
        password: fields.get("password").to_owned(),
    };
    let org = shared.app.set_up(Some(secret), wanted).await?;
    let typed = (fields.get("email").trim(), fields.get("password"), false);
    let attempt = signin::attempt(shared, &org, typed, origin, headers);
    let signed_in = shared.app.sign_in(&org, attempt).await?;
    let to = format!("/o/{}/users?done={}", org.slug, Done::SetUp.as_str());
    Ok(signin::come_in(shared, &org, &signed_in, &to))
}
