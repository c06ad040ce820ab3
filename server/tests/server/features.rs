//! The table of supported Elasticsearch features in `docs/elasticsearch.md` is made from the lists in the code and of the cases; here it is
//! compared. `UPDATE_EXPECT=1 cargo test -p sekisho --test server features` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sekisho::api::router::BODY_BYTES_MAX;
use sekisho::api::{ENDPOINTS, msearch, openapi};
use sekisho::app::SEARCHES_WAITING_MAX;
use sekisho::contexts::{self, KEEP_ALIVE_MAX};
use sekisho_engine::{aggs, limits, query};

use super::door::Door;

const HEAD: &str = "# Elasticsearch features

Made from the lists in the code; `UPDATE_EXPECT=1 cargo test -p sekisho --test server features` writes it anew. What is not here is refused
with a 4xx answer in Elasticsearch's shape, and so is every parameter or key that is not understood: nothing is ignored silently that would change an answer.

";

const TAIL: &str = "
## Not supported

Scripts (`script`, `script_score`, `script_fields`, scripted metrics and updates; pipelines have arithmetic and named moving functions), `nested` and
`join` fields, `knn` and vectors, suggesters, `percolate`, geo fields, runtime fields, cross-cluster search, ingest pipelines (site rules take
their place: `site-rules.md`), snapshots.

## Clients that run in the tests

`server/tests/clients`: elasticsearch-py 8 and 9 with its bulk and scan helpers, elasticsearch-dsl, opensearch-py, pySigma's Elasticsearch backend
(its queries), ElastAlert 2, the requests of Grafana's data source, and the official Node clients of Elasticsearch 8 and 9 and of OpenSearch with their helpers.
";

#[test]
fn the_table_of_features_is_that_of_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cases = case_files(&root.join("server/tests/es"));
    let requests: Vec<String> = cases.iter().flat_map(|it| requests(it)).collect();
    let mut text = HEAD.to_owned();
    text += "## Endpoints\n\n| path | methods | cases that ask it |\n| --- | --- | --- |\n";
    let mut paths: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for endpoint in ENDPOINTS {
        for path in endpoint.paths {
            paths.entry(path).or_default().extend(endpoint.methods);
        }
    }
    for (path, methods) in paths.iter().filter(|it| is_of_elasticsearch(it.0)) {
        let count = requests.iter().filter(|it| fits(path, it, &paths)).count();
        let methods: Vec<&str> = methods.iter().copied().collect();
        writeln!(text, "| `{path}` | {} | {count} |", methods.join(", ")).unwrap();
    }
    let list = |title: &str, names: Vec<&str>, folder: &str| {
        let mut text = format!("\n## {title}\n\n| name | cases |\n| --- | --- |\n");
        for name in names {
            let file = root.join(folder).join(format!("{name}.test"));
            let count =
                std::fs::read_to_string(&file).unwrap_or_default().lines().filter(|it| it.starts_with("== ") || it.starts_with("query:")).count();
            writeln!(text, "| `{name}` | {count} |").unwrap();
        }
        text
    };
    text += &list("Queries", query::clause_names().collect(), "engine/tests/query");
    text += &list("Aggregations", aggs::kind_names().collect(), "engine/tests/query/aggs");
    text += &list("Pipeline aggregations", aggs::pipeline_names().collect(), "engine/tests/query/aggs");
    text += &limits();
    text += TAIL;
    let path = root.join("docs/elasticsearch.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap_or_default() == text, "docs/elasticsearch.md is not what the code says; UPDATE_EXPECT=1 writes it");
}

