//! The demonstration's 1,000 invented people: of many cultures, in all states, the same ones in every run.
//!
//! Owns who they are and how they stand; writing them into an organization is the command's work. Nothing here asks
//! the machine for time or randomness: ages are days before whenever the demonstration is opened.

mod names;

use names::{CULTURES, Culture, Name, Order};
use std::collections::HashSet;

/// How many people the demonstration has.
pub(crate) const PEOPLE: usize = 1000;

/// Where an invented person stands; the lifecycle of the product with the reasons a careful office would give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DemoState {
    /// Exists, not activated.
    Staged,
    /// Has an invitation.
    Invited,
    /// Awaits approval.
    Pending,
    /// Works here.
    Active,
    /// Works here, locked by an administrator.
    Locked,
    /// Blocked; everything held stays.
    Suspended,
    /// Left; grants removed.
    Deprovisioned,
    /// In the trash, restorable.
    Trashed,
}

/// One invented person. Empty text means "not given".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DemoPerson {
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) given_name: String,
    /// Empty for people of one name.
    pub(crate) family_name: String,
    pub(crate) display_name: String,
    pub(crate) title: String,
    pub(crate) department: String,
    pub(crate) division: String,
    pub(crate) cost_centre: String,
    pub(crate) employee_number: String,
    /// BCP 47.
    pub(crate) locale: String,
    /// IANA.
    pub(crate) timezone: String,
    /// Work phone, E.164, fictitious.
    pub(crate) phone: String,
    /// E.164, fictitious; most have none.
    pub(crate) mobile: String,
    pub(crate) personal_email: String,
    pub(crate) city: String,
    /// ISO 3166-1 alpha-2.
    pub(crate) country: String,
    pub(crate) tags: Vec<String>,
    /// Position of the manager in the list; always an earlier one who is active. The first person has none.
    pub(crate) manager: Option<usize>,
    /// Built-in roles (`owner`, `helpdesk`…); most have none beside Member.
    pub(crate) roles: Vec<String>,
    pub(crate) state: DemoState,
    /// Why they stand there: a reason of the lifecycle (`on_leave`); empty where the state takes none.
    pub(crate) reason: String,
    /// What the administrator wrote beside the reason.
    pub(crate) note: String,
    /// Days ago that the record was made.
    pub(crate) created_days_ago: u32,
    /// Days ago that the person came to stand there; never before the record was made.
    pub(crate) state_days_ago: u32,
}

/// The people, the same ones every time: the first two are the owners, managers come before their reports.
pub(crate) fn people() -> Vec<DemoPerson> {
    let mut draw = Draw(0x4d75_7374_6572);
    let mut taken = HashSet::new();
    let mut people: Vec<DemoPerson> = Vec::with_capacity(PEOPLE);
    for index in 0..PEOPLE {
        let culture = weighted_culture(&mut draw);
        let mut person = identity(culture, index, &mut draw, &mut taken);
        place(&mut person, index, &mut draw);
        stand(&mut person, index, &mut draw);
        // One typing mistake: an address that no mail server knows.
        if person.state == DemoState::Invited && !people.iter().any(|other| other.state == DemoState::Invited)
        {
            person.email = person.email.replace(".example", ".invalid");
            person.personal_email.clear();
        }
        person.manager = manager_of(&people, &person, &mut draw);
        people.push(person);
    }
    people
}

/// Repeatable numbers (splitmix64, Steele, Lea and Flood 2014): good enough to choose names, never for secrets.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn days(&mut self, from: u32, to: u32) -> u32 {
        let width = u64::from(to.saturating_sub(from));
        from.saturating_add(u32::try_from(self.below(width.saturating_add(1))).unwrap_or(0))
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[usize::try_from(self.next()).unwrap_or(usize::MAX) % list.len()]
    }

    fn name(&mut self, list: &'static str) -> Name {
        let all: Vec<Name> = names::names(list).collect();
        let position = usize::try_from(self.next()).unwrap_or(usize::MAX) % all.len();
        all.into_iter().nth(position).unwrap_or(Name { written: String::new(), latin: String::new() })
    }
}

