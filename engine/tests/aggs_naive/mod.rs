//! Random documents, random aggregation trees, and a scan that looks at every document to answer them.
//!
//! The scan shares nothing with the engine but the texts of addresses and times.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use sekisho_engine::clock::Timestamp;
use sekisho_engine::mapping::Mapping;
use sekisho_engine::row::{ip_bytes, ip_text};
use serde_json::{Map, Value, json};

/// A small generator of our own, so that a seed means the same for ever.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }
}

/// The values that a document has of a field.
pub(crate) fn values<'a>(document: &'a Value, field: &str) -> Vec<&'a Value> {
    match document.get(field) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(single) => vec![single],
    }
}

pub(crate) const DAY: i64 = 86_400_000;

pub(crate) fn mapping() -> Mapping {
    let types = [
        ("low", "keyword"),
        ("high", "keyword"),
        ("tags", "keyword"),
        ("ip", "ip"),
        ("port", "long"),
        ("wide", "long"),
        ("real", "double"),
        ("at", "date"),
        ("ok", "boolean"),
    ];
    let properties: Map<String, Value> = types.iter().map(|(name, kind)| (name.to_string(), json!({ "type": kind }))).collect();
    Mapping::from_json(&json!({ "properties": properties })).unwrap()
}

pub(crate) fn document(random: &mut Random, full: bool) -> Value {
    let mut out = Map::new();
    let put = |out: &mut Map<String, Value>, random: &mut Random, name: &str, value: Value| {
        // Where `full`, columns have a value for every document, which is read by another path.
        if full || random.chance(80) {
            out.insert(name.to_owned(), value);
        }
    };
    let low = format!("zone{}", random.below(4));
    put(&mut out, random, "low", json!(low));
    let high = format!("h{}", random.below(300));
    put(&mut out, random, "high", json!(high));
    let tags: Vec<String> = (0..random.below(4)).map(|_| format!("t{}", random.below(6))).collect();
    put(&mut out, random, "tags", json!(tags));
    let ip = if random.chance(20) { format!("2001:db8::{:x}", random.below(5)) } else { format!("10.0.{}.{}", random.below(3), random.below(9)) };
    put(&mut out, random, "ip", json!(ip));
    let ports: Vec<u64> = (0..1 + u64::from(!full && random.chance(10))).map(|_| *random.pick(&[22, 53, 80, 443, 8080])).collect();
    put(&mut out, random, "port", if ports.len() == 1 { json!(ports[0]) } else { json!(ports) });
    let wide = (random.next() >> random.below(40)) as i64 >> 12;
    put(&mut out, random, "wide", json!(wide));
    // Quarters, so that the naive sums are exact in any order.
    let real = (random.below(400) as f64 - 100.0) / 4.0;
    put(&mut out, random, "real", json!(real));
    // Around the day on which clocks in Europe went back.
    let at = 1_792_886_400_000 - 3 * DAY + random.below(6 * DAY as u64) as i64;
    put(&mut out, random, "at", json!(Timestamp(at).to_string()));
    let ok = random.chance(50);
    put(&mut out, random, "ok", json!(ok));
    Value::Object(out)
}

/// Levels of a random tree; `composite` and a `terms` of all values can stand at the top only.
pub(crate) const DEPTH: usize = 3;

/// Aggregations whose buckets stand in a list with keys, so that a pipeline beside them can read them.
const LISTED: [&str; 6] = ["terms", "date_histogram", "histogram", "rare_terms", "ip_prefix", "variable_width_histogram"];

pub(crate) fn request(random: &mut Random, depth: usize) -> Value {
    let mut out = Map::new();
    // The deeper the fewer, or the answers grow beyond all bounds.
    let most = if depth == DEPTH { 2 } else { 1 + random.below(2) };
    for at in 0..1 + random.below(most) {
        out.insert(format!("a{at}"), one(random, depth));
    }
    if random.chance(40) && LISTED.iter().any(|it| out["a0"].get(it).is_some()) {
        let metric = out["a0"]["aggs"].as_object().into_iter().flatten().find(|it| {
            let kind = it.1.as_object().and_then(|it| it.keys().next()).map_or("", String::as_str);
            ["min", "max", "sum", "avg", "value_count", "cardinality"].contains(&kind)
        });
        let path = match metric {
            Some((name, _)) if random.chance(60) => format!("a0>{name}"),
            _ => "a0>_count".to_owned(),
        };
        let kind = *random.pick(&["max_bucket", "min_bucket", "avg_bucket", "sum_bucket", "stats_bucket"]);
        out.insert("beside".to_owned(), json!({ kind: { "buckets_path": path } }));
    }
    Value::Object(out)
}

