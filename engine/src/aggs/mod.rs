//! Aggregations: a typed tree from the request's JSON, a plan per index, a collector per segment, partial results that add up to the
//! same bits in any order, and Elasticsearch's JSON.
//!
//! ```text
//! Aggs::from_json ──plan(mapping)──▶ AggPlan ──collector(segment)──▶ SegmentCollector ──finish──▶ Partials
//!                                                                                         merge │ cache, send
//! Aggs::render(partials) ──▶ JSON ◀─────────────────────────────────────────────────────────────┘
//! ```
//!
//! One kind is one file (`terms.rs` is the model) and one line in [`KINDS`]. A kind is an [`AggKind`]: it parses its body into an
//! [`Aggregation`], which plans against a mapping into a [`Plan`], which makes a [`Collector`] for a segment. Collectors work on blocks:
//! `docs` and, in parallel, the bucket of the parent that each document fell into; the root is one bucket, 0. A bucket
//! aggregation numbers its own buckets ([`cells`]) and hands blocks of (document, bucket) down.
//!
//! Pipeline aggregations work on the rendered answer ([`pipeline`]). Not here: running queries, deadlines (the caller checks between blocks).

mod adjacency_matrix;
mod auto_date_histogram;
mod avg;
mod body;
mod boxplot;
mod cardinality;
mod cells;
mod composite;
mod date_histogram;
mod date_range;
mod distinct;
mod exact_sum;
mod extended_stats;
mod filter;
mod filters;
mod global;
mod grouping;
mod histogram;
mod ip_prefix;
mod ip_range;
mod max;
mod median_absolute_deviation;
mod min;
mod missing;
mod multi_terms;
mod order;
mod partial;
mod percentile_ranks;
mod percentiles;
mod picks;
mod pipeline;
mod quantiles;
mod random_sampler;
mod range;
mod ranges;
mod rare_terms;
mod rate;
mod render;
mod rounding;
mod sampler;
mod significance;
mod significant_terms;
mod slots;
mod source;
mod stats;
mod string_stats;
mod sum;
mod summary;
mod terms;
mod top_hits;
mod top_metrics;
mod tuples;
mod value_count;
mod variable_width_histogram;
mod weighted_avg;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use serde_json::{Map, Value};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, SegmentReader, TERMINATED};

pub use self::partial::Partials;
pub use self::render::{AskAll, RenderOptions};
pub use self::top_hits::{FetchHit, FetchedHit, HitAddress};

pub(crate) use self::rounding::parse_duration;

use self::body::{Body, did_you_mean, token};
use self::cells::Budget;
use self::partial::Partial;
use self::pipeline::{Pipeline, PipelineKind, PipelineNode};
use self::render::Renderer;
use self::sampler::Sample;
use crate::clock::Timestamp;
use crate::decimal_format::DecimalFormat;
use crate::error::QueryError;
use crate::limits;
use crate::mapping::Mapping;

/// Every aggregation `_search` understands, in the order of the compatibility table.
pub(crate) const KINDS: &[&dyn AggKind] = &[
    &terms::Kind,
    &multi_terms::Kind,
    &composite::Kind,
    &rare_terms::Kind,
    &significant_terms::Kind,
    &date_histogram::Kind,
    &auto_date_histogram::Kind,
    &histogram::Kind,
    &variable_width_histogram::Kind,
    &range::Kind,
    &date_range::Kind,
    &ip_range::Kind,
    &ip_prefix::Kind,
    &filter::Kind,
    &filters::Kind,
    &adjacency_matrix::Kind,
    &missing::Kind,
    &global::Kind,
    &random_sampler::Kind,
    &sampler::Kind::Plain,
    &sampler::Kind::Diversified,
    &cardinality::Kind,
    &min::Kind,
    &max::Kind,
    &sum::Kind,
    &avg::Kind,
    &weighted_avg::Kind,
    &value_count::Kind,
    &stats::Kind,
    &extended_stats::Kind,
    &percentiles::Kind,
    &percentile_ranks::Kind,
    &median_absolute_deviation::Kind,
    &boxplot::Kind,
    &rate::Kind,
    &string_stats::Kind,
    &top_hits::Kind,
    &top_metrics::Kind,
];

