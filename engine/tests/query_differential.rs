//! Random documents and random queries: the index finds what a naive look at each JSON document finds.
//!
//! The naive side shares nothing with the engine but the analysers' word boundaries on plain ASCII words. A failure prints
//! its seed; `SEKISHO_SEED=n` runs that one alone.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "query/index.rs"]
mod index;

use std::net::IpAddr;

use index::{NOW, TestIndex, values};
use sekisho_engine::clock::Timestamp;
use sekisho_engine::mapping::{FieldType, MappedField, Mapping};
use sekisho_engine::query::{BoolQuery, Query};
use serde_json::{Map, Value, json};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const KEYWORDS: &[&str] = &["allow", "Allow", "deny", "drop", "reset-both", "", "a b", "日本", "a*b", "zz/top"];
const WORDS: &[&str] = &["quick", "brown", "fox", "deny", "the", "quicker", "10.1.2.3", "x"];
const NUMBERS: &[i64] = &[-5, 0, 1, 22, 80, 443, 444, 65_535, i64::MAX, i64::MIN];
const FLOATS: &[f64] = &[-2.5, 0.0, 0.1, 1.5, 80.0, 1e12];
const ADDRESSES: &[&str] = &["10.0.0.1", "10.0.0.255", "10.1.0.0", "192.168.1.1", "2001:db8::1", "::1", "255.255.255.255"];
const BLOCKS: &[&str] = &["10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "10.0.0.1/32"];
const DAYS: &[i64] = &[0, -1, 1_795_392_000_000, 1_795_391_999_999, 1_795_416_861_123, 1_795_478_400_000];

fn mapping() -> Mapping {
    Mapping::from_json(&json!({ "properties": {
        "kw": { "type": "keyword" }, "kwcol": { "type": "keyword", "index": false }, "kwpost": { "type": "keyword", "doc_values": false },
        "wc": { "type": "wildcard" }, "txt": { "type": "text" }, "line": { "type": "match_only_text" },
        "num": { "type": "long" }, "numcol": { "type": "long", "index": false }, "numpost": { "type": "integer", "doc_values": false },
        "dbl": { "type": "double" }, "flag": { "type": "boolean" }, "day": { "type": "date" }, "time": { "type": "date" },
        "o": { "properties": { "ip": { "type": "ip" }, "ipcol": { "type": "ip", "index": false }, "ippost": { "type": "ip", "doc_values": false } } },
    } }))
    .unwrap()
}

fn value(random: &mut Random, kind: FieldType) -> Value {
    match kind {
        FieldType::Keyword | FieldType::Wildcard => json!(random.pick(KEYWORDS)),
        FieldType::Text | FieldType::MatchOnlyText => {
            let count = 1 + random.below(6);
            json!((0..count).map(|_| random.pick(WORDS)).collect::<Vec<_>>().join(" "))
        }
        FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte => json!(random.pick(NUMBERS)),
        FieldType::Double | FieldType::Float => json!(random.pick(FLOATS)),
        FieldType::Boolean => json!(random.chance(50)),
        FieldType::Date => json!(random.pick(DAYS)),
        FieldType::Ip => json!(random.pick(ADDRESSES)),
    }
}

fn document(random: &mut Random, mapping: &Mapping) -> Value {
    let mut document = Map::new();
    for field in mapping.fields() {
        // Every document has one time, as in a split of a data stream.
        if field.name == "time" {
            document.insert(field.name.clone(), json!(random.pick(DAYS)));
            continue;
        }
        if random.chance(35) {
            continue;
        }
        let mut one = || value(random, field.kind);
        let value = if one().to_string().len() % 3 == 0 { json!([one(), one()]) } else { one() };
        match field.name.split_once('.') {
            Some((outer, inner)) => {
                let object = document.entry(outer).or_insert_with(|| json!({}));
                object.as_object_mut().unwrap().insert(inner.to_owned(), value);
            }
            None => drop(document.insert(field.name.clone(), value)),
        }
    }
    Value::Object(document)
}

/// A query body, and whether a document matches it.
type Naive = (Value, Box<dyn Fn(&Value) -> bool>);

fn naive(body: Value, matches: impl Fn(&Value) -> bool + 'static) -> Naive {
    (body, Box::new(matches))
}

/// On one field: some value of the document fulfils `test`.
fn any(mapping: &Mapping, field: &MappedField, test: impl Fn(&Value) -> bool + 'static) -> impl Fn(&Value) -> bool + 'static {
    let (mapping, field) = (mapping.clone(), field.clone());
    move |document| values(&mapping, &field, document).into_iter().any(&test)
}

fn number(ip: &str) -> u128 {
    match ip.parse::<IpAddr>().unwrap() {
        IpAddr::V4(it) => it.to_ipv6_mapped().into(),
        IpAddr::V6(it) => it.into(),
    }
}

fn in_block(ip: &str, block: &str) -> bool {
    let (base, bits) = block.split_once('/').unwrap();
    let bits: u32 = bits.parse::<u32>().unwrap() + if base.contains(':') { 0 } else { 96 };
    bits == 0 || number(ip) >> (128 - bits) == number(base) >> (128 - bits)
}

fn wildcard(pattern: &[char], text: &[char]) -> bool {
    match pattern.first() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).any(|at| wildcard(&pattern[1..], &text[at..])),
        Some('?') => !text.is_empty() && wildcard(&pattern[1..], &text[1..]),
        Some(c) => text.first() == Some(c) && wildcard(&pattern[1..], &text[1..]),
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_lowercase).collect()
}

