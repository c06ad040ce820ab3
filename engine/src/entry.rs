//! What a frame of the log holds: writes, with the index each one goes to.
//!
//! The target index is written into the frame by its uuid, so that replay routes every document exactly as it was routed the first
//! time, whatever was rolled over, deleted or created again meanwhile. Payload encoding: postcard. On disk: `docs/format/log.md`.

use serde::{Deserialize, Serialize};

/// Frame kind: raw records of one line format.
pub(crate) const KIND_LINES: u8 = 1;
/// Frame kind: operations on documents.
pub(crate) const KIND_OPS: u8 = 2;

/// Records of a line format; the k-th has the sequence number `first_seq + k`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Lines<'a> {
    pub(crate) format: u8,
    /// Stream name → uuid of the backing index that its records go to.
    #[serde(borrow)]
    pub(crate) targets: Vec<(&'a str, &'a str)>,
    #[serde(borrow)]
    pub(crate) records: Vec<&'a serde_bytes::Bytes>,
}

/// One effective write; conflicts were found before it was logged.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Op<'a> {
    /// A document whose id is derived from its sequence number.
    Append {
        index: &'a str,
        #[serde(borrow)]
        source: &'a serde_bytes::Bytes,
    },
    /// A document with an explicit id, new or replacing.
    Put {
        index: &'a str,
        id: &'a str,
        version: u64,
        #[serde(borrow)]
        source: &'a serde_bytes::Bytes,
    },
    /// The document with that id is deleted; `version` is the deletion's.
    Delete { index: &'a str, id: &'a str, version: u64 },
    /// A record of a line format, whose id is derived from its sequence number: one that moves from another stream.
    Record {
        index: &'a str,
        format: u8,
        #[serde(borrow)]
        record: &'a serde_bytes::Bytes,
    },
}
