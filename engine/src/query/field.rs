//! What it means to ask a field of some type: values, ranges, patterns, existence, words and phrases.
//!
//! One method of [`Compiler`] per kind of question, used by all clauses. Each chooses where the field is asked: postings
//! where the field has them, else its column; a range prefers the column. A field that the mapping does not know matches
//! nothing.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::Value;
use tantivy::query::{BooleanQuery, ConstScoreQuery, ExistsQuery, Occur, PhraseQuery, RangeQuery as TantivyRange, TermQuery};
use tantivy::schema::{IndexRecordOption, Term};
use tantivy::{DocId, SegmentReader};

use super::body::scalar_text;
use super::context::{self, Target, all_if, everything, nothing};
use super::dictionary::{self, Terms};
use super::guard::on_field;
use super::pattern::Pattern;
use super::places::Places;
use super::range::{Edge, RangeQuery};
use super::scan::{Condition, Predicate, ScanQuery};
use super::value::{self, Number, misfit};
use super::verified::{Check, Phrase, VerifiedQuery};
use super::{Compiler, TantivyQuery, TimeBounds};
use crate::analysis;
use crate::clock::Timestamp;
use crate::datetime::{DateFormat, Rounding, parse_time_zone};
use crate::doc_id;
use crate::error::QueryError;
use crate::mapping::{FieldType, MappedField, internal};

/// Words that candidates for a verified text must have. More make the conjunction slower and hardly smaller; the check
/// looks at the whole text anyway.
const CANDIDATE_WORDS_MAX: usize = 64;

/// Up to this many ranges of numbers are asked one by one, each by tantivy's block-wise search of a column; more by a scan.
const NUMBER_RANGES_MAX: usize = 4;

