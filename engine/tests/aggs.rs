//! The cases of `tests/query/aggs/<kind>.test`: documents, aggregations, answer.
//!
//! ```text
//! mapping
//! {"zone": "keyword"}                     types by field; a value may be a mapping body
//! docs
//! {"zone": "Trust"}                       one document a line
//! --                                      a segment ends
//! {"zone": "DMZ"}
//! == title of a case                      `typed_keys` in the title asks for typed names
//! query {"term": {"zone": "DMZ"}}         optional
//! {"a": {"terms": {"field": "zone"}}}     the aggregations, over several lines where that reads better
//! =>
//! {"a": …}                                the answer, or `error` and its text
//! ```
//!
//! Each case also runs with all documents in one segment and with a segment per document, which must not change a bit.
//! `UPDATE_EXPECT=1 cargo test` rewrites the answers.

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

mod aggs_harness;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use aggs_harness::{Corpus, search};
use sekisho_engine::mapping::Mapping;
use serde_json::{Value, json};

struct Case {
    title: String,
    query: Option<String>,
    request: String,
    answer: String,
}

struct File {
    head: String,
    mapping: Value,
    segments: Vec<Vec<Value>>,
    cases: Vec<Case>,
}

fn parse(path: &Path) -> File {
    let text = std::fs::read_to_string(path).unwrap();
    let (head, rest) = text.split_once("\n== ").unwrap_or_else(|| panic!("{}: no case", path.display()));
    let (mapping, docs) = head.split_once("\ndocs\n").unwrap_or_else(|| panic!("{}: no `docs`", path.display()));
    let mapping = mapping.split_once("mapping\n").unwrap_or_else(|| panic!("{}: no `mapping`", path.display())).1;
    let segments = docs.split("\n--\n").map(|it| it.lines().map(|line| parse_json(path, line)).collect()).collect();
    let cases = rest.split("\n== ").map(|text| {
        let (title, rest) = text.split_once('\n').unwrap();
        let (mut request, answer) = rest.split_once("\n=>\n").unwrap_or((rest, ""));
        let mut query = None;
        if let Some(rest) = request.strip_prefix("query ") {
            let (line, rest) = rest.split_once('\n').unwrap();
            (query, request) = (Some(line.to_owned()), rest);
        }
        Case { title: title.to_owned(), query, request: request.trim().to_owned(), answer: answer.trim().to_owned() }
    });
    File { head: head.to_owned(), mapping: parse_json(path, mapping), segments, cases: cases.collect() }
}

fn parse_json(path: &Path, text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|why| panic!("{}: {why} in {text}", path.display()))
}

fn mapping(types: &Value) -> Mapping {
    let properties =
        types.as_object().unwrap().iter().map(|(name, it)| (name.clone(), if it.is_string() { json!({ "type": it }) } else { it.clone() }));
    Mapping::from_json(&json!({ "properties": properties.collect::<serde_json::Map<_, _>>() })).unwrap()
}

/// The answer as text in lines, and in one line. Not read back on the way: a parsed double may differ in its last bit.
fn run(mapping: &Mapping, segments: &[Vec<Value>], query: &Value, request: &Value, typed_keys: bool) -> (String, String) {
    let corpus = Corpus::build(mapping.clone(), segments);
    match search(&[&corpus], query, request, typed_keys) {
        Ok(it) => (pretty(&it, 0), it.to_string()),
        Err(it) => (format!("error {}: {it}", it.es_type()), format!("error {}: {it}", it.es_type())),
    }
}

/// JSON over lines that people read: objects that fit stay on one.
fn pretty(value: &Value, indent: usize) -> String {
    let line = serde_json::to_string(value).unwrap();
    if line.len() + indent <= 120 {
        return line;
    }
    let (open, close, rows): (_, _, Vec<String>) = match value {
        Value::Object(map) => ('{', '}', map.iter().map(|(key, it)| format!("{}:{}", json!(key), pretty(it, indent + 2))).collect()),
        Value::Array(list) => ('[', ']', list.iter().map(|it| pretty(it, indent + 2)).collect()),
        _ => return line,
    };
    let pad = " ".repeat(indent + 2);
    format!("{open}\n{pad}{}\n{}{close}", rows.join(&format!(",\n{pad}")), " ".repeat(indent))
}

