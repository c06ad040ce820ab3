//! Every limit of the engine, with its reason and what happens when it is hit.

/// Nesting of a query body. Elasticsearch allows 30 levels of `bool`; a deeper tree is refused before it is built, because a
/// stack overflow can't be caught.
pub const QUERY_DEPTH_MAX: usize = 30;

/// Clauses of one query, counted over the whole tree (Elasticsearch: at least 1,024, by heap). Refused with `too_many_clauses`.
pub const CLAUSES_MAX: usize = 4_096;

/// Values of one `terms` query (Elasticsearch's `index.max_terms_count`). Refused with `illegal_argument_exception`.
pub const TERMS_MAX: usize = 65_536;

/// Characters of a regular expression (Elasticsearch's `index.max_regex_length`).
pub const REGEX_CHARS_MAX: usize = 1_000;

/// Buckets of one answer (Elasticsearch's `search.max_buckets`). Refused with `too_many_buckets_exception`.
pub const BUCKETS_MAX: usize = 65_536;

/// `from + size` (Elasticsearch's `index.max_result_window`): a page beyond it would sort everything before it each time.
pub const RESULT_WINDOW_MAX: usize = 10_000;

/// Hits of one index that are scored a second time (Elasticsearch's `index.max_rescore_window`). Refused with `illegal_argument_exception`.
pub const RESCORE_WINDOW_MAX: usize = 10_000;

/// Nesting of an aggregation tree.
pub const AGGS_DEPTH_MAX: usize = 20;

/// Nesting of a JSON document (Elasticsearch's `index.mapping.depth.limit`).
pub const DOCUMENT_DEPTH_MAX: usize = 20;

/// Hits up to which `hits.total` is exact unless `track_total_hits` says otherwise, as in Elasticsearch.
pub const TOTAL_HITS_DEFAULT: u64 = 10_000;

/// Bytes of an explicit `_id`.
pub const ID_BYTES_MAX: usize = 512;

/// Memory that the aggregations of one search may take in one segment. A terms aggregation keeps every bucket until the segments are
/// added up, because only then is the order exact; refused with `too_many_buckets_exception`.
pub const AGGS_MEMORY_BYTES_MAX: usize = 256 << 20;

/// Aggregations of one search, counted over the whole tree; refused with `illegal_argument_exception`.
pub const AGGS_MAX: usize = 1_000;

/// Documents of an index in one `sampler`; refused with `illegal_argument_exception`.
pub const SAMPLE_DOCS_MAX: usize = 100_000;

/// Documents that one `_delete_by_query`, `_update_by_query` or `_reindex` goes over: their addresses are in memory, some 60 bytes each.
/// Refused with `illegal_argument_exception`.
pub const SCAN_DOCS_MAX: usize = 2_000_000;

/// `from + size` of `top_hits` (Elasticsearch's `index.max_inner_result_window`): that many documents are read per bucket.
pub const INNER_RESULT_WINDOW_MAX: usize = 100;

/// Slices of one scroll or point in time (Elasticsearch's `index.max_slices_per_scroll`).
pub const SLICES_MAX: i64 = 1_024;

/// Entries of `docvalue_fields` (Elasticsearch's `index.max_docvalue_fields_search`). Refused with `illegal_argument_exception`.
pub const DOCVALUE_FIELDS_MAX: usize = 100;

/// Characters of a text in KQL; it is refused with the place where it went over.
pub const KQL_CHARS_MAX: usize = 32_768;
