//! From a TCP socket to an answer: what the real `sekisho` binary costs and how fast it answers, on generated lines.
//!
//! `cargo xtask bench end_to_end [--lines N] [--seed S] [--binary PATH] [--keep]` builds the server, starts it on a new data directory,
//! sends N lines over one syslog connection, waits for our half-close to be acknowledged (durable) and for every line to be
//! searchable, and asks the questions of `benches/README.md` over HTTP. Every answer is checked against counts made here from the raw
//! lines by the plainest reading of CSV. Prints a Markdown table.

// A bench talks to a person on a terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sekisho_benches::generate::{Generator, Options};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Warm runs of each question; the median is shown.
const RUNS: usize = 21;

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    let dir = std::env::temp_dir().join(format!("sekisho-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let lines_path = dir.join("lines.log");
    eprintln!("generating {} lines", arguments.lines);
    let expected = generate(&arguments, &lines_path)?;
    let outcome = measure(&arguments, &dir, &lines_path, &expected);
    if !arguments.keep {
        std::fs::remove_dir_all(&dir)?;
    }
    outcome
}

struct Arguments {
    lines: u64,
    seed: u64,
    binary: PathBuf,
    keep: bool,
}

impl Arguments {
    fn parse() -> Result<Self> {
        let mut found = Self { lines: 1_000_000, seed: 1, binary: PathBuf::from("target/release/sekisho"), keep: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--lines" => found.lines = value()?.replace('_', "").parse()?,
                "--seed" => found.seed = value()?.parse()?,
                "--binary" => found.binary = value()?.into(),
                "--keep" => found.keep = true,
                other => return Err(format!("unknown argument {other}").into()),
            }
        }
        if !found.binary.exists() {
            let built = Command::new("cargo").args(["build", "--release", "--package", "sekisho"]).status()?;
            if !built.success() {
                return Err("the server does not build".into());
            }
        }
        Ok(found)
    }
}

/// What the raw lines say, counted without the product's code.
#[derive(Default)]
struct Expected {
    lines: u64,
    bytes: u64,
    resets: u64,
    blocked_ports: BTreeMap<String, u64>,
    zone_pairs: BTreeMap<(String, String), u64>,
    sources: BTreeMap<String, u64>,
}

impl Expected {
    fn count(&mut self, line: &str) {
        self.lines += 1;
        self.bytes += line.len() as u64 + 1;
        let Some(start) = line.find(" 1,20") else { return };
        let columns = split(&line[start + 1..]);
        let [kind, subtype] = [columns[3].as_str(), columns[4].as_str()];
        if !matches!(kind, "THREAT" | "TRAFFIC") {
            return;
        }
        let [from, to, port, action] = [16, 17, 25, 30].map(|at| columns[at].as_str());
        *self.sources.entry(columns[7].clone()).or_default() += 1;
        if kind == "THREAT" && subtype != "url" {
            *self.zone_pairs.entry((from.to_owned(), to.to_owned())).or_default() += 1;
            self.resets += u64::from(from == "Untrust" && to == "DMZ" && action.starts_with("reset-"));
        }
        if subtype == "url" && from == "Trust" && to == "Untrust" && (action.starts_with("block-") || action == "override-lockout") {
            *self.blocked_ports.entry(port.to_owned()).or_default() += 1;
        }
    }

    fn busiest_source(&self) -> String {
        self.sources.iter().max_by_key(|it| *it.1).map(|it| it.0.clone()).unwrap_or_default()
    }
}

/// The columns of a line, by the plainest reading of CSV: a quote opens at the start of a column, two quotes in it are one.
fn split(line: &str) -> Vec<String> {
    let mut columns = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(it) = characters.next() {
        let column = columns.last_mut().expect("there is always one");
        match it {
            '"' if !quoted && column.is_empty() => quoted = true,
            '"' if quoted && characters.peek() == Some(&'"') => column.extend(characters.next()),
            '"' if quoted => quoted = false,
            ',' if !quoted => columns.push(String::new()),
            it => column.push(it),
        }
    }
    columns
}

fn generate(arguments: &Arguments, path: &Path) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut out = BufWriter::new(File::create(path)?);
    let generator = Generator::new(&Options { seed: arguments.seed, lines: arguments.lines, ..Options::default() });
    for line in generator {
        let text = std::str::from_utf8(&line.bytes)?;
        expected.count(text);
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(expected)
}

