//! The settings of the mail server, which only make sense together.
//!
//! What can be seen without connecting is checked here, so that `muster config check` finds it before a mail gets stuck.

use std::{path::PathBuf, sync::Arc, time::Duration};

use app::mail::Carrier;
use connect::smtp::{Options, Security, Server};
use model::Result;

use super::{Config, Values};

impl Config {
    /// Who carries mail away.
    pub(crate) fn carrier(&self) -> Result<Carrier> {
        Ok(match self.mail() {
            Some(options) => Carrier::Smtp(Arc::new(Server::new(options)?)),
            None => Carrier::Nobody,
        })
    }
}

impl Values<'_> {
    pub(super) fn mail(&self) -> Result<Option<Options>> {
        let security = match self.text("mail.security").as_deref().map(str::trim) {
            None | Some("starttls") => Security::StartTls,
            Some("tls") => Security::Tls,
            Some("none") => Security::None,
            Some(_) => return Err(self.wrong("mail.security", "starttls, tls or none")),
        };
        let login = match (self.text("mail.username"), self.text("mail.password")) {
            (Some(name), Some(password)) => Some((name, password)),
            (None, None) => None,
            (Some(_), None) => return Err(self.wrong("mail.password", "given together with mail.username")),
            (None, Some(_)) => return Err(self.wrong("mail.username", "given together with mail.password")),
        };
        let (server, from) = (self.text("mail.server"), self.text("mail.from"));
        let Some(server) = server else {
            if from.is_some() || login.is_some() {
                return Err(self.wrong("mail.server", "given, or mail.from and mail.username left out"));
            }
            return Ok(None);
        };
        let wanted = "given where mail.server is: the sender's address, such as muster@example.com";
        let from = from.ok_or_else(|| self.wrong("mail.from", wanted))?;
        let ca_file = self.text("mail.ca_file").map(PathBuf::from);
        let timeout = Duration::from_secs(self.number("mail.timeout", 1, 45)?.unwrap_or(30));
        let options = Options { server, security, login, from, ca_file, timeout };
        Server::new(options.clone())?;
        Ok(Some(options))
    }
}