fn leaf(random: &mut Random, mapping: &Mapping) -> Naive {
    let field = &mapping.fields()[random.below(mapping.fields().len())];
    let name = field.name.as_str();
    if random.chance(12) {
        return naive(json!({ "exists": { "field": name } }), any(mapping, field, |_| true));
    }
    match field.kind {
        FieldType::Keyword | FieldType::Wildcard => {
            let text = random.pick(KEYWORDS).to_owned();
            match random.below(6) {
                0 => naive(json!({ "term": { name: text } }), any(mapping, field, move |it| it == &json!(text))),
                1 => {
                    let list: Vec<&str> = (0..random.below(4)).map(|_| random.pick(KEYWORDS)).collect();
                    naive(json!({ "terms": { name: list } }), any(mapping, field, move |it| list.iter().any(|text| it == text)))
                }
                2 => {
                    let prefix: String = text.chars().take(1 + random.below(3)).collect();
                    naive(json!({ "prefix": { name: prefix } }), any(mapping, field, move |it| it.as_str().unwrap().starts_with(&prefix)))
                }
                3 => {
                    let pattern = random.pick(&["*", "a*", "*w", "?llow", "*e*", "*\\**", "d??p", "", "*日*", "z*/t*"]).to_owned();
                    // An escaped star is a character that stands nowhere else.
                    let chars: Vec<char> = pattern.replace("\\*", "\u{1}").chars().collect();
                    let test = move |it: &Value| {
                        wildcard(&chars, &it.as_str().unwrap().chars().map(|c| if c == '*' { '\u{1}' } else { c }).collect::<Vec<_>>())
                    };
                    naive(json!({ "wildcard": { name: pattern } }), any(mapping, field, test))
                }
                4 => {
                    let (low, high) = (text, random.pick(KEYWORDS).to_owned());
                    let body = json!({ "range": { name: { "gt": low, "lte": high } } });
                    naive(body, any(mapping, field, move |it| it.as_str().unwrap() > low.as_str() && it.as_str().unwrap() <= high.as_str()))
                }
                _ => {
                    let body = json!({ "term": { name: { "value": text.to_uppercase(), "case_insensitive": true } } });
                    naive(body, any(mapping, field, move |it| it.as_str().unwrap().to_lowercase() == text.to_lowercase()))
                }
            }
        }
        FieldType::Text | FieldType::MatchOnlyText => {
            let asked: Vec<String> = (0..1 + random.below(3)).map(|_| random.pick(WORDS).to_owned()).collect();
            let text = asked.join(" ");
            match random.below(5) {
                0 => naive(
                    json!({ "match": { name: text } }),
                    any(mapping, field, move |it| words(it.as_str().unwrap()).iter().any(|it| asked.contains(it))),
                ),
                1 => {
                    // All words in the document, in whichever of its texts.
                    let body = json!({ "match": { name: { "query": text, "operator": "and" } } });
                    let (mapping, field) = (mapping.clone(), field.clone());
                    naive(body, move |document| {
                        let have: Vec<String> = values(&mapping, &field, document).iter().flat_map(|it| words(it.as_str().unwrap())).collect();
                        asked.iter().all(|it| have.contains(it))
                    })
                }
                2 => naive(
                    json!({ "match_phrase": { name: text } }),
                    any(mapping, field, move |it| words(it.as_str().unwrap()).windows(asked.len()).any(|it| it == asked)),
                ),
                3 => {
                    let (last, before) = asked.split_last().unwrap();
                    let start: String = last.chars().take(2).collect();
                    let text = before.iter().chain([&start]).cloned().collect::<Vec<_>>().join(" ");
                    let before = before.to_vec();
                    let test = move |it: &Value| {
                        words(it.as_str().unwrap())
                            .windows(before.len() + 1)
                            .any(|it| it[..before.len()] == before && it[before.len()].starts_with(&start))
                    };
                    naive(json!({ "match_phrase_prefix": { name: text } }), any(mapping, field, test))
                }
                _ => {
                    let word = random.pick(WORDS).to_owned();
                    naive(json!({ "term": { name: word } }), any(mapping, field, move |it| words(it.as_str().unwrap()).contains(&word)))
                }
            }
        }
        FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte => numbers(random, mapping, field, NUMBERS),
        FieldType::Date if random.chance(30) => {
            // Midnight before NOW, and the one before that.
            let (today, yesterday) = (1_795_392_000_000, 1_795_305_600_000);
            let (bounds, range) = match random.below(3) {
                0 => (json!({ "gte": "now-1d/d", "lt": "now" }), yesterday..NOW.0),
                1 => (json!({ "gte": "now/d" }), today..i64::MAX),
                _ => (json!({ "lte": "2026-11-22" }), i64::MIN..today),
            };
            naive(json!({ "range": { name: bounds } }), any(mapping, field, move |it| range.contains(&it.as_i64().unwrap())))
        }
        FieldType::Date => numbers(random, mapping, field, DAYS),
        FieldType::Double | FieldType::Float => {
            let (low, high) = (random.pick(FLOATS), random.pick(FLOATS));
            match random.below(2) {
                0 => naive(json!({ "term": { name: low } }), any(mapping, field, move |it| it.as_f64() == Some(low))),
                _ => naive(
                    json!({ "range": { name: { "gte": low, "lt": high } } }),
                    any(mapping, field, move |it| (low..high).contains(&it.as_f64().unwrap())),
                ),
            }
        }
        FieldType::Boolean => {
            let wanted = random.chance(50);
            naive(json!({ "term": { name: wanted } }), any(mapping, field, move |it| it == &json!(wanted)))
        }
        FieldType::Ip => {
            let (low, high) = (random.pick(ADDRESSES), random.pick(ADDRESSES));
            match random.below(4) {
                0 => naive(json!({ "term": { name: low } }), any(mapping, field, move |it| number(it.as_str().unwrap()) == number(low))),
                1 => {
                    let block = random.pick(BLOCKS);
                    naive(json!({ "term": { name: block } }), any(mapping, field, move |it| in_block(it.as_str().unwrap(), block)))
                }
                2 => {
                    let block = random.pick(BLOCKS);
                    let test = move |it: &Value| in_block(it.as_str().unwrap(), block) || number(it.as_str().unwrap()) == number(low);
                    naive(json!({ "terms": { name: [block, low] } }), any(mapping, field, test))
                }
                _ => {
                    let test = move |it: &Value| number(it.as_str().unwrap()) > number(low) && number(it.as_str().unwrap()) <= number(high);
                    naive(json!({ "range": { name: { "gt": low, "lte": high } } }), any(mapping, field, test))
                }
            }
        }
    }
}