impl Compiler<'_> {
    /// Documents whose field has this value.
    pub(crate) fn term(&self, name: &str, value: &Value, case_insensitive: bool) -> Result<TantivyQuery, QueryError> {
        let field = match self.target(name) {
            Target::Field(field) => field,
            Target::Id => return Ok(self.ids([scalar_text(value).as_str()])),
            Target::Index => {
                let text = scalar_text(value);
                let same = if case_insensitive { text.eq_ignore_ascii_case(self.context.index) } else { text == self.context.index };
                return Ok(all_if(same));
            }
            Target::SeqNo => return sequence_numbers(&[value]),
            Target::Unknown => return self.unmapped(name),
        };
        searchable(field)?;
        let text = keyword_text(field, value);
        match field.kind {
            FieldType::Keyword | FieldType::Wildcard | FieldType::Text if case_insensitive => {
                Ok(dictionary::matching(field, Terms::Fitting(Pattern::ignoring_case(&text)?)))
            }
            FieldType::Keyword | FieldType::Wildcard | FieldType::Text => Ok(keyword(field, &text)),
            FieldType::MatchOnlyText => self.whole_text(field, &text, case_insensitive),
            FieldType::Ip => {
                let (first, last) = value::address_block(value)?;
                Ok(addresses(field, first, last))
            }
            FieldType::Double | FieldType::Float => {
                let it = value::float(value)?;
                Ok(floats(field, Bound::Included(it), Bound::Included(it)))
            }
            FieldType::Date => {
                let (from, to) = self.day_bounds(field, value)?;
                Ok(wholes(field, from, to))
            }
            FieldType::Boolean => {
                let it = i64::from(value::boolean(value)?);
                Ok(wholes(field, it, it))
            }
            FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte => match value::number(value)? {
                Number::Whole(it) => Ok(wholes(field, it, it)),
                Number::Other(_) => Ok(nothing()),
            },
        }
    }

    /// Documents whose field has one of these values.
    pub(crate) fn terms(&self, name: &str, values: &[Value]) -> Result<TantivyQuery, QueryError> {
        let field = match self.target(name) {
            Target::Field(field) => field,
            Target::Id => {
                let texts: Vec<String> = values.iter().map(scalar_text).collect();
                return Ok(self.ids(texts.iter().map(String::as_str)));
            }
            Target::Index => return Ok(all_if(values.iter().any(|it| scalar_text(it) == self.context.index))),
            Target::SeqNo => return sequence_numbers(&values.iter().collect::<Vec<_>>()),
            Target::Unknown => return self.unmapped(name),
        };
        searchable(field)?;
        match field.kind {
            FieldType::Keyword | FieldType::Wildcard | FieldType::Text => {
                let texts: BTreeSet<Vec<u8>> = values.iter().map(|it| keyword_text(field, it).into_bytes()).collect();
                match texts.len() {
                    0 => Ok(nothing()),
                    1 => Ok(constant(keyword(field, &keyword_text(field, &values[0])))),
                    _ => Ok(dictionary::matching(field, Terms::Exact(texts.into_iter().collect()))),
                }
            }
            FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte | FieldType::Boolean | FieldType::Date => {
                let mut ranges = Vec::new();
                for value in values {
                    let range = match field.kind {
                        FieldType::Boolean => Some(i64::from(value::boolean(value)?)).map(|it| (it, it)),
                        FieldType::Date => Some(self.day_bounds(field, value)?),
                        _ => match value::number(value)? {
                            Number::Whole(it) => Some((it, it)),
                            Number::Other(_) => None,
                        },
                    };
                    ranges.extend(range);
                }
                Ok(number_ranges(field, ranges))
            }
            // A block of addresses is a range of them; blocks that meet become one.
            FieldType::Ip => {
                let mut blocks = values.iter().map(value::address_block).collect::<Result<Vec<_>, _>>()?;
                blocks.sort_unstable();
                if blocks.iter().all(|it| it.0 == it.1) && blocks.len() > 1 {
                    blocks.dedup();
                    return Ok(dictionary::matching(field, Terms::Exact(blocks.iter().map(|it| it.0.to_vec()).collect())));
                }
                any_of(merged(blocks, |it| value::neighbour(it, true)).into_iter().map(|(first, last)| Ok(addresses(field, first, last))))
            }
            FieldType::MatchOnlyText | FieldType::Double | FieldType::Float => any_of(values.iter().map(|it| self.term(name, it, false))),
        }
    }

    /// Documents whose field has a value between bounds.
    pub(crate) fn range(&self, range: &RangeQuery) -> Result<TantivyQuery, QueryError> {
        let field = match self.target(&range.field) {
            Target::Field(field) => field,
            Target::SeqNo => {
                let (from, to) = whole_bounds(range)?;
                let (Ok(to), from) = (u64::try_from(to), u64::try_from(from).unwrap_or(0)) else { return Ok(nothing()) };
                return Ok(Box::new(TantivyRange::new(
                    Bound::Included(Term::from_field_u64(internal::SEQ, from)),
                    Bound::Included(Term::from_field_u64(internal::SEQ, to)),
                )));
            }
            Target::Id | Target::Index => {
                return Err(misfit(format_args!("Field [{}] of type [{0}] does not support range queries", range.field)));
            }
            Target::Unknown => return self.unmapped(&range.field),
        };
        searchable(field)?;
        if field.kind != FieldType::Date {
            for (option, what) in [(&range.format, "formats"), (&range.time_zone, "time zones")] {
                if option.is_some() {
                    return Err(misfit(format_args!("Field [{}] of type [{}] does not support custom {what}", field.name, field.kind.name())));
                }
            }
        }
        if range.lower == Edge::Open && range.upper == Edge::Open {
            return self.exists(&range.field);
        }
        match field.kind {
            FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte => {
                let (from, to) = whole_bounds(range)?;
                Ok(wholes(field, from, to))
            }
            FieldType::Boolean => {
                let bound = |edge: &Edge, open| match edge {
                    Edge::Open => Ok(open),
                    Edge::Included(it) => value::boolean(it).map(i64::from),
                    Edge::Excluded(it) => value::boolean(it).map(|it| if open == 0 { i64::from(it) + 1 } else { i64::from(it) - 1 }),
                };
                Ok(wholes(field, bound(&range.lower, 0)?, bound(&range.upper, 1)?))
            }
            FieldType::Date => {
                let bounds = self.date_bounds(field, range)?;
                Ok(wholes(field, bounds.from.unwrap_or(i64::MIN), bounds.to.unwrap_or(i64::MAX)))
            }
            FieldType::Double | FieldType::Float => {
                let bound = |edge: &Edge| match edge {
                    Edge::Open => Ok(Bound::Unbounded),
                    Edge::Included(it) => value::float(it).map(Bound::Included),
                    Edge::Excluded(it) => value::float(it).map(Bound::Excluded),
                };
                Ok(floats(field, bound(&range.lower)?, bound(&range.upper)?))
            }
            FieldType::Ip => {
                let bound = |edge: &Edge, up: bool| match edge {
                    Edge::Open => Ok(Some(if up { value::ADDRESSES.0 } else { value::ADDRESSES.1 })),
                    Edge::Included(it) => value::address(it).map(Some),
                    Edge::Excluded(it) => value::address(it).map(|it| value::neighbour(it, up)),
                };
                match (bound(&range.lower, true)?, bound(&range.upper, false)?) {
                    (Some(first), Some(last)) => Ok(addresses(field, first, last)),
                    _ => Ok(nothing()),
                }
            }
            FieldType::Keyword | FieldType::Wildcard | FieldType::Text | FieldType::MatchOnlyText => {
                let bound = |edge: &Edge| match edge {
                    Edge::Open => Bound::Unbounded,
                    Edge::Included(it) => Bound::Included(Term::from_field_text(field.tantivy_field(), &keyword_text(field, it))),
                    Edge::Excluded(it) => Bound::Excluded(Term::from_field_text(field.tantivy_field(), &keyword_text(field, it))),
                };
                Ok(on_field(field.tantivy_field(), TantivyRange::new(bound(&range.lower), bound(&range.upper))))
            }
        }
    }

    /// What a field that no document has is asked: nothing, unless documents have it and it can't be asked.
    fn unmapped(&self, name: &str) -> Result<TantivyQuery, QueryError> {
        match self.context.mapping.opaque(name) {
            Some(kind) => Err(misfit(format_args!("Field [{name}] of type [{kind}] is in the document only and can't be searched"))),
            None => Ok(nothing()),
        }
    }

    /// A pattern's text as the terms of a keyword field with a normaliser are.
    pub(crate) fn normal<'t>(&self, name: &str, text: &'t str) -> Cow<'t, str> {
        match self.target(name) {
            Target::Field(field) if !field.kind.is_text() => analysis::normal(field, text),
            _ => text.into(),
        }
    }

    /// Documents with a term that fits a pattern; `kind` and `text` are the clause's, for names and messages.
    pub(crate) fn pattern(&self, name: &str, kind: &str, text: &str, pattern: &Pattern) -> Result<TantivyQuery, QueryError> {
        let field = match self.target(name) {
            Target::Field(field) => field,
            Target::Index => {
                let index = self.context.index.as_bytes();
                return Ok(all_if(index.starts_with(pattern.prefix()) && pattern.matches(index)));
            }
            Target::Id | Target::SeqNo => {
                return Err(misfit(format_args!("Can only use {kind} queries on keyword, text and wildcard fields - not on [{name}]")));
            }
            Target::Unknown => return self.unmapped(name),
        };
        match field.kind {
            FieldType::Keyword | FieldType::Wildcard | FieldType::Text | FieldType::MatchOnlyText => {
                searchable(field)?;
                // Every value fits, so the column's index alone decides.
                if kind == "wildcard" && !text.is_empty() && text.bytes().all(|it| it == b'*') && !field.kind.is_text() {
                    return self.exists(name);
                }
                Ok(dictionary::matching(field, Terms::Fitting(pattern.clone())))
            }
            kind_of_field => Err(misfit(format_args!(
                "Can only use {kind} queries on keyword, text and wildcard fields - not on [{name}] which is of type [{}]",
                kind_of_field.name()
            ))),
        }
    }

    /// Documents that have a value of the field, or of some field below the object.
    pub(crate) fn exists(&self, name: &str) -> Result<TantivyQuery, QueryError> {
        let mapping = self.context.mapping;
        if let Some(field) = mapping.field(name) {
            return Ok(has_value(field));
        }
        if name == "_source" {
            return Err(QueryError::QueryShard("The [_source] field is not searchable".to_owned()));
        }
        if matches!(name, "_id" | "_index" | "_seq_no" | "_version") {
            return Ok(everything());
        }
        let below: Vec<&MappedField> = if name.contains('*') {
            mapping.matching(name).collect()
        } else {
            let prefix = format!("{name}.");
            mapping.fields().iter().filter(|it| it.multi_field_of.is_none() && it.name.starts_with(&prefix)).collect()
        };
        if below.is_empty() && !name.contains('*') {
            return self.unmapped(name);
        }
        any_of(below.into_iter().map(|it| Ok(has_value(it)))).map(constant)
    }

    /// Documents with one of these `_id`s, given or derived.
    pub(crate) fn ids<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> TantivyQuery {
        let mut given = BTreeSet::new();
        let mut derived = BTreeSet::new();
        for id in ids {
            // Somebody may have given an id that looks like a derived one.
            given.insert(Term::from_field_text(internal::ID, id));
            derived.extend(doc_id::decode(id));
        }
        if given.is_empty() {
            return nothing();
        }
        let mut either: Vec<(Occur, TantivyQuery)> = match given.len() {
            1 => given.into_iter().map(|it| (Occur::Should, Box::new(TermQuery::new(it, IndexRecordOption::Basic)) as TantivyQuery)).collect(),
            _ => vec![(Occur::Should, Box::new(tantivy::query::TermSetQuery::new(given)))],
        };
        if !derived.is_empty() {
            let condition = Sequence { numbers: derived.into_iter().collect(), without_id: true };
            either.push((Occur::Should, Box::new(ScanQuery::new(condition))));
        }
        constant(Box::new(BooleanQuery::new(either)))
    }

    /// Documents whose text has these words of the field's analyser.
    pub(crate) fn words(&self, field: &MappedField, words: &[String]) -> Vec<TantivyQuery> {
        words.iter().map(|it| keyword(field, it)).collect()
    }

    /// The words of a text under the field's analyser; `None` where the field is not analysed.
    pub(crate) fn analyse(&self, field: &MappedField, text: &str) -> Option<Vec<String>> {
        analysis::tokens_of(field, text, true)
    }

    /// Documents with a text whose words stand so.
    pub(crate) fn places(&self, field: &MappedField, places: Places) -> Result<TantivyQuery, QueryError> {
        searchable(field)?;
        if !field.kind.is_text() && !matches!(field.kind, FieldType::Keyword | FieldType::Wildcard) {
            return Err(misfit(format_args!("Field [{}] of type [{}] has no words that stand somewhere", field.name, field.kind.name())));
        }
        let candidates = places.candidates(field);
        if context::is_empty(&candidates) {
            return Ok(nothing());
        }
        Ok(self.verified(field, vec![(Occur::Must, candidates)], Check::Places(places)))
    }

    /// Documents in which the words follow each other.
    pub(crate) fn phrase(&self, field: &MappedField, words: Vec<String>, slop: usize, last_is_prefix: bool) -> Result<TantivyQuery, QueryError> {
        searchable(field)?;
        match (words.as_slice(), last_is_prefix) {
            ([], _) => return Ok(nothing()),
            ([word], false) => return Ok(keyword(field, word)),
            ([word], true) => return Ok(dictionary::matching(field, Terms::Fitting(Pattern::prefix_of(word, false)?))),
            _ => {}
        }
        // Not tantivy's query for a prefix at the end: it looks at a limited number of expansions and leaves out the rest.
        if field.kind == FieldType::Text && !last_is_prefix {
            let tantivy_field = field.tantivy_field();
            let mut query = PhraseQuery::new(words.iter().map(|it| Term::from_field_text(tantivy_field, it)).collect());
            // tantivy counts slop in a byte.
            query.set_slop(slop.min(250) as u32);
            return Ok(on_field(tantivy_field, query));
        }
        let mut candidates = self.candidates(field, if last_is_prefix { &words[..words.len() - 1] } else { &words });
        if last_is_prefix && let Some(last) = words.last() {
            candidates.push((Occur::Must, dictionary::matching(field, Terms::Fitting(Pattern::prefix_of(last, false)?))));
        }
        let check = Check::Phrase(Phrase { words, slop, last_is_prefix });
        Ok(self.verified(field, candidates, check))
    }

    /// What a `term` on a date field means: the day, where the value is one.
    fn day_bounds(&self, field: &MappedField, value: &Value) -> Result<(i64, i64), QueryError> {
        let format = date_format(field, None)?;
        let text = scalar_text(value);
        let parse = |round| format.parse_date(&text, round, &TimeZone::UTC, self.context.now).map_err(misfit);
        Ok((parse(Rounding::Down)?.0, parse(Rounding::Up)?.0))
    }

    fn date_bounds(&self, field: &MappedField, range: &RangeQuery) -> Result<TimeBounds, QueryError> {
        let format = date_format(field, range.format.as_deref())?;
        let zone = match &range.time_zone {
            Some(it) => parse_time_zone(it).map_err(QueryError::IllegalArgument)?,
            None => TimeZone::UTC,
        };
        let parse = |value: &Value, round| -> Result<Timestamp, QueryError> {
            format.parse_date(&scalar_text(value), round, &zone, self.context.now).map_err(misfit)
        };
        let from = match &range.lower {
            Edge::Open => None,
            Edge::Included(it) => Some(parse(it, Rounding::Down)?.0),
            Edge::Excluded(it) => Some(parse(it, Rounding::Up)?.0.saturating_add(1)),
        };
        let to = match &range.upper {
            Edge::Open => None,
            Edge::Included(it) => Some(parse(it, Rounding::Up)?.0),
            Edge::Excluded(it) => Some(parse(it, Rounding::Down)?.0.saturating_sub(1)),
        };
        Ok(TimeBounds { from, to })
    }

    /// The bounds that a range on a date field sets; none where it is no date field or no date.
    pub(crate) fn range_time_bounds(&self, range: &RangeQuery) -> TimeBounds {
        self.strict_time_bounds(range).unwrap_or_default()
    }

    /// As [`Compiler::range_time_bounds`], `None` where it is no date field or no date.
    pub(crate) fn strict_time_bounds(&self, range: &RangeQuery) -> Option<TimeBounds> {
        match self.target(&range.field) {
            Target::Field(field) if field.kind == FieldType::Date => self.date_bounds(field, range).ok(),
            _ => None,
        }
    }

    /// The bounds that a value of a date field sets.
    pub(crate) fn term_time_bounds(&self, name: &str, value: &Value) -> TimeBounds {
        match self.target(name) {
            Target::Field(field) if field.kind == FieldType::Date => {
                self.day_bounds(field, value).map_or(TimeBounds::default(), |(from, to)| TimeBounds { from: Some(from), to: Some(to) })
            }
            _ => TimeBounds::default(),
        }
    }

    /// `term` on text without positions: a value that is one word is that word, any other is the whole text.
    fn whole_text(&self, field: &MappedField, text: &str, case_insensitive: bool) -> Result<TantivyQuery, QueryError> {
        let words = analysis::tokens(analysis::LINE, text);
        if let [word] = words.as_slice()
            && (word == text || case_insensitive && *word == text.to_lowercase())
        {
            return Ok(keyword(field, word));
        }
        if case_insensitive {
            return Err(misfit(format_args!("[term] with [case_insensitive] on field [{}] takes a single word", field.name)));
        }
        let mut candidates = self.candidates(field, &words);
        if candidates.is_empty() {
            candidates.push((Occur::Must, has_value(field)));
        }
        Ok(self.verified(field, candidates, Check::Whole(text.to_owned())))
    }

    fn candidates(&self, field: &MappedField, words: &[String]) -> Vec<(Occur, TantivyQuery)> {
        // Long words are rare ones.
        let mut distinct: Vec<&String> = words.iter().collect::<BTreeSet<_>>().into_iter().collect();
        distinct.sort_by_key(|it| std::cmp::Reverse(it.len()));
        distinct.into_iter().take(CANDIDATE_WORDS_MAX).map(|it| (Occur::Must, keyword(field, it))).collect()
    }

    fn verified(&self, field: &MappedField, candidates: Vec<(Occur, TantivyQuery)>, check: Check) -> TantivyQuery {
        let candidates = Box::new(BooleanQuery::new(candidates));
        on_field(field.tantivy_field(), VerifiedQuery::new(candidates, field, check, self.context.documents.clone()))
    }
}

