use proptest::prelude::*;

use super::*;
use crate::{OrgContext, OrgId, UserFields, UserId};

fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T08:00:00Z").unwrap()
}

fn user(state: State) -> User {
    let fields = UserFields {
        username: Some("ana".to_owned()),
        email: Some("ana@x.example".to_owned()),
        display_name: Some("Ana".to_owned()),
        ..UserFields::default()
    };
    let org = OrgContext { org: OrgId(uuid::Uuid::from_u128(1)) };
    let mut user = User::new(UserId(uuid::Uuid::from_u128(2)), org, fields, now());
    user.state = state;
    user
}

fn at(policy: &LifecyclePolicy) -> Circumstances<'_> {
    Circumstances { now: now(), by: Agent::Operator, policy, has_credential: true }
}

fn left() -> Departure {
    Departure { reason: Reason::Left, note: String::new(), since: now(), by: Agent::Operator }
}

/// One state of each name, with plausible content.
fn every_state() -> Vec<State> {
    let trashed = State::Trashed {
        before: Box::new(State::Staged),
        since: now(),
        until: Timestamp::MAX,
        by: Agent::System,
    };
    let pending = State::Pending { awaits: vec![Awaited::Email, Awaited::Approval] };
    vec![
        State::Staged,
        State::Invited,
        pending,
        State::Active,
        State::Suspended(left()),
        State::Deprovisioned(left()),
        trashed,
        State::Purged,
    ]
}

/// One action of each name, such as it succeeds where allowed.
fn every_action() -> Vec<Action> {
    let confirm = "ANA@x.example".to_owned();
    let note = "a note".to_owned();
    vec![
        Action::Invite,
        Action::CancelInvitation,
        Action::Accept,
        Action::Activate,
        Action::Settle(Awaited::Email),
        Action::Unlock,
        Action::Reactivate { valid_until: None },
        Action::Restore,
        Action::Lock { until: None, note: note.clone() },
        Action::Suspend { reason: Reason::Left, note: note.clone() },
        Action::Deprovision { reason: Reason::Left, note },
        Action::Reject,
        Action::Delete { confirm: confirm.clone() },
        Action::Purge { confirm: Some(confirm) },
    ]
}

/// The whole table as text; `tests/lifecycle.rs` compares it with `docs/lifecycle.txt`.
#[test]
fn printed_table_is_the_reviewed_one() {
    let text = table();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lifecycle.txt");
    if std::fs::read_to_string(path).ok().as_deref() != Some(text.as_str()) {
        std::fs::write(path, &text).unwrap();
        panic!("docs/lifecycle.txt has changed; read it and run the tests again");
    }
}

#[test]
fn what_is_possible_is_what_apply_accepts() {
    for relaxed in [false, true] {
        let policy = LifecyclePolicy { delete_requires_suspension: !relaxed, ..LifecyclePolicy::default() };
        for state in every_state() {
            for action in every_action() {
                let mut user = user(state.clone());
                let before = user.clone();
                // Accepting is the invited person's alone: nobody is offered it, and it works.
                let accepts = before.state == State::Invited && action.name() == ActionName::Accept;
                let possible = accepts || user.possible(&policy).contains(&action.name());
                let applied = user.apply(action.clone(), &at(&policy));
                assert_eq!(possible, applied.is_ok(), "{:?} {:?} {applied:?}", before.state, action);
                if let Err(refused) = applied {
                    assert_eq!(refused.kind(), Kind::Conflict);
                    assert_eq!(user, before, "a refusal changes nothing");
                    let names: Vec<_> =
                        before.possible(&policy).iter().map(|action| action.as_str()).collect();
                    assert_eq!(refused.possible(), names);
                }
            }
        }
    }
}

#[test]
fn activating_without_a_credential_invites() {
    let policy = LifecyclePolicy::default();
    let mut user = user(State::Staged);
    let change =
        user.apply(Action::Activate, &Circumstances { has_credential: false, ..at(&policy) }).unwrap();
    assert_eq!(
        (change.to, change.effects),
        (StateName::Invited, vec![Effect::SendInvitation(Purpose::Activation)])
    );
}

