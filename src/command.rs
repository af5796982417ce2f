//! What can be asked of Muster on the command line, as data: the same whether this process does it itself or hands
//! it through the socket to the server that holds the database.
//!
//! Doing it is `execute.rs`; reading it from arguments and printing the outcome is `commands/`.

mod group;
pub(crate) mod roles;

use app::{
    access_paths::Access,
    audit::{prove::Inclusion, verify::Report},
    explain_access::Why,
    explain_sign_in::Explanation,
    holders::Holder,
    import,
};
use model::{
    EntryId, UserId, Zone,
    access::Role,
    activity::Kind,
    audit::{Entry, query::AuditQuery},
    erasure::Receipt,
    given_date::GivenDate,
    grant::GrantTerms,
    impact::Impact,
    lifecycle::{Awaited, Reason},
    link::Purpose,
    mail::MailState,
    session::SessionFilter,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

pub(crate) use group::{GroupDeed, GroupOutcome, Place};

use crate::view::{
    ActivityView, Check, CopiedView, InvitationView, InviteVerdict, ListedTokenView, MailStatusView,
    MailView, OrgView, SessionView, TokenView, UserView,
};

/// A deed, and where.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Command {
    /// The organization's slug; may be left out where there is one organization.
    pub(crate) org: Option<String>,
    /// Do everything, then undo it.
    pub(crate) dry_run: bool,
    /// So many secrets that others made may end because the deed gives more rights than they have.
    #[serde(default)]
    pub(crate) end_secrets: u64,
    /// What.
    pub(crate) deed: Deed,
}

impl Deed {
    /// Whether it makes somebody an owner, as far as it says so itself.
    pub(crate) fn makes_owner(&self) -> bool {
        let is_owner = |name: &String| Role::named(name).ok() == Some(Role::Owner);
        match self {
            Self::MakeAdmin { .. } | Self::RecoverOwner { .. } => true,
            Self::GrantRole { role, over: None, .. } => is_owner(role),
            Self::CreateUser { roles, .. } => roles.iter().any(is_owner),
            Self::Invite(list) => list.roles.iter().any(is_owner),
            Self::Group(deed) => match deed.as_ref() {
                GroupDeed::Grant { role, over: None, .. } => is_owner(role),
                GroupDeed::Create { roles, .. } => roles.iter().any(is_owner),
                _ => false,
            },
            _ => false,
        }
    }
}

/// On what terms something is given; days are read where the organization is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) reason: String,
    pub(crate) from: Option<GivenDate>,
    pub(crate) until: Option<GivenDate>,
}

impl Span {
    /// The terms in that zone.
    pub(crate) fn terms(self, zone: &Zone) -> GrantTerms {
        GrantTerms {
            reason: self.reason,
            valid_from: self.from.map(|from| from.start_in(zone)),
            valid_until: self.until.map(|until| until.end_in(zone)),
        }
    }
}

/// What to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deed {
    CreateOrg {
        name: String,
        slug: String,
    },
    ListOrgs,
    RenameOrg {
        slug: String,
    },
    ListUsers(Box<List>),
    ShowUser {
        user: String,
    },
    CreateUser {
        fields: Map<String, Value>,
        roles: Vec<String>,
        #[serde(default)]
        groups: Vec<String>,
        password: NewPassword,
    },
    EditUser {
        user: String,
        patch: Map<String, Value>,
        version: Option<i64>,
    },
    MoveUser {
        user: String,
        step: Step,
    },
    GrantRole {
        user: String,
        role: String,
        /// The group over which it counts, by id or name.
        over: Option<String>,
        terms: Span,
    },
    RevokeRole {
        user: String,
        role: String,
        over: Option<String>,
    },
    MakeAdmin {
        user: String,
    },
    RemoveAdmin {
        user: String,
    },
    CopyAccess {
        from: String,
        to: String,
        keep_ends: bool,
        partial: bool,
    },
    SendResetLink {
        user: String,
    },
    SetPassword {
        user: String,
        password: Option<String>,
    },
    RequirePasswordChange {
        user: String,
    },
    Import {
        rows: Vec<import::Row>,
        taking: import::Taking,
    },
    ListInvitations(Box<Invitations>),
    Invite(Box<ToInvite>),
    Invitation {
        user: String,
        step: InvitationStep,
    },
    ResendExpired,
    CreateToken {
        user: String,
        name: String,
        scopes: Vec<String>,
        days: u16,
    },
    ListTokens {
        filter: String,
        limit: u16,
        cursor: String,
    },
    TokensOf {
        user: String,
    },
    RevokeToken {
        token: String,
    },
    RevokeTokens {
        user: String,
    },
    ExplainSignIn {
        user: String,
    },
    ShowAccess {
        user: String,
    },
    WhyAccess {
        user: String,
        permission: String,
        /// The group to which it would be done, by id or name.
        over: Option<String>,
        /// The user to whom it would be done.
        on: Option<String>,
    },
    WhoCan {
        permission: String,
        limit: u16,
        cursor: Option<String>,
    },
    MailStatus,
    ListMails {
        state: Option<MailState>,
        limit: u16,
        cursor: Option<String>,
    },
    ShowMail {
        mail: String,
    },
    RetryMail {
        mail: String,
    },
    RetryMails {
        deferred: bool,
    },
    TestMail {
        address: String,
    },
    ListSessions {
        filter: SessionFilter,
        limit: u16,
        cursor: String,
    },
    RevokeSession {
        session: String,
    },
    RevokeSessions {
        filter: SessionFilter,
        all: bool,
        confirm: Option<u64>,
    },
    RecoverOwner {
        user: String,
    },
    Roles(Box<roles::RoleDeed>),
    Activity {
        user: String,
        kind: Option<Kind>,
        before: Option<Uuid>,
        limit: u16,
    },
    ExportData {
        user: String,
    },
    ShowReceipt {
        user: UserId,
    },
    ListAudit(Box<AuditList>),
    VerifyAudit {
        checkpoints: String,
    },
    ProveEntry {
        entry: EntryId,
        size: Option<u64>,
    },
    AuditKey,
    /// Accept that an audit log lacks something.
    AcceptAuditLoss {
        /// Why.
        reason: String,
    },
    Group(Box<GroupDeed>),
    Examine,
}

