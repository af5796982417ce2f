//! What one can do with exports of all that is held on a person: ask for one, see where it stands, fetch it.
//!
//! The worker puts the file together (`data_exports/dossier.rs`), keeps it for a day and mails a link to who asked. The
//! link alone opens nothing: whoever follows it must be signed in as the one who asked, and must still be allowed to.

mod archive;
mod dossier;

use model::{
    Agent, DataExportId, Error, Kind, Org, OrgContext, Permission, Result, UserId,
    audit::Changes,
    data_export::{DataExport, ExportState, LIFETIME},
    job::Work,
    link::Purpose,
    mail::{MailDetails, MailKind},
};
use store::{Connection, boxed};

use crate::{Actor, App, Operation, access::signed_out, activity::Whose};

/// An export with the link to its file, where there is one.
#[derive(Debug, Clone)]
pub struct Export {
    /// Where it stands.
    pub export: DataExport,
    /// Where the file is fetched, once it is ready.
    pub link: Option<String>,
}

/// A file to be saved.
#[derive(Debug, Clone)]
pub struct File {
    /// What to call it.
    pub name: String,
    /// A zip archive.
    pub content: Vec<u8>,
}

impl App {
    /// Asks for all that is held on a person. An earlier export for the same asker is removed.
    #[boxed]
    pub async fn ask_for_data(&self, actor: &Actor, whose: Whose) -> Result<Export> {
        let (user, permission) = subject(actor, whose)?;
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            if whose != Whose::Own {
                op.rights.may_change(&person.rights)?;
            }
            let id = DataExportId(op.new_id());
            let export = DataExport {
                id,
                org: op.context,
                user,
                asked_by: op.agent,
                state: ExportState::Queued,
                link: None,
                size: 0,
                created_at: op.now,
                ready_at: None,
                expires_at: op.now.plus(LIFETIME),
            };
            store::data_exports::replace(op.connection, &export).await?;
            op.record_user(&person.user, "user.data_exported", Changes::new(), String::new());
            op.later(Work::ExportData { export: id }, op.now);
            Ok(export)
        };
        Ok(Export { export: self.run(actor, permission, deed).await?, link: None })
    }

    /// Where the latest export stands that the actor has asked for.
    #[boxed]
    pub async fn data_export(&self, actor: &Actor, org: &Org, whose: Whose) -> Result<Export> {
        let (user, permission) = subject(actor, whose)?;
        actor.require(permission)?;
        let (context, asker, now) = (actor.context, actor.agent, self.now());
        let read = async |connection: &mut Connection<'_>| {
            let latest = store::data_exports::latest(connection, context, user, asker).await?;
            let link = match latest.as_ref().and_then(|export| export.link) {
                Some(link) => store::links::by_id(connection, context, link).await?,
                None => None,
            };
            Ok((latest, link))
        };
        let (latest, link) = self.database().read(read).await?;
        let export = latest.filter(|export| export.expires_at > now).ok_or_else(Error::not_found)?;
        let link = link.map(|link| self.link_url(org, &link)).transpose()?;
        Ok(Export { export, link })
    }

    /// The file behind a link, for who asked for it and may still have it.
    #[boxed]
    pub async fn fetch_data(&self, actor: &Actor, secret: &str) -> Result<File> {
        let context = actor.context;
        let link = self.open_link(context, Purpose::DataExport, secret).await?;
        let id = link.id;
        let read = async |connection: &mut Connection<'_>| {
            store::data_exports::of_link(connection, context, id).await
        };
        let export = self.database().read(read).await?.ok_or_else(gone)?;
        if export.asked_by != actor.agent {
            let message = "This file is for whoever asked for it. Sign in as that person.";
            return Err(Error::new(Kind::Forbidden, "data_export.not_yours", message));
        }
        if export.expires_at <= self.now() {
            return Err(gone());
        }
        let own = actor.user() == Some(export.user);
        let permission = if own { Permission::AccountRead } else { Permission::UserExportData };
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(export.user).await?;
            if !own {
                op.rights.may_change(&person.rights)?;
            }
            op.record_user(&person.user, "user.data_downloaded", Changes::new(), String::new());
            Ok(person.user.username().to_owned())
        };
        let username = self.run(actor, permission, deed).await?;
        let id = export.id;
        let read = async move |connection: &mut Connection<'_>| {
            store::data_exports::content(connection, context, id).await
        };
        let archive = self.database().read_blocking(read).await?.ok_or_else(gone)?;
        Ok(File { name: file_name(&username), content: archive })
    }

    /// All that is held on a person, at once: for the operator on the host, who has no mailbox.
    #[boxed]
    pub async fn data_now(&self, actor: &Actor, org: &Org, user: UserId) -> Result<File> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            op.rights.may_change(&person.rights)?;
            op.record_user(&person.user, "user.data_exported", Changes::new(), String::new());
            Ok(person.user.username().to_owned())
        };
        let username = self.run(actor, Permission::UserExportData, deed).await?;
        Ok(File { name: file_name(&username), content: self.archive_of(org, user).await? })
    }

    async fn archive_of(&self, org: &Org, user: UserId) -> Result<Vec<u8>> {
        let dossier = dossier::collect(self, org.id.into(), user).await?;
        archive::write(&dossier, org, self.now())
    }

    /// The worker's part: makes the file, unless nobody waits for it any more.
    pub(crate) async fn make_data_export(&self, org: &Org, id: DataExportId) -> Result<()> {
        let context = OrgContext::from(org.id);
        let read =
            async |connection: &mut Connection<'_>| store::data_exports::find(connection, context, id).await;
        let found = self.database().read(read).await?;
        let Some(export) = found.filter(|export| export.state == ExportState::Queued) else { return Ok(()) };
        let archive = match self.archive_of(org, export.user).await {
            Err(error) if error.kind() == Kind::NotFound => return Ok(()),
            made => made?,
        };
        let Agent::User(asker) = export.asked_by else { return Ok(()) };
        let deed = async move |op: &mut Operation<'_, '_>| {
            let asker = op.person(asker).await?.user;
            let person = op.person(export.user).await?.user;
            let address = asker.fields.email.clone().unwrap_or_default();
            let lifetime = Purpose::DataExport.lifetime();
            let link = op.new_link(asker.id, Purpose::DataExport, &address, lifetime).await?;
            if !store::data_exports::ready(op.connection, &export, link.id, &archive, op.now).await? {
                return Err(Error::not_found());
            }
            let details = if person.id == asker.id {
                MailDetails { about: "you".to_owned(), ..MailDetails::default() }
            } else {
                MailDetails { people: vec![person.id], ..MailDetails::default() }
            };
            op.notify(&asker, MailKind::DataExport, Some(&link), details);
            Ok(())
        };
        let done = self.run(&Actor::system(context), Permission::UserExportData, deed).await;
        done.or_else(|error| if error.kind() == Kind::NotFound { Ok(()) } else { Err(error) })
    }
}

/// Whose data, and what one needs for it.
fn subject(actor: &Actor, whose: Whose) -> Result<(UserId, Permission)> {
    match whose {
        Whose::Own => Ok((actor.user().ok_or_else(signed_out)?, Permission::AccountRead)),
        Whose::Of(user) => Ok((user, Permission::UserExportData)),
    }
}

fn gone() -> Error {
    let message = "This file has been removed. Ask for the data again.";
    Error::new(Kind::Gone, "data_export.gone", message)
}

fn file_name(username: &str) -> String {
    let plain: String = username
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' })
        .collect();
    format!("data-of-{plain}.zip")
}
