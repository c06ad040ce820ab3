//! Optimistic control: what an operation expects of the document that it finds.
//!
//! Not a lock: the condition is looked at under the same short lock as the write is ordered, so that of two writers with the same
//! expectation exactly one succeeds.

use crate::index::IdState;

/// The primary term of every document: there is one writer, and it never changes.
pub const PRIMARY_TERM: u64 = 1;

/// What must hold for an operation to be done. `Default` asks nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// `if_seq_no` and `if_primary_term`: the document's last write is that one.
    LastWrite {
        /// The expected `_seq_no`.
        seq: u64,
        /// The expected `_primary_term`.
        term: u64,
    },
    /// `version_type=external`: the version comes with the write, and must be higher than the present one.
    External {
        /// The version to write.
        version: u64,
        /// Whether the same version is taken as well (`external_gte`).
        or_equal: bool,
    },
}

impl Condition {
    /// The version that the write gets, or why it is refused.
    pub(crate) fn check(self, id: &str, existing: Option<IdState>) -> Result<u64, String> {
        let present = match existing {
            Some(IdState::Live { version, .. } | IdState::Deleted { version }) => version,
            None => 0,
        };
        match self {
            Condition::None => Ok(present + 1),
            Condition::LastWrite { seq, term } => match existing {
                Some(IdState::Live { seq: found, .. }) if found == seq && term == PRIMARY_TERM => Ok(present + 1),
                Some(IdState::Live { seq: found, .. }) => Err(format!(
                    "[{id}]: version conflict, required seqNo [{seq}], primary term [{term}]. current document has seqNo [{found}] and primary term [{PRIMARY_TERM}]"
                )),
                Some(IdState::Deleted { .. }) | None => {
                    Err(format!("[{id}]: version conflict, required seqNo [{seq}], primary term [{term}]. but no document was found"))
                }
            },
            Condition::External { version, or_equal } => {
                if existing.is_none() || present < version || or_equal && present == version {
                    return Ok(version);
                }
                let relation = if or_equal { "higher" } else { "higher or equal" };
                let preposition = if or_equal { "than" } else { "to" };
                Err(format!("[{id}]: version conflict, current version [{present}] is {relation} {preposition} the one provided [{version}]"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: Option<IdState> = Some(IdState::Live { seq: 7, version: 3 });
    const GONE: Option<IdState> = Some(IdState::Deleted { version: 4 });

    #[test]
    fn versions_count_on_over_a_deletion() {
        assert_eq!([None, LIVE, GONE].map(|it| Condition::None.check("a", it)), [Ok(1), Ok(4), Ok(5)]);
    }

    #[test]
    fn the_last_write_must_be_the_expected_one() {
        let expect = |seq, term| Condition::LastWrite { seq, term };
        assert_eq!(expect(7, 1).check("a", LIVE), Ok(4));
        assert!(expect(6, 1).check("a", LIVE).unwrap_err().contains("current document has seqNo [7]"));
        assert!(expect(7, 2).check("a", LIVE).unwrap_err().contains("required seqNo [7], primary term [2]"));
        for none in [None, GONE] {
            assert!(expect(7, 1).check("a", none).unwrap_err().ends_with("but no document was found"));
        }
    }

    #[test]
    fn external_versions_only_grow() {
        let external = |version, or_equal| Condition::External { version, or_equal };
        assert_eq!(external(0, false).check("a", None), Ok(0));
        assert_eq!(external(9, false).check("a", LIVE), Ok(9));
        assert_eq!(external(3, true).check("a", LIVE), Ok(3));
        assert!(external(3, false).check("a", LIVE).unwrap_err().contains("current version [3] is higher or equal to the one provided [3]"));
        assert!(external(2, true).check("a", LIVE).unwrap_err().contains("current version [3] is higher than the one provided [2]"));
        assert!(external(4, false).check("a", GONE).is_err(), "a deletion has a version too");
    }
}
