//! Deletion of what is kept no longer: whole backing indices, and whole splits of those that stay.
//!
//! A split goes when its newest document is too old, or when its stream is too large and it is the oldest. That costs one record of the manifest
//! and a few unlinks, whatever is in it; no document is rewritten. A split that is partly too old stays until all of it is. What the manifest does
//! not name any more is gone for good: a crash before the files are unlinked leaves files that the next start removes. Rules are
//! [`crate::lifecycle`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::clock::Timestamp;
use crate::disk::DiskStage;
use crate::engine::{Engine, EngineError, Inner, State};
use crate::index_template::TemplateParts;
use crate::lifecycle::{Retention, RuleOrigin, StreamRule, setting};
use crate::manifest::{Edit, IndexUuid};
use crate::split::{Split, SplitId};

/// How often what is too old is looked for.
pub(crate) const RETENTION_INTERVAL_MS: i64 = 60_000;

/// Why something was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemovalReason {
    /// Its newest document was too old.
    Age,
    /// Its stream was too large.
    Size,
    /// The disk was too full, and its stream has a limit in bytes.
    Disk,
}

impl RemovalReason {
    /// One word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Size => "size",
            Self::Disk => "disk",
        }
    }
}

/// What was deleted of an index, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The index.
    pub index: String,
    /// The data stream that it backs.
    pub stream: Option<String>,
    /// Whether the whole index goes.
    pub is_whole_index: bool,
    /// Splits.
    pub splits: usize,
    /// Live documents in them.
    pub docs: u64,
    /// Bytes of them on disk.
    pub bytes: u64,
    /// Why; of several reasons the first.
    pub reason: RemovalReason,
}

/// What is kept of a stream, and for how long.
#[derive(Clone, Debug)]
pub struct StreamRetention {
    /// The stream.
    pub stream: String,
    /// What counts for it.
    pub rule: StreamRule,
    /// Live documents.
    pub docs: u64,
    /// Bytes of its splits.
    pub bytes: u64,
    /// Its backing indices.
    pub indices: usize,
    /// The oldest and the newest `@timestamp` in a split.
    pub time: Option<(Timestamp, Timestamp)>,
    /// When the next split is too old, if nothing changes.
    pub next_removal: Option<Timestamp>,
}

/// A split that can be deleted, with what orders them.
#[derive(Clone)]
struct Candidate {
    /// Time of the newest document, as far as it can be believed.
    newest: Timestamp,
    uuid: IndexUuid,
    split: Arc<Split>,
}

/// What is to go, by index.
type Doomed = BTreeMap<IndexUuid, (RemovalReason, BTreeSet<SplitId>)>;

impl Engine {
    /// Rolls over and deletes what is due now, and tells what was deleted. Background threads do it once a minute.
    ///
    /// # Errors
    /// [`EngineError::Manifest`]; what was deleted before stays deleted.
    pub fn run_retention(&self) -> Result<Vec<Removal>, EngineError> {
        self.inner.run_retention()
    }

    /// What [`Engine::run_retention`] would delete now.
    pub fn plan_retention(&self) -> Vec<Removal> {
        let state = self.inner.state();
        let plan = self.inner.plan(&state);
        plan.iter().filter_map(|(uuid, (reason, splits))| self.inner.removal(&state, uuid, *reason, splits)).collect()
    }

    /// Documents and bytes that retention has deleted since the start.
    pub fn removed(&self) -> (u64, u64) {
        (self.inner.removed_docs.load(Ordering::Relaxed), self.inner.removed_bytes.load(Ordering::Relaxed))
    }

