//! Indices that exist: changed settings, closed and opened again.
//!
//! A closed index keeps its data and its place in the log; it takes neither searches nor writes until it is opened. Closing is no
//! deletion and frees no disk.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::engine::{Engine, EngineError};
use crate::index_options::IndexOptions;
use crate::manifest::{Edit, IndexRecord};

impl Engine {
    /// Changes settings of indices, all in one step: a value replaces, null takes the setting back. `keep` leaves those alone that
    /// an index has already.
    ///
    /// # Errors
    /// [`EngineError::Manifest`]; nothing has changed then.
    pub fn put_settings(&self, uuids: &[String], changes: &Map<String, Value>, keep: bool) -> Result<(), EngineError> {
        self.change(uuids, |record| {
            let mut settings = record.settings.as_object().cloned().unwrap_or_default();
            for (name, value) in changes {
                match value {
                    Value::Null => drop(settings.shift_remove(name)),
                    _ if keep && settings.contains_key(name) => {}
                    value => drop(settings.insert(name.clone(), value.clone())),
                }
            }
            let analysis = record.mapping.options.analysis.clone();
            let options = IndexOptions { analysis, ..IndexOptions::from_settings(&settings) };
            if record.mapping.options != options {
                Arc::make_mut(&mut record.mapping).options = options;
            }
            record.settings = Value::Object(settings);
        })?;
        // Searches go by the mapping under which the splits are open: what was asked for counts for the next one.
        uuids.iter().try_for_each(|it| self.inner.refresh_index(it))
    }

    /// Closes indices. What was acknowledged before is in splits on disk then.
    ///
    /// # Errors
    /// [`EngineError::IllegalArgument`] for an index that its data stream writes to.
    pub fn close_indices(&self, uuids: &[String]) -> Result<(), EngineError> {
        {
            let state = self.inner.state();
            for uuid in uuids {
                let Some(index) = state.indices.get(uuid) else { continue };
                if let Some((stream, _)) = &index.record.stream
                    && state.streams.get(stream).and_then(|it| it.last()) == Some(uuid)
                {
                    return Err(EngineError::IllegalArgument(format!(
                        "cannot close the following data stream write indices [{}]",
                        index.record.name
                    )));
                }
            }
        }
        self.change(uuids, |record| record.is_closed = true)?;
        // After the mark: a write that came before it is in the log, and one after it is refused.
        uuids.iter().try_for_each(|uuid| self.inner.commit_index(uuid))
    }

    /// Opens closed indices again.
    ///
    /// # Errors
    /// [`EngineError::Manifest`].
    pub fn open_indices(&self, uuids: &[String]) -> Result<(), EngineError> {
        self.change(uuids, |record| record.is_closed = false)
    }

    /// Changes the records of indices: first in the manifest, as one record of it, then in memory.
    fn change(&self, uuids: &[String], change: impl Fn(&mut IndexRecord)) -> Result<(), EngineError> {
        let _metadata = self.inner.metadata_lock();
        let records: Vec<IndexRecord> = {
            let state = self.inner.state();
            uuids.iter().filter_map(|it| state.indices.get(it)).map(|it| it.record.clone()).collect()
        };
        let changed = records.into_iter().map(|mut record| {
            change(&mut record);
            Edit::PutIndex { index: record }
        });
        self.inner.publish(changed.collect())?;
        let mut state = self.inner.state();
        for uuid in uuids {
            // The mapping may have grown meanwhile: only what is changed here is changed.
            if let Some(index) = state.indices.get_mut(uuid) {
                change(&mut index.record);
            }
        }
        Ok(())
    }
}
