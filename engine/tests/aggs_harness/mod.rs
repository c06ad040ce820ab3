//! Runs aggregations over JSON documents: builds segments in memory after the layout of [`Mapping::tantivy_schema`], collects each,
//! sends the partial results over the wire and back, adds them up and renders.

use std::net::IpAddr;
use std::sync::Arc;

use sekisho_engine::aggs::{AggContext, Aggs, FetchedHit, HitAddress, Partials, RenderOptions, SegmentContext};
use sekisho_engine::clock::Timestamp;
use sekisho_engine::datetime::DateFormat;
use sekisho_engine::error::QueryError;
use sekisho_engine::mapping::{FieldType, Mapping, internal};
use sekisho_engine::row::ip_bytes;
use serde_json::{Map, Value};
use tantivy::indexer::NoMergePolicy;
use tantivy::query::{AllQuery, EnableScoring, Query, TermQuery};
use tantivy::schema::{IndexRecordOption, Value as _};
use tantivy::{DocAddress, Index, IndexWriter, Searcher, TantivyDocument, Term};

/// 2026-11-23T12:00:00Z, what `now` means in tests.
pub(crate) const NOW: Timestamp = Timestamp(1_795_435_200_000);

/// Documents in segments of one index.
pub(crate) struct Corpus {
    pub(crate) mapping: Mapping,
    searcher: Searcher,
}

impl Corpus {
    /// Builds one segment per list of documents; empty lists are left out.
    pub(crate) fn build(mapping: Mapping, segments: &[Vec<Value>]) -> Self {
        let mut index = Index::create_in_ram(mapping.tantivy_schema());
        index.set_tokenizers(sekisho_engine::analysis::tokenizers(&mapping));
        let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).expect("a writer in memory");
        writer.set_merge_policy(Box::new(NoMergePolicy));
        let mut seq = 0;
        for segment in segments.iter().filter(|it| !it.is_empty()) {
            for document in segment {
                // Documents that say so keep their number however they are spread over segments.
                let own = document.get("seq").and_then(Value::as_u64);
                writer.add_document(tantivy_document(&mapping, document, own.unwrap_or(seq))).expect("a document after the schema");
                seq += 1;
            }
            writer.commit().expect("a commit in memory");
        }
        let searcher = index.reader().expect("a reader in memory").searcher();
        Self { mapping, searcher }
    }

    /// The partial results of each segment, after a trip over the wire.
    pub(crate) fn partials(&self, aggs: &Aggs, query: &Value) -> Result<Vec<Partials>, QueryError> {
        let compile = |it: &Value| Ok(compile(&self.mapping, it));
        let plan = aggs.plan(&AggContext { mapping: &self.mapping, now: NOW, index: "logs", compile_filter: &compile })?;
        let mut out = Vec::new();
        for (at, reader) in self.searcher.segment_readers().iter().enumerate() {
            let mut collector = plan.collector(&SegmentContext { reader, split: at as u64 })?;
            if query.get("match_all").is_some() {
                collector.collect_all(reader, &mut || Ok(()))?;
            } else {
                let weight = compile(query)?.weight(EnableScoring::disabled_from_schema(reader.schema()))?;
                collector.collect_set(reader, &mut *weight.scorer(reader, 1.0)?, &mut || Ok(()))?;
            }
            let bytes = postcard::to_stdvec(&collector.finish()?).expect("partial results can be written");
            out.push(postcard::from_bytes(&bytes).expect("what was written can be read"));
        }
        Ok(out)
    }
}

impl Corpus {
    fn fetch(&self, hit: &HitAddress) -> FetchedHit {
        let document: TantivyDocument = self.searcher.doc(DocAddress::new(hit.split as u32, hit.doc)).expect("a hit has a document");
        let bytes = document.get_first(internal::SOURCE).and_then(|it| it.as_bytes()).expect("a document has its source");
        let source: Map<String, Value> = serde_json::from_slice(bytes).expect("the source is JSON");
        FetchedHit { id: format!("id-{}", hit.seq), version: 1, source, mapping: Arc::new(self.mapping.clone()) }
    }
}

/// The answer to a request over several indices.
pub(crate) fn search(corpora: &[&Corpus], query: &Value, request: &Value, typed_keys: bool) -> Result<Value, QueryError> {
    let aggs = Aggs::from_json(request)?;
    let mut all = Vec::new();
    for corpus in corpora {
        all.extend(corpus.partials(&aggs, query)?);
    }
    let mut fetch = |hit: &HitAddress| Ok(corpora[0].fetch(hit));
    let mut ask = |query: Option<&Value>, aggs: &Value| {
        let everything = serde_json::json!({ "match_all": {} });
        let counted = serde_json::json!({ "of": aggs["of"], "all": { "filter": query.unwrap_or(&everything) } });
        let answer = search(corpora, query.unwrap_or(&everything), &counted, false)?;
        Ok((answer["all"]["doc_count"].as_u64().unwrap_or_default(), answer))
    };
    aggs.render(Partials::merge_all(all), &RenderOptions { typed_keys, now: NOW }, &mut fetch, &mut ask)
}

/// The values of a dotted field.
fn values<'a>(document: &'a Value, field: &str) -> Vec<&'a Value> {
    match document.get(field) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(single) => vec![single],
    }
}

fn tantivy_document(mapping: &Mapping, document: &Value, seq: u64) -> TantivyDocument {
    let mut out = TantivyDocument::default();
    out.add_u64(internal::SEQ, seq);
    out.add_bytes(internal::SOURCE, document.to_string().as_bytes());
    for name in document.as_object().expect("a document is an object").keys() {
        let Some(field) = mapping.field(name) else { continue };
        let at = field.tantivy_field();
        for value in values(document, name) {
            match field.kind {
                FieldType::Keyword | FieldType::Wildcard | FieldType::Text | FieldType::MatchOnlyText => {
                    out.add_text(at, value.as_str().expect("text"))
                }
                FieldType::Ip => out.add_bytes(at, &ip_bytes(value.as_str().expect("text").parse::<IpAddr>().expect("an address"))),
                FieldType::Boolean => out.add_i64(at, i64::from(value.as_bool().expect("a boolean"))),
                FieldType::Double | FieldType::Float => out.add_f64(at, value.as_f64().expect("a number")),
                FieldType::Date => {
                    let format = field.format.as_deref().map_or_else(DateFormat::default_es, |it| DateFormat::parse(it).expect("a format"));
                    out.add_i64(at, format.parse_value(value).expect("a date").0);
                }
                FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte => out.add_i64(at, value.as_i64().expect("a whole number")),
            }
        }
    }
    out
}

/// `match_all` and `term` on a keyword, which is all that aggregations need to show that filters reach them.
fn compile(mapping: &Mapping, query: &Value) -> Box<dyn Query> {
    if query.get("match_all").is_some() {
        return Box::new(AllQuery);
    }
    let term = query.get("term").and_then(Value::as_object).unwrap_or_else(|| panic!("the tests' queries are match_all and term, not {query}"));
    let (name, value) = term.iter().next().expect("a term query has a field");
    let field = mapping.field(name).expect("the tests' term queries are on mapped keywords");
    Box::new(TermQuery::new(Term::from_field_text(field.tantivy_field(), value.as_str().expect("text")), IndexRecordOption::Basic))
}