fn one(random: &mut Random, depth: usize) -> Value {
    const ANY: [&str; 10] = ["low", "high", "tags", "ip", "port", "wide", "real", "at", "ok", "nowhere"];
    const NUMBERS: [&str; 6] = ["port", "wide", "real", "at", "ok", "nowhere"];
    let metric = depth == 0 || random.chance(30);
    if metric {
        let kind = *random.pick(&["min", "max", "sum", "avg", "stats", "value_count", "cardinality", "percentiles", "top_hits"]);
        if kind == "top_hits" {
            let field = *random.pick(&ANY[..9]);
            let order = json!({ "order": *random.pick(&["asc", "desc"]), "missing": *random.pick(&["_last", "_first"]) });
            return json!({ "top_hits": { "sort": [{ field: order }], "size": 1 + random.below(4), "_source": ["seq"] } });
        }
        let field = if matches!(kind, "value_count" | "cardinality") { *random.pick(&ANY) } else { *random.pick(&NUMBERS) };
        let mut body = json!({ "field": field });
        if kind == "percentiles" {
            body["percents"] = json!([0, 10, 50, 99]);
        }
        return json!({ kind: body });
    }
    let mut definition = match random.below(if depth == DEPTH { 18 } else { 15 }) {
        0 | 1 => {
            let field = *random.pick(&ANY);
            let mut body = json!({ "field": field, "size": *random.pick(&[1, 3, 10, 1000]) });
            if random.chance(30) && field != "nowhere" {
                body["missing"] = match field {
                    "ip" => json!("10.0.1.255"),
                    "port" | "wide" => json!(443),
                    "real" => json!(-3.5),
                    "at" => json!("2026-10-25T00:00:00Z"),
                    "ok" => json!(true),
                    _ => json!(*random.pick(&["zone1", "t2", "aaa", "zzz"])),
                };
            }
            if random.chance(50) {
                body["order"] =
                    random.pick(&[json!({ "_key": "desc" }), json!({ "_count": "asc" }), json!([{ "_count": "desc" }, { "_key": "desc" }])]).clone();
            }
            if random.chance(20) {
                body["min_doc_count"] = json!(2);
            }
            json!({ "terms": body })
        }
        2 => {
            let zone = *random.pick(&["UTC", "Europe/Berlin", "Asia/Tokyo"]);
            let mut body = json!({ "field": "at", "time_zone": zone, "min_doc_count": random.below(2) });
            match random.below(3) {
                0 => body["fixed_interval"] = json!(*random.pick(&["1h", "6h", "12h", "1d"])),
                _ => body["calendar_interval"] = json!(*random.pick(&["hour", "day", "week", "month"])),
            }
            json!({ "date_histogram": body })
        }
        3 => {
            json!({ "histogram": { "field": *random.pick(&["port", "real"]), "interval": *random.pick(&[7.5, 100.0]), "min_doc_count": random.below(2) } })
        }
        4 => {
            json!({ "range": { "field": *random.pick(&["port", "wide", "real"]), "ranges": [{ "to": 0 }, { "from": 0, "to": 100 }, { "from": 22.5 }] } })
        }
        5 => {
            let queries = [json!({ "term": { "low": "zone1" } }), json!({ "term": { "tags": "t2" } }), json!({ "match_all": {} })];
            json!({ "filters": { "other_bucket": true, "filters": queries[..1 + random.below(3) as usize] } })
        }
        6 => json!({ "missing": { "field": *random.pick(&ANY) } }),
        7 => {
            let term = |random: &mut Random| {
                let field = *random.pick(&ANY);
                if field == "low" && random.chance(50) { json!({ "field": field, "missing": "none" }) } else { json!({ "field": field }) }
            };
            let terms: Vec<Value> = (0..2 + random.below(2)).map(|_| term(random)).collect();
            json!({ "multi_terms": { "terms": terms, "size": *random.pick(&[1, 10, 1000]) } })
        }
        8 => {
            json!({ "rare_terms": { "field": *random.pick(&["low", "high", "ip", "port", "wide", "nowhere"]), "max_doc_count": 1 + random.below(5) } })
        }
        10 => json!({ "filter": random.pick(&[json!({ "term": { "low": "zone1" } }), json!({ "term": { "tags": "nothing" } })]) }),
        11 => {
            json!({ "ip_range": { "field": "ip", "ranges": [{ "to": "10.0.1.0" }, { "mask": "10.0.0.0/15" }, { "from": "10.0.2.4", "to": "2001:db8::2" }] } })
        }
        12 => {
            json!({ "date_range": { "field": "at", "ranges": [{ "to": "2026-10-25" }, { "from": "2026-10-24T12:00:00Z", "to": "2026-10-26" }, { "from": "2026-10-26" }] } })
        }
        13 => {
            json!({ "adjacency_matrix": { "filters": { "x": { "term": { "low": "zone1" } }, "y": { "term": { "tags": "t2" } }, "z": { "term": { "tags": "t3" } } } } })
        }
        14 => json!({ "variable_width_histogram": { "field": *random.pick(&["real", "wide"]), "buckets": 1 + random.below(8) } }),
        15 => json!({ "terms": { "field": *random.pick(&ANY), "min_doc_count": 0, "size": 1000 } }),
        16 => json!({ "global": {} }),
        9 => {
            let is_ipv6 = random.chance(40);
            let prefix_length = if is_ipv6 { *random.pick(&[0, 64, 127, 128]) } else { *random.pick(&[0, 8, 24, 31, 32]) };
            json!({ "ip_prefix": { "field": "ip", "prefix_length": prefix_length, "is_ipv6": is_ipv6 } })
        }
        _ => {
            let source = |random: &mut Random, at: usize| {
                let mut body = json!({ "field": *random.pick(&ANY), "order": *random.pick(&["asc", "desc"]), "missing_bucket": random.chance(50) });
                let kind = *random.pick(&["terms", "terms", "histogram", "date_histogram"]);
                if body["missing_bucket"] == true {
                    body["missing_order"] = json!(*random.pick(&["default", "first", "last"]));
                }
                if kind == "histogram" {
                    body["field"] = json!(*random.pick(&["port", "real"]));
                    body["interval"] = json!(*random.pick(&[7.5, 100.0]));
                }
                if kind == "date_histogram" {
                    body["field"] = json!("at");
                    body["calendar_interval"] = json!(*random.pick(&["hour", "day", "week"]));
                    body["time_zone"] = json!(*random.pick(&["UTC", "Europe/Berlin"]));
                }
                json!({ format!("s{at}"): { kind: body } })
            };
            let sources: Vec<Value> = (0..1 + random.below(3) as usize).map(|at| source(random, at)).collect();
            json!({ "composite": { "sources": sources, "size": *random.pick(&[1, 7, 20_000]) } })
        }
    };
    if random.chance(70) {
        definition["aggs"] = request(random, depth - 1);
    }
    let is_whole = |kind: &str| definition[kind]["min_doc_count"] == 0;
    if (is_whole("histogram") || is_whole("date_histogram")) && random.chance(40) {
        let sum = json!({ "cumulative_sum": { "buckets_path": "_count" } });
        match definition.get_mut("aggs") {
            Some(aggs) => aggs["running"] = sum,
            None => definition["aggs"] = json!({ "running": sum }),
        }
    }
    definition
}