fn numbers(random: &mut Random, mapping: &Mapping, field: &MappedField, pool: &[i64]) -> Naive {
    let name = field.name.as_str();
    let (low, high) = (random.pick(pool), random.pick(pool));
    match random.below(4) {
        0 => naive(json!({ "term": { name: low } }), any(mapping, field, move |it| it.as_i64() == Some(low))),
        1 => {
            let list: Vec<i64> = (0..random.below(9)).map(|_| random.pick(pool)).collect();
            naive(json!({ "terms": { name: list } }), any(mapping, field, move |it| list.contains(&it.as_i64().unwrap())))
        }
        2 => naive(
            json!({ "range": { name: { "gte": low, "lt": high } } }),
            any(mapping, field, move |it| (low..high).contains(&it.as_i64().unwrap())),
        ),
        _ => {
            let test = move |it: &Value| it.as_i64().unwrap() > low && it.as_i64().unwrap() <= high;
            naive(json!({ "range": { name: { "gt": low.to_string(), "lte": high.to_string() } } }), any(mapping, field, test))
        }
    }
}

fn tree(random: &mut Random, mapping: &Mapping, depth: usize) -> Naive {
    if depth == 0 || random.chance(35) {
        return leaf(random, mapping);
    }
    match random.below(11) {
        3 => scored(random, mapping, depth),
        4 => enough(random, mapping),
        0 => {
            let (body, test) = tree(random, mapping, depth - 1);
            naive(json!({ "constant_score": { "filter": body } }), test)
        }
        1 => {
            let list: Vec<Naive> = (0..1 + random.below(3)).map(|_| tree(random, mapping, depth - 1)).collect();
            let body = json!({ "dis_max": { "queries": list.iter().map(|it| &it.0).collect::<Vec<_>>() } });
            naive(body, move |it| list.iter().any(|query| query.1(it)))
        }
        2 => {
            let (positive, negative) = (tree(random, mapping, depth - 1), tree(random, mapping, depth - 1));
            naive(json!({ "boosting": { "positive": positive.0, "negative": negative.0, "negative_boost": 0.5 } }), positive.1)
        }
        _ => {
            let mut list = |most: usize| -> Vec<Naive> { (0..random.below(most + 1)).map(|_| tree(random, mapping, depth - 1)).collect() };
            let (must, filter, should, must_not) = (list(2), list(2), list(3), list(2));
            let bodies = |list: &[Naive]| list.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
            let mut inner = json!({ "must": bodies(&must), "filter": bodies(&filter), "should": bodies(&should), "must_not": bodies(&must_not) });
            let mut required = usize::from(must.is_empty() && filter.is_empty() && !should.is_empty());
            if random.chance(40) {
                let asked = random.below(4);
                inner["minimum_should_match"] = json!(asked);
                required = required.max(asked);
            }
            naive(json!({ "bool": inner }), move |it| {
                must.iter().chain(&filter).all(|query| query.1(it))
                    && !must_not.iter().any(|query| query.1(it))
                    && should.iter().filter(|query| query.1(it)).count() >= required
            })
        }
    }
}

