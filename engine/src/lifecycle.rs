//! What says how long documents are kept: rules of data streams, policies that indices name, defaults of the process.
//!
//! Only what is said and which of it counts; [`crate::retention`] does it. One rule counts for a stream, in this order: the one given to the
//! stream by our own endpoint; the policy that its write index names (`index.lifecycle.name`), unless the index prefers the stream's;
//! the stream's lifecycle; the defaults. Plain indices are deleted by policies only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::engine::{Engine, EngineError, ROLLOVER_DOCS, State};
use crate::manifest::{Edit, IndexRecord};
use crate::mapping::simple_match;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Bytes of a backing index at which its stream is rolled over where nothing else is said: small enough that deleting by size is not coarse.
pub(crate) const ROLLOVER_BYTES: u64 = 16 << 30;

/// How much is kept; nothing said is for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Documents are deleted when they are that old, in milliseconds, and their whole split is.
    pub age_ms: Option<i64>,
    /// Bytes on disk above which the oldest splits are deleted.
    pub bytes: Option<u64>,
}

/// What a data stream itself says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamLifecycle {
    /// Where not, everything is kept, whatever the defaults are.
    pub is_enabled: bool,
    /// How much is kept. An age that is not given is the default's.
    pub retention: Retention,
    /// Whether it comes before a policy that the stream's indices name.
    pub is_first: bool,
}

impl Default for StreamLifecycle {
    fn default() -> Self {
        Self { is_enabled: true, retention: Retention::default(), is_first: false }
    }
}

/// When a new index is started. Any limit that is reached is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollover {
    /// Age of the index in milliseconds.
    pub age_ms: Option<i64>,
    /// Bytes of the index.
    pub bytes: Option<u64>,
    /// Documents of the index.
    pub docs: Option<u64>,
    /// Documents below which no limit counts; an empty index is never rolled over.
    pub docs_min: u64,
}

/// A policy that indices may name, as far as it does something here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Age in milliseconds at which documents are deleted.
    pub delete_after_ms: Option<i64>,
    /// When a new index is started.
    pub rollover: Option<Rollover>,
    /// Counts the changes, from 1.
    pub version: u64,
    /// When it was put.
    pub modified: Timestamp,
    /// The body as it is shown.
    pub shown: Value,
}

/// What streams get that say nothing, by patterns of their names; the first that matches counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionDefaults {
    /// Age in milliseconds.
    pub ages_ms: Vec<(String, i64)>,
    /// Bytes.
    pub bytes: Vec<(String, u64)>,
}

impl RetentionDefaults {
    /// What a stream of that name gets.
    pub fn of(&self, stream: &str) -> Retention {
        fn first<T: Copy>(rules: &[(String, T)], stream: &str) -> Option<T> {
            rules.iter().find(|it| simple_match(&it.0, stream)).map(|it| it.1)
        }
        Retention { age_ms: first(&self.ages_ms, stream), bytes: first(&self.bytes, stream) }
    }
}

/// Where a rule comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleOrigin {
    /// The stream's own, by our endpoint or its lifecycle.
    Stream,
    /// The policy of that name.
    Policy(String),
    /// The settings of the process.
    Default,
    /// There is none.
    Nothing,
}

/// What counts for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRule {
    /// How much is kept.
    pub retention: Retention,
    /// When a new backing index is started.
    pub rollover: Rollover,
    /// Where it comes from.
    pub origin: RuleOrigin,
}

/// Everything said, as the manifest keeps it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lifecycles {
    pub(crate) streams: BTreeMap<String, StreamLifecycle>,
    pub(crate) policies: BTreeMap<String, Policy>,
    /// Whether policies wait until they are started again.
    pub(crate) is_stopped: bool,
}

impl Rollover {
    /// When a stream is rolled over whose owner said nothing: the shorter documents are kept, the smaller the indices.
    fn automatic(retention: Retention) -> Self {
        let age_ms = match retention.age_ms {
            Some(age) if age <= DAY_MS => DAY_MS / 24,
            Some(age) if age <= 14 * DAY_MS => DAY_MS,
            Some(age) if age <= 90 * DAY_MS => 7 * DAY_MS,
            _ => 30 * DAY_MS,
        };
        // Of what may stay by size a tenth is one index.
        let bytes = retention.bytes.map_or(ROLLOVER_BYTES, |it| (it / 10).clamp(64 << 20, ROLLOVER_BYTES));
        Self { age_ms: Some(age_ms), bytes: Some(bytes), docs: Some(ROLLOVER_DOCS), docs_min: 1 }
    }

