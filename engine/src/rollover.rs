//! Rollover: a data stream gets a new backing index to write to, an alias a new index in the place of the one it writes to.
//!
//! When is [`crate::lifecycle`]'s to say, or a request's; here it is done, as one record of the manifest: new index, alias and the old index's
//! mark are there together or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::engine::{Engine, EngineError, Inner, NewIndex, State, check_index_name, without_blocks};
use crate::index_template::TemplateParts;
use crate::manifest::IndexUuid;
use crate::mapping::Mapping;
use crate::template::{backing_index_name, is_builtin_stream};

/// Digits of the number with which the names of indices behind an alias end.
const NUMBER_DIGITS: usize = 6;

/// What a rollover would do, and what its conditions are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloverPlan {
    /// The index that is written to.
    pub old: String,
    /// The index that would be.
    pub new: String,
    /// Whether it is about a data stream.
    pub is_stream: bool,
    /// When the old one was created.
    pub created: Timestamp,
    /// Its documents.
    pub docs: u64,
    /// Its bytes.
    pub bytes: u64,
}

impl Engine {
    /// What a rollover of a data stream or an alias would do; a new index behind an alias may be given a name.
    ///
    /// # Errors
    /// [`EngineError::IllegalArgument`] for what is neither, for an alias without a write index, and for an index whose name does not end with
    /// `-` and a number where no name is given; [`EngineError::IndexExists`] where the new one is there already.
    pub fn plan_rollover(&self, target: &str, new: Option<&str>) -> Result<RolloverPlan, EngineError> {
        let state = self.inner.state();
        self.inner.plan_rollover(&state, target, new).map(|it| it.1)
    }

    /// Rolls a data stream or an alias over; answers the old and the new index's name. What the new index behind an alias gets from
    /// its template is overlaid with `given`; backing indices get what their template says.
    ///
    /// # Errors
    /// As [`Engine::plan_rollover`] and [`Engine::create_index`].
    pub fn roll_over(&self, target: &str, new: Option<&str>, given: &TemplateParts) -> Result<(String, String), EngineError> {
        self.inner.roll_over(target, new, given)
    }
}

impl Inner {
    fn plan_rollover(&self, state: &State, target: &str, new: Option<&str>) -> Result<(IndexUuid, RolloverPlan), EngineError> {
        let illegal = |reason: String| Err(EngineError::IllegalArgument(reason));
        let (uuid, is_stream) = match (state.streams.get(target).and_then(|it| it.last()), state.aliases.contains_key(target)) {
            (Some(uuid), _) => (uuid, true),
            (None, true) => match state.alias_write_index(target) {
                Some(uuid) => (uuid, false),
                None => return illegal(format!("rollover target [{target}] does not point to a write index")),
            },
            (None, false) if state.names.contains_key(target) => {
                return illegal("rollover target is a [CONCRETE_INDEX] but one of [ALIAS,DATA_STREAM] was expected".to_owned());
            }
            (None, false) => return illegal(format!("rollover target [{target}] does not exist")),
        };
        let index = &state.indices[uuid];
        let record = &index.record;
        if !is_stream && record.stream.is_some() {
            return illegal("aliases that point to a data stream are not supported as rollover targets; name the stream".to_owned());
        }
        let generation = record.stream.as_ref().map_or(1, |it| it.1);
        let new = match new {
            Some(_) if is_stream => return illegal("new index name may not be specified when rolling over a data stream".to_owned()),
            Some(new) => new.to_owned(),
            None if is_stream => backing_index_name(target, generation + 1, self.clock.now()),
            None => next_name(&record.name)?,
        };
        check_index_name(&new)?;
        if state.names.contains_key(&new) || state.streams.contains_key(&new) {
            return Err(EngineError::IndexExists(new));
        }
        let plan = RolloverPlan { old: record.name.clone(), new, is_stream, created: record.created, docs: index.docs_count(), bytes: index.bytes() };
        Ok((uuid.clone(), plan))
    }

    pub(crate) fn roll_over(&self, target: &str, new: Option<&str>, given: &TemplateParts) -> Result<(String, String), EngineError> {
        let (old, plan, stream, mapping, settings, aliases) = {
            let state = self.state();
            let (old, plan) = self.plan_rollover(&state, target, new)?;
            let record = &state.indices[&old].record;
            if let Some((stream, generation)) = &record.stream {
                let (mapping, settings) = match state.stream_template(stream) {
                    // There is no template that could say it anew; what keeps writers out is about the old one.
                    _ if is_builtin_stream(stream) => (Mapping::builtin(), without_blocks(&record.settings)),
                    Some(composed) => composed?,
                    None => (record.mapping.clone(), without_blocks(&record.settings)),
                };
                (old, plan, Some((stream.clone(), generation + 1)), mapping, settings, BTreeMap::new())
            } else {
                let mut parts = state.templates.for_name(&plan.new).map(|it| it.parts).unwrap_or_default();
                parts.aliases = parts.aliases.into_iter().map(|(alias, it)| (alias.replace("{index}", &plan.new), it)).collect();
                parts.overlay(given);
                // It moves; a template that names it would give it to both.
                parts.aliases.remove(target);
                (old, plan, None, Arc::new(parts.mapping(false)?), Value::Object(parts.settings), parts.aliases)
            }
        };
        let in_place_of = stream.is_none().then_some((target, old.as_str()));
        self.create(NewIndex { stream, in_place_of, ..NewIndex::plain(&plan.new, mapping, settings, &aliases) })?;
        Ok((plan.old, plan.new))
    }
}

/// The name with its number one higher: `logs-7` → `logs-000008`.
fn next_name(name: &str) -> Result<String, EngineError> {
    let number = name.rsplit_once('-').filter(|it| !it.1.is_empty() && it.1.bytes().all(|it| it.is_ascii_digit()));
    let next = number.and_then(|(head, digits)| Some((head, digits.parse::<u64>().ok()?.checked_add(1)?)));
    match next {
        Some((head, number)) => Ok(format!("{head}-{number:0NUMBER_DIGITS$}")),
        None => Err(EngineError::IllegalArgument(format!("index name [{name}] does not match pattern '^.*-\\d+$'"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_at_the_end_counts_on() {
        for (name, next) in [("logs-1", "logs-000002"), ("logs-2026.11.24-000009", "logs-2026.11.24-000010"), ("a-b-999999", "a-b-1000000")] {
            assert_eq!(next_name(name).unwrap(), next);
        }
        for name in ["logs", "logs-", "logs-1a", "1", "logs-99999999999999999999"] {
            assert!(next_name(name).unwrap_err().to_string().contains("does not match pattern"), "{name}");
        }
    }
}