/// Aggregations that Elasticsearch has and this engine has not, with the reason.
const REFUSED: &[(&str, &str)] = &[
    ("nested", "there are no nested fields"),
    ("reverse_nested", "there are no nested fields"),
    ("children", "there are no join fields"),
    ("parent", "there are no join fields"),
    ("geo_bounds", "there are no geo fields"),
    ("geo_centroid", "there are no geo fields"),
    ("geo_distance", "there are no geo fields"),
    ("geo_line", "there are no geo fields"),
    ("geohash_grid", "there are no geo fields"),
    ("geohex_grid", "there are no geo fields"),
    ("geotile_grid", "there are no geo fields"),
    ("cartesian_bounds", "there are no geo fields"),
    ("cartesian_centroid", "there are no geo fields"),
    ("scripted_metric", "there are no scripts"),
    ("significant_text", "use [significant_terms] on a keyword field"),
    ("categorize_text", "use [terms] on a keyword field"),
    ("t_test", "use [extended_stats] of both populations"),
    ("matrix_stats", "use [extended_stats] of each field"),
    ("time_series", "there are no time series indices"),
    ("inference", "there are no models"),
];

/// Names of all aggregations, in the order of the compatibility table.
pub fn kind_names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|it| it.name())
}

/// Names of all pipeline aggregations, in the order of the compatibility table.
pub fn pipeline_names() -> impl Iterator<Item = &'static str> {
    pipeline::PIPELINES.iter().map(|it| it.name())
}

/// Documents that are handed to collectors at once: small enough that a block of each column stays in the first-level cache.
const BLOCK_DOCS: usize = 1_024;

/// One aggregation as a search body names it. Implementors are unit structs, one per file.
pub(crate) trait AggKind: Sync {
    /// The key in the body, e.g. `"terms"`; also the name of its cases.
    fn name(&self) -> &'static str;

    /// Whether it makes buckets, so that it may have aggregations below.
    fn is_bucket(&self) -> bool;

    /// Whether its answer has a list of buckets, which pipelines can work on.
    fn has_many_buckets(&self) -> bool {
        self.is_bucket() && !matches!(self.name(), "filter" | "missing" | "global" | "random_sampler" | "sampler" | "diversified_sampler")
    }

    /// Turns the JSON under that key into an aggregation, or says which key is wrong and why.
    fn parse(&self, body: &Body<'_>, subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError>;
}

/// A parsed aggregation.
pub(crate) trait Aggregation: Debug + Send + Sync {
    /// Resolves fields and filters against one index.
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError>;

    /// The JSON of a result; `Partial::None` renders as no documents.
    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError>;

    /// The type as `typed_keys` names it.
    fn typed_name(&self, partial: &Partial) -> &'static str;

    /// Whether buckets can be ordered by this metric; `key` is what follows the dot or stands in brackets.
    fn has_measure(&self, _key: Option<&str>) -> bool {
        false
    }

    /// The number that buckets are ordered by; NaN without documents.
    fn measure(&self, _partial: &Partial, _key: Option<&str>) -> f64 {
        f64::NAN
    }

    /// The documents that have to be found before it can be planned.
    fn sample(&self) -> Option<&Sample> {
        None
    }

    /// The same with the sequence numbers of those documents.
    fn with_sample(&self, found: &[u64]) -> Option<Box<dyn Aggregation>> {
        let _ = found;
        None
    }

    /// Whether there is always exactly one bucket, so that an order's path may lead through.
    fn is_single_bucket(&self) -> bool {
        false
    }
}

/// An aggregation planned for one index.
pub(crate) trait Plan: Send + Sync {
    /// A collector for a segment whose parents have bucket numbers below `parents`.
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError>;
}

/// Collects one aggregation in one segment.
pub(crate) trait Collector {
    /// Takes a block of documents; `buckets[i]` is the parent's bucket of `docs[i]`. The order is free, and a document may come once
    /// per bucket it is in.
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError>;

    /// The partial results of the wanted parent buckets, in their order.
    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError>;
}

/// The aggregations of a search, or below a bucket aggregation.
#[derive(Clone, Debug, Default)]
pub struct Aggs {
    nodes: Arc<[Arc<Node>]>,
    /// Computed from the results of the others; each stands behind those it reads.
    pipelines: Arc<[PipelineNode]>,
}

#[derive(Debug)]
struct Node {
    name: String,
    meta: Option<Value>,
    /// The definition as given, for the canonical text.
    source: Value,
    needs_all_documents: bool,
    aggregation: Box<dyn Aggregation>,
    subs: Aggs,
}

/// Compiles the query of a filter aggregation, given as JSON.
pub type CompileFilter<'a> = dyn Fn(&Value) -> Result<Box<dyn tantivy::query::Query>, QueryError> + 'a;

/// What a plan is made against.
pub struct AggContext<'a> {
    /// Fields of the index.
    pub mapping: &'a Mapping,
    /// What `now` means.
    pub now: Timestamp,
    /// Name of the index, for messages and for `_index`.
    pub index: &'a str,
    /// Compiles the query of a filter.
    pub compile_filter: &'a CompileFilter<'a>,
}

