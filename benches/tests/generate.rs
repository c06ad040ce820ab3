//! The generator's promises, checked on its bytes by a reader that shares nothing with it: repeatable, in order, of
//! exact width, in the mixture asked for, with the two headline sets filled and sessions tied together.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use sekisho_benches::generate::{END_MS_DEFAULT, Generator, Mix, Options, Trickle};

/// Columns of the CSV, quotes undone; the header before `1,20…` dropped.
fn columns(line: &str) -> Vec<String> {
    let start = line.find(" 1,20").expect("a line has a CSV") + 1;
    let mut columns = vec![String::new()];
    let mut text = line[start..].chars().peekable();
    let mut is_quoted = false;
    while let Some(letter) = text.next() {
        let column = columns.last_mut().expect("never empty");
        match letter {
            '"' if is_quoted && text.peek() == Some(&'"') => {
                text.next();
                column.push('"');
            }
            '"' if is_quoted || column.is_empty() => is_quoted = !is_quoted,
            ',' if !is_quoted => columns.push(String::new()),
            _ => column.push(letter),
        }
    }
    assert!(!is_quoted, "a quote is closed: {line}");
    columns
}

fn month(lines: u64) -> Vec<(i64, Vec<String>)> {
    let options = Options { lines, ..Options::default() };
    Generator::new(&options).map(|it| (it.at_ms, columns(std::str::from_utf8(&it.bytes).expect("a line is UTF-8")))).collect()
}

fn kind(columns: &[String]) -> &str {
    match (columns[3].as_str(), columns[4].as_str()) {
        ("THREAT", "url") => "URL",
        (log, _) => log,
    }
}

