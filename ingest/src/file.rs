//! Reads lines from files or standard input, for `sekisho ingest`: batches of records, with the bytes read so far for a progress bar.
//!
//! A file is cut like a TCP stream ([`crate::syslog::frame`]), so a captured one with octet counts works too. No compression;
//! files that grow are for [`crate::follow`].

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use sekisho_engine::clock::{Clock, SystemClock};

use crate::envelope::{Envelope, Transport};
use crate::lossy;
use crate::panos;
use crate::syslog::frame::{Framer, Message};

/// Bytes after which a batch is given out.
const BATCH_BYTES: usize = 1 << 20;

/// Bytes per read.
const READ_BYTES: usize = 256 << 10;

/// Lines of one source.
pub struct LineFile {
    source: Box<dyn Read + Send>,
    framer: Framer,
    buffer: Vec<u8>,
    clock: Arc<dyn Clock>,
    time_zone: Option<String>,
    size_bytes: Option<u64>,
    read_bytes: u64,
    is_finished: bool,
}

/// Some lines of a source.
#[derive(Debug, Default)]
pub struct FileBatch {
    /// Encoded records, for [`crate::LineSink::submit`].
    pub records: Vec<Vec<u8>>,
    /// How many of them are not lines of a supported PAN-OS type.
    pub unparsed: usize,
    /// How many were longer than the limit and cut.
    pub truncated: usize,
    /// Bytes read from the source up to the end of this batch.
    pub read_bytes: u64,
}

impl LineFile {
    /// Lines of a file; `-` is standard input.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::new(Box::new(io::stdin())));
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let size_bytes = metadata.is_file().then_some(metadata.len());
        Ok(Self { size_bytes, ..Self::new(Box::new(file)) })
    }

    /// Lines of anything that can be read.
    pub fn new(source: Box<dyn Read + Send>) -> Self {
        Self {
            source,
            framer: Framer::new(),
            buffer: vec![0; READ_BYTES],
            clock: Arc::new(SystemClock),
            time_zone: None,
            size_bytes: None,
            read_bytes: 0,
            is_finished: false,
        }
    }

    /// Sets the clock that says when a line was received.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sets the IANA zone in which the devices wrote local times.
    #[must_use]
    pub fn with_time_zone(self, time_zone: Option<String>) -> Self {
        Self { time_zone, ..self }
    }

    /// Bytes of the whole source, where that is known.
    pub fn size_bytes(&self) -> Option<u64> {
        self.size_bytes
    }

    /// The next batch, of about a MiB; `None` at the end.
    ///
    /// # Errors
    /// When the source can't be read; lines read before are in earlier batches.
    pub fn next_batch(&mut self) -> io::Result<Option<FileBatch>> {
        let mut batch = FileBatch::default();
        let mut batch_bytes = 0;
        let Self { framer, clock, time_zone, .. } = self;
        let mut take = |message: Message<'_>| {
            let envelope = Envelope {
                received_at: clock.now(),
                is_truncated: message.is_truncated,
                time_zone: time_zone.as_deref(),
                ..Envelope::new(Transport::File)
            };
            batch.truncated += usize::from(message.is_truncated);
            batch.unparsed += usize::from(panos::recognise(&lossy::text(message.bytes)).is_err());
            batch_bytes += message.bytes.len();
            batch.records.push(envelope.encode(message.bytes));
            batch_bytes
        };
        let mut taken_bytes = 0;
        while !self.is_finished && taken_bytes < BATCH_BYTES {
            match self.source.read(&mut self.buffer) {
                Ok(0) => {
                    self.is_finished = true;
                    framer.finish(|it| taken_bytes = take(it));
                }
                Ok(len) => {
                    self.read_bytes += len as u64;
                    framer.push(&self.buffer[..len], |it| taken_bytes = take(it));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        batch.read_bytes = self.read_bytes;
        Ok((!batch.records.is_empty()).then_some(batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<FileBatch> {
        let mut file = LineFile::new(Box::new(io::Cursor::new(text.to_vec())));
        std::iter::from_fn(|| file.next_batch().unwrap()).collect()
    }

    #[test]
    fn lines_become_records_and_the_last_needs_no_line_feed() {
        let batches = read(b"<14>a\r\n\n1,2019/11/03 07:01:51,0018,TRAFFIC,end,1,\nlast");
        assert_eq!(batches.len(), 1);
        assert_eq!((batches[0].records.len(), batches[0].unparsed, batches[0].read_bytes), (3, 1, 54));
        let (envelope, line) = Envelope::decode(&batches[0].records[0]).unwrap();
        assert_eq!((envelope.transport, line), (Transport::File, &b"<14>a"[..]));
    }

    #[test]
    fn a_large_source_comes_in_batches_and_nothing_is_left_out() {
        let text: String = (0..40_000).map(|it| format!("<14>line {it} {}\n", "x".repeat(60))).collect();
        let batches = read(text.as_bytes());
        assert!(batches.len() > 1);
        assert_eq!(batches.iter().map(|it| it.records.len()).sum::<usize>(), 40_000);
        assert_eq!(batches.last().unwrap().read_bytes, text.len() as u64);
        assert!(batches.windows(2).all(|it| it[0].read_bytes < it[1].read_bytes));
    }

    #[test]
    fn an_empty_source_has_no_batch() {
        assert!(read(b"").is_empty());
    }
}
