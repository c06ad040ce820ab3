//! Broken, hostile and merely odd queries: each is answered or refused, quickly, and never panics.
//!
//! A smoke test with a fixed seed; the fuzz targets do the same for longer.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "query/index.rs"]
mod index;

use std::time::{Duration, Instant};

use index::{NOW, TestIndex};
use sekisho_engine::datetime::{DateFormat, Rounding, parse_time_zone};
use sekisho_engine::doc_id;
use sekisho_engine::error::QueryError;
use sekisho_engine::mapping::Mapping;
use sekisho_engine::query::{BoolQuery, Query};
use serde_json::{Value, json};

/// No query of these may take longer, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(5);

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

const QUERY_STRINGS: &[&str] = &[
    "source.ip:10.0.0.0/8 AND NOT (destination.port:[1 TO 1024} OR rule.name:\"a b\"~2)^3",
    "_exists_:url.domain && event.action:(reset-* || drop?) -user.name:/adm.n/ +x~1",
    "@timestamp:[now-1d/d TO \"2026-11-23T00:00:00Z\"] @timestamp:>=now-15m message:\\(a\\:b\\) source.*:x *:*",
    "日本語 \"囲 い\" a\u{3000}b \\\\ [* TO *] {a TO b] ()",
];

const BODIES: &[&str] = &[
    r#"{"bool": {"must": [{"term": {"kw": "a"}}], "filter": {"range": {"day": {"gte": "now-1d/d", "lt": 5, "format": "yyyy||epoch_millis", "time_zone": "+09:00"}}}, "should": [{"match": {"txt": {"query": "a b", "minimum_should_match": "2<75%"}}}], "minimum_should_match": -1}}"#,
    r#"{"terms": {"num": [1, "2", 3.5, true], "boost": 2}}"#,
    r#"{"regexp": {"kw": {"value": "a(b|c)*[d-f]{2,5}\"x\"", "flags": "ALL"}}}"#,
    r#"{"wildcard": {"kw": {"value": "*a?b\\*", "case_insensitive": true}}}"#,
    r#"{"match_phrase": {"line": {"query": "a b c", "slop": 3}}}"#,
    r#"{"query_string": {"query": "a AND b", "fields": ["kw^2", "t*"], "default_operator": "and"}}"#,
    r#"{"simple_query_string": {"query": "a + b | -c \"d e\"~2 (f*)"}}"#,
    r#"{"multi_match": {"query": "a b", "type": "cross_fields", "fields": ["kw", "txt^0.5"]}}"#,
    r#"{"constant_score": {"filter": {"ids": {"values": ["1", 2]}}}}"#,
    r#"{"fuzzy": {"kw": {"value": "abc", "fuzziness": "AUTO:1,2", "prefix_length": 1}}}"#,
];

/// Pieces that break things.
const PIECES: &[&str] = &[
    "(",
    ")",
    "\"",
    "[",
    "]",
    "{",
    "}",
    "*",
    "?",
    "~",
    "^",
    "/",
    "\\",
    ":",
    " AND ",
    " OR ",
    "NOT ",
    " TO ",
    "+",
    "-",
    "!",
    "&&",
    "||",
    "<",
    ">=",
    "\u{0}",
    "é",
    "日",
    "\u{202e}",
    "9999999999999999999",
    "-1",
    "1e309",
    "null",
    "true",
    ",",
    "now",
    "/d",
    "||",
    "%",
    ".",
    "..",
    "_id",
    "_index",
    "((((((((",
    "\"\"\"\"",
    "****",
    "NaN",
    "\u{fffd}",
];

fn mutate(random: &mut Random, seed: &str) -> String {
    let mut chars: Vec<char> = seed.chars().collect();
    for _ in 0..1 + random.below(4) {
        let at = random.below(chars.len() + 1);
        match random.below(5) {
            0 => drop(chars.splice(at..at, PIECES[random.below(PIECES.len())].chars())),
            1 if at < chars.len() => drop(chars.remove(at)),
            2 => chars.truncate(at),
            3 if at < chars.len() => chars[at] = char::from_u32(32 + random.below(95) as u32).expect("ASCII"),
            _ => {
                let end = (at + random.below(12)).min(chars.len());
                let copy = chars[at..end].to_vec();
                chars.splice(at..at, copy);
            }
        }
    }
    chars.into_iter().collect()
}

