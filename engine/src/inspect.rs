//! Questions about questions: whether a query can be asked, why a document matches it, which values a field has.
//!
//! Not searches: nothing is counted, sorted or cached.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tantivy::query::AllQuery;

use crate::doc_id;
use crate::engine::Engine;
use crate::error::QueryError;
use crate::mapping::{FieldType, Mapping};
use crate::query::Query;
use crate::resolve::Targets;
use crate::search::{SearchRequest, Snapshot};

/// Values of a dictionary that one question goes over in a split, where letters' case does not matter.
const TERMS_LOOKED_AT_MAX: usize = 1_000_000;

/// What an index says to a query.
#[derive(Clone, Debug)]
pub struct Validation {
    /// The index.
    pub index: String,
    /// The query as it is asked of this index, or why it can't be.
    pub outcome: Result<String, QueryError>,
}

/// Why a document matches a query, or that it does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The (backing) index of the document.
    pub index: String,
    /// Its id.
    pub id: String,
    /// The score and how it came about: `{value, description, details}`. `None` where it does not match.
    pub explanation: Option<Value>,
}

/// Which values of a field are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TermsQuestion {
    /// The field.
    pub field: String,
    /// What the values begin with.
    pub prefix: String,
    /// Whether `a` begins `A`.
    pub case_insensitive: bool,
    /// Values behind this one only.
    pub after: Option<String>,
    /// At most that many.
    pub size: usize,
}

impl Engine {
    /// Reads a query against the mapping of each index.
    ///
    /// # Errors
    /// [`QueryError::Damaged`] where what was written can't be made visible.
    pub fn validate(&self, targets: &Targets, query: &Query) -> Result<Vec<Validation>, QueryError> {
        let (snapshots, now) = self.freeze_snapshots(targets)?;
        let request = SearchRequest { query: query.clone(), ..SearchRequest::default() };
        let validate = |snapshot: &Snapshot| Validation {
            index: snapshot.name.clone(),
            outcome: self.compile_for(snapshot, now, &request).map(|it| if it.is::<AllQuery>() { "*:*".to_owned() } else { format!("{it:?}") }),
        };
        Ok(snapshots.iter().map(validate).collect())
    }

    /// Explains the score of one document; `None` where no index has it.
    ///
    /// # Errors
    /// [`QueryError`] as for a search.
    pub fn explain(&self, targets: &Targets, id: &str, query: &Query) -> Result<Option<Explained>, QueryError> {
        let (snapshots, now) = self.freeze_snapshots(targets)?;
        let request = SearchRequest { query: query.clone(), ..SearchRequest::default() };
        for snapshot in &snapshots {
            for split in snapshot.splits.iter().rev() {
                let by_seq = || match doc_id::decode(id).filter(|seq| split.may_hold(*seq)) {
                    Some(seq) => split.find_seq(seq),
                    None => Ok(None),
                };
                let found = match split.find(id)? {
                    None => by_seq()?.filter(|doc| matches!(split.explicit_id(*doc), Ok(None))),
                    found => found,
                };
                let Some(doc) = found else { continue };
                let explanation = self.explain_in(snapshot, split, doc, now, &request)?;
                return Ok(Some(Explained { index: snapshot.name.clone(), id: id.to_owned(), explanation }));
            }
        }
        Ok(None)
    }

    /// The first values of a keyword or address field, in their order. Values of documents that were deleted since the last merge are
    /// among them.
    ///
    /// # Errors
    /// [`QueryError::IllegalArgument`] for a field of another type.
    pub fn terms_enum(&self, targets: &Targets, question: &TermsQuestion) -> Result<Vec<String>, QueryError> {
        let (snapshots, _) = self.freeze_snapshots(targets)?;
        let mut found = BTreeSet::new();
        for snapshot in &snapshots {
            let Some(kind) = keyword_kind(&snapshot.mapping, &question.field)? else { continue };
            for split in &snapshot.splits {
                collect_terms(split, &kind, question, &mut found)?;
                // The first values of all are among the first of each.
                while found.len() > question.size {
                    found.pop_last();
                }
            }
        }
        Ok(found.into_iter().collect())
    }
}

/// The column of a field whose values are text; `None` where the index does not map it.
fn keyword_kind(mapping: &Mapping, name: &str) -> Result<Option<String>, QueryError> {
    match mapping.field(name) {
        None => Ok(None),
        Some(field) if matches!(field.kind, FieldType::Keyword | FieldType::Wildcard) => Ok(Some(field.tantivy_name())),
        Some(field) => Err(QueryError::IllegalArgument(format!(
            "field [{name}] of type [{}] does not support _terms_enum; it has to be a keyword",
            field.kind.name()
        ))),
    }
}

fn collect_terms(split: &crate::split::Split, column: &str, question: &TermsQuestion, found: &mut BTreeSet<String>) -> Result<(), QueryError> {
    let Some(column) = split.reader.fast_fields().str(column)? else { return Ok(()) };
    let folded = question.prefix.to_lowercase();
    let start = question.after.as_deref().unwrap_or_default();
    let mut range = column.dictionary().range();
    if !question.case_insensitive && question.prefix.as_str() > start {
        range = range.ge(question.prefix.as_bytes());
    } else if !start.is_empty() {
        range = range.gt(start.as_bytes());
    }
    let mut stream = range.into_stream()?;
    let (mut taken, mut looked_at) = (0, 0);
    while taken < question.size && looked_at < TERMS_LOOKED_AT_MAX && stream.advance() {
        looked_at += 1;
        let Ok(term) = std::str::from_utf8(stream.key()) else { continue };
        if question.case_insensitive {
            if !term.to_lowercase().starts_with(&folded) {
                continue;
            }
        } else if !term.starts_with(&question.prefix) {
            break;
        }
        taken += 1;
        found.insert(term.to_owned());
    }
    Ok(())
}

/// An explanation as Elasticsearch shows it: every level has its details.
pub(crate) fn explanation_json(score: f32, explanation: Option<&tantivy::query::Explanation>) -> Value {
    let parsed = explanation.and_then(|it| serde_json::to_value(it).ok());
    let mut shown = with_details(parsed.unwrap_or(Value::Null));
    if !shown.is_object() {
        shown = json!({ "description": "the query matches", "details": [] });
    }
    shown["value"] = score.into();
    shown
}

fn with_details(value: Value) -> Value {
    let Value::Object(mut object) = value else { return value };
    let details = match object.remove("details") {
        Some(Value::Array(items)) => items.into_iter().map(with_details).collect(),
        _ => Vec::new(),
    };
    json!({ "value": object.remove("value"), "description": object.remove("description"), "details": details })
}
