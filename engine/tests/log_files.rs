//! The log on a real disk: group commit from many threads, segments, retention, and files that someone has damaged.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]

use std::fs::OpenOptions;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use sekisho_engine::fs::{Fs, RealFs, SimFs};
use sekisho_engine::log::{LocalLog, Log, LogError, LogOptions, Recovery};

const FRAMES_START: u64 = 8192;
const FRAME_HEADER_BYTES: u64 = 32;

fn open(dir: &Path, options: LogOptions) -> (LocalLog, Recovery) {
    LocalLog::open(Arc::new(RealFs), dir, options).unwrap()
}

fn small() -> LogOptions {
    LogOptions { segment_bytes_max: FRAMES_START + 1_000, ..LogOptions::default() }
}

/// The frames as `(first_seq, count, payload)`.
fn read_all(log: &LocalLog, from_seq: u64) -> Vec<(u64, u32, String)> {
    let mut seen = Vec::new();
    log.replay(from_seq, &mut |frame| {
        seen.push((frame.first_seq, frame.count, String::from_utf8(frame.payload.to_vec()).unwrap()));
        ControlFlow::Continue(())
    })
    .unwrap();
    seen
}

fn append(log: &LocalLog, payload: &str) -> u64 {
    let appended = log.append(0, 1, payload.as_bytes()).unwrap();
    log.wait(&appended.ticket).unwrap();
    appended.first_seq
}

/// A log of `frames` frames of one record and 100 bytes each, closed again.
fn written(dir: &Path, options: LogOptions, frames: usize) -> Vec<(u64, u32, String)> {
    let (log, _) = open(dir, options);
    for i in 0..frames {
        append(&log, &format!("{i:0100}"));
    }
    log.close().unwrap();
    read_all(&log, 0)
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = RealFs.list(dir).unwrap();
    entries.into_iter().filter(|it| !it.is_dir).map(|it| dir.join(it.name)).collect()
}

fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x20], at).unwrap();
}

#[test]
fn many_threads_share_the_syncs_and_every_batch_is_there_once() {
    let tmp = tempfile::tempdir().unwrap();
    let (log, _) = open(tmp.path(), LogOptions::default());
    let (threads, batches) = (8, 200);
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (log, start) = (&log, &start);
            scope.spawn(move || {
                start.wait();
                for i in 0..batches {
                    let payload = format!("{thread} {i}");
                    let appended = log.append(0, 3, payload.as_bytes()).unwrap();
                    // Every fourth is waited for, as a client would; the rest goes in its wake.
                    if i % 4 == 3 {
                        log.wait(&appended.ticket).unwrap();
                        assert!(log.synced_seq() >= appended.first_seq + 3);
                    }
                }
            });
        }
    });
    log.close().unwrap();
    let stats = log.stats();
    assert_eq!(stats.frames, (threads * batches) as u64);
    assert!(stats.syncs * 2 < stats.frames, "{stats:?}");
    drop(log);
    let (log, recovery) = open(tmp.path(), LogOptions::default());
    let seen = read_all(&log, 0);
    assert_eq!((recovery.torn, recovery.damage), (None, vec![]));
    assert!(seen.iter().enumerate().all(|(i, it)| it.0 == 1 + 3 * i as u64 && it.1 == 3), "numbers without a hole");
    for thread in 0..threads {
        let own: Vec<_> = seen.iter().filter_map(|it| it.2.strip_prefix(&format!("{thread} "))).collect();
        assert_eq!(own, (0..batches).map(|i| i.to_string()).collect::<Vec<_>>(), "thread {thread} in its own order");
    }
}

#[test]
fn callback_tells_without_a_waiting_thread() {
    let tmp = tempfile::tempdir().unwrap();
    let (log, _) = open(tmp.path(), LogOptions::default());
    let (tell, told) = mpsc::channel();
    for _ in 0..10 {
        let appended = log.append(0, 1, b"x").unwrap();
        let (tell, seq) = (tell.clone(), appended.first_seq);
        log.on_synced(&appended.ticket, Box::new(move |result| tell.send((seq, result.is_ok())).unwrap()));
    }
    let heard: Vec<_> = (0..10).map(|_| told.recv_timeout(Duration::from_secs(20)).unwrap()).collect();
    assert_eq!(heard, (1..=10).map(|seq| (seq, true)).collect::<Vec<_>>());
}

