//! What a query is compiled against: the mapping of one index, the time, and the way to a document's text.

use std::cell::Cell;
use std::sync::Arc;

use tantivy::query::{AllQuery, EmptyQuery};

use super::TantivyQuery;
use crate::clock::Timestamp;
use crate::error::QueryError;
use crate::limits::CLAUSES_MAX;
use crate::mapping::{MappedField, Mapping};

/// The texts of stored documents, for phrases on fields whose postings have no positions.
pub trait DocumentText: Send + Sync {
    /// The texts of `field` in a stored document, given the bytes of its `_source` field, in the document's order.
    fn texts(&self, stored: &[u8], field: &MappedField) -> Vec<String>;

    /// The values at a path of a document of some index, for lists of terms that are stored there; none where there is no such document.
    ///
    /// # Errors
    /// [`QueryError::IndexNotFound`] where there is no such index, [`QueryError::IllegalArgument`] where nobody can look.
    fn values(&self, index: &str, id: &str, path: &str) -> Result<Vec<serde_json::Value>, QueryError> {
        Err(QueryError::IllegalArgument(format!("the terms at [{path}] of document [{id}] of [{index}] can't be looked up here")))
    }

    /// Told when a document can't be scored as the query wants: the question does not fit the data. Whoever runs the search answers with
    /// that instead of a result.
    fn refused(&self, reason: &str) {
        self.damaged(reason);
    }

    /// Told when a stored document could not be read while a query ran. The document counts as no match, because a scorer
    /// cannot fail; whoever runs the search must answer with an error afterwards.
    fn damaged(&self, reason: &str) {
        tracing::error!(reason, "stored document not readable while verifying a query");
    }
}

/// What a query is compiled against.
#[derive(Clone)]
pub struct QueryContext<'a> {
    /// The newest mapping of the index.
    pub mapping: &'a Mapping,
    /// What `now` means in date math.
    pub now: Timestamp,
    /// The index's name, for queries on `_index`.
    pub index: &'a str,
    /// The way to a document's text.
    pub documents: Arc<dyn DocumentText>,
}

/// For compiling what never looks at documents.
pub(crate) struct NoDocuments;

impl DocumentText for NoDocuments {
    fn texts(&self, _: &[u8], _: &MappedField) -> Vec<String> {
        Vec::new()
    }
}

impl QueryContext<'static> {
    /// An empty index: for clauses whose compilation can only fail.
    pub(crate) fn for_errors() -> Self {
        static EMPTY: std::sync::LazyLock<Mapping> = std::sync::LazyLock::new(Mapping::dynamic);
        Self { mapping: &EMPTY, now: Timestamp(0), index: "", documents: Arc::new(NoDocuments) }
    }
}

/// One compilation.
pub(crate) struct Compiler<'a> {
    pub(crate) context: &'a QueryContext<'a>,
    /// Queries on single fields that field patterns may still expand to.
    budget: Cell<usize>,
}

/// What a name in a query stands for.
pub(crate) enum Target<'a> {
    /// A mapped field.
    Field(&'a MappedField),
    /// `_id`.
    Id,
    /// `_index`.
    Index,
    /// `_seq_no`.
    SeqNo,
    /// Nothing in this index.
    Unknown,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(context: &'a QueryContext<'a>) -> Self {
        Self { context, budget: Cell::new(CLAUSES_MAX) }
    }

    pub(crate) fn target(&self, name: &str) -> Target<'a> {
        match name {
            "_id" => Target::Id,
            "_index" => Target::Index,
            "_seq_no" => Target::SeqNo,
            _ => self.context.mapping.field(name).map_or(Target::Unknown, Target::Field),
        }
    }

    /// Takes one of the queries that field patterns may expand to.
    pub(crate) fn spend(&self, clauses: usize) -> Result<(), QueryError> {
        match self.budget.get().checked_sub(clauses) {
            Some(left) => {
                self.budget.set(left);
                Ok(())
            }
            None => Err(QueryError::TooManyClauses(format!(
                "Query contains too many nested clauses after its fields are expanded; maxClauseCount is set to {CLAUSES_MAX}"
            ))),
        }
    }
}

/// Matches nothing.
pub(crate) fn nothing() -> TantivyQuery {
    Box::new(EmptyQuery)
}

/// Matches every document.
pub(crate) fn everything() -> TantivyQuery {
    Box::new(AllQuery)
}

/// Everything or nothing.
pub(crate) fn all_if(condition: bool) -> TantivyQuery {
    if condition { everything() } else { nothing() }
}

/// Whether it is known to match nothing.
pub(crate) fn is_empty(query: &TantivyQuery) -> bool {
    query.is::<EmptyQuery>()
}

/// Whether it is known to match everything.
pub(crate) fn is_all(query: &TantivyQuery) -> bool {
    query.is::<AllQuery>()
}