/// A segment to collect from.
pub struct SegmentContext<'a> {
    /// Columns, postings and live documents.
    pub reader: &'a SegmentReader,
    /// Number of the split, which names documents in results.
    pub split: u64,
}

impl Aggs {
    /// Reads the value of `aggs`.
    ///
    /// # Errors
    /// The same classes and sentences as Elasticsearch's.
    ///
    /// # Examples
    /// ```
    /// # use sekisho_engine::aggs::Aggs;
    /// let aggs = Aggs::from_json(&serde_json::json!({ "zones": { "terms": { "field": "observer.ingress.zone" } } }))?;
    /// assert!(!aggs.is_empty());
    /// assert!(Aggs::from_json(&serde_json::json!({ "zones": { "trems": {} } })).is_err());
    /// # Ok::<(), sekisho_engine::error::QueryError>(())
    /// ```
    pub fn from_json(value: &Value) -> Result<Self, QueryError> {
        let mut left = limits::AGGS_MAX;
        parse(value, 1, &mut left)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A text that is equal for requests with equal partial results, for caches. Relative dates are not resolved in it:
    /// see [`Aggs::mentions_now`].
    pub fn canonical(&self) -> String {
        let sources: Vec<&Value> = self.nodes.iter().map(|it| &it.source).collect();
        serde_json::to_string(&sources).unwrap_or_default()
    }

    /// Whether a date in here may be relative to `now`, or a list of terms stand in a document, or documents be a sample, so that a cached
    /// result is good only for the same moment.
    pub fn mentions_now(&self) -> bool {
        fn mentions(value: &Value) -> bool {
            match value {
                Value::String(it) => it.contains("now"),
                Value::Array(it) => it.iter().any(mentions),
                Value::Object(it) if ["index", "id", "path"].iter().all(|key| it.contains_key(*key)) => true,
                Value::Object(it) => it.values().any(mentions),
                _ => false,
            }
        }
        self.nodes.iter().any(|it| it.aggregation.sample().is_some() || mentions(&it.source))
    }

    /// The samples of documents that have to be found before these can be planned, by name.
    pub(crate) fn samples(&self) -> Vec<(&str, &Sample)> {
        self.nodes.iter().filter_map(|it| Some((it.name.as_str(), it.aggregation.sample()?))).collect()
    }

    /// The same with the sequence numbers of the documents that were found for each sample.
    pub(crate) fn with_samples(&self, found: &BTreeMap<String, Vec<u64>>) -> Self {
        let node = |node: &Arc<Node>| match found.get(&node.name).and_then(|it| node.aggregation.with_sample(it)) {
            Some(aggregation) => Arc::new(Node {
                name: node.name.clone(),
                meta: node.meta.clone(),
                source: node.source.clone(),
                needs_all_documents: node.needs_all_documents,
                aggregation,
                subs: node.subs.clone(),
            }),
            None => node.clone(),
        };
        Self { nodes: self.nodes.iter().map(node).collect(), pipelines: self.pipelines.clone() }
    }

    /// Whether documents outside of the query count (`global`), so that no segment may be left out.
    pub fn needs_all_documents(&self) -> bool {
        self.nodes.iter().any(|it| it.needs_all_documents || it.subs.needs_all_documents())
    }

    /// Resolves fields and filters against one index.
    ///
    /// # Errors
    /// Fields that can't be aggregated so, dates that are none, filters that don't compile.
    pub fn plan(&self, ctx: &AggContext<'_>) -> Result<AggPlan, QueryError> {
        let nodes = self
            .nodes
            .iter()
            .map(|node| Ok(PlanNode { plan: node.aggregation.plan(ctx)?, subs: node.subs.plan(ctx)? }))
            .collect::<Result<_, QueryError>>()?;
        Ok(AggPlan { nodes })
    }

    /// The value of `aggregations`. Documents of `top_hits` are read by `fetch`; what `significant_terms` compares with is told by `ask`.
    ///
    /// # Errors
    /// More than [`limits::BUCKETS_MAX`] buckets; indices that disagree about a field's type; what `fetch` answers.
    pub fn render(&self, partials: Partials, options: &RenderOptions, fetch: &mut FetchHit<'_>, ask: &mut AskAll<'_>) -> Result<Value, QueryError> {
        let mut out = Map::new();
        self.render_into(partials.0, &mut out, &mut Renderer::new(*options, fetch, ask))?;
        Ok(Value::Object(out))
    }

    /// Adds the aggregations to a bucket.
    pub(crate) fn render_into(&self, partials: Vec<Partial>, out: &mut Map<String, Value>, renderer: &mut Renderer<'_>) -> Result<(), QueryError> {
        let mut partials = partials.into_iter();
        for node in self.nodes.iter() {
            let partial = partials.next().unwrap_or_default();
            let name =
                if renderer.options.typed_keys { format!("{}#{}", node.aggregation.typed_name(&partial), node.name) } else { node.name.clone() };
            let mut body = node.aggregation.render(partial, &node.subs, renderer)?;
            pipeline::change_buckets(&node.subs.pipelines, &mut body, renderer.options.typed_keys)?;
            if let Some(meta) = &node.meta {
                let mut with_meta = Map::new();
                with_meta.insert("meta".to_owned(), meta.clone());
                with_meta.append(&mut body);
                body = with_meta;
            }
            out.insert(name, Value::Object(body));
        }
        pipeline::add_siblings(&self.pipelines, out, renderer.options.typed_keys)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|it| it.name == name)
    }
}

