//! A query as one split sees it: a range on the split's time that covers the split, or misses it, says so without its bounds.
//!
//! A bound inside the split becomes a number of milliseconds. That makes the question to a split inside the window the
//! same whatever the window: the key of the cache of partial answers.

use std::sync::Arc;

use super::{Compiler, Query, QueryContext, context};
use crate::clock::Timestamp;
use crate::mapping::Mapping;

/// The time of a split.
pub(crate) struct Clip<'a> {
    /// The date field; every document of the split has exactly one value of it, between these.
    pub(crate) field: &'a str,
    pub(crate) oldest: i64,
    pub(crate) newest: i64,
    pub(crate) compiler: &'a Compiler<'a>,
}

impl Query {
    /// The query for documents that all have exactly one value of the date field `field`, between `oldest` and `newest`, both
    /// included: it finds the same of them, and no longer names bounds that do not cut them.
    #[must_use]
    pub fn clip(&self, field: &str, oldest: Timestamp, newest: Timestamp, mapping: &Mapping, now: Timestamp) -> Query {
        let context = QueryContext { mapping, now, index: "", documents: Arc::new(context::NoDocuments) };
        let compiler = Compiler::new(&context);
        self.clipped(&Clip { field, oldest: oldest.0, newest: newest.0, compiler: &compiler }).unwrap_or_else(|| self.clone())
    }

    /// The clipped query; `None` where it is the same.
    pub(crate) fn clipped(&self, clip: &Clip<'_>) -> Option<Query> {
        let mut clipped = self.clause.clip(clip)?;
        clipped.boost *= self.boost;
        clipped.name = self.name.clone();
        Some(clipped)
    }
}
