#![no_main]
//! A syslog stream of any bytes: the messages do not depend on how it was cut into pieces. The first byte tells the size of the pieces.

use libfuzzer_sys::fuzz_target;
use sekisho_ingest::limits::LINE_BYTES_MAX;
use sekisho_ingest::syslog::frame::{Framer, Message};

fn messages(bytes: &[u8], size: usize) -> Vec<(Vec<u8>, bool)> {
    let mut framer = Framer::new();
    let mut found = Vec::new();
    let mut take = |message: Message<'_>| found.push((message.bytes.to_vec(), message.is_truncated));
    for piece in bytes.chunks(size) {
        framer.push(piece, &mut take);
    }
    framer.finish(&mut take);
    found
}

fuzz_target!(|input: &[u8]| {
    let Some((&size, bytes)) = input.split_first() else { return };
    let whole = messages(bytes, bytes.len().max(1));
    assert_eq!(messages(bytes, usize::from(size).max(1)), whole);
    assert!(whole.iter().all(|it| it.0.len() <= LINE_BYTES_MAX));
});