fn parse(value: &Value, depth: usize, left: &mut usize) -> Result<Aggs, QueryError> {
    if depth > limits::AGGS_DEPTH_MAX {
        return Err(QueryError::IllegalArgument(format!(
            "The nested depth of the aggregations exceeds the maximum nested depth allowed: [{}]",
            limits::AGGS_DEPTH_MAX
        )));
    }
    let Value::Object(map) = value else {
        return Err(QueryError::Parsing(format!("Expected [START_OBJECT] under [aggs], but got a [{}]", token(value))));
    };
    let (mut nodes, mut pipelines) = (Vec::new(), Vec::new());
    for (name, body) in map {
        match parse_node(name, body, depth, left)? {
            Parsed::Aggregation(node) => nodes.push(node),
            Parsed::Pipeline(node) => pipelines.push(node),
        }
    }
    if let Some(node) = pipelines.iter().find(|it| depth == 1 && matches!(it.pipeline, Pipeline::Parent(_))) {
        return Err(QueryError::ActionRequestValidation(format!(
            "Validation Failed: 1: {} aggregation [{}] must be declared inside of another aggregation;",
            node.kind, node.name
        )));
    }
    let names: Vec<&str> = nodes.iter().map(|it| it.name.as_str()).collect();
    let pipelines = pipeline::in_order(pipelines, &names)?;
    Ok(Aggs { nodes: nodes.into_iter().map(Arc::new).collect(), pipelines: pipelines.into() })
}

enum Parsed {
    Aggregation(Node),
    Pipeline(PipelineNode),
}