fn weighted_culture(draw: &mut Draw) -> &'static Culture {
    let total: u64 = CULTURES.iter().map(|culture| culture.weight).sum();
    let mut left = draw.below(total);
    for culture in CULTURES {
        if left < culture.weight {
            return culture;
        }
        left -= culture.weight;
    }
    &CULTURES[0]
}

/// Names, addresses and numbers. `taken` holds the usernames given so far.
fn identity(culture: &Culture, index: usize, draw: &mut Draw, taken: &mut HashSet<String>) -> DemoPerson {
    let given = draw.name(culture.given);
    let family = (!culture.family.is_empty()).then(|| draw.name(culture.family));
    let plain = match &family {
        Some(family) => format!("{}.{}", given.latin, family.latin),
        None => given.latin.clone(),
    };
    let mut username = plain.clone();
    let mut suffix = 2;
    while !taken.insert(username.clone()) {
        username = format!("{plain}{suffix}");
        suffix += 1;
    }
    let family_name = family.map(|name| name.written).unwrap_or_default();
    let display_name = match culture.order {
        _ if family_name.is_empty() => given.written.clone(),
        Order::GivenFirst => format!("{} {family_name}", given.written),
        Order::FamilyFirst => format!("{family_name} {}", given.written),
        Order::FamilyFirstJoined => format!("{family_name}{}", given.written),
    };
    let personal = draw.below(10) < 6;
    DemoPerson {
        email: format!("{username}@muster.example"),
        personal_email: if personal { format!("{username}@mail.example") } else { String::new() },
        username,
        given_name: given.written,
        family_name,
        display_name,
        employee_number: format!("M{:05}", 10_000 + index),
        locale: culture.locale.to_owned(),
        timezone: culture.timezone.to_owned(),
        phone: phone(culture, draw),
        mobile: if draw.below(4) == 0 { phone(culture, draw) } else { String::new() },
        city: culture.city.to_owned(),
        country: culture.country.to_owned(),
        title: String::new(),
        department: String::new(),
        division: String::new(),
        cost_centre: String::new(),
        tags: Vec::new(),
        manager: None,
        roles: Vec::new(),
        state: DemoState::Active,
        reason: String::new(),
        note: String::new(),
        created_days_ago: 0,
        state_days_ago: 0,
    }
}

/// A number of the culture's fictitious range, filled up to the length that such numbers have there.
fn phone(culture: &Culture, draw: &mut Draw) -> String {
    let length = if matches!(culture.country, "US" | "FR" | "SE") { 12 } else { 13 };
    let mut number = culture.dial.to_owned();
    while number.len() < length {
        number.push_str(&draw.below(10).to_string());
    }
    number
}

const DEPARTMENTS: &[(&str, &str, &str)] = &[
    ("Product Engineering", "Technology", "4100"),
    ("Infrastructure", "Technology", "4120"),
    ("Information Security", "Technology", "4130"),
    ("Research & Development", "Technology", "4200"),
    ("Customer Support", "Operations", "5100"),
    ("Facilities", "Operations", "5200"),
    ("Logistics", "Operations", "5300"),
    ("Sales, Europe", "Commercial", "6100"),
    ("Sales, Asia-Pacific", "Commercial", "6150"),
    ("Marketing", "Commercial", "6200"),
    ("Finance", "Corporate", "7100"),
    ("Legal", "Corporate", "7200"),
    ("People", "Corporate", "7300"),
    ("Board Office", "Corporate", "7000"),
];

const TITLES: &[&str] = &[
    "Specialist",
    "Senior Specialist",
    "Coordinator",
    "Analyst",
    "Engineer",
    "Senior Engineer",
    "Consultant",
    "Administrator",
    "Working Student",
    "Assistant",
];

/// Title, department and what goes with it.
fn place(person: &mut DemoPerson, index: usize, draw: &mut Draw) {
    let (department, division, cost_centre) = *draw.pick(DEPARTMENTS);
    let (title, department, division, cost_centre) = match index {
        0 => ("Chief Executive Officer".to_owned(), "Board Office", "Corporate", "7000"),
        1 => ("Chief Information Officer".to_owned(), "Infrastructure", "Technology", "4120"),
        2..=12 => (format!("Head of {department}"), department, division, cost_centre),
        13..=90 => (format!("Team Lead, {department}"), department, division, cost_centre),
        _ => ((*draw.pick(TITLES)).to_owned(), department, division, cost_centre),
    };
    person.title = title;
    department.clone_into(&mut person.department);
    division.clone_into(&mut person.division);
    cost_centre.clone_into(&mut person.cost_centre);
    for (tag, share) in [("remote", 5), ("first-aider", 30), ("works-council", 60), ("contractor", 12)] {
        if draw.below(share) == 0 {
            person.tags.push(tag.to_owned());
        }
    }
}

