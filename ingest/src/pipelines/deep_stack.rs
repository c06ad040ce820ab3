//! A thread with room for recursion.
//!
//! VRL's parser and compiler call themselves for each level of a program ([`super::depth`]), and a stack that overflows ends the
//! process. A program that is compiled runs on any thread.

use std::io;
use std::panic;
use std::thread;

/// Room for the deepest program, many times over. Only what is touched costs memory.
const STACK_BYTES: usize = 64 << 20;

/// Runs `work` on such a thread and waits for it.
///
/// # Errors
/// When the system starts no thread.
///
/// # Panics
/// When `work` does.
pub(super) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("site-rules".to_owned()).stack_size(STACK_BYTES).spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload)))
    })
}