fn parse_node(name: &str, definition: &Value, depth: usize, left: &mut usize) -> Result<Parsed, QueryError> {
    *left = left.checked_sub(1).ok_or_else(|| QueryError::IllegalArgument(format!("more than [{}] aggregations in one search", limits::AGGS_MAX)))?;
    if name.is_empty() || name.contains(['[', ']', '>']) {
        return Err(QueryError::Parsing(format!(
            "Invalid aggregation name [{name}]. Aggregation names can contain any character except '[', ']', and '>'"
        )));
    }
    let Value::Object(map) = definition else {
        return Err(QueryError::Parsing(format!(
            "Aggregation definition for [{name} starts with a [{}], expected a [START_OBJECT].",
            token(definition)
        )));
    };
    let (mut meta, mut subs, mut found) = (None, None, None);
    for (key, value) in map {
        match key.as_str() {
            "meta" if value.is_object() => meta = Some(value.clone()),
            "meta" => return Err(QueryError::Parsing(format!("Expected [START_OBJECT] under [meta], but got a [{}] in [{name}]", token(value)))),
            "aggs" | "aggregations" if subs.is_some() => {
                return Err(QueryError::Parsing(format!("Found two sub aggregation definitions under [{name}]")));
            }
            "aggs" | "aggregations" => subs = Some(parse(value, depth + 1, left)?),
            _ => {
                if let Some((_, why)) = REFUSED.iter().find(|it| it.0 == key) {
                    return Err(QueryError::Parsing(format!("[{key}] aggregations are not supported: {why}")));
                }
                let aggregation = KINDS.iter().find(|it| it.name() == key).map(|it| Found::Aggregation(*it));
                let pipeline = || pipeline::PIPELINES.iter().find(|it| it.name() == key).map(|it| Found::Pipeline(*it));
                let unknown =
                    || QueryError::Parsing(format!("Unknown aggregation type [{key}]{}", did_you_mean(key, kind_names().chain(pipeline_names()))));
                let kind = aggregation.or_else(pipeline).ok_or_else(unknown)?;
                if let Some((other, _)) = found.replace((kind, value)) {
                    return Err(QueryError::Parsing(format!("Found two aggregation type definitions in [{name}]: [{}] and [{key}]", other.name())));
                }
            }
        }
    }
    let Some((kind, body)) = found else {
        return Err(QueryError::Parsing(format!("Missing definition for aggregation [{name}]")));
    };
    let subs = subs.unwrap_or_default();
    let kind = match kind {
        Found::Aggregation(kind) => kind,
        Found::Pipeline(kind) => {
            if !subs.is_empty() || !subs.pipelines.is_empty() {
                return Err(QueryError::IllegalArgument(format!("Aggregator [{name}] of type [{}] cannot accept sub-aggregations", kind.name())));
            }
            let body = Body::new(kind.name(), name, body)?;
            let (pipeline, format) = (kind.parse(&body)?, body.str("format")?.map(DecimalFormat::parse));
            return Ok(Parsed::Pipeline(PipelineNode { name: name.to_owned(), kind: kind.name(), meta, pipeline, format }));
        }
    };
    check_parents(&subs, kind, name, body)?;
    if !kind.is_bucket() && !subs.is_empty() {
        return Err(QueryError::IllegalArgument(format!("Aggregator [{name}] of type [{}] cannot accept sub-aggregations", kind.name())));
    }
    // Pages need one order of all buckets; below other buckets each would have its own.
    if !matches!(kind.name(), "filter" | "missing" | "global" | "random_sampler" | "sampler" | "diversified_sampler")
        && subs.nodes.iter().any(|it| it.source.get("composite").is_some())
    {
        return Err(QueryError::IllegalArgument(format!(
            "[composite] aggregation cannot be used with a parent aggregation of type: [{}]",
            kind.name()
        )));
    }
    let needs_all_documents = kind.name() == "global";
    if needs_all_documents && depth > 1 {
        return Err(QueryError::IllegalArgument(format!(
            "Aggregation [{name}] cannot have a global sub-aggregation [{name}]. Global aggregations can only be defined as top level aggregations"
        )));
    }
    let aggregation = kind.parse(&Body::new(kind.name(), name, body)?, &subs)?;
    if depth > 1 && aggregation.sample().is_some() {
        return Err(QueryError::IllegalArgument(format!(
            "Aggregation [{name}] of type [{}] can only be defined as top level aggregation: the sample is of the query's documents",
            kind.name()
        )));
    }
    Ok(Parsed::Aggregation(Node { name: name.to_owned(), meta, source: definition.clone(), needs_all_documents, aggregation, subs }))
}

