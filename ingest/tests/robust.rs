//! Damaged input, by the thousand and always the same: sample lines cut, flipped and spliced. Nothing panics, every line becomes a
//! document that can be shown, and the framer's messages do not depend on how the bytes arrive.
#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::format::Format as _;
use sekisho_engine::mapping::Mapping;
use sekisho_ingest::syslog::frame::Framer;
use sekisho_ingest::syslog::header;
use sekisho_ingest::{Envelope, PanosSyslog, Transport};

const ITERATIONS: u64 = 20_000;

/// Lines of each kind that the parsers tell apart; the fixtures of `panos/` add real ones.
const SEEDS: &[&str] = &[
    "1,2023/08/01 04:03:24,001801004217,TRAFFIC,end,2305,2023/08/01 04:03:24,10.0.0.1,192.0.2.7,0.0.0.0,0.0.0.0,\"a,b\",acme\\u,x@y,ssl,vsys1,T,U,e1,e2,L,2023/08/01 04:03:24,7,1,5,443,0,0,0x400064,tcp,allow,1,1,0,1,2023/08/01 04:03:20,4,any,0,9,0x0,DE,US,0,1,0,aged-out,0,0,0,0,,fw,p,,,0,,0,,N/A,0,0,0,0,u,0,0,,{a,b,{c}},,,,,,x",
    "<14>1 2021-10-27T19:21:00.034Z s logforwarder - panwlogs [a b=\"c\\\"\"] 2021-10-27T19:20:59.000000Z,no-serial,TRAFFIC,end,10.0",
    "01111111111,2024/04/11 20:06:15,audit,2561,gui-op,suser,\"<debug>\",ok",
    "CEF:0|Palo Alto Networks|LF|2.0|TRAFFIC|end|3|ProfileToken=xxxxx dtz=UTC",
    r"CEF:0|Palo Alto Networks|PAN-OS|10.2|URL-filtering(9999)|THREAT|1|rt=Feb 27 2021 20:16:21 GMT cs1Label=Rule cs1=a b\\=c request=x.example/?a\=b\|日 cat=(9999) PanOSNew=\n",
    r"LEEF:1.0|Palo Alto Networks|PAN-OS Syslog Integration|11.1.6|allow|cat=TRAFFIC|Type=TRAFFIC|devTime=Sep 17 2025 11:45:34 GMT|Rule=a\|b|x=日",
    "LEEF:2.0|Palo Alto Networks|Next Generation Firewall|10.1|e|x5e|cat=threat^SubType=url^URL=a=b",
    "<14>1 2025-07-14T09:50:36Z h a 12 id {\"LogType\":\"THREAT\",\"Subtype\":\"url\",\"Action\":{\"value\":\"alert\"},\"URLCategoryList\":[\"a\",1,null],\"x\":1e400}",
    "<165>1 2003-10-11T22:14:15.003Z h evntslog 8710 ID47 [ex@32473 iut=\"3\\]\" eventSource=\"App\"][b] \u{feff}An event",
    "<189>4567: *Mar  1 00:00:05.123: %SYS-5-CONFIG_I: Configured from console",
    "Sep 16 10:00:02 PP 1,9/16/19 10:00,1801017000,TRAFFIC,start,2049,9/16/19 10:00,1.2.3.4",
    "<34>Oct 11 22:14:15 mymachine su[123]: 'su root' failed for lonvick on /dev/pts/8 ü 日本語",
];

/// Numbers that are the same in every run (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let roots = ["/tests/panos", "/tests/formats"].map(|it| format!("{}{it}", env!("CARGO_MANIFEST_DIR")));
    let mut seeds: Vec<Vec<u8>> = SEEDS.iter().map(|it| it.as_bytes().to_vec()).collect();
    let mut files: Vec<_> =
        roots.iter().flat_map(|it| std::fs::read_dir(it).unwrap()).map(|it| it.unwrap().path()).filter(|it| it.is_dir()).collect();
    files.sort();
    for file in files.iter().flat_map(|it| std::fs::read_dir(it).unwrap()).map(|it| it.unwrap().path()) {
        if file.extension().is_some_and(|it| it == "log") {
            seeds.extend(std::fs::read(file).unwrap().split(|it| *it == b'\n').filter(|it| !it.is_empty()).map(<[u8]>::to_vec));
        }
    }
    assert!(seeds.len() >= 20, "the fixtures of tests/panos are missing");
    seeds
}

/// One seed with a few random injuries.
fn mutant(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const SPICE: &[u8] = b",\"\\{}[]<>:|=^\t\n\r\0 1\xff\xc3";
    let mut line = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(line.len());
        match random.below(7) {
            0 => line.truncate(at),
            1 => {
                line.drain(..at);
            }
            2 if !line.is_empty() => line[at] ^= 1 << random.below(8),
            3 if !line.is_empty() => line[at] = SPICE[random.below(SPICE.len())],
            4 => line.insert(at, SPICE[random.below(SPICE.len())]),
            5 => {
                let other = &seeds[random.below(seeds.len())];
                line.truncate(at);
                line.extend_from_slice(&other[random.below(other.len())..]);
            }
            _ => {
                let end = at + random.below(line.len() - at.min(line.len()) + 1);
                let part = line[at.min(line.len())..end.min(line.len())].to_vec();
                line.splice(at..at, part);
            }
        }
    }
    line
}