    /// What counts for each stream and what is there of it.
    pub fn retention(&self) -> Vec<StreamRetention> {
        let state = self.inner.state();
        let one = |(stream, backing): (&String, &Vec<IndexUuid>)| {
            let rule = state.stream_rule(stream, &self.inner.retention_defaults);
            let indices = || backing.iter().filter_map(|it| state.indices.get(it));
            let times = indices().flat_map(|it| &it.splits).filter_map(|it| it.meta.time);
            let time = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
            let next = candidates(&state, stream, backing).map(|it| it.newest).min();
            let next_removal = next.zip(rule.retention.age_ms).map(|(newest, age)| Timestamp(newest.0.saturating_add(age)));
            StreamRetention {
                stream: stream.clone(),
                docs: indices().map(|it| it.docs_count()).sum(),
                bytes: indices().map(|it| it.bytes()).sum(),
                indices: backing.len(),
                rule,
                time,
                next_removal,
            }
        };
        state.streams.iter().map(one).collect()
    }
}

impl Inner {
    /// As [`Engine::run_retention`], where the last time was long enough ago.
    pub(crate) fn retention_due(&self) -> Result<(), EngineError> {
        let now = self.clock.now().0;
        let last = self.last_retention.load(Ordering::Relaxed);
        // A wall clock may have gone back: then it is looked now, and from now on.
        if now < last || now.saturating_sub(last) >= RETENTION_INTERVAL_MS {
            self.last_retention.store(now, Ordering::Relaxed);
            self.run_retention()?;
        }
        Ok(())
    }

    fn run_retention(&self) -> Result<Vec<Removal>, EngineError> {
        self.roll_over_due()?;
        self.look_at_disk();
        // No merge may have in its hands, or replace meanwhile, what the plan is about.
        let _commit = self.commit_lock();
        let plan = self.plan(&self.state());
        let mut removals = Vec::new();
        for (uuid, (reason, splits)) in plan {
            let removal = self.removal(&self.state(), &uuid, reason, &splits);
            let Some(removal) = removal else { continue };
            if removal.is_whole_index {
                self.drop_index(&uuid)?;
            } else {
                self.drop_splits(&uuid, &splits)?;
            }
            tracing::info!(
                index = removal.index,
                whole = removal.is_whole_index,
                splits = removal.splits,
                docs = removal.docs,
                bytes = removal.bytes,
                reason = reason.name(),
                "retention deleted"
            );
            self.removed_bytes.fetch_add(removal.bytes, Ordering::Relaxed);
            self.removed_docs.fetch_add(removal.docs, Ordering::Relaxed);
            removals.push(removal);
        }
        if !removals.is_empty() {
            self.look_at_disk();
        }
        Ok(removals)
    }

    /// Gives streams and aliases new indices where a limit of theirs is reached.
    fn roll_over_due(&self) -> Result<(), EngineError> {
        let now = self.clock.now();
        let due: Vec<String> = {
            let state = self.state();
            let is_due = |(stream, backing): &(&String, &Vec<IndexUuid>)| {
                let rule = state.stream_rule(stream, &self.retention_defaults);
                let is_waiting = state.lifecycles.is_stopped && matches!(rule.origin, RuleOrigin::Policy(_));
                let index = backing.last().and_then(|it| state.indices.get(it)).filter(|_| !is_waiting);
                index.is_some_and(|it| rule.rollover.is_due(now.0 - it.record.created.0, it.bytes(), it.docs_count()))
            };
            state.streams.iter().filter(is_due).map(|it| it.0.clone()).collect()
        };
        let due = due.into_iter().chain(self.aliases_due(now));
        for target in due {
            match self.roll_over(&target, None, &TemplateParts::default()) {
                Ok(_) => {}
                // A name without a number, a template that can't be used: that one waits for somebody, the others do not.
                Err(EngineError::Manifest(error)) => return Err(error.into()),
                Err(error) => tracing::warn!(target, %error, "could not be rolled over"),
            }
        }
        Ok(())
    }