/// What a definition's key names.
#[derive(Clone, Copy)]
enum Found {
    Aggregation(&'static dyn AggKind),
    Pipeline(&'static dyn PipelineKind),
}

impl Found {
    fn name(self) -> &'static str {
        match self {
            Self::Aggregation(kind) => kind.name(),
            Self::Pipeline(kind) => kind.name(),
        }
    }
}

/// Refuses parent pipelines where there are no buckets in a row.
fn check_parents(subs: &Aggs, kind: &dyn AggKind, name: &str, body: &Value) -> Result<(), QueryError> {
    let parents = subs.pipelines.iter().filter_map(|it| if let Pipeline::Parent(parent) = &it.pipeline { Some((it, parent)) } else { None });
    for (node, parent) in parents {
        let refuse =
            |why: &str| Err(QueryError::ActionRequestValidation(format!("Validation Failed: 1: {} aggregation [{}] {why};", node.kind, node.name)));
        if !kind.has_many_buckets() {
            return refuse(&format!("stands in [{name}] of type [{}], which has no list of buckets", kind.name()));
        }
        if parent.needs_histogram() && !matches!(kind.name(), "histogram" | "date_histogram" | "auto_date_histogram") {
            return refuse("must have a histogram, date_histogram or auto_date_histogram as parent");
        }
        let is_whole = body.get("min_doc_count").is_none_or(|it| matches!(it.as_str().map_or_else(|| it.as_u64(), |it| it.parse().ok()), Some(0)));
        if parent.needs_histogram() && !is_whole {
            return Err(QueryError::ActionRequestValidation(format!(
                "Validation Failed: 1: parent histogram of {} aggregation [{}] must have min_doc_count of 0;",
                node.kind, node.name
            )));
        }
    }
    Ok(())
}

/// The aggregations of a search, planned for one index.
pub struct AggPlan {
    nodes: Vec<PlanNode>,
}

struct PlanNode {
    plan: Box<dyn Plan>,
    subs: AggPlan,
}

impl AggPlan {
    /// A collector for one segment of the index.
    ///
    /// # Errors
    /// Damaged files.
    pub fn collector(&self, segment: &SegmentContext<'_>) -> Result<SegmentCollector, QueryError> {
        let collectors = self.collectors(segment, 1)?;
        Ok(SegmentCollector { collectors, budget: Budget::new(), root: vec![0; BLOCK_DOCS], docs: Vec::with_capacity(BLOCK_DOCS) })
    }

    fn collectors(&self, segment: &SegmentContext<'_>, parents: usize) -> Result<Collectors, QueryError> {
        // Below an aggregation without buckets nothing is collected; sizing for none would let any width look cheap.
        let parents = parents.max(1);
        let list = self.nodes.iter().map(|it| it.plan.collector(segment, parents, &it.subs)).collect::<Result<_, _>>()?;
        Ok(Collectors { list })
    }
}

/// Sibling collectors.
pub(crate) struct Collectors {
    list: Vec<Box<dyn Collector>>,
}

impl Collectors {
    /// Whether there are none, so that buckets need only be counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Hands a block to all.
    pub(crate) fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        debug_assert_eq!(docs.len(), buckets.len());
        if docs.is_empty() {
            return Ok(());
        }
        self.list.iter_mut().try_for_each(|it| it.collect(docs, buckets, budget))
    }

    /// Per wanted bucket, the partial results of all.
    pub(crate) fn finish(self, buckets: &[u32]) -> Result<Vec<Vec<Partial>>, QueryError> {
        // An empty `Vec` allocates nothing: buckets without aggregations below stay small.
        let mut out: Vec<Vec<Partial>> = vec![Vec::new(); buckets.len()];
        let columns = self.list.into_iter().map(|it| it.finish(buckets)).collect::<Result<Vec<_>, _>>()?;
        let width = columns.len();
        for column in columns {
            debug_assert_eq!(column.len(), buckets.len());
            for (subs, partial) in out.iter_mut().zip(column) {
                if subs.is_empty() {
                    subs.reserve_exact(width);
                }
                subs.push(partial);
            }
        }
        Ok(out)
    }
}

/// Collects all aggregations of a search in one segment.
pub struct SegmentCollector {
    collectors: Collectors,
    budget: Budget,
    /// Zeros: everything is in the root's one bucket.
    root: Vec<u32>,
    docs: Vec<DocId>,
}

impl SegmentCollector {
    /// Takes matching documents, ascending. Blocks of some hundred to a few thousand are best.
    ///
    /// # Errors
    /// More memory than [`limits::AGGS_MEMORY_BYTES_MAX`].
    pub fn collect(&mut self, docs: &[DocId]) -> Result<(), QueryError> {
        docs.chunks(BLOCK_DOCS).try_for_each(|it| self.collectors.collect(it, &self.root[..it.len()], &self.budget))
    }