/// A value of a document as the naive scan sees it; the order is the order of keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    Number(f64),
    Bytes(Vec<u8>),
}

impl Eq for Seen {}

impl PartialOrd for Seen {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Seen {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Seen::Number(a), Seen::Number(b)) => a.total_cmp(b),
            (Seen::Bytes(a), Seen::Bytes(b)) => a.cmp(b),
            _ => unreachable!("one field, one type"),
        }
    }
}

fn seen_value(field: &str, value: &Value) -> Seen {
    match (field, value) {
        ("ip", Value::String(it)) => Seen::Bytes(ip_bytes(it.parse::<IpAddr>().unwrap()).to_vec()),
        ("at", Value::String(it)) => Seen::Number(it.parse::<jiff::Timestamp>().unwrap().as_millisecond() as f64),
        (_, Value::String(it)) => Seen::Bytes(it.clone().into_bytes()),
        (_, Value::Bool(it)) => Seen::Number(f64::from(u8::from(*it))),
        (_, it) => Seen::Number(it.as_f64().unwrap()),
    }
}

pub(crate) fn seen(document: &Value, body: &Value) -> Vec<Seen> {
    let field = body["field"].as_str().unwrap();
    let mut out: Vec<Seen> = values(document, field).into_iter().map(|it| seen_value(field, it)).collect();
    if out.is_empty()
        && let Some(missing) = body.get("missing")
    {
        out.push(seen_value(field, missing));
    }
    out.sort();
    out
}

fn key_json(field: &str, key: &Seen, row: &mut Map<String, Value>) {
    match (field, key) {
        ("ip", Seen::Bytes(it)) => drop(row.insert("key".to_owned(), json!(ip_text(<[u8; 16]>::try_from(it.as_slice()).unwrap().into())))),
        (_, Seen::Bytes(it)) => drop(row.insert("key".to_owned(), json!(str::from_utf8(it).unwrap()))),
        ("real", Seen::Number(it)) => drop(row.insert("key".to_owned(), json!(it))),
        (_, Seen::Number(it)) => {
            row.insert("key".to_owned(), json!(*it as i64));
            if field == "at" {
                row.insert("key_as_string".to_owned(), json!(Timestamp(*it as i64).to_string()));
            }
            if field == "ok" {
                row.insert("key_as_string".to_owned(), json!((*it != 0.0).to_string()));
            }
        }
    }
}

/// A value in a list or an object of keys.
fn key_value(field: &str, key: &Seen) -> Value {
    let mut row = Map::new();
    key_json(field, key, &mut row);
    if field == "ok" { json!(row["key"] == 1) } else { row["key"].clone() }
}

/// The combinations of one value of each list.
fn combinations(lists: &[Vec<Option<Seen>>]) -> Vec<Vec<Option<Seen>>> {
    let Some((first, rest)) = lists.split_first() else { return vec![Vec::new()] };
    let rest = combinations(rest);
    first.iter().flat_map(|it| rest.iter().map(move |rest| std::iter::once(it.clone()).chain(rest.iter().cloned()).collect())).collect()
}

/// Documents by the combinations of what `values_of` says of each.
fn by_combination<'a>(documents: &[&'a Value], values_of: &dyn Fn(&Value) -> Vec<Vec<Option<Seen>>>) -> BTreeMap<Vec<Option<Seen>>, Vec<&'a Value>> {
    let mut groups: BTreeMap<_, Vec<&Value>> = BTreeMap::new();
    for document in documents {
        for key in BTreeSet::from_iter(combinations(&values_of(document))) {
            groups.entry(key).or_default().push(document);
        }
    }
    groups
}

fn naive_source(source: &Value, document: &Value) -> Vec<Option<Seen>> {
    let (kind, body) = source.as_object().unwrap().values().next().unwrap().as_object().unwrap().iter().next().unwrap();
    let shape = |it: Seen| match (kind.as_str(), &it) {
        ("histogram", Seen::Number(number)) => {
            let interval = body["interval"].as_f64().unwrap();
            Seen::Number((number / interval).floor() * interval + 0.0)
        }
        ("date_histogram", _) => {
            let zone = jiff::tz::TimeZone::get(body["time_zone"].as_str().unwrap()).unwrap();
            Seen::Number(naive_round(&it, body, &zone) as f64)
        }
        _ => it,
    };
    let values: Vec<_> = seen(document, body).into_iter().map(|it| Some(shape(it))).collect();
    if values.is_empty() && body["missing_bucket"] == true { vec![None] } else { values }
}

