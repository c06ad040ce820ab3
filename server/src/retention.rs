//! How the settings say what is kept where a stream says nothing: `90d`, or `panos-url=14d,*=90d`.

use std::str::FromStr;

use sekisho_engine::RetentionDefaults;
use serde::{Deserialize, Serialize};

use crate::config::OneOrMany;
use crate::unit::{self, UnitError};

/// Text that is no list of patterns with their ages or sizes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// No time or no size.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// It would delete everything.
    #[error("[{0}] would keep nothing")]
    Nothing(String),
    /// The same pattern stands twice, or one that is behind `*`.
    #[error("[{0}] never counts, for a pattern before it matches the same streams")]
    Unreachable(String),
}

/// Ages by pattern of a stream's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OneOrMany", into = "Vec<String>")]
pub struct KeptAges(Vec<(String, i64)>);

/// Sizes by pattern of a stream's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OneOrMany", into = "Vec<String>")]
pub struct KeptBytes(Vec<(String, u64)>);

impl KeptAges {
    /// What the engine is told, together with the sizes.
    pub fn defaults(&self, bytes: &KeptBytes) -> RetentionDefaults {
        RetentionDefaults { ages_ms: self.0.clone(), bytes: bytes.0.clone() }
    }
}

impl FromStr for KeptAges {
    type Err = KeepError;

    fn from_str(text: &str) -> Result<Self, KeepError> {
        rules(text, unit::parse_ms).map(Self)
    }
}

impl FromStr for KeptBytes {
    type Err = KeepError;

    fn from_str(text: &str) -> Result<Self, KeepError> {
        rules(text, unit::parse_bytes).map(Self)
    }
}

impl TryFrom<OneOrMany> for KeptAges {
    type Error = KeepError;

    fn try_from(text: OneOrMany) -> Result<Self, KeepError> {
        text.joined().parse()
    }
}

impl TryFrom<OneOrMany> for KeptBytes {
    type Error = KeepError;

    fn try_from(text: OneOrMany) -> Result<Self, KeepError> {
        text.joined().parse()
    }
}

impl From<KeptAges> for Vec<String> {
    fn from(ages: KeptAges) -> Self {
        ages.0.iter().map(|(pattern, ms)| format!("{pattern}={}", unit::show_ms(*ms))).collect()
    }
}

impl From<KeptBytes> for Vec<String> {
    fn from(sizes: KeptBytes) -> Self {
        sizes.0.iter().map(|(pattern, bytes)| format!("{pattern}={}", unit::show_bytes(*bytes))).collect()
    }
}

fn rules<T: Default + PartialEq>(text: &str, parse: impl Fn(&str) -> Result<T, UnitError>) -> Result<Vec<(String, T)>, KeepError> {
    let mut rules: Vec<(String, T)> = Vec::new();
    for rule in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let (pattern, value) = rule.split_once('=').map_or(("*", rule), |(pattern, value)| (pattern.trim(), value));
        let value = parse(value.trim())?;
        if value == T::default() {
            return Err(KeepError::Nothing(rule.to_owned()));
        }
        if rules.iter().any(|it| it.0 == "*" || it.0 == pattern) {
            return Err(KeepError::Unreachable(rule.to_owned()));
        }
        rules.push((pattern.to_owned(), value));
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_for_all_streams_and_the_first_pattern_counts() {
        let defaults = |ages: &str, bytes: &str| ages.parse::<KeptAges>().unwrap().defaults(&bytes.parse().unwrap());
        assert_eq!(defaults("90d", "").of("any").age_ms, Some(90 * 86_400_000));
        let both = defaults("panos-url=14d, *=1d", "panos-*=2gb");
        assert_eq!((both.of("panos-url").age_ms, both.of("syslog").age_ms), (Some(14 * 86_400_000), Some(86_400_000)));
        assert_eq!((both.of("panos-url").bytes, both.of("syslog").bytes), (Some(2 << 30), None));
        assert_eq!(Vec::from("panos-url=14d,36h".parse::<KeptAges>().unwrap()), ["panos-url=14d", "*=36h"]);
    }

    #[test]
    fn what_keeps_nothing_or_never_counts_is_refused() {
        assert_eq!("0d".parse::<KeptAges>(), Err(KeepError::Nothing("0d".to_owned())));
        assert_eq!("1gb,panos-*=2gb".parse::<KeptBytes>(), Err(KeepError::Unreachable("panos-*=2gb".to_owned())));
        assert!("ninety days".parse::<KeptAges>().is_err() && "a=1d,a=2d".parse::<KeptAges>().is_err());
    }
}