#[test]
fn damaged_lines_become_documents() {
    let (seeds, mapping, parser) = (seeds(), Mapping::builtin(), PanosSyslog::new());
    let mut random = Random(1);
    for iteration in 0..ITERATIONS {
        let line = mutant(&seeds, &mut random);
        let time_zone = ["Europe/Berlin", "nowhere"].get(random.below(4)).copied();
        let envelope = Envelope { received_at: Timestamp(1_750_000_000_000), time_zone, ..Envelope::new(Transport::Tcp) };
        let parsed = parser.parse(&envelope.encode(&line));
        assert_eq!(parsed.row.str(ecs::EVENT_ORIGINAL), Some(&*String::from_utf8_lossy(&line)), "iteration {iteration}");
        assert!(parsed.row.date(ecs::TIMESTAMP).is_some(), "iteration {iteration}");
        assert_eq!(parsed.row.values().filter(|it| it.0 == ecs::TIMESTAMP).count(), 1, "iteration {iteration}");
        assert_eq!(parsed.stream == "syslog-unparsed", parsed.row.str(ecs::EVENT_KIND) == Some("pipeline_error"), "iteration {iteration}");
        if iteration % 16 == 0 {
            assert!(!parsed.row.to_json(&mapping).is_empty());
        }
    }
}

#[test]
fn damaged_records_become_documents() {
    let (seeds, parser) = (seeds(), PanosSyslog::new());
    let mut random = Random(2);
    for iteration in 0..ITERATIONS {
        let envelope = Envelope { peer: Some("2001:db8::1".parse().unwrap()), time_zone: Some("Asia/Tokyo"), ..Envelope::new(Transport::Udp) };
        let mut record = envelope.encode(&seeds[random.below(seeds.len())]);
        for _ in 0..=random.below(3) {
            let at = random.below(record.len().min(40));
            record[at] = random.next() as u8;
        }
        record.truncate(random.below(record.len() * 2).max(random.below(40)));
        let parsed = parser.parse(&record);
        assert!(parsed.row.date(ecs::TIMESTAMP).is_some(), "iteration {iteration}");
    }
}

#[test]
fn damaged_headers_are_read_within_the_line() {
    let seeds = seeds();
    let mut random = Random(3);
    for iteration in 0..ITERATIONS {
        let line = mutant(&seeds, &mut random);
        let text = String::from_utf8_lossy(&line);
        let found = header::scan(&text);
        assert!(text.is_char_boundary(found.body), "iteration {iteration}");
        if let Some(at) = header::find_csv(&text) {
            assert!(text.as_bytes()[at].is_ascii_digit(), "iteration {iteration}");
        }
        if let Some(at) = header::find_cloud_csv(&text) {
            assert!(text.is_char_boundary(at), "iteration {iteration}");
        }
        header::is_audit_layout(&text);
    }
}

fn messages(stream: &[u8], mut chunk_len: impl FnMut() -> usize) -> Vec<(Vec<u8>, bool)> {
    let mut framer = Framer::new();
    let mut messages = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(chunk_len().clamp(1, rest.len()));
        framer.push(chunk, |it| messages.push((it.bytes.to_vec(), it.is_truncated)));
        rest = after;
    }
    framer.finish(|it| messages.push((it.bytes.to_vec(), it.is_truncated)));
    messages
}

#[test]
fn messages_do_not_depend_on_chunks() {
    let seeds = seeds();
    let mut random = Random(4);
    for iteration in 0..ITERATIONS / 4 {
        let mut stream = Vec::new();
        for _ in 0..random.below(6) {
            let line = mutant(&seeds, &mut random);
            match random.below(4) {
                0 => stream.extend_from_slice(format!("{} ", line.len()).as_bytes()),
                1 => stream.extend_from_slice(format!("{} <14>", random.below(200_000)).as_bytes()),
                _ => {}
            }
            stream.extend_from_slice(&line);
            stream.push(b'\n');
            if random.below(64) == 0 {
                stream.resize(stream.len() + 60_000 + random.below(10_000), b'x');
            }
        }
        let whole = messages(&stream, || stream.len());
        assert!(whole.iter().all(|it| it.0.len() <= sekisho_ingest::limits::LINE_BYTES_MAX), "iteration {iteration}");
        let largest = [1, 7, 100, 5000][random.below(4)];
        assert_eq!(messages(&stream, || 1 + random.below(largest)), whole, "iteration {iteration}");
    }
}