fn naive_composite(body: &Value, documents: &[&Value], below: &dyn Fn(&[&Value]) -> Map<String, Value>) -> Value {
    let sources = body["sources"].as_array().unwrap();
    let inner = |at: usize| sources[at][format!("s{at}")].as_object().unwrap().iter().next().unwrap();
    let groups = by_combination(documents, &|document| sources.iter().map(|it| naive_source(it, document)).collect());
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(a, _), (b, _)| {
        let compare = |at: usize| {
            let body = inner(at).1;
            let descending = body["order"] == "desc";
            let order = match (&a[at], &b[at]) {
                (Some(a), Some(b)) => return if descending { b.cmp(a) } else { a.cmp(b) },
                (a, b) => a.is_some().cmp(&b.is_some()),
            };
            let missing_last = body.get("missing_order").map_or(descending, |it| it == "last" || it == "default" && descending);
            if missing_last { order.reverse() } else { order }
        };
        (0..sources.len()).map(compare).find(|it| it.is_ne()).unwrap_or(Ordering::Equal)
    });
    let key = |at: usize, key: &Option<Seen>| match (key, inner(at)) {
        (None, _) => Value::Null,
        (Some(Seen::Number(it)), (kind, _)) if kind == "histogram" => json!(it),
        (Some(it), (_, body)) => key_value(body["field"].as_str().unwrap(), it),
    };
    let rows: Vec<Value> = groups
        .iter()
        .take(body["size"].as_u64().unwrap() as usize)
        .map(|(keys, documents)| {
            let key: Map<String, Value> = keys.iter().enumerate().map(|(at, it)| (format!("s{at}"), key(at, it))).collect();
            let mut row = Map::from_iter([("key".to_owned(), Value::Object(key)), ("doc_count".to_owned(), json!(documents.len()))]);
            row.extend(below(documents));
            Value::Object(row)
        })
        .collect();
    match rows.last() {
        Some(last) => json!({ "after_key": last["key"], "buckets": rows }),
        None => json!({ "buckets": [] }),
    }
}

/// The answer to a request about `documents`, which are those of `all` that a query matches.
pub(crate) fn naive(request: &Value, documents: &[&Value], all: &[&Value]) -> Value {
    let mut out = Map::new();
    for (name, definition) in request.as_object().unwrap() {
        let (kind, body) = definition.as_object().unwrap().iter().find(|it| *it.0 != "aggs").unwrap();
        if body.get("buckets_path").is_some() {
            continue;
        }
        let subs = definition.get("aggs").cloned().unwrap_or_else(|| json!({}));
        let below = |documents: &[&Value]| naive(&subs, documents, all).as_object().unwrap().clone();
        let mut answer = naive_one(kind, body, documents, all, &below);
        if subs.get("running").is_some() {
            let mut sum = 0.0;
            for bucket in answer["buckets"].as_array_mut().unwrap() {
                sum += bucket["doc_count"].as_f64().unwrap();
                bucket["running"] = json!({ "value": sum });
            }
        }
        out.insert(name.clone(), answer);
    }
    if let Some(beside) = request.get("beside") {
        let (kind, body) = beside.as_object().unwrap().iter().next().unwrap();
        let answer = naive_beside(kind, body["buckets_path"].as_str().unwrap(), &out);
        out.insert("beside".to_owned(), answer);
    }
    Value::Object(out)
}

/// A pipeline that reads the buckets beside it.
fn naive_beside(kind: &str, path: &str, answers: &Map<String, Value>) -> Value {
    let (first, last) = path.split_once('>').unwrap();
    let mut found: Vec<(String, f64)> = Vec::new();
    for bucket in answers[first]["buckets"].as_array().unwrap() {
        let value = if last == "_count" { bucket["doc_count"].as_f64() } else { bucket[last]["value"].as_f64().filter(|_| bucket["doc_count"] != 0) };
        let text = match (bucket.get("key_as_string"), &bucket["key"]) {
            (Some(text), _) | (None, text @ Value::String(_)) => text.as_str().unwrap().to_owned(),
            (None, key) => key.to_string(),
        };
        found.extend(value.map(|value| (text, value)));
    }
    let numbers: Vec<f64> = found.iter().map(|it| it.1).collect();
    let (count, sum) = (numbers.len(), numbers.iter().fold(0.0, |sum, it| sum + it));
    let best = |pick: fn(f64, f64) -> f64| numbers.iter().copied().reduce(pick);
    let extreme = |value: Option<f64>| {
        let keys: Vec<&String> = found.iter().filter(|it| Some(it.1) == value).map(|it| &it.0).collect();
        json!({ "value": value, "keys": keys })
    };
    let avg = (count > 0).then(|| sum / count as f64);
    match kind {
        "max_bucket" => extreme(best(f64::max)),
        "min_bucket" => extreme(best(f64::min)),
        "avg_bucket" => json!({ "value": avg }),
        "sum_bucket" => json!({ "value": sum }),
        _ => json!({ "count": count, "min": best(f64::min), "max": best(f64::max), "avg": avg, "sum": sum }),
    }
}