fn per_mille(part: usize, whole: usize) -> usize {
    part * 1000 / whole
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_ever() {
    // FNV-1a over the first ten thousand lines. A change here changes everybody's data: say so in the CHANGELOG.
    let mut generator = Generator::new(&Options { seed: 42, ..Options::default() });
    let (mut hash, mut line) = (0xcbf2_9ce4_8422_2325_u64, Vec::new());
    for _ in 0..10_000 {
        generator.next_into(&mut line).expect("there are more lines");
        line.push(b'\n');
        for byte in &line {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    assert_eq!(format!("{hash:016x}"), "e1e3e215f08ef351");
}

#[test]
fn another_seed_gives_another_history() {
    let first = |seed| Generator::new(&Options { seed, lines: 50, ..Options::default() }).collect::<Vec<_>>();
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
}

#[test]
fn every_line_has_the_width_of_its_release() {
    let mut widths = HashSet::new();
    for (_, columns) in month(20_000) {
        let width = match (columns[3].as_str(), columns[5].as_str()) {
            ("TRAFFIC", "2562") => 115,
            ("TRAFFIC", "2817") => 117,
            ("THREAT", "2562") => 121,
            ("THREAT", "2817") => 123,
            ("SYSTEM", _) => 26,
            ("CONFIG", _) => 28,
            (log, version) => panic!("unexpected {log} of {version}"),
        };
        assert_eq!(columns.len(), width, "{columns:?}");
        widths.insert(width);
    }
    assert_eq!(widths.len(), 6, "every log type and both releases occur");
}

#[test]
fn lines_are_ordered_inside_the_window_and_exactly_as_many_as_asked() {
    for (lines, span) in [(0, 3600), (1, 60), (777, 60), (5_000, 3600), (30_000, 30 * 86_400)] {
        let span = Duration::from_secs(span);
        let options = Options { seed: 5, lines, end_ms: END_MS_DEFAULT + 12_345, span, ..Options::default() };
        let start_ms = options.end_ms - span.as_millis() as i64;
        let (mut last_ms, mut count) = (start_ms, 0);
        for line in Generator::new(&options) {
            assert!(line.at_ms >= last_ms && line.at_ms < options.end_ms, "{lines} lines: {} after {last_ms}", line.at_ms);
            last_ms = line.at_ms;
            count += 1;
        }
        assert_eq!(count, lines);
    }
}

#[test]
fn the_high_resolution_time_is_the_moment_of_the_line() {
    for (at_ms, columns) in month(2_000) {
        let column = match columns[3].as_str() {
            "TRAFFIC" => 102,
            "THREAT" => 107,
            _ => 25,
        };
        let moment: jiff::Timestamp = columns[column].parse().expect("ISO 8601 with an offset");
        assert_eq!(moment.as_millisecond(), at_ms);
    }
}

#[test]
fn the_mixture_is_the_one_asked_for() {
    for (mix, tolerance) in [
        (Mix::default(), 12),
        (Mix { url_per_mille: 400, threat_per_mille: 100, system_per_mille: 3 }, 25),
        (Mix { url_per_mille: 0, threat_per_mille: 200, system_per_mille: 0 }, 25),
    ] {
        let options = Options { lines: 60_000, mix, ..Options::default() };
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for line in Generator::new(&options) {
            let columns = columns(std::str::from_utf8(&line.bytes).expect("UTF-8"));
            let kind = ["URL", "THREAT", "TRAFFIC"].into_iter().find(|it| *it == kind(&columns)).unwrap_or("SYSTEM");
            *counts.entry(kind).or_default() += 1;
        }
        let share = |kind| per_mille(counts.get(kind).copied().unwrap_or(0), 60_000);
        let expected = [("URL", mix.url_per_mille), ("THREAT", mix.threat_per_mille), ("SYSTEM", mix.system_per_mille)];
        for (kind, expected) in expected {
            let got = share(kind);
            assert!(got.abs_diff(expected as usize) <= tolerance, "{kind}: {got} ‰ of {expected} ‰ asked for ({counts:?})");
        }
    }
}

#[test]
fn the_headline_sets_are_filled_and_blocked_pages_are_port_80() {
    let (mut resets, mut blocked, mut blocked_on_80, mut allowed_critical) = (HashMap::new(), 0, 0, 0);
    for (_, it) in month(200_000) {
        let zones = (it.get(16).map(String::as_str), it.get(17).map(String::as_str));
        match (kind(&it), zones) {
            ("THREAT", (Some("Untrust"), Some("DMZ"))) => {
                if it[30].starts_with("reset-") {
                    *resets.entry(it[30].clone()).or_insert(0) += 1;
                }
                allowed_critical += u32::from(it[34] == "critical" && matches!(it[30].as_str(), "alert" | "allow"));
            }
            ("URL", (Some("Trust"), Some("Untrust"))) if it[30].starts_with("block-") || it[30] == "override-lockout" => {
                blocked += 1;
                blocked_on_80 += usize::from(it[25] == "80");
            }
            _ => {}
        }
    }
    for action in ["reset-both", "reset-server", "reset-client"] {
        assert!(resets.get(action).is_some_and(|&it| it > 200), "{resets:?}");
    }
    assert!(blocked > 3_000, "{blocked}");
    let share = per_mille(blocked_on_80, blocked);
    assert!((982..=993).contains(&share), "{share} ‰ of {blocked} blocked requests went to port 80");
    assert!(allowed_critical > 50, "{allowed_critical} critical threats were let through");
}

#[test]
fn a_url_line_and_the_end_of_its_session_agree() {
    // The conversation: serial, session id, addresses, ports.
    let of = |it: &[String]| [2, 22, 7, 8, 24, 25, 9, 26].map(|column| it[column].clone());
    let (mut urls, mut threats, mut ends) = (HashSet::new(), HashSet::new(), HashMap::new());
    for (at_ms, it) in month(30_000) {
        match (kind(&it), it[4].as_str()) {
            ("URL", _) => {
                urls.insert(of(&it));
            }
            ("THREAT", _) if it[22] != "0" => {
                threats.insert(of(&it));
            }
            ("TRAFFIC", "end") => {
                ends.insert(of(&it), at_ms);
            }
            _ => {}
        }
    }
    for (name, sessions) in [("URL", urls), ("THREAT", threats)] {
        let shared = sessions.iter().filter(|it| ends.contains_key(*it)).count();
        // The last sessions of the window end after the last line.
        assert!(per_mille(shared, sessions.len()) > 980, "{shared} of {} {name} sessions end", sessions.len());
    }
}

#[test]
fn sequence_numbers_rise_by_one_per_device_and_log_type() {
    let mut last: HashMap<(String, String), u64> = HashMap::new();
    for (_, it) in month(20_000) {
        let column = match it[3].as_str() {
            "TRAFFIC" => 39,
            "THREAT" => 36,
            "SYSTEM" => 15,
            _ => 14,
        };
        let number: u64 = it[column].parse().expect("a number");
        if let Some(before) = last.insert((it[2].clone(), it[3].clone()), number) {
            assert_eq!(number, before + 1, "{} {}", it[2], it[3]);
        }
    }
    assert_eq!(last.len(), 8, "two firewalls, four log types");
}

#[test]
fn lines_are_of_a_firewalls_size() {
    let (mut bytes, mut line) = (0, Vec::new());
    let mut generator = Generator::new(&Options { lines: 50_000, ..Options::default() });
    while generator.next_into(&mut line).is_some() {
        assert!(line.len() < 8192 && !line.contains(&b'\n'));
        bytes += line.len();
    }
    let mean = bytes / 50_000;
    assert!((800..=870).contains(&mean), "{mean} bytes a line");
}

#[test]
fn nights_and_weekends_are_quiet() {
    let mut by_hour = [0usize; 24];
    let mut weekend = 0;
    for line in Generator::new(&Options { lines: 40_000, span: Duration::from_secs(28 * 86_400), ..Options::default() }) {
        let hour = line.at_ms.div_euclid(3_600_000);
        by_hour[hour.rem_euclid(24) as usize] += 1;
        // 1970-01-01 was a Thursday.
        weekend += usize::from((line.at_ms.div_euclid(86_400_000) + 3).rem_euclid(7) >= 5);
    }
    assert!(by_hour[10] > 2 * by_hour[3], "{by_hour:?}");
    assert!(per_mille(weekend, 40_000) < 230, "{weekend} of 40000 lines at weekends, 286 ‰ of the time");
}

#[test]
fn a_trickle_keeps_its_rate_and_goes_on_with_the_numbers() {
    let options = Options { lines: 2_000, ..Options::default() };
    let mut generator = Generator::new(&options);
    let (mut line, mut last_sequence) = (Vec::new(), 0u64);
    let sequence = |line: &[u8]| -> Option<u64> {
        let it = columns(std::str::from_utf8(line).expect("UTF-8"));
        (it[3] == "TRAFFIC" && it[2] == "012801099471").then(|| it[39].parse().expect("a number"))
    };
    while generator.next_into(&mut line).is_some() {
        last_sequence = sequence(&line).unwrap_or(last_sequence);
    }
    let from_ms = END_MS_DEFAULT + 5_000;
    let mut trickle = generator.into_trickle(from_ms, 40);
    let mut count = 0;
    let mut last_ms = from_ms;
    for second in 1..=600 {
        while let Some(at_ms) = trickle.next_due(from_ms + second * 1000, &mut line) {
            assert!(at_ms >= last_ms && at_ms <= from_ms + second * 1000);
            last_ms = at_ms;
            count += 1;
            if let Some(number) = sequence(&line) {
                assert_eq!(number, last_sequence + 1);
                last_sequence = number;
            }
        }
    }
    assert!((18_000..=28_000).contains(&count), "{count} lines in ten minutes at 40 a second");
    // A machine that slept an hour does not get the hour's lines at once.
    let woken_ms = from_ms + 600_000 + 3_600_000;
    let mut burst = 0;
    while let Some(at_ms) = trickle.next_due(woken_ms, &mut line) {
        assert!(at_ms <= woken_ms);
        burst += 1;
    }
    assert!(burst < 100, "{burst}");
}

#[test]
fn a_trickle_of_its_own_starts_at_the_moment_given() {
    let mut trickle = Trickle::new(&Options::default(), END_MS_DEFAULT, 5);
    let mut line = Vec::new();
    assert!(trickle.next_due(END_MS_DEFAULT - 1, &mut line).is_none());
    let at_ms = (1..60).find_map(|second| trickle.next_due(END_MS_DEFAULT + second * 1000, &mut line));
    assert!(at_ms.is_some_and(|it| it >= END_MS_DEFAULT));
}