fn index() -> TestIndex {
    let mapping =
        Mapping::from_json(&json!({ "properties": { "kw": { "type": "keyword" }, "txt": { "type": "text" }, "line": { "type": "match_only_text" },
        "num": { "type": "long" }, "day": { "type": "date" }, "ip": { "type": "ip" }, "kwcol": { "type": "keyword", "index": false } } }))
        .unwrap();
    let documents = [
        json!({ "kw": "abc", "kwcol": "a".repeat(30_000), "txt": "a b c", "line": "a b c d", "num": 1, "day": "2026-11-23T00:00:00Z", "ip": "10.0.0.1" }),
        json!({ "kw": ["", "x y"], "txt": "a".repeat(5_000), "line": "b a ".repeat(2_000), "num": -1, "_id": "1" }),
    ];
    TestIndex::new(&mapping, &mapping, &documents, 1)
}

fn ask(index: &TestIndex, body: &Value) {
    let start = Instant::now();
    if let Ok(query) = Query::from_json(body) {
        let again = Query::from_json(&query.to_json()).unwrap_or_else(|why| panic!("{body} writes {query:?}, which is refused: {why}"));
        assert_eq!(again, query, "{body}");
        match index.find_in(&query, "logs-2026") {
            Ok(_) | Err(QueryError::QueryShard(_) | QueryError::IllegalArgument(_) | QueryError::TooManyClauses(_)) => {}
            Err(why) => panic!("{body}: {why}"),
        }
    }
    assert!(start.elapsed() < PATIENCE, "{body} took {:?}", start.elapsed());
}

#[test]
fn mutated_query_strings_are_answered_or_refused() {
    let index = index();
    let mut random = Random(42);
    for round in 0..3_000 {
        let text = mutate(&mut random, QUERY_STRINGS[round % QUERY_STRINGS.len()]);
        ask(&index, &json!({ "query_string": { "query": text } }));
        ask(&index, &json!({ "simple_query_string": { "query": text } }));
    }
}

#[test]
fn mutated_bodies_are_answered_or_refused() {
    let index = index();
    let mut random = Random(7);
    let mut parsed = 0;
    for round in 0..12_000 {
        let text = mutate(&mut random, BODIES[round % BODIES.len()]);
        if let Ok(body) = serde_json::from_str(&text) {
            parsed += 1;
            ask(&index, &body);
        }
    }
    assert!(parsed > 1_000, "only {parsed} bodies were JSON at all");
}

#[test]
fn monsters_are_refused_in_time() {
    let index = index();
    let mut deep = json!({ "match_all": {} });
    for _ in 0..60 {
        deep = json!({ "bool": { "must": deep } });
    }
    let many: Vec<Value> = (0..5_000).map(|it| json!({ "term": { "num": it } })).collect();
    for body in [
        deep,
        json!({ "bool": { "should": many } }),
        json!({ "query_string": { "query": "a ".repeat(10_000) } }),
        json!({ "query_string": { "query": "(".repeat(50_000) } }),
    ] {
        assert!(matches!(Query::from_json(&body), Err(QueryError::TooManyClauses(_))));
    }
    let terms: Vec<u32> = (0..70_000).collect();
    assert!(matches!(Query::from_json(&json!({ "terms": { "num": terms } })), Err(QueryError::IllegalArgument(_))));
    for body in [
        json!({ "terms": { "num": terms[..65_536] } }),
        json!({ "wildcard": { "kwcol": "*a".repeat(499) } }),
        json!({ "wildcard": { "kwcol": format!("{}b", "?*".repeat(300)) } }),
        json!({ "regexp": { "kwcol": "(a*)*(a|aa)*b" } }),
        json!({ "regexp": { "kwcol": "(((a{30}){30}){30}){30}" } }),
        json!({ "fuzzy": { "kwcol": { "value": "a".repeat(30_000), "fuzziness": 2 } } }),
        json!({ "match_phrase": { "line": { "query": "a b a b a b a b a b", "slop": 50 } } }),
        json!({ "match_phrase": { "txt": { "query": "a b c a b c", "slop": 100_000 } } }),
        json!({ "match": { "txt": "a ".repeat(4_000) } }),
        json!({ "query_string": { "query": "\"".repeat(100_001) } }),
        json!({ "query_string": { "query": "/".repeat(100_000) } }),
        json!({ "query_string": { "query": "a:".repeat(100_000) } }),
        json!({ "simple_query_string": { "query": "\"".repeat(100_001) } }),
        json!({ "range": { "day": { "gte": format!("now{}", "+1d".repeat(10_000)) } } }),
        json!({ "range": { "day": { "gte": "now+99999999999y" } } }),
    ] {
        ask(&index, &body);
    }
}