fn naive_one(kind: &str, body: &Value, documents: &[&Value], all: &[&Value], below: &dyn Fn(&[&Value]) -> Map<String, Value>) -> Value {
    let field = body["field"].as_str().unwrap_or_default();
    let bucket = |mut row: Map<String, Value>, documents: &[&Value]| {
        row.insert("doc_count".to_owned(), json!(documents.len()));
        row.extend(below(documents));
        Value::Object(row)
    };
    match kind {
        "terms" => {
            let mut groups: BTreeMap<Seen, Vec<&Value>> = BTreeMap::new();
            for document in documents {
                for key in BTreeSet::from_iter(seen(document, body)) {
                    groups.entry(key).or_default().push(document);
                }
            }
            let min = body.get("min_doc_count").map_or(1, |it| it.as_u64().unwrap() as usize);
            if min == 0 {
                for key in all.iter().flat_map(|it| seen(it, body)) {
                    groups.entry(key).or_default();
                }
            }
            let mut groups: Vec<_> = groups.into_iter().filter(|it| it.1.len() >= min).collect();
            match body.get("order").map(Value::to_string).as_deref() {
                None => groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(&b.0))),
                Some(r#"{"_key":"desc"}"#) => groups.reverse(),
                Some(r#"{"_count":"asc"}"#) => groups.sort_by(|a, b| a.1.len().cmp(&b.1.len()).then(a.0.cmp(&b.0))),
                Some(_) => groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(b.0.cmp(&a.0))),
            }
            let size = body["size"].as_u64().unwrap() as usize;
            let other: usize = groups.iter().skip(size).map(|it| it.1.len()).sum();
            let rows: Vec<Value> = groups
                .iter()
                .take(size)
                .map(|(key, documents)| {
                    let mut row = Map::new();
                    key_json(field, key, &mut row);
                    bucket(row, documents)
                })
                .collect();
            json!({ "doc_count_error_upper_bound": 0, "sum_other_doc_count": other, "buckets": rows })
        }
        "date_histogram" => {
            let zone = jiff::tz::TimeZone::get(body["time_zone"].as_str().unwrap()).unwrap();
            let mut groups: BTreeMap<i64, Vec<&Value>> = BTreeMap::new();
            for document in documents {
                for key in BTreeSet::from_iter(seen(document, body).iter().map(|it| naive_round(it, body, &zone))) {
                    groups.entry(key).or_default().push(document);
                }
            }
            if body["min_doc_count"] == 0
                && let (Some(&first), Some(&last)) = (groups.keys().next(), groups.keys().last())
            {
                // Every hour between, rounded: no bucket is shorter.
                let mut at = first;
                while at < last {
                    groups.entry(naive_round(&Seen::Number(at as f64), body, &zone)).or_default();
                    at += 3_600_000;
                }
            }
            let rows: Vec<Value> = groups
                .iter()
                .map(|(key, documents)| {
                    let local = jiff::Timestamp::from_millisecond(*key).unwrap().to_zoned(zone.clone());
                    let text = if zone.iana_name() == Some("UTC") {
                        local.strftime("%FT%T%.3fZ").to_string()
                    } else {
                        local.strftime("%FT%T%.3f%:z").to_string()
                    };
                    bucket(Map::from_iter([("key_as_string".to_owned(), json!(text)), ("key".to_owned(), json!(key))]), documents)
                })
                .collect();
            json!({ "buckets": rows })
        }
        "histogram" => {
            let interval = body["interval"].as_f64().unwrap();
            let mut groups: BTreeMap<i64, Vec<&Value>> = BTreeMap::new();
            for document in documents {
                let number = |it: &Seen| if let Seen::Number(it) = it { (it / interval).floor() as i64 } else { unreachable!() };
                for key in BTreeSet::from_iter(seen(document, body).iter().map(number)) {
                    groups.entry(key).or_default().push(document);
                }
            }
            if body["min_doc_count"] == 0
                && let (Some(&first), Some(&last)) = (groups.keys().next(), groups.keys().last())
            {
                for number in first..last {
                    groups.entry(number).or_default();
                }
            }
            let rows: Vec<Value> = groups
                .iter()
                .map(|(key, documents)| bucket(Map::from_iter([("key".to_owned(), json!(*key as f64 * interval))]), documents))
                .collect();
            json!({ "buckets": rows })
        }
        "range" => {
            let rows: Vec<Value> = [("*-0.0", None, Some(0.0)), ("0.0-100.0", Some(0.0), Some(100.0)), ("22.5-*", Some(22.5), None)]
                .into_iter()
                .map(|(key, from, to): (_, Option<f64>, Option<f64>)| {
                    let inside = |it: &Seen| {
                        if let Seen::Number(it) = it { from.is_none_or(|from| *it >= from) && to.is_none_or(|to| *it < to) } else { false }
                    };
                    let documents: Vec<&Value> = documents.iter().copied().filter(|it| seen(it, body).iter().any(inside)).collect();
                    let mut row = Map::from_iter([("key".to_owned(), json!(key))]);
                    from.into_iter().for_each(|it| drop(row.insert("from".to_owned(), json!(it))));
                    to.into_iter().for_each(|it| drop(row.insert("to".to_owned(), json!(it))));
                    bucket(row, &documents)
                })
                .collect();
            json!({ "buckets": rows })
        }
        "filters" => {
            let matches = |query: &Value, document: &Value| match query.get("term").and_then(Value::as_object).and_then(|it| it.iter().next()) {
                Some((field, value)) => values(document, field).contains(&value),
                None => true,
            };
            let queries = body["filters"].as_array().unwrap();
            let mut rows: Vec<Value> = queries
                .iter()
                .map(|query| bucket(Map::new(), &documents.iter().copied().filter(|it| matches(query, it)).collect::<Vec<_>>()))
                .collect();
            let other: Vec<&Value> = documents.iter().copied().filter(|it| !queries.iter().any(|query| matches(query, it))).collect();
            rows.push(bucket(Map::new(), &other));
            json!({ "buckets": rows })
        }
        "top_hits" => {
            let (field, options) = body["sort"][0].as_object().unwrap().iter().next().unwrap();
            let descending = options["order"] == "desc";
            let mut rows: Vec<(Option<Seen>, u64)> = documents
                .iter()
                .map(|it| {
                    let values = seen(it, &json!({ "field": field }));
                    (if descending { values.last() } else { values.first() }.cloned(), it["seq"].as_u64().unwrap())
                })
                .collect();
            let missing_first = options["missing"] == "_first";
            rows.sort_by(|(a, seq_a), (b, seq_b)| {
                let order = match (a, b) {
                    (Some(a), Some(b)) if descending => b.cmp(a),
                    (Some(a), Some(b)) => a.cmp(b),
                    (a, b) if missing_first => a.is_some().cmp(&b.is_some()),
                    (a, b) => a.is_none().cmp(&b.is_none()),
                };
                order.then(seq_a.cmp(seq_b))
            });
            let hits: Vec<u64> = rows.iter().take(body["size"].as_u64().unwrap() as usize).map(|it| it.1).collect();
            json!({ "total": documents.len(), "seqs": hits })
        }
        "multi_terms" => {
            let terms = body["terms"].as_array().unwrap();
            let groups = by_combination(documents, &|document| terms.iter().map(|it| seen(document, it).into_iter().map(Some).collect()).collect());
            let mut groups: Vec<_> = groups.into_iter().collect();
            groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
            let size = body["size"].as_u64().unwrap() as usize;
            let other: usize = groups.iter().skip(size).map(|it| it.1.len()).sum();
            let row = |(keys, documents): &(Vec<Option<Seen>>, Vec<&Value>)| {
                let value = |(key, term): (&Option<Seen>, &Value)| match (term["field"].as_str().unwrap(), key.as_ref().unwrap()) {
                    ("at", Seen::Number(it)) => json!(Timestamp(*it as i64).to_string()),
                    (field, key) => key_value(field, key),
                };
                let values: Vec<Value> = keys.iter().zip(terms).map(value).collect();
                let names: Vec<String> = values.iter().map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned)).collect();
                bucket(Map::from_iter([("key".to_owned(), json!(values)), ("key_as_string".to_owned(), json!(names.join("|")))]), documents)
            };
            let rows: Vec<Value> = groups.iter().take(size).map(row).collect();
            json!({ "doc_count_error_upper_bound": 0, "sum_other_doc_count": other, "buckets": rows })
        }
        "composite" => naive_composite(body, documents, below),
        "rare_terms" => {
            let groups = by_combination(documents, &|document| vec![seen(document, body).into_iter().map(Some).collect()]);
            let mut groups: Vec<_> = groups.into_iter().filter(|it| it.1.len() as u64 <= body["max_doc_count"].as_u64().unwrap()).collect();
            groups.sort_by(|a, b| a.1.len().cmp(&b.1.len()).then_with(|| a.0.cmp(&b.0)));
            let row = |(keys, documents): &(Vec<Option<Seen>>, Vec<&Value>)| {
                let mut row = Map::new();
                key_json(field, keys[0].as_ref().unwrap(), &mut row);
                bucket(row, documents)
            };
            json!({ "buckets": groups.iter().map(row).collect::<Vec<_>>() })
        }
        "ip_prefix" => {
            let (is_ipv6, length) = (body["is_ipv6"] == true, body["prefix_length"].as_u64().unwrap() as usize);
            // Bit by bit: what stands behind the prefix is cleared.
            let network = |it: Seen| {
                let Seen::Bytes(mut bytes) = it else { unreachable!() };
                let is_mapped = bytes[..10].iter().all(|it| *it == 0) && bytes[10..12] == [255, 255];
                for bit in if is_ipv6 { length } else { 96 + length }..128 {
                    bytes[bit / 8] &= !(0x80 >> (bit % 8));
                }
                (is_mapped != is_ipv6).then_some(Some(Seen::Bytes(bytes)))
            };
            let groups = by_combination(documents, &|document| vec![seen(document, body).into_iter().filter_map(network).collect()]);
            let row = |(keys, documents): (&Vec<Option<Seen>>, &Vec<&Value>)| {
                let mut row = Map::from_iter([("is_ipv6".to_owned(), json!(is_ipv6)), ("prefix_length".to_owned(), json!(length))]);
                key_json("ip", keys[0].as_ref().unwrap(), &mut row);
                if !is_ipv6 {
                    let octets: Vec<String> = (0..4).map(|at| (0xff00_u32 >> length.saturating_sub(8 * at).min(8) & 0xff).to_string()).collect();
                    row.insert("netmask".to_owned(), json!(octets.join(".")));
                }
                bucket(row, documents)
            };
            json!({ "buckets": groups.iter().map(row).collect::<Vec<_>>() })
        }
        "filter" => bucket(Map::new(), &documents.iter().copied().filter(|it| naive_matches(body, it)).collect::<Vec<_>>()),
        "global" => bucket(Map::new(), all),
        "ip_range" => {
            // The end of a block is the first address behind it.
            let ranges: [(&str, Option<&str>, Option<&str>); 3] = [
                ("*-10.0.1.0", None, Some("10.0.1.0")),
                ("10.0.0.0/15", Some("10.0.0.0"), Some("10.2.0.0")),
                ("10.0.2.4-2001:db8::2", Some("10.0.2.4"), Some("2001:db8::2")),
            ];
            let bytes = |it: &str| Seen::Bytes(ip_bytes(it.parse::<IpAddr>().unwrap()).to_vec());
            let row = |(key, from, to): &(&str, Option<&str>, Option<&str>)| {
                let mut row = Map::from_iter([("key".to_owned(), json!(key))]);
                from.iter().for_each(|it| drop(row.insert("from".to_owned(), json!(it))));
                to.iter().for_each(|it| drop(row.insert("to".to_owned(), json!(it))));
                let is_in = |it: &Seen| from.is_none_or(|from| *it >= bytes(from)) && to.is_none_or(|to| *it < bytes(to));
                let inside: Vec<&Value> = documents.iter().copied().filter(|document| seen(document, body).iter().any(is_in)).collect();
                bucket(row, &inside)
            };
            json!({ "buckets": ranges.iter().map(row).collect::<Vec<_>>() })
        }
        "date_range" => {
            let ranges = [
                (None, Some("2026-10-25T00:00:00.000Z")),
                (Some("2026-10-24T12:00:00.000Z"), Some("2026-10-26T00:00:00.000Z")),
                (Some("2026-10-26T00:00:00.000Z"), None),
            ];
            let row = |(from, to): &(Option<&str>, Option<&str>)| {
                let mut row = Map::from_iter([("key".to_owned(), json!(format!("{}-{}", from.unwrap_or("*"), to.unwrap_or("*"))))]);
                for (name, bound) in [("from", from), ("to", to)] {
                    if let Some(text) = bound {
                        let Seen::Number(millis) = seen_value("at", &json!(text)) else { unreachable!() };
                        row.insert(name.to_owned(), json!(millis));
                        row.insert(format!("{name}_as_string"), json!(text));
                    }
                }
                let bound = |it: &Option<&str>| it.map(|it| seen_value("at", &json!(it)));
                let is_in = |it: &Seen| bound(from).is_none_or(|from| *it >= from) && bound(to).is_none_or(|to| *it < to);
                let inside: Vec<&Value> = documents.iter().copied().filter(|document| seen(document, body).iter().any(is_in)).collect();
                bucket(row, &inside)
            };
            json!({ "buckets": ranges.iter().map(row).collect::<Vec<_>>() })
        }
        "adjacency_matrix" => {
            let filters = body["filters"].as_object().unwrap();
            let mut rows = BTreeMap::new();
            for (a, left) in filters {
                for (b, right) in filters.iter().filter(|it| it.0 >= a) {
                    let both: Vec<&Value> = documents.iter().copied().filter(|it| naive_matches(left, it) && naive_matches(right, it)).collect();
                    if !both.is_empty() {
                        let key = if a == b { a.clone() } else { format!("{a}&{b}") };
                        rows.insert(key.clone(), bucket(Map::from_iter([("key".to_owned(), json!(key))]), &both));
                    }
                }
            }
            json!({ "buckets": rows.into_values().collect::<Vec<_>>() })
        }
        "variable_width_histogram" => {
            // Centre, count, first and last value, documents.
            let mut clusters: Vec<(f64, u64, f64, f64, Vec<&Value>)> = Vec::new();
            let mut found: Vec<(f64, &Value)> = Vec::new();
            for document in documents.iter().copied() {
                found.extend(seen(document, body).into_iter().map(|it| (if let Seen::Number(it) = it { it } else { unreachable!() }, document)));
            }
            found.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (value, document) in found {
                match clusters.last_mut() {
                    Some(last) if last.0 == value => {
                        last.1 += 1;
                        last.4.push(document);
                    }
                    _ => clusters.push((value, 1, value, value, vec![document])),
                }
            }
            while clusters.len() > body["buckets"].as_u64().unwrap() as usize {
                let gap = |at: usize| clusters[at + 1].0 - clusters[at].0;
                let at = (0..clusters.len() - 1).min_by(|a, b| gap(*a).total_cmp(&gap(*b))).unwrap();
                let right = clusters.remove(at + 1);
                let left = &mut clusters[at];
                let count = left.1 + right.1;
                left.0 += (right.0 - left.0) * (right.1 as f64 / count as f64);
                (left.1, left.3) = (count, right.3);
                left.4.extend(right.4);
            }
            let row = |it: &(f64, u64, f64, f64, Vec<&Value>)| {
                bucket(Map::from_iter([("min".to_owned(), json!(it.2)), ("key".to_owned(), json!(it.0)), ("max".to_owned(), json!(it.3))]), &it.4)
            };
            json!({ "buckets": clusters.iter().map(row).collect::<Vec<_>>() })
        }
        "missing" => bucket(Map::new(), &documents.iter().copied().filter(|it| seen(it, body).is_empty()).collect::<Vec<_>>()),
        _ => naive_metric(kind, body, documents),
    }
}

