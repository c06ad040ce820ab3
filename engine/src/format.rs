//! How stored input becomes a document.
//!
//! The log and the document store keep the *input* (a raw log line with its envelope, or a JSON document), and a format turns it
//! into a typed [`Row`], at ingest, when the log is replayed and when `_source` is shown. The engine itself brings JSON (id 0); the
//! ingest crate brings its line formats. Parsing is deterministic: the same bytes give the same row for ever, up to a newer
//! release of the parser.

use crate::row::Row;

/// The number of a format in the log and in stored documents; 0 is JSON, and a number is never given to another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormatId(pub u8);

impl FormatId {
    /// JSON documents, which the engine itself understands.
    pub const JSON: FormatId = FormatId(0);
}

/// A parser of stored records into rows of the built-in mapping ([`crate::ecs`]).
pub trait Format: Send + Sync {
    /// The format's number.
    fn id(&self) -> FormatId;

    /// Turns a record into a document. It never fails: what can't be understood is a document too, in a stream for such lines,
    /// with its reason. The row always has `@timestamp`.
    fn parse(&self, record: &[u8]) -> Parsed;
}

/// A parsed record.
#[derive(Debug)]
pub struct Parsed {
    /// Name of the built-in data stream that the document belongs to.
    pub stream: &'static str,
    /// The document.
    pub row: Row,
}
