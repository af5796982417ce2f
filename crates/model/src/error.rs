//! The one error of the whole program: a kind, a stable code, a sentence for people, private detail for the log.
//!
//! `web/src/problem.rs` maps it to HTTP, once; the command line prints the sentence. Nothing else invents an error type.

use std::{borrow::Cow, fmt};

/// What every fallible function of Muster answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of refusal this is; decides the HTTP status and the exit code, nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request can't be understood (malformed JSON, cursor, header).
    Malformed,
    /// Understood, but a value is not acceptable; `fields` says which.
    Invalid,
    /// Nobody is signed in, or the credential is not valid any more.
    Unauthenticated,
    /// Signed in, but not allowed.
    Forbidden,
    /// No such thing in this organization, or not for this actor: the two look alike on purpose.
    NotFound,
    /// The state of things does not allow it (a refused transition, a taken name, the last owner).
    Conflict,
    /// `If-Match` or a version does not match: somebody changed it meanwhile.
    Stale,
    /// A write without the `If-Match` or confirmation that it needs.
    PreconditionRequired,
    /// It existed and has ended (an expired or used link).
    Gone,
    /// The body is larger than accepted.
    TooLarge,
    /// The body came too slowly.
    TooSlow,
    /// Too many tries; wait.
    TooMany,
    /// Nothing was written; try again later.
    Unavailable,
    /// The commit may or may not have survived; look before repeating.
    OutcomeUnknown,
    /// A defect of ours.
    Internal,
}

/// One field that was refused: where, which rule, and the sentence shown beside the field.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FieldError {
    /// The field's name in the API (`email`, `address.city`).
    pub field: Cow<'static, str>,
    /// Stable code (`email.taken`).
    pub code: Cow<'static, str>,
    /// What is wrong and what to do, for people.
    pub message: String,
}

/// See the module. Boxed inside so that a `Result` stays small.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    code: Cow<'static, str>,
    message: String,
    fields: Vec<FieldError>,
    possible: Vec<&'static str>,
    retry_after: Option<u32>,
    existing: Option<String>,
    confirm: Option<u64>,
    listed: Vec<String>,
    detail: Option<String>,
}

impl Error {
    /// An error with a stable `code` (`user.already_suspended`) and a sentence that says what to do next.
    pub fn new(kind: Kind, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            code: code.into(),
            message: message.into(),
            fields: Vec::new(),
            possible: Vec::new(),
            retry_after: None,
            existing: None,
            confirm: None,
            listed: Vec::new(),
            detail: None,
        }))
    }

    /// The same answer for a thing that never existed and for another organization's.
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "not_found", "There is nothing here, or you may not see it.")
    }

    /// The actor lacks a permission.
    pub fn forbidden(permission: &str) -> Self {
        let message = format!("You need the permission {permission} for this. Ask an administrator.");
        Self::new(Kind::Forbidden, "forbidden", message)
    }

    /// A defect of ours: `detail` goes to the log only.
    pub fn internal(detail: impl fmt::Display) -> Self {
        let message = "Something went wrong on our side. Nothing was changed; the log has the details.";
        Self::new(Kind::Internal, "internal", message).with_detail(detail)
    }

    /// Nothing was written, trying again later may work.
    pub fn unavailable(code: &'static str, detail: impl fmt::Display) -> Self {
        let message = "Muster can't do this at the moment. Nothing was changed; try again shortly.";
        Self::new(Kind::Unavailable, code, message).with_detail(detail).with_retry_after(1)
    }

    /// Values were refused; `fields` must not be empty.
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let message = match fields.as_slice() {
            [one] => one.message.clone(),
            many => format!("{} fields need attention.", many.len()),
        };
        let mut error = Self::new(Kind::Invalid, "invalid", message);
        error.0.fields = fields;
        error
    }

    /// One value was refused.
    pub fn invalid_field(
        field: impl Into<Cow<'static, str>>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self::invalid(vec![FieldError::new(field, code, message)])
    }

    /// Adds detail for the log; never shown to anybody.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.0.detail = Some(detail.to_string());
        self
    }

    /// Names what is possible instead (`reactivate`, `delete`).
    #[must_use]
    pub fn with_possible(mut self, possible: Vec<&'static str>) -> Self {
        self.0.possible = possible;
        self
    }

    /// Names what is there already instead: its id.
    #[must_use]
    pub fn with_existing(mut self, id: impl Into<String>) -> Self {
        self.0.existing = Some(id.into());
        self
    }

    /// The id of what is there already.
    pub fn existing(&self) -> Option<&str> {
        self.0.existing.as_deref()
    }

    /// Names the number that confirms what is asked for.
    #[must_use]
    pub fn with_confirm(mut self, count: u64) -> Self {
        self.0.confirm = Some(count);
        self
    }

    /// The number that confirms what is asked for; `None` if that is not what is missing.
    pub fn confirm(&self) -> Option<u64> {
        self.0.confirm
    }

    /// Keeps everything that the message counts and does not name, in sentences.
    #[must_use]
    pub fn with_listed(mut self, listed: Vec<String>) -> Self {
        self.0.listed = listed;
        self
    }

    /// Everything that the message counts, in sentences; empty where it names all of it.
    pub fn listed(&self) -> &[String] {
        &self.0.listed
    }

    /// Says which fields caused it, keeping kind and code (a taken email is a conflict *of a field*).
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<FieldError>) -> Self {
        self.0.fields = fields;
        self
    }

    /// Seconds after which trying again may work.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// What sort of refusal.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }
    /// Whether it is about what was asked for, so that something else that is asked for beside it may succeed.
    pub fn is_refusal(&self) -> bool {
        use Kind as K;
        matches!(
            self.0.kind,
            K::Malformed | K::Invalid | K::Forbidden | K::NotFound | K::Conflict | K::Gone | K::TooMany
        )
    }
    /// Stable code, for programs.
    pub fn code(&self) -> &str {
        &self.0.code
    }
    /// Sentence, for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// The refused fields; empty unless values were refused.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }
    /// What is possible instead; empty unless a transition was refused.
    pub fn possible(&self) -> &[&'static str] {
        &self.0.possible
    }
    /// Seconds to wait before trying again.
    pub fn retry_after(&self) -> Option<u32> {
        self.0.retry_after
    }
    /// For the log.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }
}

impl FieldError {
    /// A refused field.
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.message, self.0.code)
    }
}

impl std::error::Error for Error {}