/// A value of a query as a keyword's terms have it. A `term` on text is not analysed.
fn keyword_text(field: &MappedField, value: &Value) -> String {
    let text = scalar_text(value);
    if field.kind.is_text() || field.analysis.is_none() { text } else { analysis::normal(field, &text).into_owned() }
}

/// An error where a field has neither postings nor a column.
fn searchable(field: &MappedField) -> Result<(), QueryError> {
    if field.index || field.doc_values {
        return Ok(());
    }
    Err(misfit(format_args!("Cannot search on field [{}] since it is not indexed nor has doc values.", field.name)))
}

/// The format of a date field, or the one a query gives instead.
pub(crate) fn date_format(field: &MappedField, given: Option<&str>) -> Result<DateFormat, QueryError> {
    match given.or(field.format.as_deref()) {
        None => Ok(DateFormat::default_es()),
        Some(text) => DateFormat::parse(text).map_err(QueryError::IllegalArgument),
    }
}

/// The same documents with score one.
pub(crate) fn constant(query: TantivyQuery) -> TantivyQuery {
    if context::is_empty(&query) { query } else { Box::new(ConstScoreQuery::new(query, 1.0)) }
}

/// One of these.
fn any_of(queries: impl IntoIterator<Item = Result<TantivyQuery, QueryError>>) -> Result<TantivyQuery, QueryError> {
    let mut list = queries.into_iter().collect::<Result<Vec<_>, _>>()?;
    list.retain(|it| !context::is_empty(it));
    Ok(match list.len() {
        0 => nothing(),
        1 => list.remove(0),
        _ => Box::new(BooleanQuery::new(list.into_iter().map(|it| (Occur::Should, it)).collect())),
    })
}