    /// Takes all live documents of a document set; `check` is called every few thousand documents and may end the search.
    /// Gives the number of documents.
    ///
    /// # Errors
    /// As [`SegmentCollector::collect`], and what `check` answers.
    pub fn collect_set(
        &mut self,
        reader: &SegmentReader,
        set: &mut dyn DocSet,
        check: &mut dyn FnMut() -> Result<(), QueryError>,
    ) -> Result<u64, QueryError> {
        let mut docs = std::mem::take(&mut self.docs);
        let alive = reader.alive_bitset();
        let (mut count, mut blocks, mut buffer) = (0, 0u32, [0; COLLECT_BLOCK_BUFFER_LEN]);
        while set.doc() != TERMINATED {
            docs.clear();
            while docs.len() + COLLECT_BLOCK_BUFFER_LEN <= BLOCK_DOCS {
                // One dynamic call for many documents.
                let count = set.fill_buffer(&mut buffer);
                let filled = &buffer[..count];
                match alive {
                    None => docs.extend_from_slice(filled),
                    Some(alive) => docs.extend(filled.iter().filter(|it| alive.is_alive(**it))),
                }
                if filled.len() < COLLECT_BLOCK_BUFFER_LEN {
                    break;
                }
            }
            count += docs.len() as u64;
            self.collect(&docs)?;
            blocks += 1;
            if blocks.is_multiple_of(4) {
                check()?;
            }
        }
        self.docs = docs;
        Ok(count)
    }

    /// Takes all live documents of the segment. Gives their number.
    ///
    /// # Errors
    /// As [`SegmentCollector::collect_set`].
    pub fn collect_all(&mut self, reader: &SegmentReader, check: &mut dyn FnMut() -> Result<(), QueryError>) -> Result<u64, QueryError> {
        let mut docs = std::mem::take(&mut self.docs);
        let alive = reader.alive_bitset();
        let (mut from, mut count, mut blocks) = (0, 0, 0u32);
        while from < reader.max_doc() {
            let to = reader.max_doc().min(from + BLOCK_DOCS as u32);
            docs.clear();
            match alive {
                None => docs.extend(from..to),
                Some(alive) => docs.extend((from..to).filter(|it| alive.is_alive(*it))),
            }
            count += docs.len() as u64;
            self.collect(&docs)?;
            from = to;
            blocks += 1;
            if blocks.is_multiple_of(4) {
                check()?;
            }
        }
        self.docs = docs;
        Ok(count)
    }

    /// The partial results.
    ///
    /// # Errors
    /// Damaged files.
    pub fn finish(self) -> Result<Partials, QueryError> {
        let mut roots = self.collectors.finish(&[0])?;
        Ok(Partials(roots.pop().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(body: Value) -> String {
        Aggs::from_json(&body).unwrap_err().to_string()
    }

    #[test]
    fn every_kind_has_one_name_and_cases() {
        let mut names: Vec<_> = kind_names().chain(pipeline_names()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for name in names {
            let cases = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/query/aggs").join(format!("{name}.test"));
            assert!(cases.exists(), "no cases in tests/query/aggs/{name}.test");
        }
    }

    #[test]
    fn what_is_wrong_with_a_definition_is_said() {
        for (body, expected) in [
            (json!({ "a": { "trms": {} } }), "Unknown aggregation type [trms] did you mean [terms]?"),
            (
                json!({ "a": { "terms": { "field": "x" }, "avg": { "field": "x" } } }),
                "Found two aggregation type definitions in [a]: [terms] and [avg]",
            ),
            (json!({ "a": { "meta": {} } }), "Missing definition for aggregation [a]"),
            (json!({ "a>b": { "avg": { "field": "x" } } }), "Invalid aggregation name [a>b]."),
            (json!({ "a": { "avg": { "field": "x" }, "aggs": { "b": { "avg": { "field": "x" } } } } }), "Aggregator [a] of type [avg] cannot accept"),
            (json!({ "a": { "terms": { "field": "x", "sise": 1 } } }), "[terms] unknown field [sise] did you mean [size]?"),
            (json!({ "a": { "terms": {} } }), "Required one of fields [field, script]"),
            (json!([]), "Expected [START_OBJECT] under [aggs], but got a [START_ARRAY]"),
        ] {
            let message = error(body.clone());
            assert!(message.starts_with(expected), "{body}: {message}");
        }
    }

    #[test]
    fn depth_and_number_are_limited() {
        let mut body = json!({ "a": { "missing": { "field": "x" } } });
        for _ in 0..limits::AGGS_DEPTH_MAX {
            body = json!({ "a": { "missing": { "field": "x" }, "aggs": body } });
        }
        assert!(error(body).contains("nested depth"));
        let many: Map<String, Value> = (0..=limits::AGGS_MAX).map(|it| (it.to_string(), json!({ "avg": { "field": "x" } }))).collect();
        assert!(error(Value::Object(many)).contains("aggregations in one search"));
    }
}