fn measure(arguments: &Arguments, dir: &Path, lines: &Path, expected: &Expected) -> Result<()> {
    let data = dir.join("data");
    let server = Server::start(&arguments.binary, &data)?;
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));

    let began = Instant::now();
    send(&server, lines)?;
    let durable = began.elapsed();
    let mut client = Client::connect(server.http)?;
    let all = json!({ "query": { "match_all": {} } });
    loop {
        let count = client.post("/panos-*,syslog-unparsed/_count?ignore_unavailable=true", &all)?["count"].as_u64().unwrap_or_default();
        if count == expected.lines {
            break;
        }
        if began.elapsed() > durable + Duration::from_secs(60) {
            return Err(format!("{count} of {} lines are searchable a minute after they were acknowledged", expected.lines).into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let searchable = began.elapsed();
    let per_second = |time: Duration| format!("{:.0}", expected.lines as f64 / time.as_secs_f64());
    row("lines", format!("{} of {:.0} bytes on average", expected.lines, expected.bytes as f64 / expected.lines as f64));
    row("lines/s, socket to durable", per_second(durable));
    row("lines/s, socket to searchable", per_second(searchable));
    let cpu = server.cpu_seconds()?;
    row("CPU seconds until then", format!("{cpu:.1} ({:.0} lines per CPU second)", expected.lines as f64 / cpu));
    client.post("/_flush", &json!({}))?;
    std::thread::sleep(Duration::from_secs(3));
    row("CPU seconds with commits and merges", format!("{:.1}", server.cpu_seconds()?));
    row("peak memory", format!("{:.0} MiB", server.peak_memory_mib()?));
    row("bytes on disk per event", format!("{:.0}", directory_bytes(&data.join("splits"))? as f64 / expected.lines as f64));

    for question in questions(expected) {
        let cold = Instant::now();
        let answer = client.post(&question.path, &question.body)?;
        let cold = cold.elapsed();
        if let Some(wrong) = (question.check)(&answer, expected) {
            return Err(format!("{}: {wrong}\n{answer}", question.name).into());
        }
        let mut warm = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            let began = Instant::now();
            client.post(&question.path, &question.body)?;
            warm.push(began.elapsed());
        }
        warm.sort_unstable();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        row(
            question.name,
            format!("{:.2} ms first, {:.2} ms warm (median of {RUNS}; worst {:.2})", ms(cold), ms(warm[RUNS / 2]), ms(warm[RUNS - 1])),
        );
    }
    println!("| | |\n| --- | --- |");
    for (name, value) in &rows {
        println!("| {name} | {value} |");
    }
    println!("\nEvery answer equalled a count made from the raw lines.");
    Ok(())
}

struct Question {
    name: &'static str,
    path: String,
    body: Value,
    /// What is wrong with an answer.
    check: fn(&Value, &Expected) -> Option<String>,
}

fn questions(expected: &Expected) -> Vec<Question> {
    let zones = |from: &str, to: &str, actions: &[&str]| json!({ "bool": { "filter": [{ "term": { "observer.ingress.zone": from } }, { "term": { "observer.egress.zone": to } }, { "terms": { "panw.panos.action": actions } }] } });
    let blocked = ["block-url", "block-continue", "block-override", "override-lockout"];
    let source = expected.busiest_source();
    vec![
        Question {
            name: "resets Untrust to DMZ",
            path: "/panos-threat/_count".to_owned(),
            body: json!({ "query": zones("Untrust", "DMZ", &["reset-client", "reset-server", "reset-both"]) }),
            check: |answer, expected| (answer["count"] != expected.resets).then(|| format!("{} expected", expected.resets)),
        },
        Question {
            name: "blocked URLs Trust to Untrust by port",
            path: "/panos-url/_search".to_owned(),
            body: json!({ "size": 0, "query": zones("Trust", "Untrust", &blocked), "aggs": { "ports": { "terms": { "field": "destination.port", "size": 100 } } } }),
            check: |answer, expected| {
                let found = buckets(&answer["aggregations"]["ports"]);
                (found != expected.blocked_ports).then(|| format!("{:?} expected", expected.blocked_ports))
            },
        },
        Question {
            name: "zone matrix of threats",
            path: "/panos-threat/_search".to_owned(),
            body: json!({ "size": 0, "aggs": { "from": { "terms": { "field": "observer.ingress.zone", "size": 50 }, "aggs": { "to": { "terms": { "field": "observer.egress.zone", "size": 50 } } } } } }),
            check: |answer, expected| {
                let mut found = BTreeMap::new();
                for from in answer["aggregations"]["from"]["buckets"].as_array().into_iter().flatten() {
                    for (to, count) in buckets(&from["to"]) {
                        found.insert((from["key"].as_str().unwrap_or_default().to_owned(), to), count);
                    }
                }
                // An empty zone is no value.
                let expected: BTreeMap<_, _> =
                    expected.zone_pairs.iter().filter(|it| !it.0.0.is_empty() && !it.0.1.is_empty()).map(|it| (it.0.clone(), *it.1)).collect();
                (found != expected).then(|| format!("{expected:?} expected"))
            },
        },
        Question {
            name: "newest 100 events of one address",
            path: "/panos-*/_search".to_owned(),
            body: json!({ "size": 100, "query": { "term": { "source.ip": source } }, "sort": [{ "@timestamp": "desc" }], "track_total_hits": true }),
            check: |answer, expected| {
                let hits = answer["hits"]["hits"].as_array().map_or(0, Vec::len) as u64;
                let (total, wanted) = (answer["hits"]["total"]["value"].as_u64(), expected.sources[&expected.busiest_source()]);
                (total != Some(wanted) || hits != wanted.min(100)).then(|| format!("{wanted} expected, {hits} hits"))
            },
        },
    ]
}

fn buckets(aggregation: &Value) -> BTreeMap<String, u64> {
    let key = |it: &Value| it["key"].as_str().map_or_else(|| it["key"].to_string(), str::to_owned);
    aggregation["buckets"].as_array().into_iter().flatten().map(|it| (key(it), it["doc_count"].as_u64().unwrap_or_default())).collect()
}

/// Sends the file over one connection, closes our half, and waits until the server closes its own: everything is durable then.
fn send(server: &Server, lines: &Path) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.syslog))?;
    std::io::copy(&mut File::open(lines)?, &mut stream)?;
    stream.shutdown(Shutdown::Write)?;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest)?;
    Ok(())
}