/// Scores that functions make, and what they let through.
fn scored(random: &mut Random, mapping: &Mapping, depth: usize) -> Naive {
    let (inner, filter) = (tree(random, mapping, depth - 1), tree(random, mapping, depth - 1));
    let (filtered, plain, least) = (1.0 + random.below(3) as f64, random.below(3) as f64, random.below(4) as f64);
    let mode = random.pick(&["sum", "max", "first", "multiply"]);
    let functions = json!([{ "filter": filter.0, "weight": filtered }, { "weight": plain }]);
    let body = json!({ "query": inner.0, "functions": functions, "score_mode": mode, "boost_mode": "replace", "min_score": least });
    naive(json!({ "function_score": body }), move |it| {
        let score = match (filter.1(it), mode) {
            (false, _) => plain,
            (true, "sum") => filtered + plain,
            (true, "max") => filtered.max(plain),
            (true, "first") => filtered,
            (true, _) => filtered * plain,
        };
        inner.1(it) && score >= least
    })
}

/// At least so many of some keywords as a field of the document says.
fn enough(random: &mut Random, mapping: &Mapping) -> Naive {
    let field = mapping.field(random.pick(&["kw", "kwcol", "kwpost"])).unwrap().clone();
    let needed = mapping.field(random.pick(&["num", "numcol"])).unwrap().clone();
    let mut terms: Vec<&str> = (0..random.below(6)).map(|_| random.pick(KEYWORDS)).collect();
    terms.sort_unstable();
    terms.dedup();
    let body = json!({ "terms_set": { field.name.clone(): { "terms": terms, "minimum_should_match_field": needed.name } } });
    let mapping = mapping.clone();
    naive(body, move |it| {
        let found = values(&mapping, &field, it);
        let count = terms.iter().filter(|term| found.iter().any(|it| it.as_str() == Some(term))).count() as i64;
        let least = values(&mapping, &needed, it).iter().filter_map(|it| it.as_i64()).min();
        least.is_some_and(|least| count >= least.max(1))
    })
}

