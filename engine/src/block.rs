//! Blocks: settings that keep an index from being read, written or changed, and the one that a full disk puts on all.

use std::fmt;

use serde_json::Value;

use crate::engine::{Engine, EngineError};
use crate::manifest::IndexRecord;
use crate::resolve::Targets;

/// What an index may be kept from, by name of its setting (`index.blocks.…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Block {
    /// Neither documents nor metadata change.
    ReadOnly,
    /// Documents are not read.
    Read,
    /// Documents do not change.
    Write,
    /// Metadata is neither read nor changed.
    Metadata,
    /// As [`Block::ReadOnly`], but the index may be deleted, which frees the disk.
    ReadOnlyAllowDelete,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Read documents.
    Read,
    /// Write documents.
    Write,
    /// Read settings, mappings, aliases.
    ReadMetadata,
    /// Change settings, mappings, aliases.
    ChangeMetadata,
    /// Delete the index.
    Delete,
}

impl Block {
    /// All of them, in the order of Elasticsearch's numbers.
    pub const ALL: [Self; 5] = [Self::ReadOnly, Self::Read, Self::Write, Self::Metadata, Self::ReadOnlyAllowDelete];

    /// The name as `_block` and the settings have it.
    pub fn name(self) -> &'static str {
        self.setting().trim_start_matches("index.blocks.")
    }

    /// The setting.
    pub fn setting(self) -> &'static str {
        match self {
            Self::ReadOnly => "index.blocks.read_only",
            Self::Read => "index.blocks.read",
            Self::Write => "index.blocks.write",
            Self::Metadata => "index.blocks.metadata",
            Self::ReadOnlyAllowDelete => "index.blocks.read_only_allow_delete",
        }
    }

    /// Whether it passes by itself, so that trying again makes sense.
    pub fn is_passing(self) -> bool {
        self == Self::ReadOnlyAllowDelete
    }

    fn stops(self, intent: Intent) -> bool {
        match self {
            Self::ReadOnly => matches!(intent, Intent::Write | Intent::ChangeMetadata | Intent::Delete),
            Self::Read => intent == Intent::Read,
            Self::Write => intent == Intent::Write,
            Self::Metadata => matches!(intent, Intent::ReadMetadata | Intent::ChangeMetadata | Intent::Delete),
            Self::ReadOnlyAllowDelete => matches!(intent, Intent::Write | Intent::ChangeMetadata),
        }
    }
}

impl fmt::Display for Block {
    /// As Elasticsearch tells it: status, number, words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnly => "FORBIDDEN/5/index read-only (api)",
            Self::Read => "FORBIDDEN/7/index read (api)",
            Self::Write => "FORBIDDEN/8/index write (api)",
            Self::Metadata => "FORBIDDEN/9/index metadata (api)",
            Self::ReadOnlyAllowDelete => "TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block",
        })
    }
}

/// Indices with what keeps them from something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocked(pub Vec<(String, Vec<Block>)>);

impl Blocked {
    /// One index by one block.
    pub(crate) fn one(index: &str, block: Block) -> Self {
        Self(vec![(index.to_owned(), vec![block])])
    }

    /// Whether all of it passes by itself.
    pub fn is_passing(&self) -> bool {
        self.0.iter().flat_map(|it| &it.1).all(|it| it.is_passing())
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, blocks) in &self.0 {
            let blocks: Vec<String> = blocks.iter().map(Block::to_string).collect();
            write!(f, "index [{index}] blocked by: [{}];", blocks.join(", "))?;
        }
        Ok(())
    }
}

impl IndexRecord {
    /// What keeps the index from being used so.
    pub(crate) fn blocks(&self, intent: Intent) -> Vec<Block> {
        // Most indices have no settings at all.
        let Some(settings) = self.settings.as_object().filter(|it| !it.is_empty()) else { return Vec::new() };
        let is_set = |it: &Block| it.stops(intent) && settings.get(it.setting()).and_then(Value::as_str) == Some("true");
        Block::ALL.into_iter().filter(is_set).collect()
    }

    /// Refuses where a block keeps the index from being used so.
    pub(crate) fn check_blocks(&self, intent: Intent) -> Result<(), EngineError> {
        let blocks = self.blocks(intent);
        if blocks.is_empty() { Ok(()) } else { Err(EngineError::Blocked(Blocked(vec![(self.name.clone(), blocks)]))) }
    }
}

impl Engine {
    /// Refuses where an index of the targets is kept from being used so.
    ///
    /// # Errors
    /// [`EngineError::Blocked`].
    pub fn check_blocks(&self, targets: &Targets, intent: Intent) -> Result<(), EngineError> {
        let state = self.inner.state();
        let records = targets.uuids().iter().filter_map(|it| state.indices.get(it)).map(|it| &it.record);
        let blocked: Vec<_> = records.map(|it| (it.name.clone(), it.blocks(intent))).filter(|it| !it.1.is_empty()).collect();
        if blocked.is_empty() { Ok(()) } else { Err(EngineError::Blocked(Blocked(blocked))) }
    }
}