    /// Whether an index of that age and size has reached a limit.
    pub(crate) fn is_due(&self, age_ms: i64, bytes: u64, docs: u64) -> bool {
        let reached = |limit: Option<u64>, is: u64| limit.is_some_and(|it| is >= it);
        docs >= self.docs_min.max(1) && (self.age_ms.is_some_and(|it| age_ms >= it) || reached(self.bytes, bytes) || reached(self.docs, docs))
    }
}

/// A setting of an index as it was given, by its full name.
pub(crate) fn setting<'a>(record: &'a IndexRecord, name: &str) -> Option<&'a str> {
    record.settings.get(name).and_then(Value::as_str)
}

impl State {
    /// The policy that an index names, where it exists.
    pub(crate) fn policy_of(&self, record: &IndexRecord) -> Option<(&String, &Policy)> {
        self.lifecycles.policies.get_key_value(setting(record, "index.lifecycle.name")?)
    }

    /// What counts for a stream.
    pub(crate) fn stream_rule(&self, stream: &str, defaults: &RetentionDefaults) -> StreamRule {
        let default = defaults.of(stream);
        let own = self.lifecycles.streams.get(stream);
        let record = self.streams.get(stream).and_then(|it| it.last()).and_then(|it| self.indices.get(it)).map(|it| &it.record);
        let policy = record.and_then(|it| self.policy_of(it));
        let prefers_own = own.is_some_and(|it| it.is_first) || record.and_then(|it| setting(it, "index.lifecycle.prefer_ilm")) == Some("false");
        let bytes = own.and_then(|it| it.retention.bytes).or(default.bytes);
        if let Some((name, policy)) = policy.filter(|_| own.is_none() || !prefers_own) {
            let retention = Retention { age_ms: policy.delete_after_ms, bytes };
            let rollover = Rollover { docs: Some(ROLLOVER_DOCS), docs_min: 1, ..Rollover::default() };
            let rollover =
                policy.rollover.map_or(rollover, |it| Rollover { docs: Some(it.docs.map_or(ROLLOVER_DOCS, |it| it.min(ROLLOVER_DOCS))), ..it });
            return StreamRule { retention, rollover, origin: RuleOrigin::Policy(name.clone()) };
        }
        let retention = match own {
            Some(own) if !own.is_enabled => Retention::default(),
            Some(own) => Retention { age_ms: own.retention.age_ms.or(default.age_ms), bytes },
            None => default,
        };
        let origin = match own {
            Some(own) if !own.is_enabled || own.retention != Retention::default() => RuleOrigin::Stream,
            _ if retention != Retention::default() => RuleOrigin::Default,
            _ => RuleOrigin::Nothing,
        };
        StreamRule { retention, rollover: Rollover::automatic(retention), origin }
    }
}

impl Engine {
    /// Says how long streams that exist keep their documents; `None` takes back what was said.
    ///
    /// # Errors
    /// [`EngineError::IndexNotFound`]; [`EngineError::Manifest`]: nothing has changed then.
    pub fn put_stream_lifecycle(&self, streams: &[String], lifecycle: Option<&StreamLifecycle>) -> Result<(), EngineError> {
        let _metadata = self.inner.metadata_lock();
        {
            let state = self.inner.state();
            if let Some(missing) = streams.iter().find(|it| !state.streams.contains_key(*it)) {
                return Err(EngineError::IndexNotFound(missing.clone()));
            }
        }
        let edit = |stream: &String| Edit::PutStreamLifecycle { stream: stream.clone(), lifecycle: lifecycle.cloned() };
        self.inner.publish(streams.iter().map(edit).collect())?;
        let mut state = self.inner.state();
        for stream in streams {
            state.lifecycles.put_stream(stream, lifecycle.cloned());
        }
        Ok(())
    }

    /// What streams say themselves.
    pub fn stream_lifecycles(&self) -> BTreeMap<String, StreamLifecycle> {
        self.inner.state().lifecycles.streams.clone()
    }

    /// What counts for a stream.
    pub fn stream_rule(&self, stream: &str) -> StreamRule {
        self.inner.state().stream_rule(stream, &self.inner.retention_defaults)
    }

