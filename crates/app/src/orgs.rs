//! What one can do with organizations: create, list, rename, change name and settings.

use std::time::Duration;

use model::{
    Error, Kind, Org, OrgContext, OrgId, Permission, Result, Settings,
    audit::{self, Changes},
    org,
};
use serde_json::{Map, Value};
use store::{Connection, boxed};

use crate::{Actor, App, Operation, cache::Stale, operation::Event, users::changed};

impl App {
    /// Creates an organization; with `dry_run` only tries. Only the operator does, and the very first set-up.
    #[boxed]
    pub async fn create_org(&self, name: &str, slug: &str, dry_run: bool) -> Result<Org> {
        let org = self.new_org(name, slug)?;
        let actor = Actor { dry_run, ..Actor::operator(org.id.into()) };
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.create_org(&org).await?;
            Ok(org.clone())
        };
        self.run(&actor, Permission::OrgRename, deed).await
    }

    pub(crate) fn new_org(&self, name: &str, slug: &str) -> Result<Org> {
        let now = self.now();
        Ok(Org {
            id: OrgId::new(now, self.entropy()),
            slug: org::slug(slug)?,
            name: org::name(name)?,
            settings: Settings::default(),
            created_at: now,
            version: 1,
        })
    }

    /// All organizations by slug: for the operator.
    #[boxed]
    pub async fn orgs(&self) -> Result<Vec<Org>> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map_or(String::new(), |org: &Org| org.slug.clone());
            let read =
                async |connection: &mut Connection<'_>| store::orgs::page(connection, &after, 200).await;
            let page = self.database().read(read).await?;
            let last = page.len() < 200;
            all.extend(page);
            if last {
                return Ok(all);
            }
        }
    }

    /// Whether there is any organization; if not, the first set-up is not over.
    #[boxed]
    pub async fn is_set_up(&self) -> Result<bool> {
        self.database()
            .read(async |connection: &mut Connection<'_>| store::orgs::exist(connection).await)
            .await
    }

    /// Gives the organization another address; the present one leads to it for 90 days.
    #[boxed]
    pub async fn rename_org(&self, actor: &Actor, slug: &str, version: Option<i64>) -> Result<Org> {
        let slug = org::slug(slug)?;
        let deed = async move |op: &mut Operation<'_, '_>| {
            let mut org = op.org(version).await?;
            if org.slug == slug {
                return Ok(org);
            }
            let keep = op.now.plus(Duration::from_secs(org::OLD_SLUG_DAYS * 24 * 60 * 60));
            store::orgs::rename(op.connection, &org, &slug, op.now, keep).await?;
            store::orgs::update(op.connection, &org).await?;
            op.record_org(
                &org,
                "org.renamed",
                changed("slug", org.slug.as_str().into(), slug.as_str().into()),
            );
            op.stale(Stale::Org(op.context));
            org.slug.clone_from(&slug);
            org.version += 1;
            Ok(org)
        };
        self.run(actor, Permission::OrgRename, deed).await
    }

    /// Changes name and rules by a JSON merge patch of `{name, settings}`.
    #[boxed]
    pub async fn edit_org(
        &self,
        actor: &Actor,
        patch: Map<String, Value>,
        version: Option<i64>,
    ) -> Result<Org> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            let mut org = op.org(version).await?;
            let before = editable(&org);
            let (name, settings) = merged(&org, &patch)?;
            (org.name, org.settings) = (name, settings);
            let after = editable(&org);
            if before == after {
                return Ok(org);
            }
            store::orgs::update(op.connection, &org).await?;
            op.record_org(&org, "settings.changed", audit::changes(&before, &after));
            op.stale(Stale::Org(op.context));
            org.version += 1;
            Ok(org)
        };
        self.run(actor, Permission::SettingsUpdate, deed).await
    }
}

/// What can be edited, flat (`session.idle_minutes`), so that the audit log shows single rules.
fn editable(org: &Org) -> Map<String, Value> {
    let mut flat = Map::new();
    flat.insert("name".to_owned(), org.name.as_str().into());
    if let Ok(Value::Object(groups)) = serde_json::to_value(&org.settings) {
        for (group, rules) in groups {
            for (rule, value) in rules.as_object().into_iter().flatten() {
                flat.insert(format!("{group}.{rule}"), value.clone());
            }
        }
    }
    flat
}

fn merged(org: &Org, patch: &Map<String, Value>) -> Result<(String, Settings)> {
    let mut settings = serde_json::to_value(&org.settings).map_err(Error::internal)?;
    let mut name = org.name.clone();
    for (field, value) in patch {
        match (field.as_str(), value) {
            ("name", Value::String(text)) => name = org::name(text)?,
            ("settings", Value::Object(groups)) => merge(&mut settings, groups)?,
            _ => {
                let message = "Send name (text) and settings (an object), nothing else.";
                return Err(Error::invalid_field(field.clone(), "settings.unknown_field", message));
            }
        }
    }
    let settings: Settings = model::unacceptable::read(settings, "settings")?;
    Ok((name, settings.check()?))
}

fn merge(settings: &mut Value, groups: &Map<String, Value>) -> Result<()> {
    for (group, rules) in groups {
        match (settings.get_mut(group), rules) {
            (Some(Value::Object(known)), Value::Object(rules)) => {
                known.extend(rules.iter().map(|(rule, value)| (rule.clone(), value.clone())));
            }
            (None, Value::Object(_)) => settings[group] = rules.clone(),
            // A list would be read as all rules of the group in their order.
            _ => {
                let message = "Send each group of rules as an object, such as {\"idle_minutes\": 30}.";
                return Err(Error::invalid_field(format!("settings.{group}"), "settings.malformed", message));
            }
        }
    }
    Ok(())
}

impl Operation<'_, '_> {
    /// The organization, whose row nobody else changes before this transaction ends.
    pub(crate) async fn org(&mut self, version: Option<i64>) -> Result<Org> {
        store::orgs::lock(self.connection, self.context).await?;
        let org = store::orgs::find(self.connection, self.context).await?.ok_or_else(Error::not_found)?;
        if version.is_some_and(|version| version != org.version) {
            let message =
                "Somebody has changed the settings meanwhile. Look at them again, then repeat your change.";
            return Err(Error::new(Kind::Stale, "org.changed_meanwhile", message));
        }
        Ok(org)
    }

    pub(crate) async fn create_org(&mut self, org: &Org) -> Result<()> {
        store::orgs::insert(self.connection, org).await?;
        self.record_org(org, "org.created", changed("slug", Value::Null, org.slug.as_str().into()));
        self.stale(Stale::Org(OrgContext::from(org.id)));
        Ok(())
    }

    pub(crate) fn record_org(&mut self, org: &Org, name: &str, changes: Changes) {
        let (target, target_name) = (org.id.0, org.name.as_str());
        self.record(Event { name, target_type: "org", target, target_name, changes, reason: String::new() });
    }
}