/// Whether a document matches a `term` on a keyword, or `match_all`.
pub(crate) fn naive_matches(query: &Value, document: &Value) -> bool {
    match query.get("term").and_then(Value::as_object).and_then(|it| it.iter().next()) {
        Some((field, value)) => values(document, field).contains(&value),
        None => true,
    }
}

fn naive_metric(kind: &str, body: &Value, documents: &[&Value]) -> Value {
    let field = body["field"].as_str().unwrap();
    let mut all: Vec<Seen> = documents
        .iter()
        .flat_map(|it| {
            let mut values = seen(it, body);
            // Keywords are sets of values in a document.
            if values.first().is_some_and(|it| matches!(it, Seen::Bytes(_))) {
                values.dedup();
            }
            values
        })
        .collect();
    if kind == "value_count" {
        return json!({ "value": all.len() });
    }
    if kind == "cardinality" {
        return json!({ "value": BTreeSet::from_iter(all).len() });
    }
    all.sort();
    let numbers: Vec<f64> = all.iter().map(|it| if let Seen::Number(it) = it { *it } else { unreachable!() }).collect();
    let whole: i128 = numbers.iter().map(|it| *it as i128).sum();
    let sum = if field == "real" { numbers.iter().sum::<f64>() } else { whole as f64 };
    let (min, max) = (numbers.first().copied(), numbers.last().copied());
    let avg = (!numbers.is_empty()).then(|| sum / numbers.len() as f64);
    let text = |value: Option<f64>| match field {
        "at" => value.map(|it| json!(Timestamp(it as i64).to_string())),
        "ok" => value.map(|it| json!((it != 0.0).to_string())),
        _ => None,
    };
    // Without one document nobody knows that the field is a date.
    let known = !numbers.is_empty();
    let single = |value: Option<f64>| {
        let mut out = Map::from_iter([("value".to_owned(), json!(value))]);
        text(value).into_iter().for_each(|it| drop(out.insert("value_as_string".to_owned(), it)));
        Value::Object(out)
    };
    match kind {
        "min" => single(min),
        "max" => single(max),
        "avg" => single(avg),
        "sum" if !known => json!({ "value": 0.0 }),
        "sum" => single(Some(sum)),
        "stats" => {
            let mut out = json!({ "count": numbers.len(), "min": min, "max": max, "avg": avg, "sum": if known { sum } else { 0.0 } });
            for (name, value) in [("min", min), ("max", max), ("avg", avg), ("sum", Some(sum))] {
                text(value).filter(|_| known).into_iter().for_each(|it| out[format!("{name}_as_string")] = it);
            }
            out
        }
        "percentiles" => {
            let mut out = Map::new();
            for percent in [0.0, 10.0, 50.0, 99.0] {
                let value = numbers.len().checked_sub(1).map(|last| {
                    let rank = percent / 100.0 * last as f64;
                    let (low, high) = (numbers[rank.floor() as usize], numbers[rank.ceil() as usize]);
                    low + (high - low) * rank.fract()
                });
                out.insert(format!("{percent:.1}"), json!(value));
                text(value).into_iter().for_each(|it| drop(out.insert(format!("{percent:.1}_as_string"), it)));
            }
            json!({ "values": out })
        }
        other => unreachable!("{other}"),
    }
}

