//! `slice`: one of several parts of an index that together are the whole, for clients that read a result with many hands.
//!
//! Not a clause of a query body: a search names its slice beside the query. Documents are dealt out by their sequence numbers, which
//! stay the same whatever is merged.

use serde_json::{Map, Value, json};
use tantivy::SegmentReader;

use super::scan::{Condition, Predicate, ScanQuery};
use super::{Clause, Compiler, Query, TantivyQuery};
use crate::error::QueryError;
use crate::limits::SLICES_MAX;
use crate::mapping::internal;

#[derive(Clone, Copy, Debug)]
struct Slice {
    id: u64,
    max: u64,
}

impl Query {
    /// The part `id` of `max` parts of all documents, of which each document is in one.
    ///
    /// # Errors
    /// [`QueryError::IllegalArgument`] for a part that is none, one part alone, or more than [`SLICES_MAX`].
    pub fn slice(id: i64, max: i64) -> Result<Self, QueryError> {
        let refuse = |reason: String| Err(QueryError::IllegalArgument(reason));
        if id < 0 {
            return refuse(format!("id must be greater than or equal to 0, found [{id}]"));
        }
        if max <= 1 {
            return refuse(format!("max must be greater than 1, found [{max}]"));
        }
        if id >= max {
            return refuse(format!("max must be greater than id, found id [{id}] and max [{max}]"));
        }
        if max > SLICES_MAX {
            return refuse(format!(
                "The number of slices [{max}] is too large. It must be less than [{SLICES_MAX}]. This limit can be set by changing the [index.max_slices_per_scroll] index level setting."
            ));
        }
        Ok(Self::new(Slice { id: id as u64, max: max as u64 }))
    }
}

impl Clause for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn body(&self) -> Map<String, Value> {
        Map::from_iter([("id".to_owned(), json!(self.id)), ("max".to_owned(), json!(self.max))])
    }

    fn compile(&self, _: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        Ok(Box::new(ScanQuery::new(*self)))
    }
}

impl Condition for Slice {
    fn predicate(&self, reader: &SegmentReader) -> tantivy::Result<Option<Predicate>> {
        let seqs = reader.fast_fields().u64(internal::NAMES[1])?;
        let Slice { id, max } = *self;
        Ok(Some(Box::new(move |doc| seqs.first(doc).is_some_and(|seq| seq % max == id))))
    }
}