#[test]
fn appenders_wait_while_the_queue_is_full() {
    let tmp = tempfile::tempdir().unwrap();
    let options = LogOptions { queue_bytes_max: 1_000, ..LogOptions::default() };
    let (log, _) = open(tmp.path(), options);
    for i in 0..200 {
        log.append(0, 1, format!("{i:0300}").as_bytes()).unwrap();
        let queued = log.stats().queue_bytes;
        assert!(queued <= 1_000, "{queued} bytes queued");
    }
    log.close().unwrap();
    assert_eq!(read_all(&log, 0).len(), 200);
    assert!(matches!(log.append(0, 1, b"late"), Err(LogError::Closed)));
}

#[test]
fn segments_roll_and_retention_keeps_the_last() {
    let tmp = tempfile::tempdir().unwrap();
    let all = written(tmp.path(), small(), 30);
    // 132 bytes a frame: seven fit.
    assert_eq!(segments(tmp.path()).len(), 5);
    assert_eq!(all.len(), 30);
    let (log, recovery) = open(tmp.path(), small());
    assert_eq!((recovery.segments, recovery.frames, recovery.records), (5, 30, 30));
    assert_eq!(recovery.bytes, log.stats().bytes);
    assert_eq!(read_all(&log, 12), all[11..]);

    assert_eq!(log.truncate_before(8).unwrap(), FRAMES_START + 7 * 132);
    assert_eq!((log.first_seq(), log.next_seq()), (8, 31));
    assert_eq!(log.truncate_before(14).unwrap(), 0);
    log.truncate_before(u64::MAX).unwrap();
    assert_eq!((segments(tmp.path()).len(), log.first_seq(), log.next_seq()), (1, 29, 31));
    drop(log);
    let (log, recovery) = open(tmp.path(), small());
    assert_eq!((recovery.torn, recovery.damage), (None, vec![]));
    assert_eq!(read_all(&log, 0), all[28..]);
    assert_eq!(append(&log, "next"), 31);
}