    /// Aliases of which the policy of the index that they write to says that it is time for a new one.
    fn aliases_due(&self, now: Timestamp) -> Vec<String> {
        let state = self.state();
        if state.lifecycles.is_stopped {
            return Vec::new();
        }
        let due = state.indices.values().filter_map(|index| {
            let record = &index.record;
            let rollover = state.policy_of(record).filter(|_| record.stream.is_none())?.1.rollover?;
            let alias = setting(record, "index.lifecycle.rollover_alias")?;
            let is_complete = setting(record, "index.lifecycle.indexing_complete") == Some("true") || record.rolled_over.is_some();
            let is_written = state.alias_write_index(alias) == Some(&record.uuid);
            let is_due = is_written && !is_complete && rollover.is_due(now.0 - record.created.0, index.bytes(), index.docs_count());
            is_due.then(|| alias.to_owned())
        });
        due.collect()
    }

    /// What is to go now.
    fn plan(&self, state: &State) -> Doomed {
        let now = self.clock.now();
        let mut doomed = Doomed::new();
        let mut spare: Vec<Candidate> = Vec::new();
        for (stream, backing) in &state.streams {
            let rule = state.stream_rule(stream, &self.retention_defaults);
            if state.lifecycles.is_stopped && matches!(rule.origin, RuleOrigin::Policy(_)) {
                continue;
            }
            let mut kept: Vec<Candidate> = candidates(state, stream, backing).collect();
            if let Some(age) = rule.retention.age_ms {
                let is_old = |it: &Candidate| now.0.saturating_sub(it.newest.0) >= age;
                kept.iter().filter(|it| is_old(it)).for_each(|it| doom(&mut doomed, it, RemovalReason::Age));
                kept.retain(|it| !is_old(it));
            }
            if let Some(limit) = rule.retention.bytes {
                kept.sort_by_key(|it| (it.newest, it.split.meta.id));
                let mut bytes: u64 = kept.iter().map(|it| it.split.bytes()).sum();
                for it in kept {
                    if bytes > limit {
                        doom(&mut doomed, &it, RemovalReason::Size);
                    } else if bytes - it.split.bytes() >= limit / 2 {
                        spare.push(it.clone());
                    } else {
                        break;
                    }
                    bytes -= it.split.bytes();
                }
            }
            // Backing indices of which nothing is left by now, and into which nothing comes any more.
            for (at, uuid) in backing.iter().enumerate().rev().skip(1).filter(|_| rule.retention != Retention::default()) {
                let is_empty = state.indices.get(uuid).is_some_and(|it| it.splits.is_empty() && !it.is_uncommitted());
                // What can't be read any more goes when everything in it must be too old.
                let ended = backing.get(at + 1).and_then(|it| state.indices.get(it)).map_or(now, |it| it.record.created);
                let is_old = rule.retention.age_ms.is_some_and(|it| now.0.saturating_sub(ended.0) >= it);
                if is_empty && (is_old || state.damaged_splits(uuid) == 0) {
                    doomed.entry(uuid.clone()).or_insert((RemovalReason::Age, BTreeSet::new()));
                }
            }
        }
        self.plan_for_disk(state, spare, &mut doomed);
        for (uuid, index) in &state.indices {
            let record = &index.record;
            let Some((_, policy)) = state.policy_of(record).filter(|_| record.stream.is_none() && !state.lifecycles.is_stopped) else { continue };
            // As long as a new index is to be started in its place, it is being written to.
            let is_done = policy.rollover.is_none()
                || record.rolled_over.is_some()
                || setting(record, "index.lifecycle.indexing_complete") == Some("true")
                || setting(record, "index.lifecycle.rollover_alias").is_none();
            let since = record.rolled_over.or_else(|| setting(record, "index.lifecycle.origination_date")?.parse().ok().map(Timestamp));
            let age = now.0.saturating_sub(since.unwrap_or(record.created).0);
            if is_done && policy.delete_after_ms.is_some_and(|it| age >= it) {
                doomed.insert(uuid.clone(), (RemovalReason::Age, index.splits.iter().map(|it| it.meta.id).collect()));
            }
        }
        doomed
    }

