//! What searches leave behind for the next request: scrolls, points in time, answers kept for later. Each has an id that can't be guessed and
//! ends when nobody has asked for it for its time; while it lives it holds the splits it sees on disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use sekisho_engine::{Cursor, View};
use serde_json::Value;

use crate::api::error::ApiError;
use crate::api::search::SearchCall;

/// Scrolls at one time, as Elasticsearch's `search.max_open_scroll_context`.
pub const SCROLLS_MAX: usize = 500;

/// Points in time at one time.
pub const PITS_MAX: usize = 300;

/// Kept answers at one time; each may be large.
pub const ANSWERS_MAX: usize = 100;

/// Longest time that a context may live between two requests, as Elasticsearch's `search.max_keep_alive`.
pub const KEEP_ALIVE_MAX: Duration = Duration::from_secs(86_400);

/// How often contexts whose time is over are looked for.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// A scroll between two pages.
pub struct Scroll {
    /// The first request, which says what pages look like.
    pub call: SearchCall,
    /// Before the next page.
    pub cursor: Cursor,
    /// Number of matches.
    pub total: u64,
    /// Number of indices.
    pub shards: usize,
}

/// What a context holds.
#[derive(Clone)]
pub enum Held {
    /// A scroll; one page at a time.
    Scroll(Arc<Mutex<Scroll>>),
    /// A point in time.
    Pit(Arc<View>),
    /// The answer of an async search.
    Answer(Arc<Value>),
}

impl Held {
    fn kind(&self) -> usize {
        match self {
            Self::Scroll(_) => 0,
            Self::Pit(_) => 1,
            Self::Answer(_) => 2,
        }
    }
}

struct Entry {
    held: Held,
    /// Who opened it; for anybody else it is not there.
    owner: String,
    keep_alive: Duration,
    expires: Instant,
}

/// All contexts of the process.
#[derive(Default)]
pub struct Contexts(Mutex<HashMap<String, Entry>>);

/// The contexts of one requester. An id that somebody else got is not found, whoever got hold of it.
pub struct OwnContexts<'a> {
    all: &'a Contexts,
    owner: String,
}

impl OwnContexts<'_> {
    /// Keeps something; its id.
    ///
    /// # Errors
    /// 429 when there are too many of its kind.
    pub fn keep(&self, held: Held, keep_alive: Duration) -> Result<String, ApiError> {
        let mut entries = self.all.entries();
        let limit = [SCROLLS_MAX, PITS_MAX, ANSWERS_MAX][held.kind()];
        if entries.values().filter(|it| it.held.kind() == held.kind()).count() >= limit {
            return Err(match held {
                Held::Scroll(_) => ApiError::new(
                    429,
                    "too_many_scroll_contexts_exception",
                    format!(
                        "Trying to create too many scroll contexts. Must be less than or equal to: [{limit}]. This limit can be set by changing the [search.max_open_scroll_context] setting."
                    ),
                ),
                Held::Pit(_) => ApiError::new(429, "es_rejected_execution_exception", format!("too many points in time are open; at most [{limit}]")),
                Held::Answer(_) => ApiError::new(429, "es_rejected_execution_exception", format!("too many answers are kept; at most [{limit}]")),
            });
        }
        let id = new_id();
        entries.insert(id.clone(), Entry { held, owner: self.owner.clone(), keep_alive, expires: Instant::now() + keep_alive });
        Ok(id)
    }

    /// What has that id; its time begins anew, with another length if one is given.
    pub fn get(&self, id: &str, keep_alive: Option<Duration>) -> Option<Held> {
        let mut entries = self.all.entries();
        let entry = entries.get_mut(id).filter(|it| it.owner == self.owner)?;
        entry.keep_alive = keep_alive.unwrap_or(entry.keep_alive);
        entry.expires = Instant::now() + entry.keep_alive;
        Some(entry.held.clone())
    }

    /// Milliseconds until the context ends, if nobody asks for it.
    pub fn expires_in(&self, id: &str) -> Option<Duration> {
        self.all.entries().get(id).filter(|it| it.owner == self.owner).map(|it| it.expires.saturating_duration_since(Instant::now()))
    }

    /// Ends a context of the kind that `is_kind` tells; whether there was one.
    pub fn free(&self, id: &str, is_kind: fn(&Held) -> bool) -> bool {
        let mut entries = self.all.entries();
        entries.get(id).is_some_and(|it| it.owner == self.owner && is_kind(&it.held)) && entries.remove(id).is_some()
    }

    /// Ends all contexts of a kind; their ids.
    pub fn free_all(&self, is_kind: fn(&Held) -> bool) -> Vec<String> {
        let mut entries = self.all.entries();
        let ids: Vec<String> = entries.iter().filter(|it| it.1.owner == self.owner && is_kind(&it.1.held)).map(|it| it.0.clone()).collect();
        ids.iter().for_each(|it| drop(entries.remove(it)));
        ids
    }
}

