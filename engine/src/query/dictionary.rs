//! Which terms of a field's dictionary match, and the documents that have them.
//!
//! Where the field has postings, the matching terms' postings are joined. Where it has only a column, the matching terms'
//! ordinals are, and the documents are scanned lazily. Either way each term of the dictionary is tested once per segment,
//! within the bounds of the pattern's literal beginning.

use std::sync::Arc;

use tantivy::columnar::BytesColumn;
use tantivy::query::{BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocId, DocSet, Score, SegmentReader};

use super::TantivyQuery;
use super::guard::on_field;
use super::pattern::Pattern;
use super::scan::{Condition, Predicate, ScanQuery};
use crate::mapping::{FieldType, MappedField};

/// Which terms match.
#[derive(Clone, Debug)]
pub(crate) enum Terms {
    /// These, sorted.
    Exact(Arc<[Vec<u8>]>),
    /// Those that fit a pattern.
    Fitting(Pattern),
}

/// Documents whose keyword, text or address field has a matching term.
pub(crate) fn matching(field: &MappedField, terms: Terms) -> TantivyQuery {
    if field.index {
        return on_field(field.tantivy_field(), PostingsQuery { field: field.tantivy_field(), terms });
    }
    let condition = ColumnCondition { column: field.tantivy_name(), is_address: field.kind == FieldType::Ip, terms };
    on_field(field.tantivy_field(), ScanQuery::new(condition))
}

#[derive(Clone, Debug)]
struct PostingsQuery {
    field: Field,
    terms: Terms,
}

impl Query for PostingsQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(PostingsWeight { query: self.clone() }))
    }
}

struct PostingsWeight {
    query: PostingsQuery,
}

impl Weight for PostingsWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let index = reader.inverted_index(self.query.field)?;
        let dictionary = index.terms();
        let mut docs = BitSet::with_max_value(reader.max_doc());
        let mut add = |info: &tantivy::postings::TermInfo| -> tantivy::Result<()> {
            let mut postings = index.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
            while !postings.docs().is_empty() {
                for &doc in postings.docs() {
                    docs.insert(doc);
                }
                postings.advance();
            }
            Ok(())
        };
        match &self.query.terms {
            Terms::Exact(terms) => {
                for term in terms.iter() {
                    if let Some(info) = dictionary.get(term)? {
                        add(&info)?;
                    }
                }
            }
            Terms::Fitting(pattern) => {
                let mut range = dictionary.range().ge(pattern.prefix());
                if let Some(end) = prefix_end(pattern.prefix()) {
                    range = range.lt(end);
                }
                let mut stream = range.into_stream()?;
                while stream.advance() {
                    if pattern.matches(stream.key()) {
                        add(stream.value())?;
                    }
                }
            }
        }
        if docs.len() == 0 {
            return Ok(Box::new(EmptyScorer));
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(docs), boost)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > doc || scorer.seek(doc) != doc {
            return Err(tantivy::TantivyError::InvalidArgument(format!("Document #({doc}) does not match")));
        }
        Ok(Explanation::new("terms of a dictionary", 1.0))
    }
}

#[derive(Debug)]
struct ColumnCondition {
    column: String,
    is_address: bool,
    terms: Terms,
}

impl Condition for ColumnCondition {
    fn predicate(&self, reader: &SegmentReader) -> tantivy::Result<Option<Predicate>> {
        let columns = reader.fast_fields();
        let column: Option<BytesColumn> = if self.is_address { columns.bytes(&self.column)? } else { columns.str(&self.column)?.map(Into::into) };
        let Some(column) = column else { return Ok(None) };
        let dictionary = column.dictionary();
        // Ordinals are 64-bit in the interface; a segment has fewer terms than 2^32 documents.
        let mut ords = BitSet::with_max_value(u32::try_from(dictionary.num_terms()).unwrap_or(u32::MAX));
        match &self.terms {
            Terms::Exact(terms) => {
                for term in terms.iter() {
                    if let Some(ord) = dictionary.term_ord(term)? {
                        ords.insert(ord as u32);
                    }
                }
            }
            Terms::Fitting(pattern) => {
                let mut stream = dictionary.prefix_range(pattern.prefix()).into_stream()?;
                while stream.advance() {
                    if pattern.matches(stream.key()) {
                        ords.insert(stream.term_ord() as u32);
                    }
                }
            }
        }
        if ords.len() == 0 {
            return Ok(None);
        }
        Ok(Some(Box::new(move |doc| column.term_ords(doc).any(|it| ords.contains(it as u32)))))
    }
}

/// The first text after all that start with `prefix`; `None` where there is none.
fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let len = prefix.iter().rposition(|it| *it != 0xff)? + 1;
    let mut end = prefix[..len].to_vec();
    end[len - 1] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_its_successor() {
        assert_eq!(prefix_end(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(prefix_end(b"a\xff\xff"), Some(b"b".to_vec()));
        assert_eq!(prefix_end(b"\xff"), None);
        assert_eq!(prefix_end(b""), None);
    }
}
