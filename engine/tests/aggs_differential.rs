//! Random aggregation trees over random documents, against a naive scan; and the same bits however documents are spread over segments.
//!
//! A failure prints the seed; `SEKISHO_SEED=n` runs that one alone, `SEKISHO_SEEDS=n` the first n.

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

mod aggs_harness;
mod aggs_naive;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use aggs_harness::{Corpus, NOW, search};
use aggs_naive::{DAY, DEPTH, Random, difference, document, mapping, naive, request, values};
use sekisho_engine::aggs::{Aggs, Partials};
use sekisho_engine::error::QueryError;
use sekisho_engine::row::{ip_bytes, ip_text};
use serde_json::{Value, json};

fn split(random: &mut Random, documents: &[Value], segments: u64) -> Vec<Vec<Value>> {
    let mut out = vec![Vec::new(); segments as usize];
    documents.iter().for_each(|it| out[random.below(segments) as usize].push(it.clone()));
    out
}

fn check(seed: u64) {
    let mut random = Random(seed);
    let full = random.chance(30);
    let count = *random.pick(&[1, 7, 100, 1500]);
    let mut documents: Vec<Value> = (0..count).map(|_| document(&mut random, full)).collect();
    documents.iter_mut().enumerate().for_each(|(at, it)| it["seq"] = json!(at));
    let segments = 1 + random.below(5);
    let one = Corpus::build(mapping(), &split(&mut random, &documents, segments));
    let segments = 1 + random.below(5);
    let two = Corpus::build(mapping(), &split(&mut random, &documents, segments));
    let query = if random.chance(50) { json!({ "match_all": {} }) } else { json!({ "term": { "low": "zone2" } }) };
    let matching: Vec<&Value> = documents.iter().filter(|it| query.get("term").is_none() || it["low"] == "zone2").collect();
    let all: Vec<&Value> = documents.iter().collect();
    // The same documents in two indices.
    let (left, right) = documents.split_at(random.below(count + 1) as usize);
    let segments = 1 + random.below(3);
    let indices = [left, right].map(|it| Corpus::build(mapping(), &split(&mut random, it, segments)));
    for _ in 0..12 {
        let request = request(&mut random, DEPTH);
        let expected = naive(&request, &matching, &all);
        let got = match search(&[&one], &query, &request, false) {
            Ok(got) => got,
            Err(QueryError::TooManyBuckets { limit }) => {
                assert!(expected.to_string().matches("doc_count\"").count() > limit, "seed {seed}: few buckets were too many\n{request}");
                continue;
            }
            Err(why) => panic!("seed {seed}: {why}\n{request}"),
        };
        if let Some(difference) = difference("", &expected, &got) {
            panic!("seed {seed}, query {query}, request {request}\n{difference}");
        }
        if request.to_string().contains("top_hits") {
            // Where a document lies does depend on the segments.
            continue;
        }
        let together = search(&[&indices[0], &indices[1]], &query, &request, false);
        assert_eq!(together, Ok(got), "seed {seed}: other indices, other answers\n{request}");
        let aggs = Aggs::from_json(&request).unwrap();
        let merged = |corpus: &Corpus, random: &mut Random| {
            let mut all = corpus.partials(&aggs, &query).unwrap();
            let mut merged = Partials::default();
            while !all.is_empty() {
                merged.merge(all.swap_remove(random.below(all.len() as u64) as usize));
            }
            postcard::to_stdvec(&merged).unwrap()
        };
        assert!(merged(&one, &mut random) == merged(&two, &mut random), "seed {seed}: other segments, other bits\n{request}");
    }
}

