//! Golden cases: every `panos/<type>/*.log` and `formats/<format>/*.log` beside its `.json`, one document per line. To add a case, drop a `.log` file and run
//! with `UPDATE_EXPECT=1`, then read the `.json` against the line as carefully as code.
#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

use std::fs;
use std::path::{Path, PathBuf};

use sekisho_engine::clock::Timestamp;
use sekisho_engine::format::Format as _;
use sekisho_engine::mapping::Mapping;
use sekisho_ingest::{Envelope, PanosSyslog, Transport};
use serde_json::{Value, json};

/// The documents of one file, as stored: the stream, then the fields without the line itself, which is in the `.log`.
fn documents(file: &Path) -> Value {
    let (mapping, parser) = (Mapping::builtin(), PanosSyslog::new());
    let envelope = Envelope { received_at: Timestamp(1_764_000_000_000), peer: Some("192.0.2.1".parse().unwrap()), ..Envelope::new(Transport::Tcp) };
    let text = fs::read(file).unwrap();
    let lines = text.split(|it| *it == b'\n').filter(|it| !it.is_empty());
    let documents = lines.map(|line| {
        let parsed = parser.parse(&envelope.encode(line));
        let mut fields = parsed.row.to_json(&mapping);
        let original = fields.get_mut("event").and_then(|it| it.as_object_mut()).and_then(|it| it.shift_remove("original"));
        assert_eq!(original, Some(Value::from(&*String::from_utf8_lossy(line))), "{}", file.display());
        json!({"stream": parsed.stream, "fields": fields})
    });
    documents.collect()
}

fn cases() -> Vec<PathBuf> {
    let roots = ["tests/panos", "tests/formats"].map(|it| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(it));
    let folders = roots.iter().flat_map(|it| fs::read_dir(it).unwrap()).map(|it| it.unwrap().path()).filter(|it| it.is_dir());
    let files = folders.flat_map(|it| fs::read_dir(it).unwrap()).map(|it| it.unwrap().path());
    let mut cases: Vec<PathBuf> = files.filter(|it| it.extension().is_some_and(|it| it == "log")).collect();
    cases.sort();
    cases
}

#[test]
fn lines_become_the_documents_beside_them() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 10, "cases are missing");
    for log in cases {
        let golden = log.with_extension("json");
        let found = serde_json::to_string_pretty(&documents(&log)).unwrap() + "\n";
        if update {
            fs::write(&golden, found).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if let Some(at) = found.lines().zip(expected.lines()).position(|it| it.0 != it.1).or((found != expected).then_some(0)) {
            let line = |text: &str| text.lines().nth(at).unwrap_or_default().trim().to_owned();
            wrong.push(format!("{}:{}\n  found    {}\n  expected {}", golden.display(), at + 1, line(&found), line(&expected)));
        }
    }
    assert!(wrong.is_empty(), "UPDATE_EXPECT=1 rewrites these:\n{}", wrong.join("\n"));
}