/// A term of a keyword or text field, as it stands.
pub(super) fn keyword(field: &MappedField, text: &str) -> TantivyQuery {
    let term = Term::from_field_text(field.tantivy_field(), text);
    if !field.index {
        return on_field(field.tantivy_field(), TantivyRange::new(Bound::Included(term.clone()), Bound::Included(term)));
    }
    let record = if field.kind == FieldType::Text { IndexRecordOption::WithFreqs } else { IndexRecordOption::Basic };
    on_field(field.tantivy_field(), TermQuery::new(term, record))
}

fn has_value(field: &MappedField) -> TantivyQuery {
    if field.doc_values {
        return on_field(field.tantivy_field(), ExistsQuery::new(field.tantivy_name(), false));
    }
    // Fields without a column are listed per document.
    let term = Term::from_field_text(internal::FIELD_NAMES, &field.tantivy_name());
    constant(Box::new(TermQuery::new(term, IndexRecordOption::Basic)))
}

/// Whole numbers from `from` to `to`, both included.
fn wholes(field: &MappedField, from: i64, to: i64) -> TantivyQuery {
    if from > to {
        return nothing();
    }
    let tantivy_field = field.tantivy_field();
    let term = |it| Term::from_field_i64(tantivy_field, it);
    if from == to && field.index {
        let query = on_field(tantivy_field, TermQuery::new(term(from), IndexRecordOption::Basic));
        // How rare a number is says nothing, as in Elasticsearch, where numbers are points; booleans are terms there.
        return if field.kind == FieldType::Boolean { query } else { constant(query) };
    }
    on_field(tantivy_field, TantivyRange::new(Bound::Included(term(from)), Bound::Included(term(to))))
}

