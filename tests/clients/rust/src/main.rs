//! Walks a user's life with the client that openapi-to-rust made: create, read, edit, list, suspend.

#[allow(warnings)]
mod generated;

use generated::{ApiOpError, CreateBody, HttpClient, Reason, UserFields, Why};

const NONE: Option<&str> = None;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: walk URL SLUG TOKEN");
    let (url, slug, token) = (next()?, next()?, next()?);
    let client = HttpClient::new().with_base_url(url).with_api_key(token);
    let email = "rusty@clients.example";
    let body = CreateBody {
        given_name: Some(Some("Rusty".to_owned())),
        family_name: Some(Some("Crate".to_owned())),
        email: Some(Some(email.to_owned())),
        ..CreateBody::default()
    };
    let created = client.users_create(&slug, None, None, NONE, body).await?;
    let id = created.id.to_string();

    let read = client.users_read(&id, &slug).await?;
    assert_eq!(read.display_name.flatten().as_deref(), Some("Rusty Crate"));

    let version = format!("\"{}\"", read.version);
    let body = UserFields { title: Some(Some("Engineer".to_owned())), ..UserFields::default() };
    let edited = client.users_update(&id, &slug, None, None, None, Some(version), NONE, Some(body)).await?;
    assert_eq!(edited.title.flatten().as_deref(), Some("Engineer"));

    let found = client.users_list(&slug, Some(email), NONE, NONE, NONE, NONE, Some(10), NONE).await?;
    assert_eq!(found.items.iter().map(|user| user.id).collect::<Vec<_>>(), [created.id]);

    client.users_set_password(&id, &slug, None, None, NONE, None).await?;
    client.users_suspend(&id, &slug, None, None, NONE, Why::new(Reason::Left)).await?;
    let again = client.users_suspend(&id, &slug, None, None, NONE, Why::new(Reason::Left)).await;
    let Err(ApiOpError::Api(refused)) = again else { return Err("it was suspended twice".into()) };
    assert!(refused.body.contains("user.already_suspended"), "{refused:?}");
    println!("Rust: created, read, edited, listed and suspended a user.");
    Ok(())
}
