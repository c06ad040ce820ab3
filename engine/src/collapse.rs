//! `collapse`: of all hits with one value of a field, only the first in the request's order.
//!
//! Counts and aggregations see all documents. Each segment keeps the first hit of a group only; the same is done where the hits of
//! segments come together, so the page holds the first groups whatever the number of segments.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use serde_json::Value;
use tantivy::DocId;
use tantivy::index::SegmentReader;

use crate::columns::{FieldColumn, Key};
use crate::datetime::DateFormat;
use crate::error::QueryError;
use crate::mapping::{ColumnKind, FieldType, MappedField, Mapping};
use crate::query::{BoolQuery, Query};
use crate::search::SearchRequest;

/// Which field groups hits, and what is shown of each group.
#[derive(Clone, Debug)]
pub struct Collapse {
    /// A keyword, number, date or address.
    pub field: String,
    /// Searches among the documents of each group that is on the page; their queries are the request's own.
    pub inner: Vec<SearchRequest>,
}

/// The value that a group of hits shares; documents without a value are one group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Group(Option<Key>);

impl Collapse {
    /// The field in an index's mapping; `None` where it has none.
    ///
    /// # Errors
    /// [`QueryError::IllegalArgument`] for a field that is no keyword, number or address.
    pub(crate) fn resolve<'a>(&self, mapping: &'a Mapping) -> Result<Option<&'a MappedField>, QueryError> {
        match mapping.field(&self.field) {
            Some(field) if field.column_kind().is_none() || field.kind == FieldType::Boolean => Err(QueryError::IllegalArgument(format!(
                "collapse is not supported for the field [{}] of the type [{}]",
                self.field,
                field.kind.name()
            ))),
            found => Ok(found),
        }
    }

    /// Matches the documents of one group.
    pub(crate) fn members(&self, group: &Group, field: Option<&MappedField>) -> Query {
        match &group.0 {
            None => BoolQuery::new().must_not(Query::exists(&self.field)).build(),
            Some(Key::I64(at)) if field.is_some_and(|it| it.kind == FieldType::Date) => {
                Query::range(&self.field).gte(*at).lte(*at).format("epoch_millis").build()
            }
            Some(key) => Query::term(&self.field, key.to_json(field.map_or(FieldType::Keyword, |it| it.kind))),
        }
    }

    /// The value of a group as hits show it under `fields`.
    pub(crate) fn shown(group: &Group, field: Option<&MappedField>) -> Value {
        match (&group.0, field) {
            (None, _) => Value::Null,
            (Some(Key::I64(at)), Some(field)) if field.kind == FieldType::Date => {
                let format = field.format.as_deref().and_then(|it| DateFormat::parse(it).ok()).unwrap_or_else(DateFormat::default_es);
                Value::from(format.format_date(crate::clock::Timestamp(*at), &jiff::tz::TimeZone::UTC))
            }
            (Some(key), field) => key.to_json(field.map_or(FieldType::Keyword, |it| it.kind)),
        }
    }
}

/// The groups of one segment's documents.
pub(crate) struct GroupColumn {
    name: String,
    column: FieldColumn,
    /// Keys of ordinals that were looked up: a dictionary is slow to ask, and groups repeat.
    known: RefCell<HashMap<u64, Key>>,
}

impl GroupColumn {
    /// Opens the column of the field.
    ///
    /// # Errors
    /// As [`Collapse::resolve`]; damaged files.
    pub(crate) fn open(collapse: &Collapse, reader: &SegmentReader, mapping: &Mapping) -> Result<Self, QueryError> {
        let column = match collapse.resolve(mapping)? {
            Some(field) => FieldColumn::open(reader, field)?,
            None => FieldColumn::empty(ColumnKind::Ordinal),
        };
        Ok(Self { name: collapse.field.clone(), column, known: RefCell::default() })
    }

    /// The group of a document.
    ///
    /// # Errors
    /// [`QueryError::IllegalArgument`] for a document with several values; damaged files.
    pub(crate) fn group(&self, doc: DocId) -> Result<Group, QueryError> {
        let mut raws = self.column.raw_values(doc);
        let Some(raw) = raws.next() else { return Ok(Group(None)) };
        if raws.any(|it| it != raw) {
            return Err(QueryError::IllegalArgument(format!("failed to collapse on [{}]: the grouping field must be single valued", self.name)));
        }
        Ok(Group(Some(match self.column.kind() {
            ColumnKind::I64 => Key::I64(FieldColumn::i64(raw)),
            ColumnKind::F64 => Key::from_f64(FieldColumn::f64(raw)),
            ColumnKind::Ordinal => {
                if let Some(key) = self.known.borrow().get(&raw) {
                    return Ok(Group(Some(key.clone())));
                }
                let key = Key::Bytes(self.column.bytes_of(raw)?.into());
                self.known.borrow_mut().insert(raw, key.clone());
                key
            }
        })))
    }
}

/// Keeps the first of each group of an ordered list.
pub(crate) fn keep_first<T>(hits: &mut Vec<T>, group: impl Fn(&T) -> Option<&Group>) {
    let mut seen: HashSet<Group> = HashSet::new();
    hits.retain(|it| group(it).is_none_or(|it| seen.insert(it.clone())));
}
