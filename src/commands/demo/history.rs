//! What happened to the demonstration's people, in order, and letting it happen.

use std::collections::HashMap;

use app::{
    Actor, Operation, Person,
    invitations::Terms,
    operation::Event as Entry,
    users::{InitialPassword, NewUser},
};
use futures_util::future::try_join_all;
use model::{
    Action, Agent, Kind, OrgContext, Permission, Result, Role, RoleKey, State, Timestamp, UserFields, UserId,
    audit::{Changed, Changes},
    credential,
    lifecycle::{Awaited, Reason, StateName},
    link::Purpose,
    user::Address,
};

use super::{Making, PASSWORD, moment};
use crate::demo::{DemoPerson, DemoState};

/// So many neighbouring events happen at once, as when a group of people starts on the same day: they are written
/// together, which is what makes a demonstration in seconds.
const TOGETHER: usize = 8;
/// The first people, who manage the others, were there from the beginning.
const FIRST: usize = 91;
/// The organization is that many days old.
const AGE: u32 = 3400;

/// When the organization was founded.
pub(super) fn founded(now: Timestamp) -> Timestamp {
    moment(now, AGE + 1, 0)
}

/// Something that happened to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: Timestamp,
    what: What,
    person: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Came,
    /// Got to where they stand now.
    Moved,
}

/// See the module.
pub(super) struct History {
    events: Vec<Event>,
    now: Timestamp,
    ids: HashMap<usize, UserId>,
}

impl History {
    /// Everything that happened until `now`, the oldest first.
    pub(super) fn new(people: &[DemoPerson], now: Timestamp) -> Self {
        let mut events = Vec::new();
        for (number, person) in people.iter().enumerate() {
            // A manager was there before whom they manage.
            let days = match number {
                ..FIRST => AGE - u32::try_from(number).unwrap_or(0),
                _ => person.created_days_ago,
            };
            events.push(Event { at: moment(now, days, number), what: What::Came, person: number });
            if !matches!(person.state, DemoState::Staged | DemoState::Active) {
                let at = moment(now, person.state_days_ago, number);
                events.push(Event { at, what: What::Moved, person: number });
            }
        }
        events.sort_unstable();
        Self { events, now, ids: HashMap::new() }
    }

    /// Lets everything happen that has not happened yet.
    pub(super) async fn happen(&mut self, making: &Making<'_>) -> Result<()> {
        let done = self.find_out_what_is_done(making).await?;
        let mut waiting: Vec<Event> = self.events.iter().copied().filter(|event| !done(event)).collect();
        making.clock.stand(founded(self.now));
        while !waiting.is_empty() {
            let many = self.batch(&waiting, making.people);
            let batch: Vec<Event> = waiting.drain(..many).collect();
            let Some(first) = batch.first() else { break };
            making.clock.go(first.at);
            let moves = batch.iter().map(|event| self.one(making, *event));
            for (event, id) in batch.iter().zip(try_join_all(moves).await?) {
                self.ids.insert(event.person, id);
            }
        }
        making.clock.stand(self.now);
        self.sign_in_everybody(making).await
    }

