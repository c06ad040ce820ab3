//! Nanoseconds per document of the aggregations that dashboards ask for, over one segment in memory.
//!
//! `cargo run --release -p sekisho-engine --example agg_speed [DOCUMENTS]` (default 1,000,000). Nothing is cached between runs; the
//! best of several is shown, collecting and finishing included, adding up and rendering not.

#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::time::Instant;

use sekisho_engine::aggs::{AggContext, Aggs, SegmentContext};
use sekisho_engine::clock::Timestamp;
use sekisho_engine::mapping::Mapping;
use serde_json::{Value, json};
use tantivy::indexer::NoMergePolicy;
use tantivy::query::AllQuery;
use tantivy::schema::Field;
use tantivy::{Index, IndexWriter, TantivyDocument};

const RUNS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let documents: u64 = std::env::args().nth(1).map_or(Ok(1_000_000), |it| it.parse())?;
    let mapping = Mapping::from_json(&json!({ "properties": {
        "at": { "type": "date" }, "from": { "type": "keyword" }, "to": { "type": "keyword" }, "rule": { "type": "keyword" },
        "app": { "type": "keyword" }, "user": { "type": "keyword" }, "src": { "type": "ip" }, "port": { "type": "long" },
        "bytes": { "type": "long" }, "tags": { "type": "keyword" } } }))?;
    let index = index(&mapping, documents)?;
    let searcher = index.reader()?.searcher();
    let reader = searcher.segment_reader(0);
    println!("{documents} documents, best of {RUNS}");
    for (name, request) in requests() {
        let aggs = Aggs::from_json(&request)?;
        let compile = |_: &Value| Ok(Box::new(AllQuery) as Box<dyn tantivy::query::Query>);
        let plan = aggs.plan(&AggContext { mapping: &mapping, now: Timestamp(0), index: "logs", compile_filter: &compile })?;
        let (mut best, mut bytes) = (f64::INFINITY, 0);
        for _ in 0..RUNS {
            let start = Instant::now();
            let mut collector = plan.collector(&SegmentContext { reader, split: 0 })?;
            collector.collect_all(reader, &mut || Ok(()))?;
            let partials = collector.finish()?;
            best = best.min(start.elapsed().as_secs_f64());
            bytes = partials.memory_bytes();
        }
        println!("{name:<44} {:>8.2} ms {:>7.2} ns/document {:>9} bytes of result", best * 1e3, best * 1e9 / documents as f64, bytes);
    }
    Ok(())
}

fn requests() -> Vec<(&'static str, Value)> {
    let terms = |field: &str| json!({ "t": { "terms": { "field": field } } });
    let below = |field: &str, sub: Value| json!({ "t": { "terms": { "field": field }, "aggs": sub } });
    let hours = json!({ "field": "at", "fixed_interval": "1h" });
    let berlin = json!({ "field": "at", "calendar_interval": "day", "time_zone": "Europe/Berlin" });
    vec![
        ("zone matrix: terms x terms", below("from", terms("to"))),
        ("terms, 6 zones", terms("from")),
        ("terms, 120 rules", terms("rule")),
        ("terms, ports (whole numbers)", terms("port")),
        ("terms, 50,000 addresses", terms("src")),
        ("terms, user (half of the documents)", terms("user")),
        ("terms, tags (several values)", terms("tags")),
        ("date_histogram, hours", json!({ "h": { "date_histogram": hours } })),
        ("date_histogram, days in Berlin", json!({ "h": { "date_histogram": berlin } })),
        (
            "date_histogram x terms x sum",
            json!({ "h": { "date_histogram": hours, "aggs": below("app", json!({ "s": { "sum": { "field": "bytes" } } })) } }),
        ),
        ("cardinality of addresses", json!({ "c": { "cardinality": { "field": "src" } } })),
        ("cardinality of addresses by rule", below("rule", json!({ "c": { "cardinality": { "field": "src" } } }))),
        ("percentiles of bytes by application", below("app", json!({ "p": { "percentiles": { "field": "bytes", "percents": [50, 95, 99] } } }))),
        ("stats of bytes", json!({ "s": { "stats": { "field": "bytes" } } })),
    ]
}

/// One segment, newest document first.
fn index(mapping: &Mapping, documents: u64) -> Result<Index, Box<dyn std::error::Error>> {
    let index = Index::create_in_ram(mapping.tantivy_schema());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 1_000_000_000)?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    let field = |name: &str| -> Result<Field, String> { Ok(mapping.field(name).ok_or_else(|| format!("{name} is not mapped"))?.tantivy_field()) };
    let (at, from, to, rule, app) = (field("at")?, field("from")?, field("to")?, field("rule")?, field("app")?);
    let (user, src, port, bytes, tags) = (field("user")?, field("src")?, field("port")?, field("bytes")?, field("tags")?);
    let zones = ["Untrust", "Trust", "DMZ", "VPN", "Guest", "Mgmt"];
    let mut word = 1u64;
    let mut next = |end: u64| {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (word >> 33) % end
    };
    let mut time = 1_795_435_200_000i64;
    for _ in 0..documents {
        let mut document = TantivyDocument::default();
        time -= next(5_000) as i64;
        document.add_i64(at, time);
        document.add_text(from, zones[next(6).min(next(6)) as usize]);
        document.add_text(to, zones[next(6).min(next(6)) as usize]);
        document.add_text(rule, format!("rule-{}", next(120)));
        document.add_text(app, format!("app-{}", next(200).min(next(200))));
        if next(2) == 0 {
            document.add_text(user, format!("user-{}", next(500)));
        }
        let mut address = [0u8; 16];
        address[10..12].copy_from_slice(&[0xff, 0xff]);
        address[12..].copy_from_slice(&(0x0a00_0000u32 + next(50_000).min(next(50_000)) as u32).to_be_bytes());
        document.add_bytes(src, &address);
        document.add_i64(port, [53, 80, 443, 8080, 22][next(5) as usize] + if next(5) == 0 { next(60_000) as i64 } else { 0 });
        document.add_i64(bytes, (next(1 << 30) >> next(28)) as i64);
        for _ in 0..next(3) {
            document.add_text(tags, format!("tag-{}", next(20)));
        }
        writer.add_document(document)?;
    }
    writer.commit()?;
    Ok(index)
}
