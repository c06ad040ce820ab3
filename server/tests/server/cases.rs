//! Requests and expected answers as data: every file of `tests/es/<topic>/` is a fresh server and a list of steps.
//!
//! A step has `request` (`METHOD /path?query`), and may have `headers`, `body` (text as it is; a list becomes lines of JSON; else
//! JSON) and what is expected: `status` (200 unless said), `answer`, `text`, `answer_headers`. An expected object may have fewer keys
//! than the answer; lists have the same length. `<any>` fits everything, `<absent>` says that the key must not be there, and text
//! that begins with `~` must be contained. `keep` gives parts of the answer names (`name: /json/pointer`), which stand as `$name` in
//! the requests, bodies and expected answers of later steps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::door::Door;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
    #[serde(default = "ok")]
    status: u16,
    answer: Option<Value>,
    text: Option<String>,
    #[serde(default)]
    keep: BTreeMap<String, String>,
    #[serde(default)]
    answer_headers: BTreeMap<String, String>,
}

fn ok() -> u16 {
    200
}

#[test]
fn every_case_is_answered_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/es");
    let only = std::env::var("CASE").unwrap_or_default();
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    assert!(files.len() >= 10, "the cases are gone: {files:?}");
    let mut failures = Vec::new();
    for file in files.iter().filter(|it| it.to_string_lossy().contains(&only)) {
        let text = std::fs::read_to_string(file).unwrap();
        let steps: Vec<Step> = serde_norway::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let door = Door::open();
        let mut kept = BTreeMap::new();
        for (number, step) in steps.iter().enumerate() {
            let mut misses = Vec::new();
            check(&door, step, &mut kept, &mut misses);
            for miss in misses {
                failures.push(format!("{} step {} ({}): {miss}", file.strip_prefix(&root).unwrap().display(), number + 1, step.request));
            }
        }
    }
    assert!(failures.is_empty(), "{} misses:\n{}", failures.len(), failures.join("\n"));
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|it| it == "yaml") {
            files.push(path);
        }
    }
}

fn check(door: &Door, step: &Step, kept: &mut BTreeMap<String, String>, misses: &mut Vec<String>) {
    let fill = |text: &str| kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value));
    let request = fill(&step.request);
    let (method, uri) = request.split_once(' ').expect("a request is METHOD /path");
    let body = match &step.body {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().map(|it| format!("{it}\n")).collect(),
        json => json.to_string(),
    };
    let headers: Vec<(&str, &str)> = step.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected: Option<Value> = step.answer.as_ref().map(|it| serde_json::from_str(&fill(&it.to_string())).expect("a name is plain text"));
    let answer = door.send(method, uri, &headers, fill(&body));
    if answer.status != step.status {
        misses.push(format!("status {} instead of {}: {}", answer.status, step.status, answer.text()));
    }
    for (name, pointer) in &step.keep {
        match serde_json::from_slice::<Value>(&answer.body).ok().as_ref().and_then(|it| it.pointer(pointer)).and_then(Value::as_str) {
            Some(text) => drop(kept.insert(name.clone(), text.to_owned())),
            None => misses.push(format!("no text at {pointer} to keep: {}", answer.text())),
        }
    }
    if answer.header("x-elastic-product") != "Elasticsearch" {
        misses.push("no X-Elastic-Product".to_owned());
    }
    for (name, value) in &step.answer_headers {
        compare(name, &Value::from(value.as_str()), &Value::from(answer.header(name)), misses);
    }
    if let Some(expected) = &step.text {
        compare("text", &Value::from(expected.as_str()), &Value::from(answer.text()), misses);
    }
    if let Some(expected) = &expected {
        match serde_json::from_slice::<Value>(&answer.body) {
            Ok(actual) => compare("", expected, &actual, misses),
            Err(error) => misses.push(format!("the answer is not JSON ({error}): {}", answer.text())),
        }
    }
}

fn compare(at: &str, expected: &Value, actual: &Value, misses: &mut Vec<String>) {
    match (expected, actual) {
        (Value::String(text), _) if text == "<any>" => {}
        (Value::String(text), Value::String(actual)) if text.starts_with('~') => {
            if !actual.contains(&text[1..]) {
                misses.push(format!("{at}: [{actual}] does not contain [{}]", &text[1..]));
            }
        }
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, expected) in expected {
                let at = format!("{at}/{key}");
                match (expected, actual.get(key)) {
                    (Value::String(text), None) if text == "<absent>" => {}
                    (_, None) => misses.push(format!("{at}: absent")),
                    (_, Some(actual)) => compare(&at, expected, actual, misses),
                }
            }
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            for (number, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                compare(&format!("{at}/{number}"), expected, actual, misses);
            }
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        (expected, actual) if expected == actual => {}
        (expected, actual) => misses.push(format!("{at}: {actual} instead of {expected}")),
    }
}
