//! From tails to splits: refresh (visible), commit (on disk, with the log position), merge (few).

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;

use crate::disk::DiskStage;
use crate::engine::{
    BUILD_ROWS_MIN, COMMIT_AGE_MS, Engine, EngineError, Inner, MERGE_DOCS_MAX, MERGE_FACTOR, RAM_SPLITS_BYTES_MAX, RAM_SPLITS_MAX,
    REFRESH_AGE_ACTIVE_MS, REFRESH_AGE_IDLE_MS, ROLLOVER_DOCS, SEARCH_IDLE_MS, TAIL_BYTES_MAX, TAIL_SPLIT_BYTES,
};
use crate::files;
use crate::index::IndexState;
use crate::index_template::TemplateParts;
use crate::manifest::{Edit, IndexUuid};
use crate::mapping::Mapping;
use crate::split::{Entry, Split, SplitMeta};

impl Engine {
    /// Does what is due now: refreshes, commits, merges, rollovers. Background threads call it; without them the embedder does.
    ///
    /// # Errors
    /// The first failure; what was published before it stays.
    pub fn maintain(&self) -> Result<(), EngineError> {
        self.inner.refresh_due()?;
        self.inner.commit_due()?;
        Ok(())
    }

    /// Makes everything written so far visible to searches, in the named indices or in all.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when the log could not be synced: what is not durable does not become visible.
    pub fn refresh(&self, uuids: Option<&[String]>) -> Result<(), EngineError> {
        let due: Vec<IndexUuid> = {
            let state = self.inner.state();
            state
                .indices
                .iter()
                .filter(|(uuid, index)| index.is_dirty() && uuids.is_none_or(|it| it.contains(uuid)))
                .map(|(uuid, _)| uuid.clone())
                .collect()
        };
        self.inner.refresh_all(&due)
    }

    /// Writes everything to splits on disk and lets the log go. Called at a graceful stop; a start after it replays nothing.
    ///
    /// # Errors
    /// As [`Engine::maintain`].
    pub fn commit(&self) -> Result<(), EngineError> {
        let uuids: Vec<IndexUuid> = {
            let state = self.inner.state();
            state.indices.iter().filter(|(_, it)| it.is_uncommitted()).map(|(uuid, _)| uuid.clone()).collect()
        };
        for uuid in uuids {
            self.inner.commit_index(&uuid)?;
        }
        Ok(())
    }

    /// Merges the splits of an index until at most `splits_max` are left.
    ///
    /// # Errors
    /// As [`Engine::maintain`].
    pub fn force_merge(&self, uuid: &str, splits_max: usize) -> Result<(), EngineError> {
        self.inner.commit_index(uuid)?;
        // Taken before the look at the splits: what a merge has replaced or retention has deleted by then must not come back.
        let _commit = self.inner.commit_lock();
        // Those in memory came since: on disk without the position in the log that covers them, they would be there twice after a crash.
        let splits: Vec<Arc<Split>> = match self.inner.state().indices.get(uuid) {
            Some(index) => index.splits.iter().filter(|it| !it.is_ram()).cloned().collect(),
            None => return Ok(()),
        };
        if splits.len() > splits_max.max(1) {
            let mut by_size = splits;
            by_size.sort_by_key(|it| it.meta.docs);
            by_size.truncate(by_size.len() + 1 - splits_max.max(1));
            self.inner.merge_on_disk(uuid, &by_size)?;
        }
        Ok(())
    }
}

impl Inner {
    /// Refreshes what is due; answers whether anything was, so that the next look comes at once.
    pub(crate) fn refresh_due(&self) -> Result<bool, EngineError> {
        let now = self.clock.now();
        let due: Vec<IndexUuid> = {
            let state = self.state();
            let is_due = |index: &IndexState| {
                if index.tail.is_empty() {
                    return !index.deleted.is_empty();
                }
                let active = index.searched.is_some_and(|it| now.0 - it.0 < SEARCH_IDLE_MS);
                let age = index.tail_since.map_or(0, |it| now.0 - it.0);
                index.tail_bytes >= TAIL_SPLIT_BYTES || age >= if active { REFRESH_AGE_ACTIVE_MS } else { REFRESH_AGE_IDLE_MS }
            };
            // Many small tails can fill the memory that writers wait for before any of them is large.
            let is_tight = state.tail_bytes() >= TAIL_BYTES_MAX / 2;
            state.indices.iter().filter(|(_, it)| is_due(it) || is_tight && it.tail_bytes > 0).map(|(uuid, _)| uuid.clone()).collect()
        };
        self.refresh_all(&due)?;
        Ok(!due.is_empty())
    }

