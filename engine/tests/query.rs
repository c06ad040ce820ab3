//! Queries as text: every `.test` file under `tests/query` gives documents, queries and what they find.
//!
//! A file is read line by line. `mapping:` (JSON; the built-in one where absent), `written:` (an older mapping, under which
//! the documents were indexed), `doc NAME JSON`; then `query:` (JSON, which may go on over indented lines) followed by
//! `hits:` and the names of the documents found, or by `error:` and class and message. `#` starts a comment.
//! `UPDATE_EXPECT=1` rewrites the last two.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "query/index.rs"]
mod index;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use index::TestIndex;
use sekisho_engine::mapping::Mapping;
use sekisho_engine::query::{BoolQuery, Query, clause_names};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/query")
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|it| it.unwrap().path()).filter(|it| it.extension().is_some_and(|it| it == "test")).collect();
    files.sort();
    files
}

#[test]
fn queries_find_what_the_cases_say() {
    let mut report = String::new();
    let mut cases = 0;
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let (rewritten, count) = run(&path, &text, &mut report);
        cases += count;
        if std::env::var_os("UPDATE_EXPECT").is_some() && rewritten != text {
            std::fs::write(&path, rewritten).unwrap();
        }
    }
    assert!(report.is_empty(), "{report}");
    assert!(cases > 100, "only {cases} cases were found");
}

#[test]
fn every_clause_has_a_file_of_cases() {
    let missing: Vec<_> = clause_names().filter(|it| !folder().join(format!("{it}.test")).exists()).collect();
    assert!(missing.is_empty(), "no cases for {missing:?}");
}

/// One file; returns it as it should be, and how many cases it has.
fn run(path: &Path, text: &str, report: &mut String) -> (String, usize) {
    let mut out = String::new();
    let mut mapping = (*Mapping::builtin()).clone();
    let mut written = None;
    let mut names: Vec<String> = Vec::new();
    let mut documents: Vec<Value> = Vec::new();
    let mut built: Option<TestIndex> = None;
    let mut cases = 0;
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let at = || format!("{}:{}", path.file_name().unwrap().to_string_lossy(), number + 1);
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|why| panic!("{}: {why}", at()));
        out.push_str(line);
        out.push('\n');
        let (key, rest) = line.split_once([':', ' ']).unwrap_or((line, ""));
        match key {
            "" | "#" => {}
            "mapping" => mapping = Mapping::from_json(&json(rest)).unwrap(),
            "written" => written = Some(Mapping::from_json(&json(rest)).unwrap()),
            "doc" => {
                let (name, body) = rest.split_once(' ').unwrap();
                names.push(name.to_owned());
                documents.push(json(body));
            }
            "query" => {
                let mut body = rest.to_owned();
                while let Some((_, more)) = lines.next_if(|it| it.1.starts_with(' ')) {
                    body.push_str(more);
                    out.push_str(more);
                    out.push('\n');
                }
                let index = built.get_or_insert_with(|| TestIndex::new(&mapping, written.as_ref().unwrap_or(&mapping), &documents, 2));
                let answer = ask(index, &json(&body), &names).unwrap_or_else(|why| why);
                let expected = lines.next_if(|it| it.1.starts_with("hits:") || it.1.starts_with("error:")).map_or("", |it| it.1);
                if answer != expected.trim_end() {
                    writeln!(report, "{}: {body}\n  expected {expected}\n  got      {answer}", at()).unwrap();
                }
                out.push_str(&answer);
                out.push('\n');
                cases += 1;
            }
            _ => panic!("{}: unknown line {line}", at()),
        }
    }
    (out, cases)
}

fn ask(index: &TestIndex, body: &Value, names: &[String]) -> Result<String, String> {
    let error = |why: sekisho_engine::error::QueryError| format!("error: {}: {why}", why.es_type());
    let query = Query::from_json(body).map_err(error)?;
    let again = Query::from_json(&query.to_json()).map_err(|why| format!("error: its own JSON is refused: {why}"))?;
    if again != query {
        return Err(format!("error: reading its own JSON gives {again:?} for {query:?}"));
    }
    let found = index.find_in(&query, "logs-2026").map_err(error)?;
    let others = index.find_in(&BoolQuery::new().must_not(query).build(), "logs-2026").map_err(error)?;
    if found.len() + others.len() != names.len() {
        return Err(format!("error: {} match, {} do not, of {}", found.len(), others.len(), names.len()));
    }
    let hits: Vec<&str> = found.iter().map(|it| names[*it as usize].as_str()).collect();
    Ok(format!("hits: {}", hits.join(" ")).trim_end().to_owned())
}