/// Who holds what: positions in the list and the role.
const ROLES: &[(std::ops::RangeInclusive<usize>, &str)] = &[
    (0..=1, "owner"),
    (2..=5, "administrator"),
    (6..=7, "security_administrator"),
    (8..=12, "user_manager"),
    (13..=15, "group_manager"),
    (16..=27, "helpdesk"),
    (28..=31, "auditor"),
];

/// What an office writes when it blocks someone.
const SUSPENSIONS: &[(&str, &str)] = &[
    ("on_leave", "Parental leave until the end of the quarter."),
    ("on_leave", "Sabbatical; back in spring. Keep the mailbox."),
    ("investigation", "Ticket SEC-2207: unusual downloads. Do not contact directly."),
    ("security", "Laptop reported stolen at the station."),
    ("inactive", "No sign-in for 90 days."),
    ("contract_ended", "Waiting for the signed extension."),
    ("other", "Asked for a pause by their own team lead."),
];

const DEPARTURES: &[(&str, &str)] = &[
    ("left", "Last day was Friday. Laptop returned."),
    ("left", "Retired after 31 years. Farewell in the canteen."),
    ("contract_ended", "Freelance contract ended as planned."),
    ("expired", "Guest account past its end date."),
];

const DELETIONS: &[(&str, &str)] = &[
    ("left", "Left last year; records handed over."),
    ("other", "Duplicate, made by mistake during the import."),
    ("contract_ended", "Supplier changed."),
];

/// State, reason, roles and ages. Managers and holders of roles (the first 91) are active, so that the demonstration works.
fn stand(person: &mut DemoPerson, index: usize, draw: &mut Draw) {
    use DemoState::{Active, Deprovisioned, Invited, Locked, Pending, Staged, Suspended, Trashed};
    person.roles = ROLES
        .iter()
        .filter(|(holders, _)| holders.contains(&index))
        .map(|(_, role)| (*role).to_owned())
        .collect();
    let lot = if index <= 90 { 999 } else { draw.below(900) };
    let (state, recent, texts): (_, _, &[(&str, &str)]) = match lot {
        0..=29 => (Staged, 20, &[("", "")]),
        30..=84 => (Invited, 12, &[("", "")]),
        85..=96 => (Pending, 3, &[("", "")]),
        97..=140 => (Suspended, 120, SUSPENSIONS),
        141..=149 => (Locked, 1, &[("security", "Asked to change the password from an unknown number.")]),
        150..=184 => (Deprovisioned, 400, DEPARTURES),
        185..=199 => (Trashed, 28, DELETIONS),
        _ => (Active, 1500, &[("", "")]),
    };
    let (reason, note) = *draw.pick(texts);
    reason.clone_into(&mut person.reason);
    note.clone_into(&mut person.note);
    person.state_days_ago = draw.days(0, recent);
    let before =
        if matches!(state, Staged | Invited | Pending) { draw.days(0, 2) } else { draw.days(3, 1800) };
    person.created_days_ago = person.state_days_ago + before;
    person.state = state;
}

/// The first reports to nobody, the heads to the first, the team leads to a head, everyone else to a team lead, of
/// the same department where it has one.
fn manager_of(earlier: &[DemoPerson], person: &DemoPerson, draw: &mut Draw) -> Option<usize> {
    let (from, to) = match earlier.len() {
        0 => return None,
        1..=12 => (0, 0),
        13..=90 => (1, 12),
        _ => (13, 90),
    };
    let alike: Vec<usize> =
        (from..=to).filter(|lead| earlier[*lead].department == person.department).collect();
    let anyone: Vec<usize> = (from..=to).collect();
    Some(*draw.pick(if alike.is_empty() { &anyone } else { &alike }))
}

#[cfg(test)]
mod tests {
    use super::{names::ascii, *};
    use std::collections::BTreeSet;