#[test]
fn reader_is_not_disturbed_by_appends_and_retention() {
    let tmp = tempfile::tempdir().unwrap();
    let all = written(tmp.path(), small(), 30);
    let (log, _) = open(tmp.path(), small());
    let mut seen = Vec::new();
    log.replay(0, &mut |frame| {
        seen.push(frame.first_seq);
        if frame.first_seq == 3 {
            append(&log, "meanwhile");
            log.truncate_before(12).unwrap();
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(seen, all.iter().map(|it| it.0).chain([31]).collect::<Vec<_>>());
    let mut first = None;
    let broken = (&log as &dyn Log).try_replay(10, |frame| {
        first.get_or_insert(frame.first_seq);
        if frame.first_seq == 20 { Err(LogError::Empty) } else { Ok(()) }
    });
    assert_eq!(first, Some(10));
    assert!(matches!(broken, Err(LogError::Empty)));
}

#[test]
fn tail_torn_at_any_byte_of_the_last_frame_is_cut() {
    let source = tempfile::tempdir().unwrap();
    let all = written(source.path(), LogOptions::default(), 3);
    let bytes = std::fs::read(&segments(source.path())[0]).unwrap();
    let last = bytes.len() as u64 - FRAME_HEADER_BYTES - 100;
    for cut in last..bytes.len() as u64 {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("00000000000000000001.wal");
        std::fs::write(&path, &bytes[..cut as usize]).unwrap();
        let (log, recovery) = open(tmp.path(), LogOptions::default());
        let torn = recovery.torn.as_ref().map(|it| (it.segment.clone(), it.range.clone()));
        assert_eq!(torn, (cut > last).then(|| (path.clone(), last..cut)), "cut at {cut}");
        assert_eq!(recovery.damage, []);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), last);
        assert_eq!(read_all(&log, 0), all[..2]);
        assert_eq!(append(&log, "again"), 3);
    }
}

#[test]
fn zeros_behind_the_last_frame_are_a_clean_end() {
    let tmp = tempfile::tempdir().unwrap();
    let all = written(tmp.path(), LogOptions::default(), 3);
    let path = &segments(tmp.path())[0];
    let len = std::fs::metadata(path).unwrap().len();
    OpenOptions::new().write(true).open(path).unwrap().set_len(len + 10_000).unwrap();
    let (log, recovery) = open(tmp.path(), LogOptions::default());
    assert_eq!((recovery.torn, recovery.damage), (None, vec![]));
    append(&log, "more");
    drop(log);
    let (log, recovery) = open(tmp.path(), LogOptions::default());
    assert_eq!((recovery.torn, recovery.damage), (None, vec![]));
    assert_eq!(read_all(&log, 0)[..3], all);
    assert_eq!(log.next_seq(), 5);
}

#[test]
fn flipped_byte_in_the_middle_costs_one_frame_and_is_named_at_every_start() {
    let tmp = tempfile::tempdir().unwrap();
    let all = written(tmp.path(), LogOptions::default(), 5);
    let path = segments(tmp.path()).remove(0);
    let hit = FRAMES_START + 132..FRAMES_START + 264;
    flip(&path, hit.start + 50);
    let before = std::fs::read(&path).unwrap();
    for _ in 0..2 {
        let (log, recovery) = open(tmp.path(), LogOptions::default());
        assert_eq!(recovery.torn, None);
        let [damage] = &recovery.damage[..] else { panic!("{recovery:?}") };
        assert_eq!((&damage.segment, &damage.range, &damage.seqs_lost), (&path, &hit, &(2..3)));
        let copy = std::fs::read(damage.quarantined.as_ref().unwrap()).unwrap();
        assert_eq!(copy, before[hit.start as usize..hit.end as usize]);
        assert_eq!(read_all(&log, 0), [&all[..1], &all[2..]].concat());
        assert_eq!(log.next_seq(), 6);
    }
    assert_eq!(std::fs::read(&path).unwrap(), before, "the file is kept as it is");
    let (log, _) = open(tmp.path(), LogOptions::default());
    assert_eq!(append(&log, "goes on"), 6);
}

#[test]
fn bad_end_of_an_earlier_segment_is_damage_not_a_torn_tail() {
    let tmp = tempfile::tempdir().unwrap();
    written(tmp.path(), small(), 10);
    let path = segments(tmp.path()).remove(0);
    flip(&path, std::fs::metadata(&path).unwrap().len() - 1);
    let (log, recovery) = open(tmp.path(), small());
    assert_eq!(recovery.torn, None);
    assert_eq!(recovery.damage.iter().map(|it| it.seqs_lost.clone()).collect::<Vec<_>>(), [7..8]);
    assert_eq!(read_all(&log, 0).len(), 9);
}

#[test]
fn missing_segment_is_a_named_hole() {
    let tmp = tempfile::tempdir().unwrap();
    written(tmp.path(), small(), 20);
    std::fs::remove_file(&segments(tmp.path())[1]).unwrap();
    let (log, recovery) = open(tmp.path(), small());
    assert_eq!(recovery.damage.iter().map(|it| it.seqs_lost.clone()).collect::<Vec<_>>(), [8..15]);
    assert_eq!(read_all(&log, 0).len(), 13);
}

#[test]
fn log_that_ends_before_what_was_published_says_so_and_goes_on_behind() {
    let tmp = tempfile::tempdir().unwrap();
    let all = written(tmp.path(), LogOptions::default(), 5);
    let path = segments(tmp.path()).remove(0);
    flip(&path, std::fs::metadata(&path).unwrap().len() - 1);
    let covered = LogOptions { seq_floor: 6, ..LogOptions::default() };
    let (log, recovery) = open(tmp.path(), covered.clone());
    assert!(recovery.torn.is_some());
    assert_eq!(recovery.damage.iter().map(|it| it.seqs_lost.clone()).collect::<Vec<_>>(), [5..6]);
    assert_eq!(append(&log, "goes on"), 6);
    assert_eq!(read_all(&log, 0), [&all[..4], &[(6, 1, "goes on".into())]].concat());
    drop(log);
    let (log, recovery) = open(tmp.path(), covered);
    assert_eq!(recovery.damage.iter().map(|it| it.seqs_lost.clone()).collect::<Vec<_>>(), [5..6], "still missing");
    assert_eq!((recovery.torn, log.next_seq()), (None, 7));
}

#[test]
fn segment_without_any_header_is_set_aside_whole() {
    let tmp = tempfile::tempdir().unwrap();
    let all = written(tmp.path(), small(), 20);
    let path = segments(tmp.path()).remove(2);
    flip(&path, 10);
    flip(&path, 4_096 + 10);
    let (log, recovery) = open(tmp.path(), small());
    let [damage] = &recovery.damage[..] else { panic!("{recovery:?}") };
    assert!(damage.quarantined.as_ref().unwrap().exists() && !path.exists());
    assert_eq!(read_all(&log, 0), all[..14]);
    // It was the last: only the caller knows how far the numbers had come.
    assert_eq!(log.next_seq(), 15);
    drop(log);
    let (log, _) = open(tmp.path(), LogOptions { seq_floor: 21, ..small() });
    assert_eq!(append(&log, "goes on"), 21);
}

#[test]
fn one_bad_header_copy_costs_nothing_and_is_named() {
    let tmp = tempfile::tempdir().unwrap();
    let all = written(tmp.path(), LogOptions::default(), 3);
    flip(&segments(tmp.path())[0], 17);
    let (log, recovery) = open(tmp.path(), LogOptions::default());
    assert_eq!(recovery.damage.iter().map(|it| it.range.clone()).collect::<Vec<_>>(), [0..4096]);
    assert!(recovery.damage[0].seqs_lost.is_empty());
    assert_eq!(read_all(&log, 0), all);
}

#[test]
fn segment_of_a_later_format_is_refused_untouched() {
    let tmp = tempfile::tempdir().unwrap();
    written(tmp.path(), LogOptions::default(), 1);
    let path = segments(tmp.path()).remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    for page in [0, 4_096] {
        bytes[page + 7] = 9;
        let crc = crc32c::crc32c(&bytes[page..page + 28]);
        bytes[page + 28..page + 32].copy_from_slice(&crc.to_le_bytes());
    }
    std::fs::write(&path, &bytes).unwrap();
    let refused = LocalLog::open(Arc::new(RealFs), tmp.path(), LogOptions::default());
    assert!(matches!(refused, Err(LogError::Version { version: 9, .. })));
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn payload_that_looks_like_a_frame_never_becomes_one() {
    let tmp = tempfile::tempdir().unwrap();
    written(tmp.path(), LogOptions::default(), 1);
    let path = segments(tmp.path()).remove(0);
    let frame = std::fs::read(&path).unwrap()[FRAMES_START as usize..].to_vec();
    // Sent back to another log, as a client could who knows the format; then the frame around it is torn.
    let victim = tempfile::tempdir().unwrap();
    let (log, _) = open(victim.path(), LogOptions::default());
    log.wait(&log.append(0, 1, &[&frame[..], b"and more"].concat()).unwrap().ticket).unwrap();
    drop(log);
    let path = segments(victim.path()).remove(0);
    let len = std::fs::metadata(&path).unwrap().len();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(len - 3).unwrap();
    let (log, recovery) = open(victim.path(), LogOptions::default());
    assert!(recovery.torn.is_some() && recovery.damage.is_empty());
    assert_eq!(read_all(&log, 0), []);
}

#[test]
fn impossible_frames_are_refused() {
    let tmp = tempfile::tempdir().unwrap();
    let (log, _) = open(tmp.path(), LogOptions::default());
    assert!(matches!(log.append(0, 0, b"x"), Err(LogError::Empty)));
    let huge = vec![0; (32 << 20) + 1];
    assert!(matches!(log.append(0, 1, &huge), Err(LogError::TooLarge { .. })));
    log.wait(&log.append(0, 1, &huge[1..]).unwrap().ticket).unwrap();
    assert_eq!(log.next_seq(), 2);
}

#[test]
fn failed_sync_is_final_for_everyone() {
    let fs = SimFs::new(1);
    let (log, _) = LocalLog::open(Arc::new(fs.clone()), Path::new("/log"), LogOptions::default()).unwrap();
    append(&log, "durable");
    fs.fail_next_sync();
    let refused = log.append(0, 1, b"lost").unwrap();
    assert!(matches!(log.wait(&refused.ticket), Err(LogError::Failed { .. })));
    assert!(matches!(log.append(0, 1, b"later"), Err(LogError::Failed { .. })));
    assert!(log.stats().is_failed);
    assert_eq!((log.synced_seq(), read_all(&log, 0).len()), (2, 1));
    assert!(matches!(log.close(), Err(LogError::Failed { .. })));
}

#[test]
fn full_disk_refuses_at_once_and_goes_on_when_there_is_room() {
    let fs = SimFs::new(1);
    let (log, _) = LocalLog::open(Arc::new(fs.clone()), Path::new("/log"), LogOptions::default()).unwrap();
    append(&log, "first");
    fs.set_bytes_max(Some(log.stats().bytes + 50));
    let refused = log.append(0, 5, &[b'x'; 100]).unwrap();
    assert!(log.wait(&refused.ticket).unwrap_err().is_no_space());
    assert_eq!(read_all(&log, 0).len(), 1);
    // A start on a full disk serves what is there.
    drop(log);
    let (log, _) = LocalLog::open(Arc::new(fs.clone()), Path::new("/log"), LogOptions::default()).unwrap();
    assert_eq!(read_all(&log, 0).len(), 1);
    fs.set_bytes_max(None);
    assert_eq!(append(&log, "second"), 2);
    drop(log);
    let (log, recovery) = LocalLog::open(Arc::new(fs.crash()), Path::new("/log"), LogOptions::default()).unwrap();
    assert_eq!((recovery.torn, recovery.damage), (None, vec![]));
    assert_eq!(read_all(&log, 0), [(1, 1, "first".into()), (2, 1, "second".into())]);
}
