//! An error outside of its process: as JSON for programs and for the socket, and as an exit code.

use model::{Error, FieldError, Kind, Result, lifecycle::ActionName};
use serde::{Deserialize, Serialize};

/// Every kind with its name and its exit code: 2 what was asked for is wrong, 3 there is no such thing, 4 it is not
/// possible as things stand, 5 try again later, 1 anything else.
const KINDS: [(Kind, &str, u8); 15] = [
    (Kind::Malformed, "malformed", 2),
    (Kind::Invalid, "invalid", 2),
    (Kind::Unauthenticated, "unauthenticated", 1),
    (Kind::Forbidden, "forbidden", 1),
    (Kind::NotFound, "not_found", 3),
    (Kind::Conflict, "conflict", 4),
    (Kind::Stale, "stale", 4),
    (Kind::PreconditionRequired, "precondition_required", 2),
    (Kind::Gone, "gone", 3),
    (Kind::TooLarge, "too_large", 2),
    (Kind::TooSlow, "too_slow", 5),
    (Kind::TooMany, "too_many", 5),
    (Kind::Unavailable, "unavailable", 5),
    (Kind::OutcomeUnknown, "outcome_unknown", 5),
    (Kind::Internal, "internal", 1),
];

/// The code that the process ends with.
pub(crate) fn exit_code(error: &Error) -> u8 {
    KINDS.iter().find(|(kind, ..)| *kind == error.kind()).map_or(1, |(.., code)| *code)
}

/// An error as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Problem {
    kind: String,
    code: String,
    /// The sentence for people.
    message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// What is possible instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    possible: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    /// The number that confirms what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirm: Option<u64>,
    /// For the operator, who is who reads the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let kind =
            KINDS.iter().find(|(kind, ..)| *kind == error.kind()).map_or("internal", |(_, name, _)| name);
        Self {
            kind: kind.to_owned(),
            code: error.code().to_owned(),
            message: error.message().to_owned(),
            errors: error.fields().to_vec(),
            possible: error.possible().iter().map(|&action| action.to_owned()).collect(),
            retry_after: error.retry_after(),
            confirm: error.confirm(),
            detail: error.detail().map(str::to_owned),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let kind = KINDS
            .iter()
            .find(|(_, name, _)| *name == problem.kind)
            .map_or(Kind::Internal, |(kind, ..)| *kind);
        // Only known actions have a name that lives as long as the program.
        let known = |action: &String| match action.as_str() {
            "set_password" => Some("set_password"),
            other => ActionName::parse(other).map(ActionName::as_str),
        };
        let possible = problem.possible.iter().filter_map(known).collect();
        let mut error = Self::new(kind, problem.code, problem.message)
            .with_fields(problem.errors)
            .with_possible(possible);
        if let Some(seconds) = problem.retry_after {
            error = error.with_retry_after(seconds);
        }
        if let Some(count) = problem.confirm {
            error = error.with_confirm(count);
        }
        match problem.detail {
            Some(detail) => error.with_detail(detail),
            None => error,
        }
    }
}

/// Something of the machine did not work.
pub(crate) fn failed(what: impl std::fmt::Display, error: impl std::fmt::Display) -> Error {
    Error::new(Kind::Unavailable, "machine.failed", format!("{what}: {error}."))
}

/// What was asked for is not understood.
pub(crate) fn usage<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::new(Kind::Invalid, "usage", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_through_the_socket() {
        let field = FieldError::new("email", "email.taken", "Somebody has this address.");
        let error = Error::new(Kind::Conflict, "user.not_possible", "No.")
            .with_fields(vec![field])
            .with_possible(vec!["restore", "set_password"])
            .with_retry_after(3)
            .with_confirm(2)
            .with_detail("why");
        let text = serde_json::to_string(&Problem::from(&error)).unwrap();
        let back = Error::from(serde_json::from_str::<Problem>(&text).unwrap());
        assert_eq!(format!("{back:?}"), format!("{error:?}"));
        assert_eq!(exit_code(&back), 4);
    }

    #[test]
    fn every_kind_comes_back_as_itself() {
        for (kind, ..) in KINDS {
            let error = Error::from(Problem::from(&Error::new(kind, "code", "Message.")));
            assert_eq!(error.kind(), kind);
        }
    }
}
