//! Real PAN-OS lines against the fields that people worked out for them: `../shared/samples/panos/expected.jsonl` beside the
//! repository, or the folder in `SEKISHO_SAMPLES`. Prints the score by type and every miss. Known deviations: `panos/DEVIATIONS.md`.
#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]
#![allow(clippy::print_stdout, reason = "the score is for people")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use sekisho_engine::clock::Timestamp;
use sekisho_engine::format::Format as _;
use sekisho_engine::mapping::Mapping;
use sekisho_ingest::{Envelope, PanosSyslog, Transport};
use serde_json::{Map, Value};

/// Values that must be right, in percent.
const RIGHT_PERCENT_MIN: f64 = 99.0;

/// Formats beside the firewall's CSV. Nobody has worked out what their lines should give, so these are only held to their streams.
const FORMATS: &[(&str, &str)] = &[
    ("CEF:0|Palo Alto Networks|LF|2.0|TRAFFIC|", "panos-traffic"),
    ("CEF:0|Palo Alto Networks|LF|2.0|THREAT|url|", "panos-url"),
    ("CEF:0|Palo Alto Networks|LF|2.0|THREAT|spyware|", "panos-threat"),
    ("CEF:0|Palo Alto Networks|LF|2.0|HIPMATCH|", "panos-hipmatch"),
    ("CEF:0|Palo Alto Networks|LF|2.0|GLOBALPROTECT|", "panos-globalprotect"),
    ("CEF:0|Palo Alto Networks|LF|2.0|SCTP|", "panos-sctp"),
    ("|cat=TRAFFIC|", "panos-traffic"),
    (",no-serial,TRAFFIC,", "panos-traffic"),
    (",no-serial,THREAT,url,", "panos-url"),
];

/// The stream of each type, where the sample does not say (PAN-OS syslog reference §5). Other lines are in `syslog-unparsed`.
const STREAMS: &[(&str, &str)] = &[
    ("TRAFFIC", "panos-traffic"),
    ("THREAT", "panos-threat"),
    ("SYSTEM", "panos-system"),
    ("CONFIG", "panos-config"),
    ("GLOBALPROTECT", "panos-globalprotect"),
    ("USERID", "panos-userid"),
    ("HIPMATCH", "panos-hipmatch"),
    ("DECRYPTION", "panos-decryption"),
    ("AUTHENTICATION", "panos-authentication"),
    ("CORRELATION", "panos-correlation"),
    ("IPTAG", "panos-iptag"),
    ("GTP", "panos-gtp"),
    ("START", "panos-tunnel"),
];

/// Types whose tail is kept as it stands.
const WITH_TAIL: &[&str] = &["GTP", "START"];

fn samples() -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples/panos"));
    let folder = std::env::var_os("SEKISHO_SAMPLES").map_or_else(beside, PathBuf::from);
    let file = folder.join("expected.jsonl");
    assert!(file.is_file(), "no sample lines at {}: put them there, or set SEKISHO_SAMPLES to their folder", file.display());
    file
}

#[derive(Default)]
struct Score {
    lines: usize,
    values: usize,
    right: usize,
}

