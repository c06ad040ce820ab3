//! The manifest: which indices and splits there are, and up to which log position each index is on disk.
//!
//! One record of the manifest holds everything that changed together: a new split, the splits it replaces, the documents deleted
//! by then and the position in the log it all covers. A record is applied whole or not at all, which is what makes replay exact.
//! Metadata (an index created or dropped, a mapping changed) is a record of its own, synced before the call returns.
//! On disk: `docs/format/manifest.md`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alias::AliasRecord;
use crate::clock::Timestamp;
use crate::engine::EngineError;
use crate::index_template::{ComponentTemplate, IndexTemplate, Templates};
use crate::lifecycle::{Lifecycles, Policy, StreamLifecycle};
use crate::mapping::Mapping;
use crate::split::{SplitId, SplitMeta};

/// The identity of an index: a name can be used again after a deletion, a uuid can't.
pub(crate) type IndexUuid = String;

/// What the manifest keeps of an index.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IndexRecord {
    pub(crate) uuid: IndexUuid,
    pub(crate) name: String,
    /// The data stream it backs, with its generation (from 1).
    pub(crate) stream: Option<(String, u32)>,
    pub(crate) created: Timestamp,
    /// Settings as given, for showing.
    pub(crate) settings: Value,
    pub(crate) mapping: Arc<Mapping>,
    /// Whether it takes neither searches nor writes until it is opened again.
    #[serde(default)]
    pub(crate) is_closed: bool,
    /// When a new index was started in its place. Backing indices need none: theirs is when the next one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rolled_over: Option<Timestamp>,
}

impl IndexRecord {
    /// Whether wildcards leave it out.
    pub(crate) fn is_hidden(&self) -> bool {
        self.settings.get("index.hidden").and_then(Value::as_str) == Some("true")
    }
}

/// One change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "snake_case")]
pub(crate) enum Edit {
    /// A new index, or a changed one (settings, closed or open).
    PutIndex { index: IndexRecord },
    /// The mapping of an index grew. Apart from the rest of the record, because a commit tells it while somebody changes that.
    PutMapping { uuid: IndexUuid, mapping: Arc<Mapping> },
    /// The index is gone with its splits.
    DropIndex { uuid: IndexUuid },
    /// A split was published, or its list of deleted documents grew.
    PutSplit { uuid: IndexUuid, split: SplitMeta },
    /// A split was replaced.
    DropSplit { uuid: IndexUuid, id: SplitId },
    /// All writes to the index with a sequence number below `seq` are in its splits.
    Position { uuid: IndexUuid, seq: u64 },
    /// A new alias, or a changed one: all of its members.
    PutAlias { name: String, alias: AliasRecord },
    /// The alias is gone.
    DropAlias { name: String },
    /// A new index template, or a changed one.
    PutIndexTemplate { name: String, template: IndexTemplate },
    /// The index template is gone.
    DropIndexTemplate { name: String },
    /// A new component template, or a changed one.
    PutComponentTemplate { name: String, template: ComponentTemplate },
    /// The component template is gone.
    DropComponentTemplate { name: String },
    /// What a data stream says of its retention; nothing any more where absent.
    PutStreamLifecycle { stream: String, lifecycle: Option<StreamLifecycle> },
    /// A new policy, or a changed one.
    PutPolicy { name: String, policy: Policy },
    /// The policy is gone.
    DropPolicy { name: String },
    /// Policies wait, or do not.
    StopPolicies { is_stopped: bool },
}

/// What an index consists of on disk.
#[derive(Clone, Debug)]
pub(crate) struct IndexOnDisk {
    pub(crate) record: IndexRecord,
    pub(crate) splits: BTreeMap<SplitId, SplitMeta>,
    pub(crate) position: u64,
}

/// The state that the records of a manifest add up to.
#[derive(Clone, Debug, Default)]
pub(crate) struct ManifestState {
    pub(crate) indices: BTreeMap<IndexUuid, IndexOnDisk>,
    pub(crate) aliases: BTreeMap<String, AliasRecord>,
    pub(crate) templates: Templates,
    pub(crate) lifecycles: Lifecycles,
}

impl ManifestState {
    /// What the records of a manifest add up to.
    pub(crate) fn from_records(records: &[Vec<u8>]) -> Result<Self, EngineError> {
        let mut state = Self::default();
        for record in records {
            let edits = decode(record).map_err(|error| {
                EngineError::DataDir(format!("a record of the manifest is not understood ({error}): was it written by a newer release?"))
            })?;
            edits.into_iter().for_each(|it| state.apply(it));
        }
        Ok(state)
    }

