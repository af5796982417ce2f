//! The rows of `users`: one user by id or by what is typed at sign-in, created, saved, erased. The list is `user_list.rs`.

use model::{
    Error, Kind, OrgContext, Result, State, Timestamp, User, UserFields, UserId, error::FieldError,
    lifecycle::Lock, outgrown::Maker, user::Source,
};

use crate::{
    Columns, Connection, Record, Row, Sql, Value,
    access::id_list,
    boxed,
    email_directory::{self, EmailHash},
    locking, made_within, reserved_addresses, values,
};

/// The columns of a whole user, in the order in which `User` is read.
macro_rules! user_columns {
    () => {
        "u.org_id, u.id, u.fields, u.email_verified, u.state_data, u.lock_data, u.password_locked_until, u.source, \
         u.external_id, u.created_at, u.updated_at, u.joined_at, u.last_sign_in_at, u.last_sign_in_method, \
         u.last_seen_at, u.version"
    };
}
pub(crate) use user_columns;

pub(crate) const COLUMNS: &str = user_columns!();

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", user_columns!(), " FROM users u ", $rest)
    };
}

impl Record for User {
    fn read(row: &Row<'_>) -> Result<Self> {
        read(&mut row.columns())
    }
}

/// Reads a whole user from the next columns.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<User> {
    let (org, id): (model::OrgId, UserId) = (columns.take()?, columns.take()?);
    Ok(User {
        id,
        org: org.into(),
        fields: from_json::<UserFields>(&columns.take::<String>()?)?,
        email_verified: columns.take()?,
        state: from_json::<State>(&columns.take::<String>()?)?,
        lock: columns.take::<Option<String>>()?.map(|text| from_json::<Lock>(&text)).transpose()?,
        password_locked_until: columns.take()?,
        source: Source::parse(&columns.take::<String>()?)
            .ok_or_else(|| Error::internal("an unknown source"))?,
        external_id: columns.take()?,
        created_at: columns.take()?,
        updated_at: columns.take()?,
        joined_at: columns.take()?,
        last_sign_in_at: columns.take::<Timestamp>().map(|at| (at.micros() > 0).then_some(at))?,
        last_sign_in_method: columns.take()?,
        last_seen_at: columns.take()?,
        version: columns.take()?,
    })
}

/// Text of a stored JSON object; that it can't be read is a defect.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(Error::internal)
}

/// A value as the text of a JSON object.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

/// The user of that id; purged ones are gone.
#[boxed]
pub async fn find(connection: &mut Connection<'_>, context: OrgContext, id: UserId) -> Result<Option<User>> {
    let sql = select!("WHERE u.org_id = $1 AND u.id = $2 AND u.state <> 'purged'");
    connection.optional(sql, values![context.org, id]).await
}

/// The same, and nobody else changes the row before this transaction ends.
#[boxed]
pub async fn lock(connection: &mut Connection<'_>, context: OrgContext, id: UserId) -> Result<Option<User>> {
    let sql = locking!(select!("WHERE u.org_id = $1 AND u.id = $2 AND u.state <> 'purged'"));
    connection.optional(sql, values![context.org, id]).await
}

/// The same of several, locked and answered in the order of their ids.
#[boxed]
pub async fn lock_all(
    connection: &mut Connection<'_>,
    context: OrgContext,
    ids: &[UserId],
) -> Result<Vec<User>> {
    const THESE: Sql = Sql::by_engine(
        "SELECT u.id FROM json_each($2) found CROSS JOIN users u WHERE u.org_id = $1 AND u.id = unhex(found.value) \
         AND u.state <> 'purged' ORDER BY u.id",
        "SELECT u.id FROM users u WHERE u.org_id = $1 AND u.id IN (SELECT value::uuid FROM \
         jsonb_array_elements_text($2::jsonb)) AND u.state <> 'purged' ORDER BY u.id FOR UPDATE",
    );
    let list = id_list(ids);
    let there: Vec<(UserId,)> = connection.all(THESE, values![context.org, Value::Json(&list)]).await?;
    let there: Vec<UserId> = there.into_iter().map(|(id,)| id).collect();
    crate::holders::records(connection, context, &there).await
}

/// The user whose username or email this is, in whatever spelling.
#[boxed]
pub async fn find_by_identifier(
    connection: &mut Connection<'_>,
    context: OrgContext,
    identifier: &str,
) -> Result<Option<User>> {
    let key = model::user::key(identifier);
    let by_name = select!("WHERE u.org_id = $1 AND u.username_key = $2 AND u.state <> 'purged'");
    let by_email = select!("WHERE u.org_id = $1 AND u.email_key = $2 AND u.state <> 'purged'");
    // Both, whatever the first one finds: how long it takes must not tell whether there is somebody.
    let named = connection.optional(by_name, values![context.org, &key]).await?;
    let addressed = connection.optional(by_email, values![context.org, &key]).await?;
    Ok(named.or(addressed))
}