#[test]
fn sample_lines_have_the_expected_fields() {
    let text = std::fs::read_to_string(samples()).unwrap();
    let mapping = Mapping::builtin();
    let parser = PanosSyslog::new();
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    let mut formats: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong_streams = Vec::new();
    let mut misses = Vec::new();
    for line in text.lines() {
        let sample: Value = serde_json::from_str(line).unwrap();
        let (id, kind, raw) = (sample["id"].as_str().unwrap(), sample["type"].as_str().unwrap(), sample["raw"].as_str().unwrap());
        let envelope = Envelope { received_at: Timestamp(1_750_000_000_000), ..Envelope::new(Transport::Tcp) };
        let parsed = parser.parse(&envelope.encode(raw.as_bytes()));
        let fields = flat(&parsed.row.to_json(&mapping));
        assert_eq!(fields["event.original"], raw, "{id}");
        let is_audit = raw.contains(",audit,");
        if let Some((_, stream)) = FORMATS.iter().find(|it| raw.contains(it.0)) {
            assert_eq!(parsed.stream, *stream, "{id}");
            *formats.entry(fields["sekisho.parser"].as_str().unwrap().to_owned()).or_insert(0) += 1;
            continue;
        }
        let is_typed = is_audit || STREAMS.iter().any(|it| it.0 == kind);
        let expected = sample["expect"].as_object().unwrap();
        let default = STREAMS.iter().find(|it| it.0 == kind).map_or(if is_audit { "panos-audit" } else { "syslog-unparsed" }, |it| it.1);
        let stream = expected.get("_stream").and_then(Value::as_str).unwrap_or(default);
        if parsed.stream != stream {
            wrong_streams.push(format!("{id} {kind}: {} instead of {stream}", parsed.stream));
        }
        let score = scores.entry(format!("{}{kind}", if is_typed { "" } else { "~ " })).or_default();
        score.lines += 1;
        for (name, value) in expected.iter().filter(|it| it.0 != "_stream") {
            score.values += 1;
            let found = fields.get(name).unwrap_or(&Value::Null);
            if is_expected(value, found) {
                score.right += 1;
            } else if is_typed {
                misses.push(format!("{id} {kind} {name}: {found} instead of {value}"));
            }
        }
        if is_typed && !WITH_TAIL.contains(&kind) {
            assert!(!fields.contains_key("panw.panos.extra"), "{id} {:?}", fields["panw.panos.extra"]);
        } else if !is_typed {
            assert!(fields.contains_key("error.message"), "{id}");
        }
    }
    for (kind, score) in &scores {
        println!("{kind:<18} {:>3} lines  {:>5} of {:>5} values right", score.lines, score.right, score.values);
    }
    println!("{}", misses.join("\n"));
    assert!(wrong_streams.is_empty(), "wrong streams:\n{}", wrong_streams.join("\n"));
    let typed = || scores.iter().filter(|it| !it.0.starts_with('~')).map(|it| it.1);
    let percent = 100.0 * typed().map(|it| it.right).sum::<usize>() as f64 / typed().map(|it| it.values).sum::<usize>() as f64;
    println!("{percent:.2} % of all values right; lines of other formats: {formats:?}");
    assert_eq!(formats.values().sum::<usize>(), 11, "sample lines of other formats are missing");
    assert!(typed().map(|it| it.lines).sum::<usize>() >= 195, "sample lines are missing");
    assert!(percent >= RIGHT_PERCENT_MIN, "{percent:.2} % right, {} misses:\n{}", misses.len(), misses.join("\n"));
}

/// Equal, one of several, or a list as a set.
fn is_expected(expected: &Value, found: &Value) -> bool {
    if let Some(any_of) = expected.get("any_of").and_then(Value::as_array) {
        return any_of.iter().any(|it| is_expected(it, found));
    }
    match (expected, found) {
        (Value::Array(expected), Value::Array(found)) => expected.len() == found.len() && expected.iter().all(|it| found.contains(it)),
        // `_source` shows a list where several values are usual.
        (expected, Value::Array(found)) => found.len() == 1 && found[0] == *expected,
        (Value::Number(expected), Value::Number(found)) => expected.as_f64() == found.as_f64(),
        (expected, found) => expected == found,
    }
}

/// A document with dotted names instead of objects.
fn flat(document: &Map<String, Value>) -> BTreeMap<String, Value> {
    fn walk(prefix: &str, object: &Map<String, Value>, flat: &mut BTreeMap<String, Value>) {
        for (name, value) in object {
            let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match value {
                Value::Object(inner) => walk(&name, inner, flat),
                value => {
                    flat.insert(name, value.clone());
                }
            }
        }
    }
    let mut fields = BTreeMap::new();
    walk("", document, &mut fields);
    fields
}