#[test]
fn pages_of_a_composite_are_its_whole_list() {
    let mut random = Random(4);
    let documents: Vec<Value> = (0..300).map(|_| document(&mut random, false)).collect();
    let corpus = Corpus::build(mapping(), &split(&mut random, &documents, 3));
    let all = json!({ "match_all": {} });
    for (field, order) in [("tags", "asc"), ("ip", "desc"), ("port", "asc"), ("real", "desc"), ("at", "asc"), ("ok", "desc")] {
        let first = json!({ "a": { "terms": { "field": field, "order": order, "missing_bucket": true } } });
        let second = json!({ "b": { "terms": { "field": "low", "missing_bucket": true, "missing_order": "last" } } });
        let page = |size: usize, after: Option<&Value>| {
            let mut body = json!({ "size": size, "sources": [first, second] });
            after.into_iter().for_each(|it| body["after"] = it.clone());
            search(&[&corpus], &all, &json!({ "c": { "composite": body } }), false).unwrap()["c"].clone()
        };
        let whole = page(10_000, None);
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let next = page(3, after.as_ref());
            pages.extend(next["buckets"].as_array().unwrap().clone());
            match next.get("after_key") {
                Some(it) => after = Some(it.clone()),
                None => break,
            }
        }
        assert!(pages.len() > 6, "{field}: {whole}");
        assert_eq!(Value::Array(pages), whole["buckets"], "{field}");
    }
}

#[test]
fn random_trees_agree_with_a_naive_scan_and_have_the_same_bits_in_any_segments() {
    assert_eq!(NOW.to_string(), "2026-11-23T12:00:00.000Z");
    match std::env::var("SEKISHO_SEED") {
        Ok(seed) => check(seed.parse().unwrap()),
        Err(_) => (0..std::env::var("SEKISHO_SEEDS").map_or(60, |it| it.parse().unwrap())).for_each(check),
    }
}

/// Documents of a random part of the data's time, so that every unit comes up.
fn clustered(random: &mut Random) -> Vec<Value> {
    let span = *random.pick(&[10_000, 900_000, 40_000_000, 30 * DAY, 900 * DAY, 20_000 * DAY]);
    let mut documents: Vec<Value> = (0..1 + random.below(200)).map(|_| document(random, false)).collect();
    for document in &mut documents {
        if document.get("at").is_some() {
            document["at"] = json!(1_500_000_000_123 + random.below(span as u64) as i64);
        }
    }
    documents
}

#[test]
fn an_automatic_interval_is_the_finest_that_fits_and_counts_as_that_interval_does() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let documents = clustered(&mut random);
        let segments = 1 + random.below(5);
        let one = Corpus::build(mapping(), &split(&mut random, &documents, segments));
        let two = Corpus::build(mapping(), std::slice::from_ref(&documents));
        let wanted = 1 + random.below(40) as usize;
        let zone = *random.pick(&["UTC", "Europe/Berlin", "Asia/Tokyo"]);
        let sub = json!({ "s": { "sum": { "field": "port" } } });
        let auto = json!({ "auto_date_histogram": { "field": "at", "buckets": wanted, "time_zone": zone }, "aggs": sub });
        let all = json!({ "match_all": {} });
        let got = search(&[&one], &all, &json!({ "d": auto }), false).unwrap()["d"].clone();
        let got_buckets = got["buckets"].as_array().unwrap();
        let interval = got["interval"].as_str().unwrap();
        let (multiple, unit) = interval.split_at(interval.len() - 1);
        let multiple: usize = multiple.parse().unwrap();
        assert!(got_buckets.len() <= wanted || interval == "100y", "seed {seed}: {} of {wanted} buckets at {interval}", got_buckets.len());
        let units = [("s", 30), ("m", 30), ("h", 12), ("d", 7), ("M", 3), ("y", 100)];
        let plain = |unit: &str| {
            let body = json!({ "field": "at", "calendar_interval": format!("1{unit}"), "time_zone": zone });
            let answer = search(&[&one], &all, &json!({ "d": { "date_histogram": body, "aggs": sub } }), false);
            answer.map(|it| it["d"]["buckets"].as_array().unwrap().clone())
        };
        // Each bucket is several of the unit's, one behind the other.
        let plain_buckets = plain(unit).unwrap();
        assert_eq!(plain_buckets.len().div_ceil(multiple), got_buckets.len(), "seed {seed}: {interval}");
        for (row, parts) in got_buckets.iter().zip(plain_buckets.chunks(multiple)) {
            let count: u64 = parts.iter().map(|it| it["doc_count"].as_u64().unwrap()).sum();
            let sum: f64 = parts.iter().map(|it| it["s"]["value"].as_f64().unwrap()).sum();
            assert_eq!(
                (&row["key"], &row["doc_count"], &row["s"]["value"]),
                (&parts[0]["key"], &json!(count), &json!(sum)),
                "seed {seed}: {interval}"
            );
        }
        // The unit before would not have done, however many of it a bucket has.
        let at = units.iter().position(|it| it.0 == unit).unwrap();
        if at > 0 && !got_buckets.is_empty() {
            let (finer, most) = units[at - 1];
            if let Ok(buckets) = plain(finer) {
                assert!(buckets.len() > wanted * most, "seed {seed}: {finer} would have done");
            }
        }
        // However documents are spread, below other buckets too.
        let request = json!({ "d": auto, "z": { "terms": { "field": "low" }, "aggs": { "d": auto } } });
        let aggs = Aggs::from_json(&request).unwrap();
        let merged = |corpus: &Corpus| postcard::to_stdvec(&Partials::merge_all(corpus.partials(&aggs, &all).unwrap())).unwrap();
        assert!(merged(&one) == merged(&two), "seed {seed}: other segments, other bits");
    }
}