/// Who has this address, or has left it and may still take it back.
#[boxed]
pub async fn holder_of_address(
    connection: &mut Connection<'_>,
    context: OrgContext,
    address: &str,
) -> Result<Option<UserId>> {
    let key = model::user::key(address);
    let has = "SELECT id FROM users WHERE org_id = $1 AND email_key = $2";
    let had = "SELECT user_id FROM reserved_addresses WHERE org_id = $1 AND email_key = $2";
    for sql in [has, had] {
        if let Some((id,)) = connection.optional(sql, values![context.org, &key]).await? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Whether anybody, in the trash too, holds that username.
#[boxed]
pub async fn username_is_taken(
    connection: &mut Connection<'_>,
    context: OrgContext,
    username: &str,
) -> Result<bool> {
    let key = model::user::key(username);
    let sql = "SELECT 1 FROM users WHERE org_id = $1 AND username_key = $2";
    Ok(connection.optional::<(i64,)>(sql, values![context.org, &key]).await?.is_some())
}

/// How often a value that is refused, but then held by nobody, is tried again.
const INSERTS: usize = 5;

/// Writes a new user. A taken username or email is a conflict that names the field. `proven` is the hash of the address, if
/// the user has proven it.
#[boxed]
pub async fn insert(connection: &mut Connection<'_>, user: &User, proven: Option<&EmailHash>) -> Result<()> {
    insert_within(connection, user, proven, None).await
}

/// The same, and what whoever wrote the address could give.
#[boxed]
pub async fn insert_within(
    connection: &mut Connection<'_>,
    user: &User,
    proven: Option<&EmailHash>,
    set_within: Option<&Maker>,
) -> Result<()> {
    let set_within = made_within::written(set_within)?;
    let texts = Texts::of(user)?;
    if is_reserved(connection, user, &texts).await? {
        return Err(held("email", false));
    }
    let sql = "INSERT INTO users (org_id, id, username_key, email_key, sort_name, search_text, fields, \
               email_verified, state, state_data, source, external_id, created_at, updated_at, joined_at, \
               last_sign_in_at, version, address_set_within) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, $16, $17) \
               ON CONFLICT DO NOTHING RETURNING key";
    let bound = values![
        user.org.org,
        user.id,
        &texts.username_key,
        texts.email_key.as_deref(),
        &texts.sort_name,
        &texts.search_text,
        Value::Json(&texts.fields),
        user.email_verified,
        user.state.name().as_str(),
        Value::Json(&texts.state),
        user.source.as_str(),
        user.external_id.as_deref(),
        user.created_at,
        user.updated_at,
        user.joined_at,
        user.version,
        set_within.as_deref(),
    ];
    for _ in 0..INSERTS {
        if let Some((key,)) = connection.optional::<(i64,)>(sql, bound).await? {
            refuse_reserved_meanwhile(connection, user, &texts).await?;
            if proven.is_some() {
                email_directory::put(connection, user, proven).await?;
            }
            return connection.index_search(user.org.org, key, Some(&texts.search_text));
        }
        if let Some(refused) = other_holder(connection, user, &texts).await? {
            return Err(refused);
        }
        // On PostgreSQL whoever held the value may have given it up in between: then it is free now.
    }
    Err(Error::unavailable("database.contention", "a username or email went to and fro"))
}

/// Saves a loaded user: only if nobody has saved it since (`version`), which then counts on. `proven` as in `insert`.
#[boxed]
pub async fn update(connection: &mut Connection<'_>, user: &User, proven: Option<&EmailHash>) -> Result<()> {
    let texts = Texts::of(user)?;
    // Asked first: on PostgreSQL a refused UPDATE would spoil the transaction.
    if let Some(refused) = other_holder(connection, user, &texts).await? {
        return Err(refused);
    }
    let sql = "UPDATE users SET username_key = $3, email_key = $4, sort_name = $5, search_text = $6, fields = $7, \
               email_verified = $8, state = $9, state_data = $10, lock_data = $11, lock_until = $12, \
               password_locked_until = $13, updated_at = $14, joined_at = $15, version = version + 1 \
               WHERE org_id = $1 AND id = $2 AND version = $16 RETURNING key, \
               (SELECT d.email_hash FROM email_directory d WHERE d.org_id = $1 AND d.user_id = $2)";
    let lock = user.lock.as_ref().map(to_json).transpose()?;
    let lock_until = user.lock.as_ref().map(|lock| lock.until.unwrap_or(Timestamp::MAX));
    let row: Option<(i64, Option<Vec<u8>>)> = connection
        .optional(
            sql,
            values![
                user.org.org,
                user.id,
                &texts.username_key,
                texts.email_key.as_deref(),
                &texts.sort_name,
                &texts.search_text,
                Value::Json(&texts.fields),
                user.email_verified,
                user.state.name().as_str(),
                Value::Json(&texts.state),
                lock.as_deref().map_or(Value::Null, Value::Json),
                lock_until,
                user.password_locked_until,
                user.updated_at,
                user.joined_at,
                user.version,
            ],
        )
        .await
        .map_err(overtaken)?;
    let Some((key, known)) = row else { return Err(stale()) };
    refuse_reserved_meanwhile(connection, user, &texts).await?;
    if known.as_deref() != proven.map(<[u8; 32]>::as_slice) {
        email_directory::put(connection, user, proven).await?;
    }
    connection.index_search(user.org.org, key, Some(&texts.search_text))
}

/// Somebody has changed the user meanwhile.
pub fn stale() -> Error {
    let message = "Somebody has changed this user meanwhile. Look at the present state, then try again.";
    Error::new(Kind::Stale, "user.changed_meanwhile", message)
}

/// Removes every personal value of a user; the id stays. Username and email are free again.
#[boxed]
pub async fn erase(connection: &mut Connection<'_>, user: &User) -> Result<()> {
    let released = format!("purged:{}", user.id);
    let sql = "UPDATE users SET username_key = $3, email_key = NULL, sort_name = '', search_text = '', fields = $4, \
               email_verified = $5, state = 'purged', state_data = $6, lock_data = NULL, lock_until = NULL, \
               password_locked_until = NULL, external_id = NULL, last_sign_in_method = NULL, last_seen_at = NULL, \
               updated_at = $7, version = version + 1 WHERE org_id = $1 AND id = $2 AND version = $8 RETURNING key";
    let state = to_json(&State::Purged)?;
    let bound = values![
        user.org.org,
        user.id,
        &released,
        Value::Json("{}"),
        false,
        Value::Json(&state),
        user.updated_at,
        user.version,
    ];
    let Some((key,)) = connection.optional::<(i64,)>(sql, bound).await? else { return Err(stale()) };
    email_directory::remove(connection, user).await?;
    connection.index_search(user.org.org, key, None)
}

/// A user's address is not proven any more.
#[boxed]
pub async fn unprove(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<()> {
    let sql = "UPDATE users SET email_verified = FALSE WHERE org_id = $1 AND id = $2";
    connection.execute(sql, values![context.org, user]).await?;
    Ok(())
}

/// Notes a sign-in. Not an edit: the version stays.
#[boxed]
pub async fn signed_in(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: UserId,
    method: &str,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE users SET last_sign_in_at = $3, last_sign_in_method = $4, last_seen_at = $3 \
               WHERE org_id = $1 AND id = $2";
    connection.execute(sql, values![context.org, id, now, method]).await?;
    Ok(())
}

/// Notes that a user was seen. Not an edit: the version stays.
#[boxed]
pub async fn seen(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: UserId,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE users SET last_seen_at = $3 WHERE org_id = $1 AND id = $2";
    connection.execute(sql, values![context.org, id, now]).await?;
    Ok(())
}

/// Notes from when until when the password of a user is locked by failures. Not an edit: the version stays.
#[boxed]
pub async fn lock_password(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: UserId,
    lock: Option<(Timestamp, Timestamp)>,
) -> Result<()> {
    let sql = "UPDATE users SET password_locked_since = $3, password_locked_until = $4 WHERE org_id = $1 AND id = $2";
    let (since, until) = (lock.map(|(since, _)| since), lock.map(|(_, until)| until));
    connection.execute(sql, values![context.org, id, since, until]).await?;
    Ok(())
}

/// The names of several users, for pages that mention them.
#[boxed]
pub async fn name(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: UserId,
) -> Result<Option<String>> {
    Ok(find(connection, context, id).await?.map(|user| user.name().to_owned()))
}

/// How many active users there are, counted up to `most`.
#[boxed]
pub async fn active_up_to(connection: &mut Connection<'_>, context: OrgContext, most: i64) -> Result<u64> {
    let sql =
        "SELECT count(*) FROM (SELECT 1 FROM users WHERE org_id = $1 AND state = 'active' LIMIT $2) found";
    let (count,): (i64,) = connection.one(sql, values![context.org, most]).await?;
    Ok(count.unsigned_abs())
}

/// Whether somebody in this organization can be named as manager or as responsible.
#[boxed]
pub async fn is_present(connection: &mut Connection<'_>, context: OrgContext, id: UserId) -> Result<bool> {
    let sql = "SELECT 1 FROM users WHERE org_id = $1 AND id = $2 AND state <> 'purged'";
    Ok(connection.optional::<(i64,)>(sql, values![context.org, id]).await?.is_some())
}

/// The programs that somebody answers for, in the order of their ids, at most `limit`.
#[boxed]
pub async fn answered_for(
    connection: &mut Connection<'_>,
    context: OrgContext,
    responsible: UserId,
    limit: u16,
) -> Result<Vec<UserId>> {
    let sql = "SELECT id FROM users WHERE org_id = $1 AND fields ->> 'responsible' = $2 \
               AND fields ->> 'responsible' IS NOT NULL ORDER BY id LIMIT $3";
    let responsible = responsible.to_string();
    let rows: Vec<(UserId,)> =
        connection.all(sql, values![context.org, &responsible, i64::from(limit)]).await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}

/// What is stored beside the fields because something looks up or sorts by it.
pub(crate) struct Texts {
    pub(crate) username_key: String,
    pub(crate) email_key: Option<String>,
    pub(crate) sort_name: String,
    pub(crate) search_text: String,
    fields: String,
    state: String,
}

impl Texts {
    pub(crate) fn of(user: &User) -> Result<Self> {
        let username_key = user.fields.username_key();
        Ok(Self {
            username_key: username_key.ok_or_else(|| Error::internal("a user without a username"))?,
            email_key: user.fields.email_key(),
            sort_name: user.sort_name(),
            search_text: user.search_text(),
            fields: to_json(&user.fields)?,
            state: to_json(&user.state)?,
        })
    }
}

/// Which of the unique values somebody else holds.
async fn other_holder(connection: &mut Connection<'_>, user: &User, texts: &Texts) -> Result<Option<Error>> {
    let sql = "SELECT username_key = $3, state = 'trashed' FROM users \
               WHERE org_id = $1 AND id <> $2 AND (username_key = $3 OR email_key = $4) \
               UNION ALL SELECT FALSE, FALSE FROM reserved_addresses \
               WHERE org_id = $1 AND user_id <> $2 AND email_key = $4 AND until > $5 LIMIT 1";
    let email = texts.email_key.as_deref();
    let bound = values![user.org.org, user.id, &texts.username_key, email, user.updated_at];
    let Some((is_username, in_trash)) = connection.optional::<(bool, bool)>(sql, bound).await? else {
        return Ok(None);
    };
    Ok(Some(held(if is_username { "username" } else { "email" }, in_trash)))
}

/// Whether the address is kept for somebody who has left it and may take it back. A user that is saved was changed now.
async fn is_reserved(connection: &mut Connection<'_>, user: &User, texts: &Texts) -> Result<bool> {
    let Some(email) = &texts.email_key else { return Ok(false) };
    reserved_addresses::is_for_another(connection, user.org, email, user.id, user.updated_at).await
}

/// On PostgreSQL an address can be left, and reserved, while somebody who wants it waits for the index. Only asking once
/// more afterwards finds that out.
async fn refuse_reserved_meanwhile(
    connection: &mut Connection<'_>,
    user: &User,
    texts: &Texts,
) -> Result<()> {
    if !connection.writes_alone() && is_reserved(connection, user, texts).await? {
        return Err(Error::unavailable("database.contention", "an address was reserved meanwhile"));
    }
    Ok(())
}

/// The refusal of a unique value that somebody else holds.
fn held(field: &'static str, in_trash: bool) -> Error {
    let what = if field == "email" { "email address" } else { field };
    let message = if in_trash {
        format!("A user in the trash has this {what}. Restore that user, or delete them permanently first.")
    } else {
        format!("Another user has this {what}.")
    };
    let code = format!("{field}.taken");
    let refused = FieldError::new(field, code.clone(), message.clone());
    Error::new(Kind::Conflict, code, message).with_fields(vec![refused])
}

/// On PostgreSQL the index has the last word, when somebody takes the value between the question and the UPDATE.
fn overtaken(error: Error) -> Error {
    let index = if error.code() == "taken" { error.detail().unwrap_or_default() } else { "" };
    match index {
        "users_email" => held("email", false),
        "users_username" => held("username", false),
        _ => error,
    }
}