    pub(crate) fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::PutIndex { mut index } => {
                Arc::make_mut(&mut index.mapping).restore();
                match self.indices.get_mut(&index.uuid) {
                    Some(existing) => {
                        let mapping = longer(&existing.record.mapping, index.mapping.clone());
                        existing.record = IndexRecord { mapping, ..index };
                    }
                    None => {
                        let uuid = index.uuid.clone();
                        self.indices.insert(uuid, IndexOnDisk { record: index, splits: BTreeMap::new(), position: 0 });
                    }
                }
            }
            Edit::PutMapping { uuid, mut mapping } => {
                Arc::make_mut(&mut mapping).restore();
                if let Some(index) = self.indices.get_mut(&uuid) {
                    index.record.mapping = longer(&index.record.mapping, mapping);
                }
            }
            Edit::DropIndex { uuid } => {
                self.indices.remove(&uuid);
            }
            // An edit of an index that was dropped meanwhile has nothing to apply to.
            Edit::PutSplit { uuid, split } => {
                if let Some(index) = self.indices.get_mut(&uuid) {
                    index.splits.insert(split.id, split);
                }
            }
            Edit::DropSplit { uuid, id } => {
                if let Some(index) = self.indices.get_mut(&uuid) {
                    index.splits.remove(&id);
                }
            }
            Edit::Position { uuid, seq } => {
                if let Some(index) = self.indices.get_mut(&uuid) {
                    index.position = seq;
                }
            }
            Edit::PutAlias { name, alias } => {
                self.aliases.insert(name, alias);
            }
            Edit::DropAlias { name } => {
                self.aliases.remove(&name);
            }
            Edit::PutIndexTemplate { name, template } => {
                self.templates.index.insert(name, template);
            }
            Edit::DropIndexTemplate { name } => {
                self.templates.index.remove(&name);
            }
            Edit::PutComponentTemplate { name, template } => {
                self.templates.component.insert(name, template);
            }
            Edit::DropComponentTemplate { name } => {
                self.templates.component.remove(&name);
            }
            Edit::PutStreamLifecycle { stream, lifecycle } => self.lifecycles.put_stream(&stream, lifecycle),
            Edit::PutPolicy { name, policy } => {
                self.lifecycles.policies.insert(name, policy);
            }
            Edit::DropPolicy { name } => {
                self.lifecycles.policies.remove(&name);
            }
            Edit::StopPolicies { is_stopped } => self.lifecycles.is_stopped = is_stopped,
        }
    }

    /// The edits that make this state from nothing.
    pub(crate) fn snapshot(&self) -> Vec<Edit> {
        let mut edits = Vec::new();
        for (uuid, index) in &self.indices {
            edits.push(Edit::PutIndex { index: index.record.clone() });
            edits.extend(index.splits.values().map(|split| Edit::PutSplit { uuid: uuid.clone(), split: split.clone() }));
            edits.push(Edit::Position { uuid: uuid.clone(), seq: index.position });
        }
        edits.extend(self.aliases.iter().map(|(name, alias)| Edit::PutAlias { name: name.clone(), alias: alias.clone() }));
        let Templates { index, component } = &self.templates;
        edits.extend(component.iter().map(|(name, it)| Edit::PutComponentTemplate { name: name.clone(), template: it.clone() }));
        edits.extend(index.iter().map(|(name, it)| Edit::PutIndexTemplate { name: name.clone(), template: it.clone() }));
        let Lifecycles { streams, policies, is_stopped } = &self.lifecycles;
        edits.extend(streams.iter().map(|(stream, it)| Edit::PutStreamLifecycle { stream: stream.clone(), lifecycle: Some(it.clone()) }));
        edits.extend(policies.iter().map(|(name, it)| Edit::PutPolicy { name: name.clone(), policy: it.clone() }));
        edits.extend(is_stopped.then_some(Edit::StopPolicies { is_stopped: true }));
        edits
    }
}

/// A mapping only grows: edits that were made at one time and written in another order must not take fields back that splits have.
fn longer(known: &Arc<Mapping>, told: Arc<Mapping>) -> Arc<Mapping> {
    if told.fields().len() >= known.fields().len() { told } else { known.clone() }
}