struct Server {
    child: Child,
    http: u16,
    syslog: u16,
}

impl Server {
    fn start(binary: &Path, data: &Path) -> Result<Self> {
        let (http, syslog, udp) = (free_port()?, free_port()?, free_port()?);
        let address = |port: u16| format!("127.0.0.1:{port}");
        let child = Command::new(binary)
            .arg("serve")
            .arg("--data-dir")
            .arg(data)
            .args(["--http", &address(http), "--syslog-tcp", &address(syslog), "--syslog-udp", &address(udp)])
            .stdout(Stdio::null())
            .spawn()?;
        let server = Self { child, http, syslog };
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            if TcpStream::connect(("127.0.0.1", http)).is_ok() && TcpStream::connect(("127.0.0.1", syslog)).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err("the server does not answer".into())
    }

    fn proc_file(&self, name: &str) -> Result<String> {
        Ok(std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id()))?)
    }

    /// User and system time of all its threads.
    fn cpu_seconds(&self) -> Result<f64> {
        let stat = self.proc_file("stat")?;
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        let fields: Vec<&str> = after_name.split(' ').collect();
        // utime and stime are fields 14 and 15 of proc(5), which counts the pid and the name; a tick is 10 ms.
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / 100.0)
    }

    fn peak_memory_mib(&self) -> Result<f64> {
        let status = self.proc_file("status")?;
        let line = status.lines().find(|it| it.starts_with("VmHWM:")).ok_or("no VmHWM in /proc")?;
        let kib: f64 = line.split_whitespace().nth(1).ok_or("VmHWM without a number")?.parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The bench is over; what the server thinks of being killed is another test's subject.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn directory_bytes(path: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { directory_bytes(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}

/// One HTTP/1.1 connection that is kept: as little as a browser does.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        let body = body.to_string();
        let request =
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let is_ok = line.contains(" 200 ");
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        let answer: Value = serde_json::from_slice(&answer)?;
        if is_ok { Ok(answer) } else { Err(format!("{path}: {answer}").into()) }
    }
}