    fn refresh_all(&self, uuids: &[IndexUuid]) -> Result<(), EngineError> {
        match uuids {
            [] => Ok(()),
            [one] => self.refresh_index(one),
            // Threads of their own, not the pool's: a pool thread that waits for parts of a build takes up other work meanwhile, and would
            // stop for ever where that wants the build lock it holds itself. The pool runs work that takes no locks.
            many => std::thread::scope(|scope| {
                let refreshes: Vec<_> = many.iter().map(|uuid| scope.spawn(|| self.refresh_index(uuid))).collect();
                refreshes.into_iter().try_for_each(|it| it.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            }),
        }
    }

    pub(crate) fn refresh_index(&self, uuid: &str) -> Result<(), EngineError> {
        let Some(build) = self.build_lock_of(uuid) else { return Ok(()) };
        let _building = build.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.refresh_locked(uuid)
    }

    /// Turns the tail of an index into splits in memory. The index's build lock is held.
    fn refresh_locked(&self, uuid: &str) -> Result<(), EngineError> {
        let (mut entries, bytes, mut deleted, mapping, splits, ticket) = {
            let mut state = self.state();
            let (seq_end, ticket) = (state.next_seq, state.last_ticket.clone());
            let Some(index) = state.indices.get_mut(uuid) else { return Ok(()) };
            index.refreshed_seq = seq_end;
            if !index.is_dirty() {
                return Ok(());
            }
            let bytes = std::mem::take(&mut index.tail_bytes);
            index.tail_since = None;
            index.is_refreshing = true;
            index.ids_in_refresh = std::mem::take(&mut index.ids);
            index.ids_made_in_refresh = index.tail.iter().filter(|it| it.id.is_none()).map(|it| it.seq).collect();
            let taken = (
                std::mem::take(&mut index.tail),
                bytes,
                std::mem::take(&mut index.deleted),
                index.record.mapping.clone(),
                index.splits.clone(),
                ticket,
            );
            state.building_bytes += bytes;
            taken
        };
        // Visible means durable. The newest frame is durable only when all before it are.
        if let Some(Err(error)) = ticket.map(|it| self.log.wait(&it)) {
            let durable = self.log.synced_seq();
            tracing::error!(%error, durable, "the log lost writes that were not acknowledged; no more are taken until a restart");
            let mut state = self.state();
            state.lost_from = Some(state.lost_from.map_or(durable, |it| it.min(durable)));
            entries.retain(|it| it.seq < durable);
            // Which of these belong to lost operations is not known; a restart replays those that are durable.
            deleted.clear();
        }
        let lost_from = self.state().lost_from.unwrap_or(u64::MAX);
        let build = || -> Result<Vec<Arc<Split>>, EngineError> {
            let deleted: BTreeSet<u64> = deleted.into_iter().collect();
            entries.retain(|it| it.seq < lost_from && !deleted.contains(&it.seq));
            let mut new = self.build_splits(&mapping, entries)?;
            let mut all = Vec::with_capacity(splits.len() + new.len());
            for split in splits {
                let gone: Vec<u64> = deleted.iter().copied().filter(|seq| split.may_hold(*seq)).collect();
                let reopen = !gone.is_empty() || !Arc::ptr_eq(&split.mapping, &mapping);
                all.push(if reopen { Arc::new(split.reopen(&mapping, &gone)?) } else { split });
            }
            all.append(&mut new);
            Ok(all)
        };
        let built = build();
        let mut state = self.state();
        state.building_bytes -= bytes;
        self.notify_drained();
        if let Some(index) = state.indices.get_mut(uuid) {
            index.is_refreshing = false;
        }
        let all = built?;
        if let Some(index) = state.indices.get_mut(uuid) {
            index.splits = all;
            index.ids_in_refresh.clear();
            index.ids_made_in_refresh = Vec::new();
        }
        Ok(())
    }

    fn build_splits(&self, mapping: &Arc<Mapping>, mut entries: Vec<Entry>) -> Result<Vec<Arc<Split>>, EngineError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let parts = (entries.len() / BUILD_ROWS_MIN).clamp(1, self.pool.current_num_threads());
        let rows = entries.len().div_ceil(parts);
        let mut chunks = Vec::with_capacity(parts);
        while entries.len() > rows {
            chunks.push(entries.split_off(entries.len() - rows));
        }
        chunks.push(entries);
        let build = |chunk: Vec<Entry>| Split::build(self.new_split_id(), mapping, chunk).map(Arc::new).map_err(EngineError::from);
        match chunks.len() {
            1 => chunks.into_iter().map(build).collect(),
            _ => self.pool.install(|| chunks.into_par_iter().map(build).collect()),
        }
    }