    #[test]
    fn they_are_the_same_every_time() {
        assert_eq!(people(), people());
        assert_eq!(people().len(), PEOPLE);
    }

    #[test]
    fn addresses_are_unique_reserved_and_plain() {
        let people = people();
        let usernames: HashSet<&str> = people.iter().map(|person| person.username.as_str()).collect();
        let emails: HashSet<&str> = people.iter().map(|person| person.email.as_str()).collect();
        assert_eq!((usernames.len(), emails.len()), (PEOPLE, PEOPLE));
        for person in &people {
            let mistyped = person.state == DemoState::Invited && person.email.ends_with("@muster.invalid");
            assert!(mistyped || person.email.ends_with("@muster.example"), "{}", person.email);
            assert!(person.personal_email.is_empty() || person.personal_email.ends_with("@mail.example"));
            let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
            assert!(person.username.chars().all(plain) && person.username.len() >= 2, "{}", person.username);
            let digits = person.phone.strip_prefix('+').unwrap();
            assert!(
                digits.len() >= 11
                    && digits.len() <= 15
                    && digits.chars().all(|digit| digit.is_ascii_digit())
            );
        }
    }

    #[test]
    fn every_latin_reading_keeps_every_letter() {
        for culture in CULTURES {
            for name in names::names(culture.given).chain(names::names(culture.family)) {
                let letters = name.written.chars().filter(|letter| ('a'..='ɏ').contains(letter)).count();
                assert!(
                    !name.latin.is_empty() && name.latin.len() + 1 >= letters,
                    "{} {}",
                    name.written,
                    name.latin
                );
            }
        }
        assert_eq!(ascii("Đức Þórdís O'Brien Straße"), "ducthordisobrienstrasse");
    }

    #[test]
    fn all_states_occur_and_most_are_active() {
        use DemoState::{Active, Deprovisioned, Invited, Locked, Pending, Staged, Suspended, Trashed};
        let people = people();
        for state in [Staged, Invited, Pending, Active, Locked, Suspended, Deprovisioned, Trashed] {
            let many = people.iter().filter(|person| person.state == state).count();
            assert!(many >= 5, "{state:?} {many}");
        }
        assert!(people.iter().filter(|person| person.state == Active).count() > 700);
        for person in &people {
            let wants_reason = matches!(person.state, Suspended | Locked | Deprovisioned | Trashed);
            assert_eq!(wants_reason, !person.reason.is_empty());
            assert!(person.created_days_ago >= person.state_days_ago);
        }
    }

    #[test]
    fn roles_and_managers_belong_to_active_people() {
        let people = people();
        assert_eq!(people.iter().filter(|person| person.roles.contains(&"owner".to_owned())).count(), 2);
        for (index, person) in people.iter().enumerate() {
            assert!(person.roles.is_empty() || person.state == DemoState::Active);
            assert_eq!(person.manager.is_none(), index == 0);
            assert!(
                person.manager.is_none_or(|lead| lead < index && people[lead].state == DemoState::Active)
            );
        }
    }

    #[test]
    fn they_write_in_many_scripts() {
        let scripts: BTreeSet<&str> = people()
            .iter()
            .flat_map(|person| person.display_name.chars().map(script).collect::<Vec<_>>())
            .collect();
        assert!(scripts.len() >= 12, "{scripts:?}");
    }

    fn script(letter: char) -> &'static str {
        match u32::from(letter) {
            0x370..=0x3ff => "Greek",
            0x400..=0x52f => "Cyrillic",
            0x530..=0x58f => "Armenian",
            0x590..=0x5ff => "Hebrew",
            0x600..=0x6ff => "Arabic",
            0x900..=0x97f => "Devanagari",
            0x980..=0x9ff => "Bengali",
            0xb80..=0xbff => "Tamil",
            0xe00..=0xe7f => "Thai",
            0x10a0..=0x10ff => "Georgian",
            0x1200..=0x137f => "Ethiopic",
            0x3040..=0x309f => "Hiragana",
            0x30a0..=0x30ff => "Katakana",
            0x4e00..=0x9fff => "Han",
            0xac00..=0xd7af => "Hangul",
            _ => "Latin",
        }
    }
}