#[test]
fn odd_dates_are_read_or_refused() {
    let mut random = Random(3);
    for round in 0..20_000 {
        let text =
            mutate(&mut random, ["2026-11-23T06:54:21.123+09:00", "now-15m/m", "2020-01-31||+1M/M", "1795416861123.5", "23/Nov/2026 PM"][round % 5]);
        let format = mutate(
            &mut random,
            ["strict_date_optional_time||epoch_millis", "yyyy-MM-dd'T'HH:mm[:ss][.SSS]XXX", "dd/MMM/yyyy a", "epoch_second"][round % 4],
        );
        let zone = parse_time_zone(&mutate(&mut random, "Asia/Tokyo")).or_else(|_| parse_time_zone("+09:00")).unwrap();
        if let Ok(format) = DateFormat::parse(&format) {
            for rounding in [Rounding::Down, Rounding::Up] {
                if let Ok(ts) = format.parse_date(&text, rounding, &zone, NOW) {
                    format.format_date(ts, &zone);
                }
            }
        }
    }
}

#[test]
fn a_derived_id_finds_its_document_unless_that_has_another() {
    let mapping = Mapping::builtin();
    let documents =
        [json!({ "event": { "kind": "a" } }), json!({ "_id": "given" }), json!({ "event": { "kind": "b" } }), json!({ "_id": doc_id::encode(0) })];
    let index = TestIndex::new(&mapping, &mapping, &documents, 2);
    let find = |query: Query| index.find_in(&query, "logs-2026").unwrap();
    // Document 3 was given the id that document 0 derives.
    assert_eq!(find(Query::ids([doc_id::encode(0)])), [0, 3]);
    assert_eq!(find(Query::term("_id", doc_id::encode(1))), [0_u64; 0]);
    assert_eq!(find(Query::terms("_id", [doc_id::encode(2), "given".to_owned()])), [1, 2]);
    assert_eq!(find(Query::ids([doc_id::encode(99)])), [0_u64; 0]);
    assert_eq!(find(BoolQuery::new().must_not(Query::ids([doc_id::encode(2)])).build()), [0, 1, 3]);
}

#[test]
fn every_raw_line_is_found_by_itself_and_by_its_phrases() {
    let mapping = Mapping::builtin();
    let mut random = Random(11);
    let alphabet: Vec<char> = "abcXYZ019.,-_\"'/:;=<>()[]{}\\ \t|@#é日\u{0}".chars().collect();
    let lines: Vec<String> = (0..60).map(|_| (0..random.below(80)).map(|_| alphabet[random.below(alphabet.len())]).collect()).collect();
    let documents: Vec<Value> = lines.iter().map(|it| json!({ "event": { "original": it } })).collect();
    let index = TestIndex::new(&mapping, &mapping, &documents, 2);
    for line in &lines {
        let same: Vec<u64> = (0..lines.len()).filter(|it| lines[*it] == *line).map(|it| it as u64).collect();
        let words = sekisho_engine::analysis::tokens(sekisho_engine::analysis::LINE, line);
        let found = index.find_in(&Query::term("event.original", line.as_str()), "logs-2026").unwrap();
        if words.len() == 1 && words[0] == *line {
            assert!(same.iter().all(|it| found.contains(it)), "{line:?}");
        } else {
            assert_eq!(found, same, "{line:?}");
        }
        if !words.is_empty() {
            let found = index.find_in(&Query::match_phrase("event.original", line), "logs-2026").unwrap();
            assert!(same.iter().all(|it| found.contains(it)), "phrase {line:?}");
        }
    }
}