fn check(path: &Path) -> Vec<String> {
    let file = parse(path);
    let mapping = mapping(&file.mapping);
    let (mut failures, mut updated) = (Vec::new(), file.head.clone());
    for case in &file.cases {
        let query = case.query.as_ref().map_or(json!({ "match_all": {} }), |it| parse_json(path, it));
        let request = parse_json(path, &case.request);
        let typed = case.title.contains("typed_keys");
        let (shown, got) = run(&mapping, &file.segments, &query, &request, typed);
        let whole = vec![file.segments.concat()];
        let single: Vec<Vec<Value>> = file.segments.concat().into_iter().map(|it| vec![it]).collect();
        for (how, segments) in [("in one segment", &whole), ("with a segment per document", &single)] {
            let other = run(&mapping, segments, &query, &request, typed).1;
            if other != got {
                failures.push(format!("{}: {}\n  as given: {got}\n  {how}: {other}", path.display(), case.title));
            }
        }
        // Compared as text, so that 1 is not 1.0; layout does not count.
        let expected: String = case.answer.lines().map(str::trim).collect();
        if expected != got {
            failures.push(format!("{}: {}\n  expected {expected}\n  got      {got}", path.display(), case.title));
        }
        let query = case.query.as_ref().map_or(String::new(), |it| format!("query {it}\n"));
        write!(updated, "\n== {}\n{query}{}\n=>\n{shown}\n", case.title, case.request).unwrap();
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, updated).unwrap();
        failures.retain(|it| it.contains("as given"));
    }
    failures
}

#[test]
fn cases() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/query/aggs");
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|it| it.unwrap().path()).filter(|it| it.extension().is_some_and(|it| it == "test")).collect();
    paths.sort();
    assert!(paths.len() >= sekisho_engine::aggs::kind_names().count(), "each kind has a file");
    let failures: Vec<String> = paths.iter().flat_map(|it| check(it)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn indices_that_map_a_field_differently_meet() {
    let long = Corpus::build(mapping(&json!({ "n": "long" })), &[vec![json!({ "n": 1 }), json!({ "n": 2 })]]);
    let double = Corpus::build(mapping(&json!({ "n": "double" })), &[vec![json!({ "n": 1.0 }), json!({ "n": 2.5 })]]);
    let keyword = Corpus::build(mapping(&json!({ "n": "keyword" })), &[vec![json!({ "n": "1" })]]);
    let without = Corpus::build(mapping(&json!({ "m": "keyword" })), &[vec![json!({ "m": "x" })]]);
    let all = json!({ "match_all": {} });
    let request = json!({ "t": { "terms": { "field": "n" } }, "s": { "sum": { "field": "n" } }, "c": { "cardinality": { "field": "n" } } });
    for corpora in [[&long, &double, &without], [&without, &double, &long]] {
        let answer = search(&corpora, &all, &request, true).unwrap();
        let keys: Vec<f64> = answer["dterms#t"]["buckets"].as_array().unwrap().iter().map(|it| it["key"].as_f64().unwrap()).collect();
        assert_eq!(keys, [1.0, 2.0, 2.5], "{answer}");
        assert_eq!(answer["sum#s"]["value"], json!(6.5));
        assert_eq!(answer["cardinality#c"]["value"], json!(3));
    }
    let terms = json!({ "t": { "terms": { "field": "n" } } });
    let error = search(&[&long, &keyword], &all, &terms, false).unwrap_err();
    assert!(error.to_string().contains("two different types in two different indices"), "{error}");
}

#[test]
fn too_many_buckets_are_refused() {
    let mapping = mapping(&json!({ "at": "date" }));
    let corpus = Corpus::build(mapping, &[vec![json!({ "at": "2020-01-01" }), json!({ "at": "2026-01-01" })]]);
    let request = json!({ "h": { "date_histogram": { "field": "at", "fixed_interval": "1s" } } });
    let error = search(&[&corpus], &json!({ "match_all": {} }), &request, false).unwrap_err();
    assert_eq!(error.es_type(), "too_many_buckets_exception");
}