#[test]
fn deleting_wants_the_email_typed() {
    let policy = LifecyclePolicy::default();
    for wrong in ["", "ana", "ana@x.example.evil", "bob@x.example"] {
        let mut user = user(State::Suspended(left()));
        let refused = user.apply(Action::Delete { confirm: wrong.to_owned() }, &at(&policy)).unwrap_err();
        assert_eq!(refused.kind(), Kind::Invalid, "{wrong}");
        assert_eq!(user.state.name(), StateName::Suspended);
    }
}

#[test]
fn an_active_user_comes_back_from_the_trash_suspended() {
    let policy = LifecyclePolicy { delete_requires_suspension: false, ..LifecyclePolicy::default() };
    let mut user = user(State::Active);
    user.apply(Action::Delete { confirm: "ana@x.example".to_owned() }, &at(&policy)).unwrap();
    user.apply(Action::Restore, &at(&policy)).unwrap();
    assert_eq!(user.state.name(), StateName::Suspended);
}

#[test]
fn zero_days_of_trash_purge_at_once() {
    let policy = LifecyclePolicy { trash_days: 0, ..LifecyclePolicy::default() };
    let mut user = user(State::Suspended(left()));
    let change = user.apply(Action::Delete { confirm: "ana@x.example".to_owned() }, &at(&policy)).unwrap();
    assert_eq!(change.to, StateName::Purged);
    assert!(change.effects.contains(&Effect::Erase));
}

#[test]
fn reactivating_after_the_end_date_needs_a_new_one() {
    let policy = LifecyclePolicy::default();
    let mut user = user(State::Suspended(left()));
    user.fields.valid_until = Some(now());
    assert!(user.apply(Action::Reactivate { valid_until: None }, &at(&policy)).is_err());
    let later = now().plus(days(1));
    let change = user.apply(Action::Reactivate { valid_until: Some(later) }, &at(&policy)).unwrap();
    assert_eq!(change.effects, vec![Effect::SuspendAt(later)]);
    assert!(user.may_act(now()) && !user.may_act(later));
}

#[test]
fn every_word_of_the_guides_means_something() {
    for word in
        ["Disabled", "Inactive", "Deactivated", "Archived", "Pending", "Draft", "Not onboarded", "Locked"]
    {
        assert!(!Status::meant_by(word).is_empty(), "{word}");
    }
    assert!(Status::meant_by("purple").is_empty());
}

proptest! {
    /// Whatever happens in whatever order: who has been blocked can't act, what ends access says so, purged is final,
    /// and restoring gives back exactly the state before.
    #[test]
    fn no_sequence_of_actions_breaks_the_promises(steps in prop::collection::vec(0_usize..14, 1..40), relaxed: bool) {
        let policy = LifecyclePolicy { delete_requires_suspension: !relaxed, ..LifecyclePolicy::default() };
        let mut user = user(State::Staged);
        let mut before_trash = None;
        for step in steps {
            let was = user.clone();
            let Ok(change) = user.apply(every_action()[step].clone(), &at(&policy)) else {
                prop_assert_eq!(&user, &was);
                continue;
            };
            prop_assert_eq!(change.from, was.state.name());
            prop_assert_eq!(change.to, user.state.name());
            prop_assert!(was.state != State::Purged);
            if was.may_act(now()) && !user.may_act(now()) {
                prop_assert!(change.effects.contains(&Effect::EndAccess), "{:?}", change);
            }
            match (&was.state, &user.state) {
                (before, State::Trashed { .. }) if !matches!(before, State::Trashed { .. }) => {
                    before_trash = Some(before.clone());
                }
                (State::Trashed { .. }, State::Purged) => {
                    prop_assert!(change.effects.contains(&Effect::Erase));
                }
                (State::Trashed { .. }, restored) => {
                    let expected = before_trash.clone().unwrap();
                    if expected != State::Active { prop_assert_eq!(restored, &expected); }
                    prop_assert!(!user.may_act(now()) || expected == State::Active);
                }
                _ => {}
            }
            if user.state == State::Active { prop_assert!(user.joined_at.is_some()); }
        }
    }
}
