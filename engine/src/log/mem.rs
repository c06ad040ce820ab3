//! A log in memory: for tests of what stands above a log, and for throw-away indices. Durable as long as the process lives.

use std::ops::ControlFlow;
use std::sync::Mutex;

use super::frame::{Frame, PAYLOAD_BYTES_MAX};
use super::{Appended, FIRST_SEQ, Log, LogError, LogStats, Ticket};

/// A log that forgets everything when it is dropped. An append is complete when it returns.
#[derive(Debug)]
pub struct MemLog {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    frames: Vec<Stored>,
    next_seq: u64,
    appended: u64,
}

#[derive(Debug, Clone)]
struct Stored {
    first_seq: u64,
    count: u32,
    kind: u8,
    payload: std::sync::Arc<[u8]>,
}

impl Stored {
    fn seq_end(&self) -> u64 {
        self.first_seq + u64::from(self.count)
    }
}

impl MemLog {
    /// An empty log.
    pub fn new() -> Self {
        Self { state: Mutex::new(State { frames: Vec::new(), next_seq: FIRST_SEQ, appended: 0 }) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while the log is locked")
    }
}

impl Default for MemLog {
    fn default() -> Self {
        Self::new()
    }
}

impl Log for MemLog {
    fn append(&self, kind: u8, count: u32, payload: &[u8]) -> Result<Appended, LogError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(LogError::TooLarge { bytes: payload.len(), bytes_max: PAYLOAD_BYTES_MAX });
        }
        if count == 0 {
            return Err(LogError::Empty);
        }
        let (ticket, completion) = Ticket::pending();
        let mut state = self.state();
        let first_seq = state.next_seq;
        state.frames.push(Stored { first_seq, count, kind, payload: payload.into() });
        state.next_seq += u64::from(count);
        state.appended += 1;
        drop(state);
        completion.complete(Ok(()));
        Ok(Appended { first_seq, ticket })
    }

    fn wait(&self, ticket: &Ticket) -> Result<(), LogError> {
        ticket.wait()
    }

    fn first_seq(&self) -> u64 {
        let state = self.state();
        state.frames.first().map_or(state.next_seq, |it| it.first_seq)
    }

    fn next_seq(&self) -> u64 {
        self.state().next_seq
    }

    fn synced_seq(&self) -> u64 {
        self.next_seq()
    }

    fn replay(&self, from_seq: u64, f: &mut dyn FnMut(Frame<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        // The payloads are shared, not copied; without the lock `f` may append.
        let frames: Vec<Stored> = self.state().frames.iter().filter(|it| it.seq_end() > from_seq).cloned().collect();
        for it in &frames {
            let frame = Frame { first_seq: it.first_seq, count: it.count, kind: it.kind, payload: &it.payload };
            if f(frame).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn truncate_before(&self, seq: u64) -> Result<u64, LogError> {
        let mut state = self.state();
        let gone = state.frames.partition_point(|it| it.seq_end() <= seq);
        Ok(state.frames.drain(..gone).map(|it| it.payload.len() as u64).sum())
    }

    fn stats(&self) -> LogStats {
        let state = self.state();
        LogStats { bytes: state.frames.iter().map(|it| it.payload.len() as u64).sum(), segments: 1, frames: state.appended, ..LogStats::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_in_order_and_a_straddling_one_whole() {
        let log = MemLog::new();
        for (count, payload) in [(2, "ab"), (3, "cde"), (1, "f")] {
            log.wait(&log.append(7, count, payload.as_bytes()).unwrap().ticket).unwrap();
        }
        let mut seen = Vec::new();
        (&log as &dyn Log)
            .try_replay(4, |frame| {
                seen.push((frame.first_seq, frame.count, frame.payload.to_vec()));
                Ok::<_, LogError>(())
            })
            .unwrap();
        assert_eq!(seen, [(3, 3, b"cde".to_vec()), (6, 1, b"f".to_vec())]);
        assert_eq!(log.truncate_before(5).unwrap(), 2);
        assert_eq!((log.first_seq(), log.next_seq(), log.synced_seq()), (3, 7, 7));
    }
}