/// Rounds by walking back from the time, one local minute at a time where the unit is short, one date at a time where it is long.
fn naive_round(time: &Seen, body: &Value, zone: &jiff::tz::TimeZone) -> i64 {
    let Seen::Number(time) = time else { unreachable!() };
    let at = jiff::Timestamp::from_millisecond(*time as i64).unwrap().to_zoned(zone.clone());
    let date = at.date();
    let midnight = |date: jiff::civil::Date| date.to_zoned(zone.clone()).unwrap().timestamp().as_millisecond();
    match body.get("calendar_interval").and_then(Value::as_str) {
        Some("day") => midnight(date),
        Some("week") => midnight(date.checked_sub(jiff::Span::new().days(date.weekday().to_monday_zero_offset())).unwrap()),
        Some("month") => midnight(date.first_of_month()),
        hour => {
            let hours = if hour.is_some() {
                1
            } else {
                [("1h", 1), ("6h", 6), ("12h", 12), ("1d", 24)].iter().find(|it| body["fixed_interval"] == it.0).unwrap().1
            };
            // The latest moment at or before the time whose local clock shows a multiple of the interval.
            let mut start = *time as i64 / 60_000 * 60_000;
            loop {
                let local = jiff::Timestamp::from_millisecond(start).unwrap().to_zoned(zone.clone());
                if local.minute() == 0 && i64::from(local.hour()) % hours == 0 {
                    return start;
                }
                start -= 60_000;
            }
        }
    }
}

/// The first place where two answers differ; keys may be in any order, doubles may differ in the last bits.
pub(crate) fn difference(at: &str, expected: &Value, got: &Value) -> Option<String> {
    let here = || Some(format!("at {at}\nexpected {expected}\ngot      {got}"));
    // Of hits only the documents and their order are compared.
    if let Some(hits) = got.get("hits") {
        let seqs: Vec<&Value> = hits["hits"].as_array().unwrap().iter().map(|it| &it["_source"]["seq"]).collect();
        let shown = json!({ "total": hits["total"]["value"], "seqs": seqs });
        return if expected == &shown { None } else { difference(at, expected, &shown) };
    }
    match (expected, got) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            a.iter().find_map(|(key, value)| b.get(key).map_or_else(here, |it| difference(&format!("{at}.{key}"), value, it)))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(i, (a, b))| difference(&format!("{at}[{i}]"), a, b))
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            if (a - b).abs() <= 1e-12 * a.abs().max(b.abs()) { None } else { here() }
        }
        _ if expected == got => None,
        _ => here(),
    }
}
