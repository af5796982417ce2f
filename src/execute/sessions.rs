//! Sessions, as the command line asks for them.

use model::{
    Error, Kind, Result, page,
    session::{SessionFilter, SessionQuery},
};

use super::Operator;
use crate::{command::Outcome, view::SessionView};

impl Operator<'_> {
    pub(super) async fn sessions(&self, filter: SessionFilter, limit: u16, cursor: &str) -> Result<Outcome> {
        let query = SessionQuery { limit: page::limit(Some(limit))?, ..self.found_by(filter).await? };
        let page = self.app.sessions(&self.actor, query.at(self.actor.reader(), cursor)?).await?;
        let items = page.items.into_iter().map(SessionView::of).collect();
        Ok(Outcome::Sessions { items, next: page.next })
    }

    pub(super) async fn revoke_sessions(
        &self,
        filter: SessionFilter,
        all: bool,
        confirm: Option<u64>,
    ) -> Result<Outcome> {
        let query = self.found_by(filter).await?;
        if query.is_everything() && !all {
            let message = "Say which sessions, or --all to end everybody's.";
            return Err(Error::new(Kind::Invalid, "sessions.no_filter", message));
        }
        self.app.revoke_sessions(&self.actor, query, confirm).await.map(Outcome::Ended)
    }

    /// The command line names users in any way.
    pub(super) async fn found_by(&self, mut filter: SessionFilter) -> Result<SessionQuery> {
        if !filter.user.is_empty() {
            filter.user = self.id(&filter.user).await?.to_string();
        }
        filter.understood(&self.org.settings.zone())
    }
}