fn floats(field: &MappedField, lower: Bound<f64>, upper: Bound<f64>) -> TantivyQuery {
    let tantivy_field = field.tantivy_field();
    let term = |it| Term::from_field_f64(tantivy_field, it);
    on_field(tantivy_field, TantivyRange::new(lower.map(term), upper.map(term)))
}

/// Addresses from `first` to `last`, both included.
fn addresses(field: &MappedField, first: [u8; 16], last: [u8; 16]) -> TantivyQuery {
    if first > last {
        return nothing();
    }
    let tantivy_field = field.tantivy_field();
    let term = |it: [u8; 16]| Term::from_field_bytes(tantivy_field, &it);
    if first == last && field.index {
        return constant(on_field(tantivy_field, TermQuery::new(term(first), IndexRecordOption::Basic)));
    }
    on_field(tantivy_field, TantivyRange::new(Bound::Included(term(first)), Bound::Included(term(last))))
}

/// The inclusive bounds of a range of whole numbers: a fraction moves to the next number inside.
fn whole_bounds(range: &RangeQuery) -> Result<(i64, i64), QueryError> {
    // `as` saturates at the ends of i64, which is where numbers beyond them belong.
    let from = match &range.lower {
        Edge::Open => i64::MIN,
        Edge::Included(it) => match value::number(it)? {
            Number::Whole(it) => it,
            Number::Other(it) if it > i64::MAX as f64 => return Ok((1, 0)),
            Number::Other(it) => it.ceil() as i64,
        },
        Edge::Excluded(it) => match value::number(it)? {
            Number::Whole(i64::MAX) => return Ok((1, 0)),
            Number::Whole(it) => it + 1,
            Number::Other(it) if it > i64::MAX as f64 => return Ok((1, 0)),
            Number::Other(it) => it.ceil() as i64,
        },
    };
    let to = match &range.upper {
        Edge::Open => i64::MAX,
        Edge::Included(it) => match value::number(it)? {
            Number::Whole(it) => it,
            Number::Other(it) if it < i64::MIN as f64 => return Ok((1, 0)),
            Number::Other(it) => it.floor() as i64,
        },
        Edge::Excluded(it) => match value::number(it)? {
            Number::Whole(i64::MIN) => return Ok((1, 0)),
            Number::Whole(it) => it - 1,
            Number::Other(it) if it < i64::MIN as f64 => return Ok((1, 0)),
            Number::Other(it) => it.floor() as i64,
        },
    };
    Ok((from, to))
}

