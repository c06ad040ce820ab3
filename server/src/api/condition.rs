//! Optimistic control in requests: `if_seq_no` with `if_primary_term`, `version` with `version_type`, in URLs and in bulk's action lines.

use sekisho_engine::{Condition, WriteAction};

use super::call::Params;
use super::error::ApiError;

/// What a request says of it, before it is known whether it fits.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// `if_seq_no`.
    pub seq: Option<i64>,
    /// `if_primary_term`.
    pub term: Option<i64>,
    /// `version`.
    pub version: Option<i64>,
    /// `version_type`.
    pub version_type: Option<String>,
}

impl Expectation {
    /// Takes the URL parameters.
    ///
    /// # Errors
    /// 400 for numbers that are none.
    pub fn take(params: &mut Params) -> Result<Self, ApiError> {
        Ok(Self {
            seq: params.number("if_seq_no")?,
            term: params.number("if_primary_term")?,
            version: params.number("version")?,
            version_type: params.take("version_type"),
        })
    }

    /// What must hold for a write.
    ///
    /// # Errors
    /// 400 for combinations that mean nothing, in Elasticsearch's words.
    pub fn of_write(&self, action: &WriteAction) -> Result<Condition, ApiError> {
        let or_equal = match self.version_type.as_deref() {
            None | Some("internal") => None,
            Some("external" | "external_gt") => Some(false),
            Some("external_gte") => Some(true),
            Some(other) => return Err(ApiError::illegal_argument(format!("No version type match [{other}]"))),
        };
        let is_update = matches!(action, WriteAction::Update(_));
        match (self.seq, self.term, self.version, or_equal) {
            (None, None, None, None) => Ok(Condition::None),
            (Some(_), _, Some(_), _) | (_, Some(_), Some(_), _) => invalid("compare and write operations can not use versioning"),
            (Some(seq), Some(term), None, None) => match (u64::try_from(seq), u64::try_from(term)) {
                (Ok(seq), Ok(term)) if term > 0 => Ok(Condition::LastWrite { seq, term }),
                (Ok(_), _) => Err(ApiError::illegal_argument(format!("primary term must be non-negative and not zero. got [{term}]"))),
                (Err(_), _) => Err(ApiError::illegal_argument(format!("sequence numbers must be non negative. got [{seq}]."))),
            },
            (Some(seq), None, ..) => invalid(&format!("ifSeqNo is set, but primary term is [0] (seq no [{seq}])")),
            (None, Some(term), ..) => invalid(&format!("ifSeqNo is unassigned, but primary term is [{term}]")),
            (_, _, Some(_), None) => invalid(
                "internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and `if_primary_term` instead",
            ),
            (.., Some(_)) if is_update => invalid("internal versioning is the only one that updates support"),
            (.., Some(_)) if matches!(action, WriteAction::Create(_)) => {
                invalid("create operations only support internal versioning. use index instead")
            }
            (.., Some(version), Some(or_equal)) => match u64::try_from(version) {
                Ok(version) => Ok(Condition::External { version, or_equal }),
                Err(_) => {
                    invalid(&format!("illegal version value [{version}] for version type [{}]", self.version_type.as_deref().unwrap_or_default()))
                }
            },
            (.., None, Some(_)) => {
                invalid(&format!("illegal version value [-3] for version type [{}]", self.version_type.as_deref().unwrap_or_default()))
            }
        }
    }
}

/// 400 `action_request_validation_exception` with one fault.
pub fn invalid<T>(fault: &str) -> Result<T, ApiError> {
    Err(ApiError::new(400, "action_request_validation_exception", format!("Validation Failed: 1: {fault};")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str, action: &WriteAction) -> Result<Condition, String> {
        Expectation::take(&mut Params::parse(query)).and_then(|it| it.of_write(action)).map_err(|error| error.reason)
    }

    #[test]
    fn combinations_that_mean_something_are_taken() {
        let index = WriteAction::Index(Vec::new());
        assert_eq!(of("", &index), Ok(Condition::None));
        assert_eq!(of("version_type=internal", &index), Ok(Condition::None));
        assert_eq!(of("if_seq_no=4&if_primary_term=1", &WriteAction::Delete), Ok(Condition::LastWrite { seq: 4, term: 1 }));
        assert_eq!(of("version=7&version_type=external", &index), Ok(Condition::External { version: 7, or_equal: false }));
        assert_eq!(of("version=7&version_type=external_gte", &index), Ok(Condition::External { version: 7, or_equal: true }));
    }

    #[test]
    fn the_others_are_refused() {
        let index = WriteAction::Index(Vec::new());
        for query in [
            "version=1",
            "version=-1&version_type=external",
            "version_type=external",
            "version_type=force",
            "if_seq_no=1",
            "if_primary_term=1",
            "if_seq_no=-1&if_primary_term=1",
            "if_seq_no=1&if_primary_term=0",
            "if_seq_no=1&if_primary_term=1&version=2&version_type=external",
            "if_seq_no=x&if_primary_term=1",
        ] {
            assert!(of(query, &index).is_err(), "{query}");
        }
        assert!(of("version=1&version_type=external", &WriteAction::Create(Vec::new())).unwrap_err().contains("create operations"));
    }
}
