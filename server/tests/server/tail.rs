//! `/_sekisho/tail`: what arrives is seen by those who follow it, once, and only what they ask for and may see.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::door::Door;

/// A connection that follows.
pub(crate) struct Follower {
    lines: BufReader<TcpStream>,
    pub(crate) status: String,
    /// The id of the last message.
    id: String,
}

impl Follower {
    pub(crate) fn open(address: SocketAddr, query: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        write!(stream, "GET /_sekisho/tail?{query} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").unwrap();
        let mut lines = BufReader::new(stream);
        let mut status = String::new();
        lines.read_line(&mut status).unwrap();
        let mut follower = Self { lines, status, id: String::new() };
        while !follower.line().is_empty() {}
        follower
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).unwrap() > 0, "the tail ended");
        line.trim_end().to_owned()
    }

    /// The next message; what is not one is the framing of the connection.
    pub(crate) fn message(&mut self) -> Value {
        loop {
            let line = self.line();
            if let Some(id) = line.strip_prefix("id: ") {
                id.clone_into(&mut self.id);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }

    /// The values `n` of the next `count` events.
    fn numbers(&mut self, count: usize) -> Vec<u64> {
        let mut found = Vec::new();
        while found.len() < count {
            found.extend(self.message()["hits"].as_array().unwrap().iter().map(|it| it["_source"]["n"].as_u64().unwrap()));
        }
        found
    }
}

fn put(door: &Door, index: &str, n: u64, kind: &str) {
    door.json("POST", &format!("/{index}/_doc"), &json!({ "@timestamp": "2026-11-24T00:00:00Z", "n": n, "kind": kind }));
}

fn encoded(query: &Value) -> String {
    form_urlencoded::byte_serialize(query.to_string().as_bytes()).collect()
}

#[test]
fn what_arrives_and_matches_is_sent_once_and_in_order() {
    let door = Door::open();
    put(&door, "a-1", 1, "old");
    let query = encoded(&json!({ "term": { "kind.keyword": "wanted" } }));
    let mut tail = Follower::open(door.http(), &format!("index=a-*&query={query}"), &[]);
    assert!(tail.status.contains("200"), "{}", tail.status);
    assert_eq!(tail.message()["hits"], json!([]), "it begins now");
    for n in 2..5 {
        put(&door, "a-1", n, if n == 3 { "other" } else { "wanted" });
    }
    // An index that was not there when it began.
    put(&door, "a-2", 5, "wanted");
    put(&door, "b-1", 6, "wanted");
    put(&door, "a-1", 7, "wanted");
    let mut numbers = tail.numbers(4);
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 4, 5, 7]);
}

#[test]
fn a_connection_that_was_lost_goes_on_where_it_was() {
    let door = Door::open();
    put(&door, "a-1", 1, "x");
    let mut tail = Follower::open(door.http(), "index=a-*", &[]);
    tail.message();
    put(&door, "a-1", 2, "x");
    assert_eq!(tail.numbers(1), [2]);
    let id = tail.id.clone();
    drop(tail);
    put(&door, "a-1", 3, "x");
    let mut tail = Follower::open(door.http(), "index=a-*", &[("last-event-id", &id)]);
    assert_eq!(tail.numbers(1), [3]);
    let mut elsewhere = Follower::open(door.http(), "index=a-*", &[("last-event-id", "not ours")]);
    assert_eq!(elsewhere.message()["hits"], json!([]), "an id of somebody else's is the beginning");
}

#[test]
fn of_more_than_a_message_holds_the_newest_are_sent_and_it_is_said() {
    let door = Door::open();
    put(&door, "a-1", 0, "x");
    let mut tail = Follower::open(door.http(), "index=a-*", &[]);
    tail.message();
    let id = tail.id.clone();
    drop(tail);
    let bulk: String = (1..=1_200).map(|n| format!("{{\"create\":{{}}}}\n{{\"@timestamp\":\"2026-11-24T00:00:00Z\",\"n\":{n}}}\n")).collect();
    door.send("POST", "/a-1/_bulk?refresh=true", &[], bulk);
    let mut tail = Follower::open(door.http(), "index=a-*&_source_includes=n", &[("last-event-id", &id)]);
    let message = tail.message();
    let hits = message["hits"].as_array().unwrap();
    assert_eq!((hits.len(), &message["is_partial"]), (500, &json!(true)));
    assert_eq!((&hits[0]["_source"], &hits[499]["_source"]), (&json!({ "n": 701 }), &json!({ "n": 1200 })));
}

#[test]
fn seats_are_few_and_a_closed_connection_leaves_its_own() {
    let door = Door::open();
    put(&door, "a-1", 1, "x");
    let tails: Vec<Follower> = (0..64).map(|_| Follower::open(door.http(), "index=a-*", &[])).collect();
    assert!(tails.iter().all(|it| it.status.contains("200")));
    assert!(Follower::open(door.http(), "index=a-*", &[]).status.contains("429"));
    drop(tails);
    let began = Instant::now();
    while !Follower::open(door.http(), "index=a-*", &[]).status.contains("200") {
        assert!(began.elapsed() < Duration::from_secs(20), "the seats of closed connections are still taken");
    }
}

#[test]
fn a_question_that_is_wrong_is_answered_as_one() {
    let door = Door::open();
    put(&door, "a-1", 1, "x");
    let status = |query: &str| door.send("GET", &format!("/_sekisho/tail?{query}"), &[], "").status;
    assert_eq!(status(""), 400);
    assert_eq!(status("index=a-1&query=nonsense"), 400);
    assert_eq!(status(&format!("index=a-1&query={}", encoded(&json!({ "nonsense": {} })))), 400);
    assert_eq!(status(&format!("index=a-1&query={}", encoded(&json!({ "match": { "n": "x" } })))), 400);
    assert_eq!(status("index=a-1&other=1"), 400);
}

#[test]
fn a_stop_does_not_wait_for_tails() {
    let door = Door::open();
    put(&door, "a-1", 1, "x");
    let mut tail = Follower::open(door.http(), "index=a-1", &[]);
    tail.message();
    let began = Instant::now();
    door.stop();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}