/// Ranges, sorted, without overlaps; neighbours become one.
fn merged<T: Ord + Copy>(mut ranges: Vec<(T, T)>, next: impl Fn(T) -> Option<T>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut out: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (from, to) in ranges {
        match out.last_mut() {
            Some(last) if next(last.1).is_none_or(|it| from <= it) => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}

fn number_ranges(field: &MappedField, ranges: Vec<(i64, i64)>) -> TantivyQuery {
    let ranges = merged(ranges, |it| it.checked_add(1));
    let points = ranges.iter().all(|it| it.0 == it.1);
    if field.index && points && ranges.len() > 1 {
        let terms = ranges.iter().map(|it| Term::from_field_i64(field.tantivy_field(), it.0));
        return on_field(field.tantivy_field(), tantivy::query::TermSetQuery::new(terms));
    }
    if ranges.len() > NUMBER_RANGES_MAX && field.doc_values {
        let condition = Numbers { column: field.tantivy_name(), ranges: ranges.into() };
        return on_field(field.tantivy_field(), ScanQuery::new(condition));
    }
    let list = ranges.into_iter().map(|(from, to)| Ok(wholes(field, from, to)));
    any_of(list).map(constant).unwrap_or_else(|_| nothing())
}

/// A column has a value in one of many ranges.
#[derive(Debug)]
struct Numbers {
    column: String,
    /// Sorted, without overlaps.
    ranges: Arc<[(i64, i64)]>,
}

impl Condition for Numbers {
    fn predicate(&self, reader: &SegmentReader) -> tantivy::Result<Option<Predicate>> {
        let Some(column) = reader.fast_fields().column_opt::<i64>(&self.column)? else { return Ok(None) };
        let ranges = self.ranges.clone();
        let inside = move |value: i64| {
            let after = ranges.partition_point(|it| it.0 <= value);
            after > 0 && value <= ranges[after - 1].1
        };
        Ok(Some(Box::new(move |doc: DocId| column.values_for_doc(doc).any(&inside))))
    }
}

/// Documents with one of these sequence numbers.
#[derive(Debug)]
struct Sequence {
    /// Sorted.
    numbers: Arc<[u64]>,
    /// Whether a document that was given an id is left out.
    without_id: bool,
}

impl Condition for Sequence {
    fn predicate(&self, reader: &SegmentReader) -> tantivy::Result<Option<Predicate>> {
        let [seq, id, ..] = [internal::NAMES[1], internal::NAMES[2]];
        let Some(column) = reader.fast_fields().column_opt::<u64>(seq)? else { return Ok(None) };
        let (low, high) = (column.min_value(), column.max_value());
        let here: Vec<u64> = self.numbers.iter().copied().filter(|it| (low..=high).contains(it)).collect();
        if here.is_empty() {
            return Ok(None);
        }
        let ids = if self.without_id { reader.fast_fields().str(id)? } else { None };
        Ok(Some(Box::new(move |doc: DocId| {
            column.first(doc).is_some_and(|it| here.binary_search(&it).is_ok()) && ids.as_ref().is_none_or(|it| it.term_ords(doc).next().is_none())
        })))
    }
}

fn sequence_numbers(values: &[&Value]) -> Result<TantivyQuery, QueryError> {
    let mut numbers = BTreeSet::new();
    for value in values {
        if let Number::Whole(it) = value::number(value)? {
            numbers.extend(u64::try_from(it).ok());
        }
    }
    if numbers.is_empty() {
        return Ok(nothing());
    }
    Ok(Box::new(ScanQuery::new(Sequence { numbers: numbers.into_iter().collect(), without_id: false })))
}
