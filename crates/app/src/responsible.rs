//! Who answers for a program: a service user has a responsible human from the day it is made, and the owners hear when
//! that one is gone.

use model::{
    Error, Result, UserFields,
    lifecycle::StateName,
    mail::{MailDetails, MailKind},
    user::UserType,
};

use crate::{Operation, Person};

/// So many programs are named in the mail at most.
const NAMED: u16 = 20;

impl Operation<'_, '_> {
    /// Refuses a service user for whom nobody answers. One of long ago is left as it is, as long as nothing about this
    /// is changed.
    pub(crate) async fn check_responsible(
        &mut self,
        fields: &UserFields,
        before: Option<&UserFields>,
    ) -> Result<()> {
        let is_changed = before
            .is_none_or(|before| before.kind() != fields.kind() || before.responsible != fields.responsible);
        if fields.kind() != UserType::Service || !is_changed {
            return Ok(());
        }
        let Some(id) = fields.responsible else {
            let message = "A program needs somebody who answers for it. Name a responsible person.";
            return Err(Error::invalid_field("responsible", "user.responsible_missing", message));
        };
        let person = store::users::find(self.connection, self.context, id).await?;
        let answers = person.is_some_and(|person| {
            let gone = [StateName::Deprovisioned, StateName::Trashed, StateName::Purged];
            matches!(person.fields.kind(), UserType::Human | UserType::BreakGlass)
                && !gone.contains(&person.state.name())
        });
        if answers {
            return Ok(());
        }
        let message = "Only a person who has not left can answer for a program. Name somebody else.";
        Err(Error::invalid_field("responsible", "user.responsible_unable", message))
    }

    /// Tells the owners which programs nobody answers for any more, now that this person leaves. It is said once: when
    /// somebody leaves, not again when what is left of the account is deleted.
    pub(crate) async fn tell_unanswered(&mut self, person: &Person, before: StateName) -> Result<()> {
        if matches!(before, StateName::Deprovisioned | StateName::Trashed) {
            return Ok(());
        }
        let (context, id) = (self.context, person.user.id);
        let mut programs = Vec::new();
        for program in store::users::answered_for(self.connection, context, id, NAMED).await? {
            let found = store::users::find(self.connection, context, program).await?;
            let is_program = |user: &model::User| {
                user.fields.kind() == UserType::Service
                    && !matches!(
                        user.state.name(),
                        StateName::Trashed | StateName::Purged | StateName::Deprovisioned
                    )
            };
            programs.extend(found.filter(is_program).map(|program| program.id));
        }
        if programs.is_empty() {
            return Ok(());
        }
        let details =
            MailDetails { actor: Some(id), people: programs, at: Some(self.now), ..MailDetails::default() };
        for owner in self.other_owners(id).await? {
            self.notify(&owner, MailKind::ResponsibleGone, None, details.clone());
        }
        Ok(())
    }
}