    /// After an interruption: who is there, and who stands where they should.
    async fn find_out_what_is_done(
        &mut self,
        making: &Making<'_>,
    ) -> Result<impl Fn(&Event) -> bool + use<>> {
        let operator = Actor::operator(making.org.id.into());
        let mut moved = HashMap::new();
        for (number, person) in making.people.iter().enumerate() {
            match making.app.user_by_identifier(&operator, &person.email).await {
                Ok(found) => {
                    self.ids.insert(number, found.user.id);
                    let still = matches!(found.user.state.name(), StateName::Staged | StateName::Active);
                    moved.insert(number, !still || found.user.lock.is_some());
                }
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(move |event: &Event| match event.what {
            What::Came => moved.contains_key(&event.person),
            What::Moved => moved.get(&event.person).is_some_and(|moved| *moved),
        })
    }

    /// How many of the next events don't need one another.
    fn batch(&self, waiting: &[Event], people: &[DemoPerson]) -> usize {
        let mut touched: Vec<usize> = Vec::new();
        for event in waiting.iter().take(TOGETHER) {
            let manager = people[event.person].manager.filter(|manager| !self.ids.contains_key(manager));
            if touched.contains(&event.person) || manager.is_some_and(|manager| touched.contains(&manager)) {
                break;
            }
            touched.push(event.person);
        }
        touched.len()
    }

    async fn one(&self, making: &Making<'_>, event: Event) -> Result<UserId> {
        let person = &making.people[event.person];
        match event.what {
            What::Came => self.create(making, event.person).await,
            What::Moved => {
                let id = self.ids.get(&event.person).copied().ok_or_else(model::Error::not_found)?;
                self.shift(making, event.person, person, id).await.map(|()| id)
            }
        }
    }

    /// Who did it: the organization's first administrator, as soon as there is one.
    fn by(&self, making: &Making<'_>, person: usize) -> Actor {
        let mut actor = Actor::operator(making.org.id.into());
        if person >= FIRST
            && let Some(position) = making.people.iter().position(|person| person.roles == ["administrator"])
            && let Some(id) = self.ids.get(&position)
        {
            actor.agent = Agent::User(*id);
            actor.name.clone_from(&making.people[position].display_name);
        }
        actor
    }

    async fn create(&self, making: &Making<'_>, number: usize) -> Result<UserId> {
        let person = &making.people[number];
        let is_able = making.able.contains(&person.username);
        let password = match person.state {
            DemoState::Staged | DemoState::Invited | DemoState::Pending => InitialPassword::None,
            _ if is_able => InitialPassword::Chosen { password: PASSWORD.to_owned(), must_change: false },
            _ => {
                let password = credential::generate(making.app.entropy()).reveal().to_owned();
                InitialPassword::Chosen { password, must_change: false }
            }
        };
        let roles =
            person.roles.iter().map(|role| Role::named(role).map(RoleKey::from)).collect::<Result<_>>()?;
        let new = NewUser { fields: self.fields(person), roles, groups: Vec::new(), password };
        let app = if is_able { making.costly } else { making.app };
        Ok(app.create_user(&self.by(making, number), making.org, new).await?.person.user.id)
    }

    fn fields(&self, person: &DemoPerson) -> UserFields {
        let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let address =
            Address { city: text(&person.city), country: text(&person.country), ..Address::default() };
        UserFields {
            username: text(&person.username),
            email: text(&person.email),
            given_name: text(&person.given_name),
            family_name: text(&person.family_name),
            display_name: text(&person.display_name),
            phone: text(&person.phone),
            mobile: text(&person.mobile),
            personal_email: text(&person.personal_email),
            address: Some(address),
            title: text(&person.title),
            department: text(&person.department),
            division: text(&person.division),
            cost_centre: text(&person.cost_centre),
            employee_number: text(&person.employee_number),
            manager: person.manager.and_then(|manager| self.ids.get(&manager).copied()),
            locale: text(&person.locale),
            time_zone: text(&person.timezone),
            tags: person.tags.clone(),
            ..UserFields::default()
        }
    }

    /// From where people start to where they stand.
    async fn shift(&self, making: &Making<'_>, number: usize, person: &DemoPerson, id: UserId) -> Result<()> {
        let reason = Reason::parse(&person.reason).unwrap_or(Reason::Other);
        let note = person.note.clone();
        let actions = match person.state {
            DemoState::Staged | DemoState::Active => Vec::new(),
            DemoState::Invited => return invite(making, &self.by(making, number), number, id).await,
            DemoState::Pending => return await_approval(making, id).await,
            DemoState::Locked => vec![Action::Lock { until: None, note }],
            DemoState::Suspended => vec![Action::Suspend { reason, note }],
            DemoState::Deprovisioned => vec![Action::Deprovision { reason, note }],
            DemoState::Trashed => {
                vec![Action::Suspend { reason, note }, Action::Delete { confirm: person.email.clone() }]
            }
        };
        let actor = self.by(making, number);
        for action in actions {
            let _: Person = making.app.transition(&actor, making.org, id, action, None).await?;
        }
        Ok(())
    }

    /// When people were last here: most of them lately, some long ago, some never.
    async fn sign_in_everybody(&self, making: &Making<'_>) -> Result<()> {
        let mut visits = Vec::new();
        for (number, person) in making.people.iter().enumerate() {
            let came = !matches!(person.state, DemoState::Staged | DemoState::Invited | DemoState::Pending);
            let (Some(id), true) = (self.ids.get(&number), came && number % 17 != 5) else { continue };
            let since = if person.state == DemoState::Active { 0 } else { person.state_days_ago };
            let ago = match number % 10 {
                0..=6 => number % 9,
                7 | 8 => number % 61,
                _ => number % 211,
            };
            let least = if number < FIRST { AGE } else { person.created_days_ago };
            let ago = (since + u32::try_from(ago).unwrap_or(0)).min(least);
            // Later than things happen, so that nobody was here before being created; and not all of them just now.
            let happened = moment(self.now, ago, number);
            let later = (self.now.since(happened) / 2).min(std::time::Duration::from_secs(43_200));
            let at = happened.plus(later);
            visits.push((*id, at));
        }
        let context = OrgContext::from(making.org.id);
        let deed = async move |op: &mut Operation<'_, '_>| {
            for (id, at) in &visits {
                store::users::signed_in(op.connection, context, *id, "password", *at).await?;
            }
            Ok(())
        };
        making.app.run(&Actor::operator(context), Permission::UserUpdate, deed).await
    }
}

/// Invited with a few words; some have looked at the link already, which a colleague handed over.
async fn invite(making: &Making<'_>, actor: &Actor, number: usize, id: UserId) -> Result<()> {
    let (app, org) = (making.app, making.org);
    let message = ["", "Welcome to the team. See you on Monday.", ""][number % 3].to_owned();
    let terms = Terms { message, lifetime_hours: None };
    app.invite_user(actor, org, id, terms, None).await?;
    if number % 4 == 1 {
        let link = app.copy_invitation_link(actor, org, id).await?;
        let secret = link.rsplit('/').next().unwrap_or_default();
        app.open_invitation(org, Purpose::Invitation, secret).await?;
    }
    Ok(())
}

/// Signing up oneself is how people come to wait for approval; as long as there is no page for it, this stands in.
async fn await_approval(making: &Making<'_>, id: UserId) -> Result<()> {
    let deed = async move |op: &mut Operation<'_, '_>| {
        let mut person = op.person(id).await?;
        person.user.state = State::Pending { awaits: vec![Awaited::Approval] };
        person.user.updated_at = op.now;
        // Nobody has proven an address while waiting.
        store::users::update(op.connection, &person.user, None).await?;
        let state = Changed { before: "staged".into(), after: "pending".into() };
        op.record(Entry {
            name: "user.signed_up",
            target_type: "user",
            target: id.0,
            target_name: person.user.name(),
            changes: Changes::from([("state".to_owned(), state)]),
            reason: String::new(),
        });
        op.user_is_stale(id);
        Ok(())
    };
    let actor = Actor::operator(making.org.id.into());
    making.app.run(&actor, Permission::UserCreate, deed).await
}
