//! The promise that a frame will be durable, and its fulfilment: what `append` hands out and the writer completes.
//!
//! One small allocation per frame. A [`Completion`] that is dropped, for instance because the writer panicked, tells its ticket
//! that the log is closed: nobody waits for ever.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};

use super::LogError;

type Callback = Box<dyn FnOnce(Result<(), LogError>) + Send>;

/// Tells when a frame is durable. Clones are the same ticket.
#[derive(Clone)]
pub struct Ticket(Arc<Slot>);

/// The other end of a [`Ticket`], for those who implement a [`Log`](super::Log).
#[derive(Debug)]
pub struct Completion(Option<Ticket>);

struct Slot {
    state: Mutex<State>,
    done: Condvar,
}

enum State {
    Pending(Vec<Callback>),
    Done(Result<(), LogError>),
}

impl Ticket {
    /// A ticket and the means to complete it.
    pub fn pending() -> (Ticket, Completion) {
        let slot = Slot { state: Mutex::new(State::Pending(Vec::new())), done: Condvar::new() };
        let ticket = Ticket(Arc::new(slot));
        (ticket.clone(), Completion(Some(ticket)))
    }

    /// How the frame fared, if that is known.
    pub fn outcome(&self) -> Option<Result<(), LogError>> {
        match &*self.0.lock() {
            State::Pending(_) => None,
            State::Done(result) => Some(result.clone()),
        }
    }

    /// Blocks until the outcome is known.
    ///
    /// # Errors
    /// The reason why the frame will never be durable.
    pub fn wait(&self) -> Result<(), LogError> {
        let mut state = self.0.lock();
        loop {
            match &*state {
                State::Done(result) => return result.clone(),
                State::Pending(_) => state = self.0.done.wait(state).expect(UNPOISONED),
            }
        }
    }

    /// Calls `f` with the outcome: now if it is known, else on the thread that completes the frame.
    pub fn on_done(&self, f: Callback) {
        let mut state = self.0.lock();
        match &mut *state {
            State::Pending(callbacks) => callbacks.push(f),
            State::Done(result) => {
                let result = result.clone();
                drop(state);
                f(result);
            }
        }
    }

    fn complete(&self, result: Result<(), LogError>) {
        let before = std::mem::replace(&mut *self.0.lock(), State::Done(result.clone()));
        self.0.done.notify_all();
        if let State::Pending(callbacks) = before {
            for callback in callbacks {
                callback(result.clone());
            }
        }
    }
}

const UNPOISONED: &str = "nothing panics while a ticket is locked";

impl Slot {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.outcome()).finish()
    }
}

impl Completion {
    /// Says how the frame fared and runs the callbacks.
    pub fn complete(mut self, result: Result<(), LogError>) {
        if let Some(ticket) = self.0.take() {
            ticket.complete(result);
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        if let Some(ticket) = self.0.take() {
            ticket.complete(Err(LogError::Closed));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn waiter_and_callbacks_hear_the_same() {
        let (ticket, completion) = Ticket::pending();
        let (tell, told) = mpsc::channel();
        let early = tell.clone();
        ticket.on_done(Box::new(move |result| early.send(result.is_ok()).unwrap()));
        assert!(ticket.outcome().is_none());
        let waiter = std::thread::spawn({
            let ticket = ticket.clone();
            move || ticket.wait()
        });
        completion.complete(Ok(()));
        ticket.on_done(Box::new(move |result| tell.send(result.is_ok()).unwrap()));
        assert!(waiter.join().unwrap().is_ok());
        assert_eq!(told.iter().collect::<Vec<_>>(), [true, true]);
    }

    #[test]
    fn dropped_completion_closes_the_ticket() {
        let (ticket, completion) = Ticket::pending();
        drop(completion);
        assert!(matches!(ticket.wait(), Err(LogError::Closed)));
    }
}