impl Contexts {
    /// Those of one requester, as [`crate::security::Access::owner`] names it.
    pub fn of(&self, owner: String) -> OwnContexts<'_> {
        OwnContexts { all: self, owner }
    }

    /// Ends those whose time is over.
    pub fn sweep(&self) {
        drop(self.entries());
    }

    /// The contexts that have not ended.
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        let mut entries = self.0.lock().expect("no panic while the lock is held");
        let now = Instant::now();
        entries.retain(|_, it| it.expires > now);
        entries
    }
}

/// 128 random bits as text for URLs.
fn new_id() -> String {
    let mut bytes = [0; 16];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    assert_eq!(filled, Ok(bytes.len()), "the kernel has random numbers once it is up");
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Held {
        Held::Answer(Arc::default())
    }

    #[test]
    fn a_context_lives_as_long_as_it_is_asked_for() {
        let all = Contexts::default();
        let contexts = all.of("ann".to_owned());
        let long = contexts.keep(answer(), Duration::from_secs(60)).unwrap();
        let short = contexts.keep(answer(), Duration::ZERO).unwrap();
        assert!(contexts.get(&long, None).is_some() && contexts.get(&short, None).is_none());
        assert!(contexts.get(&long, Some(Duration::ZERO)).is_some() && contexts.get(&long, None).is_none());
        assert!(contexts.get("nonsense", None).is_none());
    }

    #[test]
    fn what_one_opened_is_not_there_for_another() {
        let all = Contexts::default();
        let (ann, bob) = (all.of("ann".to_owned()), all.of("bob".to_owned()));
        let id = ann.keep(answer(), Duration::from_secs(60)).unwrap();
        assert!(bob.get(&id, None).is_none() && bob.expires_in(&id).is_none() && !bob.free(&id, |_| true) && bob.free_all(|_| true).is_empty());
        assert!(ann.get(&id, None).is_some());
    }

    #[test]
    fn there_are_only_so_many_and_room_again_when_some_end() {
        let all = Contexts::default();
        let contexts = all.of("ann".to_owned());
        let ids: Vec<String> = (0..ANSWERS_MAX).map(|_| contexts.keep(answer(), Duration::from_secs(60)).unwrap()).collect();
        assert_eq!(contexts.keep(answer(), Duration::from_secs(60)).unwrap_err().status, 429);
        assert!(!contexts.free(&ids[0], |it| matches!(it, Held::Pit(_))), "an id of another kind");
        assert!(contexts.free(&ids[0], |it| matches!(it, Held::Answer(_))) && !contexts.free(&ids[0], |_| true));
        assert!(contexts.keep(answer(), Duration::from_secs(60)).is_ok());
        assert_eq!(contexts.free_all(|it| matches!(it, Held::Answer(_))).len(), ANSWERS_MAX);
    }
}
