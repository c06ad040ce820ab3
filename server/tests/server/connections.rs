//! HTTP as connections have it: compression, limits, clients that go away; and syslog over UDP.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sekisho::api::router::BODY_BYTES_MAX;
use sekisho_benches::generate::{Generator, Options};
use serde_json::{Value, json};

use super::door::Door;
use super::process::request;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bodies_and_answers_may_be_compressed() {
    let door = Door::open();
    let body: String = (0..500).map(|it| format!("{{\"index\":{{\"_index\":\"a\"}}}}\n{{\"n\":{it}}}\n")).collect();
    let answer = door.send("POST", "/_bulk?refresh=true", &[("content-encoding", "gzip"), ("accept-encoding", "gzip")], gzip(body.as_bytes()));
    assert_eq!((answer.status, answer.header("content-encoding")), (200, "gzip"));
    let mut text = String::new();
    GzDecoder::new(answer.body.as_slice()).read_to_string(&mut text).unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&answer["errors"], answer["items"].as_array().unwrap().len()), (&json!(false), 500));
    assert_eq!(door.json("GET", "/a/_count", &Value::Null)["count"], 500);
}

#[test]
fn a_body_that_unpacks_to_too_much_is_refused() {
    let door = Door::open();
    let answer = door.send("POST", "/_bulk", &[("content-encoding", "gzip")], gzip(&vec![b' '; BODY_BYTES_MAX + 1]));
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(answer.json()["error"]["type"], "content_too_long_exception");
    let answer = door.send("GET", &format!("/{}/_search", "a,".repeat(10_000)), &[], "");
    assert_eq!(answer.status, 414, "{}", answer.text());
}

#[test]
fn requests_of_one_connection_are_answered_in_order_and_a_broken_one_costs_only_itself() {
    let door = Door::open();
    let mut stream = TcpStream::connect(door.http()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = format!("HTTP/1.1\r\nhost: {}\r\n", door.http());
    write!(stream, "HEAD /livez {head}\r\nGET /livez {head}\r\nGET /livez {head}connection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!((text.matches("HTTP/1.1 200 OK").count(), text.matches("\r\n\r\nok\n").count()), (3, 2), "{text}");

    let mut broken = TcpStream::connect(door.http()).unwrap();
    broken.write_all(b"\x16\x03\x01 what is this\r\n\r\n").unwrap();
    broken.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut answer = Vec::new();
    let _ = broken.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 2"));
    assert_eq!(request(&door.http().to_string(), "GET", "/livez", "").unwrap().0, 200);
}

#[test]
fn bodies_under_way_have_a_limit_together_and_give_their_room_back() {
    let door = Door::open_with(|config| config.request_memory_bytes = 1_000_000);
    let head = |length: usize| {
        format!("POST /_bulk HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n", door.http())
    };
    let mut slow = TcpStream::connect(door.http()).unwrap();
    slow.write_all((head(700_001) + &" ".repeat(700_000)).as_bytes()).unwrap();
    let large = " ".repeat(400_000);
    let began = Instant::now();
    while !door.send("GET", "/metrics", &[], "").text().contains("sekisho_request_body_bytes 700000\n") {
        assert!(began.elapsed() < Duration::from_secs(10), "the slow body takes no room");
        std::thread::sleep(Duration::from_millis(5));
    }
    let answer = door.send("POST", "/_bulk", &[], large.as_str());
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (429, &json!("circuit_breaking_exception")));
    assert_eq!(door.send("GET", "/_search", &[], "{}").status, 200);
    drop(slow);
    // Only spaces: refused for what it is, once there is room to read it.
    while door.send("POST", "/_bulk", &[], large.as_str()).status != 400 {
        assert!(began.elapsed() < Duration::from_secs(10), "the room is not given back");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_search_whose_client_goes_away_is_given_up() {
    let door = Door::open();
    let lines: Vec<Vec<u8>> = Generator::new(&Options { lines: 5_000, ..Options::default() }).map(|it| it.bytes).collect();
    door.syslog(&lines.join(&b'\n'));
    door.json("POST", "/_refresh", &Value::Null);
    // Many seconds of work: every search is another one, so that no answer is remembered.
    let searches: String = (0..1_000)
        .map(|it| format!("{{}}\n{{\"query\":{{\"range\":{{\"source.port\":{{\"gte\":{it}}}}}}},\"sort\":\"source.port\",\"size\":1000}}\n"))
        .collect();
    let mut stream = TcpStream::connect(door.http()).unwrap();
    let length = searches.len();
    write!(
        stream,
        "POST /panos-*/_msearch HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-ndjson\r\ncontent-length: {length}\r\n\r\n{searches}",
        door.http()
    )
    .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    drop(stream);
    let began = Instant::now();
    while !door.send("GET", "/metrics", &[], "").text().contains("sekisho_searches_cancelled_total 1\n") {
        assert!(began.elapsed() < Duration::from_secs(20), "the searches were not given up");
        std::thread::sleep(Duration::from_millis(20));
    }
    // The stop waits for what runs: it would take as long as the searches, which is half a minute at least; other tests take turns with it.
    let began = Instant::now();
    drop(door);
    assert!(began.elapsed() < Duration::from_secs(10), "the searches went on for {:?}", began.elapsed());
}

#[test]
fn datagrams_are_found_and_counted() {
    let door = Door::open();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for number in 0..20 {
        socket.send_to(format!("<14>Nov 23 07:00:00 host app: datagram {number}").as_bytes(), door.syslog_udp()).unwrap();
    }
    let began = Instant::now();
    loop {
        door.json("POST", "/_refresh", &Value::Null);
        let found = door.json("GET", "/syslog*/_count", &Value::Null)["count"].as_u64().unwrap();
        if found == 20 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "only {found} of 20 datagrams are there");
        std::thread::sleep(Duration::from_millis(20));
    }
    let metrics = door.send("GET", "/metrics", &[], "").text();
    assert!(metrics.contains("sekisho_syslog_received_total{transport=\"udp\"} 20\n"), "{metrics}");
    assert!(metrics.contains("sekisho_ingest_events_total{stream=\"syslog\"} 20\n"), "{metrics}");
    assert!(metrics.contains("sekisho_parse_failures_total{reason=\"not_panos\"} 0\n"), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"));
}