    /// Stores a policy; its version is one more than that of the one it replaces.
    ///
    /// # Errors
    /// [`EngineError::Manifest`]; nothing has changed then.
    pub fn put_policy(&self, name: &str, mut policy: Policy) -> Result<(), EngineError> {
        let _metadata = self.inner.metadata_lock();
        policy.version = self.inner.state().lifecycles.policies.get(name).map_or(0, |it| it.version) + 1;
        policy.modified = self.now();
        self.inner.publish(vec![Edit::PutPolicy { name: name.to_owned(), policy: policy.clone() }])?;
        self.inner.state().lifecycles.policies.insert(name.to_owned(), policy);
        Ok(())
    }

    /// Removes a policy that no index names.
    ///
    /// # Errors
    /// [`EngineError::NoPolicy`]; [`EngineError::IllegalArgument`] where an index names it.
    pub fn delete_policy(&self, name: &str) -> Result<(), EngineError> {
        let _metadata = self.inner.metadata_lock();
        {
            let state = self.inner.state();
            if !state.lifecycles.policies.contains_key(name) {
                return Err(EngineError::NoPolicy(name.to_owned()));
            }
            let users = users_of(&state, name);
            if !users.is_empty() {
                return Err(EngineError::IllegalArgument(format!(
                    "Cannot delete policy [{name}]. It is in use by one or more indices: [{}]",
                    users.join(", ")
                )));
            }
        }
        self.inner.publish(vec![Edit::DropPolicy { name: name.to_owned() }])?;
        self.inner.state().lifecycles.policies.remove(name);
        Ok(())
    }

    /// All policies.
    pub fn policies(&self) -> BTreeMap<String, Policy> {
        self.inner.state().lifecycles.policies.clone()
    }

    /// Makes policies wait, or starts them again. What streams and defaults say goes on.
    ///
    /// # Errors
    /// [`EngineError::Manifest`]; nothing has changed then.
    pub fn stop_policies(&self, is_stopped: bool) -> Result<(), EngineError> {
        let _metadata = self.inner.metadata_lock();
        self.inner.publish(vec![Edit::StopPolicies { is_stopped }])?;
        self.inner.state().lifecycles.is_stopped = is_stopped;
        Ok(())
    }

    /// Whether policies wait.
    pub fn are_policies_stopped(&self) -> bool {
        self.inner.state().lifecycles.is_stopped
    }
}

impl Lifecycles {
    /// Keeps what a stream says, or forgets it.
    pub(crate) fn put_stream(&mut self, stream: &str, lifecycle: Option<StreamLifecycle>) {
        match lifecycle {
            Some(lifecycle) => drop(self.streams.insert(stream.to_owned(), lifecycle)),
            None => drop(self.streams.remove(stream)),
        }
    }
}

fn users_of(state: &State, policy: &str) -> Vec<String> {
    let names_it = |it: &&IndexRecord| setting(it, "index.lifecycle.name") == Some(policy);
    let mut users: Vec<String> = state.indices.values().map(|it| &it.record).filter(names_it).map(|it| it.name.clone()).collect();
    users.sort();
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_rolled_over_by_the_first_limit_and_never_empty() {
        let rollover = Rollover { age_ms: Some(10), bytes: Some(100), docs: Some(5), docs_min: 0 };
        assert!(!rollover.is_due(50, 500, 0));
        assert!(rollover.is_due(10, 0, 1) && rollover.is_due(0, 100, 1) && rollover.is_due(0, 0, 5));
        assert!(!rollover.is_due(9, 99, 4));
        assert!(!Rollover { docs_min: 3, ..rollover }.is_due(50, 500, 2));
    }

    #[test]
    fn the_first_default_that_matches_counts_for_age_and_bytes_apart() {
        let defaults =
            RetentionDefaults { ages_ms: vec![("panos-url".to_owned(), 7), ("panos-*".to_owned(), 30)], bytes: vec![("*".to_owned(), 1_000)] };
        assert_eq!(defaults.of("panos-url"), Retention { age_ms: Some(7), bytes: Some(1_000) });
        assert_eq!(defaults.of("panos-threat").age_ms, Some(30));
        assert_eq!(defaults.of("syslog"), Retention { age_ms: None, bytes: Some(1_000) });
    }
}
