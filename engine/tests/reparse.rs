//! Records that move to another stream when a newer parser understands them: in one step, over crashes too.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::Path;
use std::sync::Arc;

use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::format::{Format, FormatId, Parsed};
use sekisho_engine::row::Row;
use sekisho_engine::{Condition, Engine, EngineOptions, PRIMARY_TERM, ResolveOptions, SearchRequest, WriteAction, WriteOp, WriteResult};

const FORMAT: FormatId = FormatId(1);

/// Understands lines that begin with one of these letters.
struct Letters(&'static [u8]);

impl Format for Letters {
    fn id(&self) -> FormatId {
        FORMAT
    }

    fn parse(&self, record: &[u8]) -> Parsed {
        let mut row = Row::default();
        row.push_date(ecs::TIMESTAMP, Timestamp(1_795_000_000_000));
        row.push_str(ecs::EVENT_ORIGINAL, str::from_utf8(record).unwrap());
        Parsed { stream: if record.first().is_some_and(|it| self.0.contains(it)) { "syslog" } else { "syslog-unparsed" }, row }
    }
}

fn open(dir: &Path, letters: &'static [u8]) -> Engine {
    Engine::open(EngineOptions { background: false, ..EngineOptions::new(dir) }.with_format(Arc::new(Letters(letters)))).unwrap()
}

fn lines(engine: &Engine, stream: &str) -> Vec<String> {
    engine.refresh(None).unwrap();
    let scan = engine.scan(&engine.resolve(stream, ResolveOptions::default()).unwrap(), &SearchRequest::default(), None).unwrap();
    let documents = scan.read(0..scan.len(), true).unwrap();
    documents.iter().map(|it| it.source["event"]["original"].as_str().unwrap().to_owned()).collect()
}

/// Asks for all of `syslog-unparsed` to be parsed again.
fn reparse(engine: &Engine) -> Vec<WriteResult> {
    engine.refresh(None).unwrap();
    let scan = engine.scan(&engine.resolve("syslog-unparsed", ResolveOptions::default()).unwrap(), &SearchRequest::default(), None).unwrap();
    let op = |it: sekisho_engine::StoredRecord| WriteOp {
        index: it.index,
        id: Some(it.id),
        action: WriteAction::Reparse { format: it.format, record: it.record },
        condition: Condition::LastWrite { seq: it.seq, term: PRIMARY_TERM },
    };
    let (results, written) = engine.write(scan.records(0..scan.len()).unwrap().into_iter().map(op).collect()).unwrap();
    written.wait().unwrap();
    results
}

fn records(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|it| it.as_bytes().to_vec()).collect()
}

#[test]
fn what_is_understood_now_moves_once_and_the_rest_stays() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path(), b"a");
    engine.append_records(FORMAT, &records(&["a1", "b1", "c1", "b2"])).unwrap().wait().unwrap();
    engine.commit().unwrap();
    engine.append_records(FORMAT, &records(&["c2", "b3"])).unwrap().wait().unwrap();
    drop(engine);

    let engine = open(dir.path(), b"ab");
    let results = reparse(&engine);
    assert_eq!(results.iter().filter(|it| matches!(it, WriteResult::Deleted(_))).count(), 3, "{results:?}");
    assert_eq!(results.iter().filter(|it| matches!(it, WriteResult::Illegal { .. })).count(), 2, "{results:?}");
    for commit in [false, true, true] {
        if commit {
            engine.commit().unwrap();
        }
        assert_eq!(lines(&engine, "syslog"), ["a1", "b1", "b2", "b3"]);
        assert_eq!(lines(&engine, "syslog-unparsed"), ["c1", "c2"]);
        assert!(reparse(&engine).iter().all(|it| matches!(it, WriteResult::Illegal { .. })), "again is no harm");
    }
}

#[test]
fn a_move_is_read_from_the_log_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path(), b"");
    engine.append_records(FORMAT, &records(&["b1", "c1"])).unwrap().wait().unwrap();
    engine.commit().unwrap();
    drop(engine);
    let engine = open(dir.path(), b"b");
    assert_eq!(reparse(&engine).len(), 2);
    // As after kill -9: nothing of the move is in a split.
    std::mem::forget(engine.clone());
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), copy.path());
    let again = open(copy.path(), b"b");
    assert_eq!((lines(&again, "syslog"), lines(&again, "syslog-unparsed")), (vec!["b1".to_owned()], vec!["c1".to_owned()]));
    drop(engine);
}

#[test]
fn a_document_that_changed_meanwhile_stays_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path(), b"");
    engine.append_records(FORMAT, &records(&["b1"])).unwrap().wait().unwrap();
    drop(engine);
    let engine = open(dir.path(), b"b");
    engine.refresh(None).unwrap();
    let scan = engine.scan(&engine.resolve("syslog-unparsed", ResolveOptions::default()).unwrap(), &SearchRequest::default(), None).unwrap();
    let it = scan.records(0..1).unwrap().remove(0);
    let op = |action, seq| WriteOp {
        index: it.index.clone(),
        id: Some(it.id.clone()),
        action,
        condition: Condition::LastWrite { seq, term: PRIMARY_TERM },
    };
    engine.write(vec![op(WriteAction::Delete, it.seq)]).unwrap().1.wait().unwrap();
    let again = op(WriteAction::Reparse { format: it.format, record: it.record.clone() }, it.seq);
    let (results, _) = engine.write(vec![again]).unwrap();
    assert!(matches!(results[0], WriteResult::Conflict { .. } | WriteResult::NotFound(_)), "{results:?}");
    assert_eq!(lines(&engine, "syslog"), [""; 0]);
}

fn copy_dir(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
