//! What clients keep open between requests (scrolls, points in time, searches in the background): by an id nobody can guess, for a
//! limited time, and no more than a number of them.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Contexts of each kind that are open at once, as Elasticsearch's `search.max_open_scroll_context`. Each keeps splits from being
/// freed; one more is refused with 429.
pub const CONTEXTS_MAX: usize = 500;

/// Time between two looks for what has expired.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Things of one kind that are kept open; its clones are one list.
pub struct Contexts<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    slots: Mutex<HashMap<String, Slot<T>>>,
    is_swept: AtomicBool,
}

struct Slot<T> {
    value: Arc<T>,
    keep_alive: Duration,
    opened: SystemTime,
    expires: Instant,
}

/// An open context, as a list shows it.
#[derive(Clone, Debug)]
pub struct OpenContext {
    /// Its id.
    pub id: String,
    /// Milliseconds since 1970.
    pub opened_ms: u64,
    /// How long it stays after its last use.
    pub keep_alive: Duration,
}

impl<T> Clone for Contexts<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T> Default for Contexts<T> {
    fn default() -> Self {
        Self { shared: Arc::new(Shared { slots: Mutex::default(), is_swept: AtomicBool::new(false) }) }
    }
}

impl<T> Contexts<T> {
    /// Keeps something open; its id, or `None` where there are [`CONTEXTS_MAX`] already.
    pub fn open(&self, value: T, keep_alive: Duration, now: Instant) -> Option<String> {
        let mut slots = self.slots();
        slots.retain(|_, it| it.expires > now);
        if slots.len() >= CONTEXTS_MAX {
            return None;
        }
        let id = new_id();
        slots.insert(id.clone(), Slot { value: Arc::new(value), keep_alive, opened: SystemTime::now(), expires: now + keep_alive });
        Some(id)
    }

    /// What is open under an id. It stays for `keep_alive` from now; without one for as long as it was last told to.
    pub fn get(&self, id: &str, keep_alive: Option<Duration>, now: Instant) -> Option<Arc<T>> {
        let mut slots = self.slots();
        let slot = slots.get_mut(id).filter(|it| it.expires > now)?;
        slot.keep_alive = keep_alive.unwrap_or(slot.keep_alive);
        slot.expires = now + slot.keep_alive;
        Some(slot.value.clone())
    }

    /// What is open under an id; it stays no longer for this.
    pub fn peek(&self, id: &str, now: Instant) -> Option<Arc<T>> {
        self.slots().get(id).filter(|it| it.expires > now).map(|it| it.value.clone())
    }

    /// Closes one; what it was, unless it had expired.
    pub fn close(&self, id: &str, now: Instant) -> Option<Arc<T>> {
        self.slots().remove(id).filter(|it| it.expires > now).map(|it| it.value)
    }

    /// Closes all; their ids.
    pub fn close_all(&self) -> Vec<String> {
        self.slots().drain().map(|it| it.0).collect()
    }

    /// Those that are open, oldest first.
    pub fn list(&self, now: Instant) -> Vec<OpenContext> {
        let slots = self.slots();
        let show = |(id, it): (&String, &Slot<T>)| {
            let opened_ms = it.opened.duration_since(UNIX_EPOCH).map_or(0, |it| it.as_millis() as u64);
            OpenContext { id: id.clone(), opened_ms, keep_alive: it.keep_alive }
        };
        let mut open: Vec<OpenContext> = slots.iter().filter(|it| it.1.expires > now).map(show).collect();
        open.sort_by(|a, b| (a.opened_ms, &a.id).cmp(&(b.opened_ms, &b.id)));
        open
    }

    /// Drops what has expired; whether anything is left.
    pub fn sweep(&self, now: Instant) -> bool {
        let mut slots = self.slots();
        slots.retain(|_, it| it.expires > now);
        !slots.is_empty()
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Slot<T>>> {
        self.shared.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync + 'static> Contexts<T> {
    /// As [`Contexts::open`], and what expires is dropped although nobody asks for it: a task looks after the list while something
    /// is in it.
    pub fn open_swept(&self, value: T, keep_alive: Duration) -> Option<String> {
        let id = self.open(value, keep_alive, Instant::now())?;
        if !self.shared.is_swept.swap(true, Ordering::SeqCst) {
            let contexts = self.clone();
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(SWEEP_EVERY).await;
                    if !contexts.sweep(Instant::now()) {
                        contexts.shared.is_swept.store(false, Ordering::SeqCst);
                        // One that was opened between the look and the store has no task of its own.
                        if contexts.slots().is_empty() || contexts.shared.is_swept.swap(true, Ordering::SeqCst) {
                            return;
                        }
                    }
                }
            });
        }
        Some(id)
    }
}

/// 128 bits under keys that the standard library draws from the system.
fn new_id() -> String {
    let mut bytes = [0; 16];
    for half in bytes.chunks_mut(8) {
        half.copy_from_slice(&RandomState::new().hash_one(0_u8).to_le_bytes());
    }
    // Clients take ids for base64, and hand them round in URLs.
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_used_stays_and_what_is_not_expires() {
        let contexts = Contexts::default();
        let start = Instant::now();
        let (a, b) = (contexts.open("a", MINUTE, start).unwrap(), contexts.open("b", MINUTE, start).unwrap());
        assert_ne!(a, b);
        let later = start + MINUTE / 2;
        assert_eq!(contexts.get(&a, None, later).as_deref(), Some(&"a"));
        let end = start + MINUTE;
        assert_eq!(contexts.get(&b, None, end), None);
        assert_eq!(contexts.list(end).len(), 1);
        assert!(contexts.sweep(end));
        assert_eq!(contexts.get(&a, Some(MINUTE * 5), end).as_deref(), Some(&"a"));
        assert!(contexts.sweep(end + MINUTE * 4));
        assert!(!contexts.sweep(end + MINUTE * 5));
    }

    #[test]
    fn one_too_many_is_refused_until_another_is_closed_or_expires() {
        let contexts = Contexts::default();
        let start = Instant::now();
        let ids: Vec<String> = (0..CONTEXTS_MAX).map(|it| contexts.open(it, MINUTE * 2, start).unwrap()).collect();
        assert_eq!(contexts.open(0, MINUTE, start), None);
        assert_eq!(contexts.close(&ids[7], start).as_deref(), Some(&7));
        assert_eq!(contexts.close(&ids[7], start), None);
        assert!(contexts.open(0, MINUTE, start).is_some());
        assert_eq!(contexts.open(0, MINUTE, start), None);
        assert!(contexts.open(0, MINUTE, start + MINUTE).is_some());
    }
}