#[test]
fn significant_values_have_the_counts_and_scores_of_a_scan() {
    for seed in 0..40 {
        let mut random = Random(seed);
        let documents: Vec<Value> = (0..1 + random.below(400)).map(|_| document(&mut random, false)).collect();
        let segments = 1 + random.below(4);
        let corpus = Corpus::build(mapping(), &split(&mut random, &documents, segments));
        let field = *random.pick(&["tags", "high", "ip", "port"]);
        let (found, rest): (Vec<&Value>, Vec<&Value>) = documents.iter().partition(|it| it["low"] == "zone2");
        let counts = |documents: &[&Value]| {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for document in documents {
                // Addresses are counted and shown by what they are, not by how they were written.
                let shown = |it: &&Value| match it.as_str() {
                    Some(text) => text.parse::<IpAddr>().map_or_else(|_| text.to_owned(), |it| ip_text(ip_bytes(it).into())),
                    None => it.to_string(),
                };
                let distinct: BTreeSet<String> = values(document, field).iter().map(shown).collect();
                distinct.into_iter().for_each(|it| *counts.entry(it).or_default() += 1);
            }
            counts
        };
        let (mine, others) = (counts(&found), counts(&rest));
        let mut expected: BTreeMap<String, (u64, u64, f64)> = BTreeMap::new();
        for (key, count) in &mine {
            let all = count + others.get(key).copied().unwrap_or(0);
            let (here, everywhere) = (*count as f64 / found.len() as f64, all as f64 / documents.len() as f64);
            if here > everywhere && *count >= 2 {
                expected.insert(key.clone(), (*count, all, (here - everywhere) * (here / everywhere)));
            }
        }
        let request = json!({ "s": { "significant_terms": { "field": field, "min_doc_count": 2, "size": 1000 } } });
        let got = search(&[&corpus], &json!({ "term": { "low": "zone2" } }), &request, false).unwrap()["s"].clone();
        assert_eq!((&got["doc_count"], &got["bg_count"]), (&json!(found.len()), &json!(documents.len())), "seed {seed}");
        let rows = got["buckets"].as_array().unwrap();
        assert!(rows.windows(2).all(|it| it[0]["score"].as_f64() >= it[1]["score"].as_f64()), "seed {seed}: {got}");
        let found: BTreeMap<String, (u64, u64, f64)> = rows
            .iter()
            .map(|it| {
                let key = it["key"].as_str().map_or_else(|| it["key"].to_string(), str::to_owned);
                (key, (it["doc_count"].as_u64().unwrap(), it["bg_count"].as_u64().unwrap(), it["score"].as_f64().unwrap()))
            })
            .collect();
        assert_eq!(found, expected, "seed {seed}, {field}");
    }
}