/// A record's bytes.
pub(crate) fn encode(edits: &[Edit]) -> Vec<u8> {
    serde_json::to_vec(edits).expect("edits are plain data")
}

/// The edits of a record.
pub(crate) fn decode(record: &[u8]) -> Result<Vec<Edit>, serde_json::Error> {
    serde_json::from_slice(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_told_late_takes_no_field_back() {
        let record = |mapping: &Mapping, is_closed| IndexRecord {
            uuid: "u".into(),
            name: "n".into(),
            stream: None,
            created: Timestamp(5),
            settings: Value::Null,
            mapping: Arc::new(mapping.clone()),
            is_closed,
            rolled_over: None,
        };
        let short = Mapping::dynamic();
        let mut long = short.clone();
        long.add("a", crate::mapping::FieldType::Keyword).unwrap();
        let mut state = ManifestState::default();
        for edit in [
            Edit::PutIndex { index: record(&short, false) },
            Edit::PutMapping { uuid: "u".into(), mapping: Arc::new(long) },
            Edit::PutIndex { index: record(&short, true) },
            Edit::PutMapping { uuid: "u".into(), mapping: Arc::new(short) },
        ] {
            decode(&encode(&[edit])).unwrap().into_iter().for_each(|it| state.apply(it));
        }
        assert!(state.indices["u"].record.mapping.field("a").is_some());
        assert!(state.indices["u"].record.is_closed);
    }

    #[test]
    fn a_snapshot_makes_the_same_state() {
        let index = IndexRecord {
            uuid: "u".into(),
            name: "n".into(),
            stream: None,
            created: Timestamp(5),
            settings: Value::Null,
            mapping: Mapping::builtin(),
            is_closed: false,
            rolled_over: Some(Timestamp(9)),
        };
        let split =
            SplitMeta { id: SplitId(3), docs: 1, seq_min: 0, seq_max: 9, time: None, is_time_sorted: false, deleted: vec![4], files: Vec::new() };
        let mut state = ManifestState::default();
        let mut alias = AliasRecord::default();
        alias.indices.insert("u".into(), crate::Alias { is_write_index: Some(true), ..crate::Alias::default() });
        let edits = [
            Edit::PutIndex { index },
            Edit::PutSplit { uuid: "u".into(), split },
            Edit::Position { uuid: "u".into(), seq: 10 },
            Edit::PutAlias { name: "gone".into(), alias: alias.clone() },
            Edit::PutAlias { name: "kept".into(), alias: alias.clone() },
            Edit::DropAlias { name: "gone".into() },
            Edit::PutComponentTemplate { name: "c".into(), template: ComponentTemplate::default() },
            Edit::PutIndexTemplate { name: "t".into(), template: IndexTemplate { priority: 7, ..IndexTemplate::default() } },
            Edit::PutIndexTemplate { name: "gone".into(), template: IndexTemplate::default() },
            Edit::DropIndexTemplate { name: "gone".into() },
            Edit::PutStreamLifecycle { stream: "s".into(), lifecycle: Some(StreamLifecycle::default()) },
            Edit::PutStreamLifecycle { stream: "gone".into(), lifecycle: Some(StreamLifecycle::default()) },
            Edit::PutStreamLifecycle { stream: "gone".into(), lifecycle: None },
            Edit::PutPolicy { name: "p".into(), policy: Policy { delete_after_ms: Some(3), ..Policy::default() } },
            Edit::StopPolicies { is_stopped: true },
        ];
        decode(&encode(&edits)).unwrap().into_iter().for_each(|it| state.apply(it));
        let mut again = ManifestState::default();
        decode(&encode(&state.snapshot())).unwrap().into_iter().for_each(|it| again.apply(it));
        assert_eq!(encode(&state.snapshot()), encode(&again.snapshot()));
        assert_eq!(again.templates.index.iter().map(|it| (it.0.as_str(), it.1.priority)).collect::<Vec<_>>(), [("t", 7)]);
        assert!(again.templates.component.contains_key("c"));
        let Lifecycles { streams, policies, is_stopped } = &again.lifecycles;
        assert_eq!((streams.len(), policies["p"].delete_after_ms, *is_stopped), (1, Some(3), true));
        assert_eq!(again.indices["u"].record.rolled_over, Some(Timestamp(9)));
        assert_eq!(again.aliases, BTreeMap::from([("kept".to_owned(), alias)]));
        assert!(again.indices["u"].record.mapping.field("source.ip").is_some());
    }
}
