//! What the first start makes: checked when it is read, so that nothing is begun with what would be refused.

use model::{Error, Result, org, token, user};

use super::{Bootstrap, Values};

impl Values<'_> {
    pub(super) fn bootstrap(&self) -> Result<Bootstrap> {
        let usable = |sentence: &str| format!("usable: {}", sentence.trim_end_matches('.'));
        let of_field = |error: Error| {
            usable(error.fields().first().map_or(error.message(), |field| field.message.as_str()))
        };
        let name = |text: &str| org::name(text).map(drop).map_err(of_field);
        let slug = |text: &str| org::slug(text).map(drop).map_err(of_field);
        let email =
            |text: &str| user::checked_email("email", text).map(drop).map_err(|field| usable(&field.message));
        let token = |text: &str| {
            let wanted = "a token, as `muster token generate` prints them";
            token::parse(text.trim()).map(drop).ok_or_else(|| wanted.to_owned())
        };
        Ok(Bootstrap {
            org_name: self.checked("bootstrap.org_name", name)?,
            org_slug: self.checked("bootstrap.org_slug", slug)?,
            admin_email: self.checked("bootstrap.admin_email", email)?,
            admin_name: self.text("bootstrap.admin_name"),
            admin_password: self.text("bootstrap.admin_password"),
            api_token: self.checked("bootstrap.api_token", token)?,
        })
    }

    /// A value, unless `check` says what it must be.
    fn checked(
        &self,
        name: &str,
        check: impl Fn(&str) -> std::result::Result<(), String>,
    ) -> Result<Option<String>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        check(&text).map_err(|wanted| self.wrong(name, &wanted))?;
        Ok(Some(text))
    }
}