    /// Where the disk is too full: the oldest of what streams with a limit in bytes have above half of it. Never more, for somebody else
    /// may be filling the disk.
    fn plan_for_disk(&self, state: &State, mut spare: Vec<Candidate>, doomed: &mut Doomed) {
        let disk = self.disk.state();
        let Some(space) = disk.space.filter(|_| disk.stage > DiskStage::Roomy) else { return };
        let bytes_of = |(uuid, (_, splits)): (&IndexUuid, &(RemovalReason, BTreeSet<SplitId>))| -> u64 {
            let index = state.indices.get(uuid).into_iter().flat_map(|it| &it.splits);
            index.filter(|it| splits.contains(&it.meta.id)).map(|it| it.bytes()).sum()
        };
        let freed: u64 = doomed.iter().map(bytes_of).sum();
        // One byte more: at the watermark is above it.
        let mut needed = (space.above(self.disk.watermarks.high_percent) + 1).saturating_sub(freed);
        spare.sort_by_key(|it| (it.newest, it.split.meta.id));
        for it in spare {
            if needed == 0 {
                break;
            }
            needed = needed.saturating_sub(it.split.bytes());
            doom(doomed, &it, RemovalReason::Disk);
        }
    }

    /// What goes of an index with those splits; nothing where it is gone meanwhile.
    fn removal(&self, state: &State, uuid: &str, reason: RemovalReason, splits: &BTreeSet<SplitId>) -> Option<Removal> {
        let index = state.indices.get(uuid)?;
        let stream = index.record.stream.as_ref().map(|it| it.0.clone());
        let is_written = stream.as_ref().is_some_and(|it| state.streams[it].last().is_some_and(|it| it == uuid));
        let (gone, left): (Vec<_>, Vec<_>) = index.splits.iter().partition(|it| splits.contains(&it.meta.id));
        // Nothing to delete in it is the plan's word for an index that is to go as it is.
        let is_known = state.damaged_splits(uuid) == 0 || gone.is_empty();
        let is_whole_index = stream.is_none() || !is_written && left.is_empty() && !index.is_uncommitted() && is_known;
        Some(Removal {
            index: index.record.name.clone(),
            stream,
            is_whole_index,
            splits: gone.len(),
            docs: gone.iter().map(|it| u64::from(it.reader.num_docs())).sum(),
            bytes: gone.iter().map(|it| it.bytes()).sum(),
            reason,
        })
    }

    /// Deletes splits on disk: first in the manifest, as one record of it, then in memory, then their files. The commit lock is held.
    fn drop_splits(&self, uuid: &str, ids: &BTreeSet<SplitId>) -> Result<(), EngineError> {
        let gone: Vec<Arc<Split>> = match self.state().indices.get(uuid) {
            Some(index) => index.splits.iter().filter(|it| ids.contains(&it.meta.id)).cloned().collect(),
            None => return Ok(()),
        };
        self.publish(gone.iter().map(|it| Edit::DropSplit { uuid: uuid.to_owned(), id: it.meta.id }).collect())?;
        self.replace(uuid, &gone, None, None)
    }
}

fn doom(doomed: &mut Doomed, candidate: &Candidate, reason: RemovalReason) {
    doomed.entry(candidate.uuid.clone()).or_insert((reason, BTreeSet::new())).1.insert(candidate.split.meta.id);
}

/// The splits of a stream that are on disk.
fn candidates<'a>(state: &'a State, stream: &'a str, backing: &'a [IndexUuid]) -> impl Iterator<Item = Candidate> + 'a {
    debug_assert!(state.streams.contains_key(stream), "a stream that exists");
    backing.iter().enumerate().flat_map(move |(at, uuid)| {
        // Nothing came into an index after the next one was started: a device whose clock runs ahead does not keep its splits for ever.
        let ended = backing.get(at + 1).and_then(|it| state.indices.get(it)).map(|it| it.record.created);
        let splits = state.indices.get(uuid).into_iter().flat_map(|it| &it.splits).filter(|it| !it.is_ram());
        splits.filter_map(move |split| {
            let told = split.meta.time.map(|it| it.1);
            let newest = told.into_iter().chain(ended).min()?;
            Some(Candidate { newest, uuid: uuid.clone(), split: split.clone() })
        })
    })
}