fn round(seed: u64) {
    let mut random = Random(seed);
    let mapping = mapping();
    let documents: Vec<Value> = (0..1 + random.below(60)).map(|_| document(&mut random, &mapping)).collect();
    let segments = 1 + random.below(3);
    let index = TestIndex::new(&mapping, &mapping, &documents, segments);
    let find = |query: &Query| index.find_in(query, "logs-2026").unwrap_or_else(|why| panic!("seed {seed}: {query:?}: {why}"));
    for _ in 0..40 {
        let (body, matches) = tree(&mut random, &mapping, 3);
        let query = Query::from_json(&body).unwrap_or_else(|why| panic!("seed {seed}: {body}: {why}"));
        let expected: Vec<u64> = documents.iter().enumerate().filter(|it| matches(it.1)).map(|it| it.0 as u64).collect();
        assert_eq!(find(&query), expected, "seed {seed}, query {body}");
        let others = find(&BoolQuery::new().must_not(query.clone()).build());
        assert_eq!(others.len() + expected.len(), documents.len(), "seed {seed}, what does not match {body}");
        clips(seed, &query, &documents, &mapping, &find);
    }
}

/// A query clipped to the documents' time finds the same, and every match lies within the query's own bounds.
fn clips(seed: u64, query: &Query, documents: &[Value], mapping: &Mapping, find: &dyn Fn(&Query) -> Vec<u64>) {
    let time = |it: &Value| it["time"].as_i64().unwrap();
    let (Some(oldest), Some(newest)) = (documents.iter().map(time).min(), documents.iter().map(time).max()) else { return };
    let clipped = query.clip("time", Timestamp(oldest), Timestamp(newest), mapping, NOW);
    let found = find(query);
    assert_eq!(find(&clipped), found, "seed {seed}: {query:?} clipped is {clipped:?}");
    let (from, to) = query.time_range("time", mapping, NOW);
    for seq in found {
        let time = time(&documents[seq as usize]);
        assert!(from.is_none_or(|from| time >= from), "seed {seed}: {query:?} finds {seq} before {from:?}");
        assert!(to.is_none_or(|to| time <= to), "seed {seed}: {query:?} finds {seq} after {to:?}");
    }
}

#[test]
fn the_index_finds_what_a_look_at_each_document_finds() {
    if let Ok(seed) = std::env::var("SEKISHO_SEED") {
        return round(seed.parse().expect("SEKISHO_SEED is a number"));
    }
    let rounds: u64 = std::env::var("SEKISHO_ROUNDS").map_or(60, |it| it.parse().expect("SEKISHO_ROUNDS is a number"));
    for seed in 1..=rounds {
        round(seed);
    }
}