/// A question to the list of users; `model::filter::UserQuery` in plain words.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct List {
    pub(crate) search: String,
    pub(crate) statuses: String,
    pub(crate) role: Option<String>,
    #[serde(default)]
    pub(crate) group: Option<String>,
    pub(crate) order: String,
    pub(crate) limit: u16,
    pub(crate) cursor: Option<String>,
}

/// A question to the list of invitations; `model::invitation_query::InvitationQuery` in plain words.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Invitations {
    pub(crate) search: String,
    pub(crate) statuses: String,
    pub(crate) expires_within_hours: Option<u16>,
    pub(crate) older_than_days: Option<u16>,
    pub(crate) limit: u16,
    pub(crate) cursor: Option<String>,
}

/// People to invite, all on the same terms.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ToInvite {
    /// Address, given name, family name.
    pub(crate) list: Vec<(String, Option<String>, Option<String>)>,
    pub(crate) roles: Vec<String>,
    #[serde(default)]
    pub(crate) groups: Vec<String>,
    pub(crate) message: String,
    pub(crate) expires_in_hours: Option<i64>,
    pub(crate) valid_until: Option<GivenDate>,
    pub(crate) guest: bool,
}

/// What to do with an invitation that is out.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InvitationStep {
    Resend,
    Remind,
    Cancel,
    Link,
}

/// A question to the audit log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AuditList {
    /// By whom and about whom, as somebody types them.
    pub(crate) actor: Option<String>,
    pub(crate) target: Option<String>,
    /// A day is one where the organization is.
    pub(crate) since: Option<GivenDate>,
    pub(crate) until: Option<GivenDate>,
    pub(crate) query: AuditQuery,
    /// Begins an export in that format.
    pub(crate) export: Option<String>,
}

/// What a new user signs in with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NewPassword {
    None,
    /// Chosen by the person through the link in a mail.
    Mail(Purpose),
    Generated,
    Chosen {
        password: String,
        must_change: bool,
    },
}

/// A step in a user's life; `model::Action` as far as the command line takes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    Suspend { reason: Reason, note: String },
    Reactivate { valid_until: Option<GivenDate>, with_roles: bool },
    Deprovision { reason: Reason, note: String },
    Delete { confirm: String },
    Restore,
    Purge { confirm: String },
    Lock { until: Option<GivenDate>, note: String },
    Unlock,
    Activate,
    Settle { awaited: Awaited },
    Reject,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Org(OrgView),
    Orgs(Vec<OrgView>),
    Users {
        items: Vec<UserView>,
        next: Option<String>,
        more_than: Option<u32>,
    },
    User(Box<UserView>),
    /// A user with a password that Muster made, shown once.
    Password {
        user: Box<UserView>,
        password: Option<String>,
        /// API tokens of the user that go on.
        #[serde(default)]
        tokens: usize,
    },
    Imported(import::Imported),
    Invitations {
        items: Vec<InvitationView>,
        next: Option<String>,
    },
    Invited(Vec<InviteVerdict>),
    /// How many were sent again, why others were not, and how many expired ones are left.
    Resent {
        sent: usize,
        refused: Vec<String>,
        left: i64,
    },
    /// Where a link leads.
    Link(String),
    Token(TokenView),
    Tokens {
        items: Vec<ListedTokenView>,
        next: Option<String>,
    },
    /// A token was revoked.
    Revoked,
    TokensRevoked {
        tokens: u64,
    },
    /// Somebody is no owner any more, but for these groups.
    NoOwner {
        user: Box<UserView>,
        still_through: Vec<String>,
    },
    Copied(CopiedView),
    Explanation(Box<Explanation>),
    Access(Box<Access>),
    Why(Box<Why>),
    Holders {
        everyone: bool,
        items: Vec<Holder>,
        next: Option<String>,
    },
    /// What a dry run answered, and what it would do to people's access.
    Foreseen {
        outcome: Box<Outcome>,
        impact: Impact,
    },
    MailStatus(MailStatusView),
    Mails {
        items: Vec<MailView>,
        next: Option<String>,
    },
    Mail(MailView),
    /// So many mails are sent again.
    Retried(usize),
    Sessions {
        items: Vec<SessionView>,
        next: Option<String>,
    },
    Ended(app::sessions::Ended),
    Roles(Box<roles::RoleOutcome>),
    Audit {
        items: Vec<Entry>,
        next: Option<EntryId>,
    },
    Verified(Box<Report>),
    Proof(Box<Inclusion>),
    AuditKey(String),
    /// What was accepted of an audit log.
    AcceptedLoss(app::audit::accept::AcceptedLoss),
    Checks(Vec<Check>),
    Activity {
        items: Vec<ActivityView>,
        older: Option<Uuid>,
    },
    /// Base64.
    File {
        content: String,
    },
    Receipt(Receipt),
    Group(Box<GroupOutcome>),
}