    /// Commits, merges and rolls over what is due; answers whether anything was committed.
    pub(crate) fn commit_due(&self) -> Result<bool, EngineError> {
        let now = self.clock.now();
        let mut has_committed = false;
        loop {
            let due = {
                let state = self.state();
                let ram = |index: &IndexState| index.ram_splits().map(|it| it.bytes()).sum::<u64>();
                let total: u64 = state.indices.values().map(ram).sum();
                let largest = state.indices.iter().filter(|_| total >= RAM_SPLITS_BYTES_MAX).max_by_key(|(_, it)| ram(it));
                let oldest = state.indices.iter().find(|(_, it)| it.is_uncommitted() && now.0 - it.committed.0 >= COMMIT_AGE_MS);
                largest.or(oldest).map(|(uuid, _)| uuid.clone())
            };
            let Some(uuid) = due else { break };
            self.commit_index(&uuid)?;
            has_committed = true;
        }
        let uuids: Vec<IndexUuid> = self.state().indices.keys().cloned().collect();
        for uuid in uuids {
            self.merge_due(&uuid)?;
            self.rollover_due(&uuid)?;
        }
        self.disk_due();
        self.retention_due()?;
        Ok(has_committed)
    }

    /// Writes all that an index has in memory to one split on disk and publishes it with the log position.
    pub(crate) fn commit_index(&self, uuid: &str) -> Result<(), EngineError> {
        let _commit = self.commit_lock();
        let Some(build) = self.build_lock_of(uuid) else { return Ok(()) };
        let (splits, mapping, position) = {
            let _building = build.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            self.refresh_locked(uuid)?;
            let mut state = self.state();
            self.check_writable(&state)?;
            let Some(index) = state.indices.get_mut(uuid) else { return Ok(()) };
            index.committed = self.clock.now();
            (index.splits.clone(), index.record.mapping.clone(), index.refreshed_seq)
        };
        let (ram, disk): (Vec<_>, Vec<_>) = splits.into_iter().partition(|it| it.is_ram());
        let mut edits = self.changed_metadata(uuid, &disk);
        let merged = self.write_merged(uuid, &mapping, &ram)?;
        edits.extend(merged.iter().map(|it| Edit::PutSplit { uuid: uuid.to_owned(), split: it.clone() }));
        edits.push(Edit::Position { uuid: uuid.to_owned(), seq: position });
        self.publish(edits)?;
        self.replace(uuid, &ram, merged, Some(position))?;
        self.truncate_log()
    }

    /// Merges splits in memory where there are many of them, or splits on disk of about one size.
    fn merge_due(&self, uuid: &str) -> Result<(), EngineError> {
        let _commit = self.commit_lock();
        let (splits, mapping) = match self.state().indices.get(uuid) {
            Some(index) => (index.splits.clone(), index.record.mapping.clone()),
            None => return Ok(()),
        };
        let (ram, disk): (Vec<_>, Vec<_>) = splits.into_iter().partition(|it| it.is_ram());
        if ram.len() >= RAM_SPLITS_MAX {
            let directory = tantivy::directory::RamDirectory::create();
            let meta = Split::merge(self.new_split_id(), &mapping, &ram, Box::new(directory.clone()))?;
            let memory = directory.total_mem_usage();
            let merged = Split::open(meta, &mapping, Box::new(directory), memory)?;
            self.replace_with(uuid, &ram, Some(Arc::new(merged)), None)?;
        }
        // A merge needs as much room again as what it merges.
        if self.disk.state().stage == DiskStage::Flood {
            return Ok(());
        }
        if let Some(group) = merge_candidates(&disk) {
            self.merge_on_disk(uuid, &group)?;
        }
        Ok(())
    }

    /// Replaces splits on disk by one. The commit lock is held.
    pub(crate) fn merge_on_disk(&self, uuid: &str, group: &[Arc<Split>]) -> Result<(), EngineError> {
        let Some(mapping) = self.state().indices.get(uuid).map(|it| it.record.mapping.clone()) else { return Ok(()) };
        let merged = self.write_merged(uuid, &mapping, group)?;
        // What was deleted since the last commit is gone from the merged split, but the operations that deleted it are still to be
        // replayed after a crash; they find nothing to delete then, which is the same.
        let mut edits: Vec<Edit> = group.iter().map(|it| Edit::DropSplit { uuid: uuid.to_owned(), id: it.meta.id }).collect();
        edits.extend(merged.iter().map(|it| Edit::PutSplit { uuid: uuid.to_owned(), split: it.clone() }));
        self.publish(edits)?;
        self.replace(uuid, group, merged, None)
    }