/// Every limit that a search can meet, with what it answers then.
fn limits() -> String {
    const ILLEGAL: &str = "400 `illegal_argument_exception`";
    const BUCKETS: &str = "400 `too_many_buckets_exception`";
    const CLAUSES: &str = "400 `too_many_clauses`";
    const REJECTED: &str = "429 `es_rejected_execution_exception`";
    let hours = format!("{} h", KEEP_ALIVE_MAX.as_secs() / 3_600);
    let rows: &[(&str, String, &str, &str)] = &[
        ("`from` + `size` of hits; hits of a scroll's page", limits::RESULT_WINDOW_MAX.to_string(), "`index.max_result_window`", ILLEGAL),
        ("hits of an index that `rescore` looks at", limits::RESCORE_WINDOW_MAX.to_string(), "`index.max_rescore_window`", ILLEGAL),
        ("`from` + `size` of `top_hits` in a bucket", limits::INNER_RESULT_WINDOW_MAX.to_string(), "`index.max_inner_result_window`", ILLEGAL),
        ("entries of `docvalue_fields`", limits::DOCVALUE_FIELDS_MAX.to_string(), "`index.max_docvalue_fields_search`", ILLEGAL),
        ("levels of a query", limits::QUERY_DEPTH_MAX.to_string(), "`indices.query.bool.max_nested_depth`", CLAUSES),
        ("clauses of a query", limits::CLAUSES_MAX.to_string(), "`indices.query.bool.max_clause_count`", CLAUSES),
        ("values of a `terms` query", limits::TERMS_MAX.to_string(), "`index.max_terms_count`", ILLEGAL),
        ("characters of a regular expression", limits::REGEX_CHARS_MAX.to_string(), "`index.max_regex_length`", ILLEGAL),
        ("characters of a KQL text", limits::KQL_CHARS_MAX.to_string(), "–", ILLEGAL),
        ("buckets of an answer", limits::BUCKETS_MAX.to_string(), "`search.max_buckets`", BUCKETS),
        ("memory of aggregations in a split", format!("{} MiB", limits::AGGS_MEMORY_BYTES_MAX >> 20), "`indices.breaker.request.limit`", BUCKETS),
        ("levels of aggregations", limits::AGGS_DEPTH_MAX.to_string(), "–", ILLEGAL),
        ("aggregations of a search", limits::AGGS_MAX.to_string(), "–", ILLEGAL),
        ("documents of an index in a `sampler`", limits::SAMPLE_DOCS_MAX.to_string(), "–", ILLEGAL),
        ("slices of a scroll or point in time", limits::SLICES_MAX.to_string(), "`index.max_slices_per_scroll`", ILLEGAL),
        ("documents of `_delete_by_query` and its like", limits::SCAN_DOCS_MAX.to_string(), "–", ILLEGAL),
        ("open scrolls", contexts::SCROLLS_MAX.to_string(), "`search.max_open_scroll_context`", "429 `too_many_scroll_contexts_exception`"),
        ("open points in time", contexts::PITS_MAX.to_string(), "–", REJECTED),
        ("kept answers of async searches", contexts::ANSWERS_MAX.to_string(), "–", REJECTED),
        ("time that a scroll or point in time waits for the next request", hours, "`search.max_keep_alive`", ILLEGAL),
        ("searches of one `_msearch`", msearch::SEARCHES_MAX.to_string(), "–", ILLEGAL),
        ("searches that wait for others to end", SEARCHES_WAITING_MAX.to_string(), "–", REJECTED),
        ("bytes of a body", format!("{} MiB", BODY_BYTES_MAX >> 20), "`http.max_content_length`", "413 `content_too_long_exception`"),
        (
            "bytes of all bodies being read",
            "setting `request_memory_bytes`".to_owned(),
            "`network.breaker.inflight_requests.limit`",
            "429 `circuit_breaking_exception`",
        ),
    ];
    let mut text = "\n## Limits\n\nA search whose connection closes is given up. Beyond that:\n\n| what | most | in Elasticsearch | answer beyond |\n| --- | --- | --- | --- |\n".to_owned();
    for (what, most, setting, answer) in rows {
        writeln!(text, "| {what} | {most} | {setting} | {answer} |").unwrap();
    }
    text
}

fn is_of_elasticsearch(path: &str) -> bool {
    !["/_sekisho", "/services", "/ui", "/livez", "/readyz", "/startupz", "/metrics", "/openapi.json"].iter().any(|it| path.starts_with(it))
}

fn case_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(case_files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// The paths that a file's steps ask.
fn requests(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let asked = text.lines().filter_map(|it| it.trim_start().strip_prefix("- request: "));
    asked.filter_map(|it| Some(it.trim_matches('"').split(' ').nth(1)?.split('?').next()?.trim_matches('"').to_owned())).collect()
}

/// Whether a request is for that path, and not for a more exact one.
fn fits(path: &str, request: &str, all: &BTreeMap<&str, BTreeSet<&str>>) -> bool {
    let score = |path: &str| {
        let (parts, asked): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), request.split('/').collect());
        let is_part = |(part, asked): (&&str, &&str)| {
            part == asked || part.starts_with('{') && !asked.is_empty() && (*part != "{index}" || !asked.starts_with('_') || *asked == "_all")
        };
        (parts.len() == asked.len() && parts.iter().zip(&asked).all(is_part)).then(|| parts.iter().filter(|it| !it.starts_with('{')).count())
    };
    score(path).is_some_and(|mine| all.keys().filter_map(|it| score(it)).all(|other| other <= mine))
}

#[test]
fn the_openapi_document_names_every_endpoint_once() {
    let door = Door::open();
    let document = door.json("GET", "/openapi.json", &serde_json::Value::Null);
    assert_eq!(document, openapi::document());
    let mut ids = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            let named = path.split('/').filter(|it| it.starts_with('{')).count();
            assert_eq!(operation["parameters"].as_array().unwrap().len(), named, "{path}");
        }
    }
    let expected: usize = ENDPOINTS.iter().map(|it| it.methods.len() * it.paths.len()).sum();
    assert_eq!(ids.len(), expected);
}