    /// Merges splits into a directory on disk and syncs it; `None` where every document was deleted.
    fn write_merged(&self, uuid: &str, mapping: &Arc<Mapping>, splits: &[Arc<Split>]) -> Result<Option<SplitMeta>, EngineError> {
        if splits.iter().all(|it| it.reader.num_docs() == 0) {
            return Ok(None);
        }
        let id = self.new_split_id();
        let path = self.split_dir(uuid, id);
        let directory = files::create(self.fs(), &path)?;
        let mut meta = Split::merge(id, mapping, splits, directory)?;
        meta.files = files::seal(&**self.fs(), &path)?;
        Ok(Some(meta))
    }

    pub(crate) fn replace(&self, uuid: &str, inputs: &[Arc<Split>], merged: Option<SplitMeta>, position: Option<u64>) -> Result<(), EngineError> {
        let merged = match merged {
            Some(meta) => {
                let mapping = self.state().indices.get(uuid).map(|it| it.record.mapping.clone());
                let Some(mapping) = mapping else { return Ok(()) };
                let directory = files::open(self.fs(), &self.split_dir(uuid, meta.id))?;
                Some(Arc::new(Split::open(meta, &mapping, directory, 0)?))
            }
            None => None,
        };
        self.replace_with(uuid, inputs, merged, position)?;
        for input in inputs.iter().filter(|it| !it.is_ram()) {
            self.remove_later(uuid, input.clone());
        }
        Ok(())
    }

    /// Puts a merged split in the place of its inputs, with what was deleted in them since they were captured.
    fn replace_with(&self, uuid: &str, inputs: &[Arc<Split>], merged: Option<Arc<Split>>, position: Option<u64>) -> Result<(), EngineError> {
        let Some(build) = self.build_lock_of(uuid) else { return Ok(()) };
        let _building = build.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (mut splits, mapping) = match self.state().indices.get(uuid) {
            Some(index) => (index.splits.clone(), index.record.mapping.clone()),
            None => return Ok(()),
        };
        let mut gone = Vec::new();
        splits.retain(|split| match inputs.iter().find(|it| it.meta.id == split.meta.id) {
            Some(input) => {
                gone.extend(split.meta.deleted.iter().filter(|seq| input.meta.deleted.binary_search(seq).is_err()).copied());
                false
            }
            None => true,
        });
        if let Some(merged) = merged {
            let merged = if gone.is_empty() && Arc::ptr_eq(&merged.mapping, &mapping) { merged } else { Arc::new(merged.reopen(&mapping, &gone)?) };
            // Older splits stand first.
            splits.insert(0, merged);
        }
        let mut state = self.state();
        if let Some(index) = state.indices.get_mut(uuid) {
            index.splits = splits;
            index.position = position.unwrap_or(index.position);
        }
        Ok(())
    }

    fn rollover_due(&self, uuid: &str) -> Result<(), EngineError> {
        let stream = {
            let state = self.state();
            state
                .indices
                .get(uuid)
                .filter(|it| it.docs_count() >= ROLLOVER_DOCS)
                .and_then(|it| it.record.stream.as_ref())
                .map(|it| it.0.clone())
                .filter(|stream| state.streams[stream].last().is_some_and(|it| it == uuid))
        };
        match stream {
            Some(stream) => self.roll_over(&stream, None, &TemplateParts::default()).map(drop),
            None => Ok(()),
        }
    }
}

/// The first group of splits of about one size: sizes are in one tier when they differ by less than [`MERGE_FACTOR`].
fn merge_candidates(disk: &[Arc<Split>]) -> Option<Vec<Arc<Split>>> {
    let tier = |docs: u32| u64::from(docs.max(1)).ilog(MERGE_FACTOR as u64);
    let mut tiers: std::collections::BTreeMap<u32, Vec<Arc<Split>>> = std::collections::BTreeMap::new();
    for split in disk {
        tiers.entry(tier(split.meta.docs)).or_default().push(split.clone());
    }
    for mut group in tiers.into_values().filter(|it| it.len() >= MERGE_FACTOR) {
        // Neighbours in time, so that merged splits stay narrow.
        group.sort_by_key(|it| (it.meta.time, it.meta.seq_min));
        let docs: u64 = group.iter().take(MERGE_FACTOR).map(|it| u64::from(it.meta.docs)).sum();
        if docs <= MERGE_DOCS_MAX {
            group.truncate(MERGE_FACTOR);
            return Some(group);
        }
    }
    None
}
