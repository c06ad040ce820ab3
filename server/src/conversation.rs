//! One conversation out of the events that share a session key: traffic, threats, URLs and decryption, told as one story.
//!
//! The key names device, virtual system, session id and both ends, and firewalls use session ids again. So events are parted by time
//! (PAN-OS syslog reference §21, 16): TRAFFIC lines with one start are one conversation; other events belong to the conversation whose span,
//! from 60 s before its start to 120 s after its end, holds them, or to the nearest of several. What no TRAFFIC line covers (the
//! session is still going on, or its log was not forwarded) is parted at pauses. Works on documents as `_source` shows them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// An event may be logged so long before the start that TRAFFIC states, in milliseconds.
const BEFORE_MS: i64 = 60_000;
/// And so long after its end.
const AFTER_MS: i64 = 120_000;

/// An event with the key.
#[derive(Clone, Debug)]
pub struct Event {
    /// `@timestamp`, UTC milliseconds.
    pub time_ms: i64,
    /// The backing index.
    pub index: String,
    /// Its id there.
    pub id: String,
    /// The document.
    pub source: Map<String, Value>,
}

impl Event {
    fn at(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(None, |at: Option<&Value>, key| {
            let object = at.map_or(Some(&self.source), Value::as_object)?;
            Some(Some(object.get(key)?))
        })?
    }

    fn text(&self, path: &str) -> Option<&str> {
        match self.at(path)? {
            Value::Array(values) => values.first()?.as_str(),
            value => value.as_str(),
        }
    }

    fn number(&self, path: &str) -> Option<i64> {
        self.at(path)?.as_i64()
    }

    fn time(&self, path: &str) -> Option<i64> {
        Some(self.text(path)?.parse::<jiff::Timestamp>().ok()?.as_millisecond())
    }

    fn kind(&self) -> Kind {
        match (self.text("panw.panos.type"), self.text("panw.panos.sub_type")) {
            (Some("TRAFFIC"), Some("start")) => Kind::Start,
            (Some("TRAFFIC"), _) => Kind::End,
            (Some("THREAT"), Some("url")) => Kind::Url,
            (Some("THREAT"), _) => Kind::Threat,
            _ => Kind::Other,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// TRAFFIC at the start: its counters are those of that moment.
    Start,
    /// TRAFFIC at the end, or of a session that was not let through.
    End,
    Url,
    Threat,
    Other,
}

/// The events of one conversation, oldest first.
#[derive(Clone, Debug)]
pub struct Conversation {
    start_ms: i64,
    end_ms: i64,
    /// No line says that it ended.
    is_open: bool,
    has_traffic: bool,
    events: Vec<Event>,
}

impl Conversation {
    /// How far a time lies outside of the conversation; `None` where that is too far to belong to it.
    fn distance(&self, time_ms: i64) -> Option<i64> {
        let end_ms = if self.is_open && self.has_traffic { i64::MAX - AFTER_MS } else { self.end_ms };
        let distance = (self.start_ms - time_ms).max(time_ms - end_ms).max(0);
        let is_near = time_ms >= self.start_ms.saturating_sub(BEFORE_MS) && time_ms <= end_ms + AFTER_MS;
        is_near.then_some(distance)
    }

    /// Whether an event is in it.
    pub fn holds(&self, index: &str, id: &str) -> bool {
        self.events.iter().any(|it| it.index == index && it.id == id)
    }

    /// Milliseconds between it and a time; 0 inside.
    pub fn gap(&self, time_ms: i64) -> i64 {
        (self.start_ms - time_ms).max(time_ms - self.end_ms).max(0)
    }

    fn add(&mut self, event: Event) {
        self.start_ms = self.start_ms.min(event.time_ms);
        self.end_ms = self.end_ms.max(event.time_ms);
        let at = self.events.partition_point(|it| it.time_ms <= event.time_ms);
        self.events.insert(at, event);
    }

    /// The conversation as JSON; its shape is in `docs/sessions.md`.
    pub fn to_json(&self) -> Value {
        // The line at the end knows most: counters, reason, the application as it turned out to be.
        let best =
            || self.events.iter().rev().filter(|it| it.kind() == Kind::End).chain(self.events.iter().rev().filter(|it| it.kind() == Kind::Start));
        let any = || best().chain(self.events.iter().filter(|it| matches!(it.kind(), Kind::Url | Kind::Threat | Kind::Other)));
        let first = |path: &str| any().find_map(|it| it.at(path)).cloned().unwrap_or(Value::Null);
        let counted = best().next();
        let count = |path: &str| counted.and_then(|it| it.number(path));
        let end = |side: &str, zone: &str| {
            json!({
                "ip": first(&format!("{side}.ip")),
                "port": first(&format!("{side}.port")),
                "nat": { "ip": first(&format!("{side}.nat.ip")), "port": first(&format!("{side}.nat.port")) },
                "user": first(&format!("{side}.user.name")),
                "geo": first(&format!("{side}.geo.name")),
                "zone": first(&format!("observer.{zone}.zone")),
                "interface": first(&format!("observer.{zone}.interface.name")),
            })
        };
        let threats: Vec<&Event> = self.events.iter().filter(|it| it.kind() == Kind::Threat).collect();
        let passed = threats.iter().filter(|it| matches!(it.text("panw.panos.action"), Some("alert" | "allow" | "continue"))).count();
        json!({
            "start": rfc3339(self.start_ms),
            "end": rfc3339(self.end_ms),
            "duration_ms": self.end_ms - self.start_ms,
            "is_open": self.is_open,
            "observer": { "serial_number": first("observer.serial_number"), "hostname": first("observer.hostname"), "virtual_sys": first("panw.panos.virtual_sys") },
            "flow_id": first("panw.panos.flow_id"),
            "transport": first("network.transport"),
            "source": end("source", "ingress"),
            "destination": end("destination", "egress"),
            "applications": self.distinct("network.application"),
            "rules": self.distinct("rule.name"),
            "actions": self.distinct("panw.panos.action"),
            "end_reason": first("panw.panos.endreason"),
            "bytes": { "total": count("network.bytes"), "to_destination": count("source.bytes"), "to_source": count("destination.bytes") },
            "packets": { "total": count("network.packets"), "to_destination": count("source.packets"), "to_source": count("destination.packets") },
            "counted_at": counted.map(|it| if it.kind() == Kind::End { "end" } else { "start" }),
            "threats": threats.iter().map(|it| it.part(&["panw.panos.threat.name", "panw.panos.threat.id", "panw.panos.severity", "panw.panos.action"])).collect::<Vec<_>>(),
            "urls": self.events.iter().filter(|it| it.kind() == Kind::Url).map(|it| it.part(&["url.original", "panw.panos.url.category", "panw.panos.action"])).collect::<Vec<_>>(),
            "detected_but_allowed": { "threats": passed, "bytes_to_source": if passed > 0 { count("destination.bytes") } else { Some(0) } },
            "events": self.events.iter().map(|it| json!({ "_index": it.index, "_id": it.id, "_source": it.source })).collect::<Vec<_>>(),
        })
    }

    fn distinct(&self, path: &str) -> Vec<&str> {
        let mut found = Vec::new();
        for text in self.events.iter().filter_map(|it| it.text(path)) {
            if !found.contains(&text) {
                found.push(text);
            }
        }
        found
    }
}

impl Event {
    /// The time and these fields, by the last part of their names.
    fn part(&self, paths: &[&str]) -> Value {
        let mut part = Map::new();
        part.insert("time".to_owned(), rfc3339(self.time_ms).into());
        for path in paths {
            let name = path.rsplit('.').next().unwrap_or(path);
            part.insert(name.to_owned(), self.text(path).map_or(Value::Null, Value::from));
        }
        part.insert("_index".to_owned(), self.index.clone().into());
        part.insert("_id".to_owned(), self.id.clone().into());
        Value::Object(part)
    }
}

/// Parts events with one session key into conversations, oldest first.
pub fn part(mut events: Vec<Event>) -> Vec<Conversation> {
    events.sort_by_key(|it| it.time_ms);
    let (traffic, others): (Vec<_>, Vec<_>) = events.into_iter().partition(|it| matches!(it.kind(), Kind::Start | Kind::End));
    let mut conversations: Vec<Conversation> = Vec::new();
    let mut by_start = BTreeMap::new();
    for event in traffic {
        let is_end = event.kind() == Kind::End;
        let start_ms = event.time("event.start").unwrap_or(event.time_ms);
        let end_ms = event.time("event.end").filter(|_| is_end).unwrap_or(event.time_ms).max(start_ms);
        match by_start.get(&start_ms).map(|at: &usize| &mut conversations[*at]) {
            Some(same) => {
                same.end_ms = same.end_ms.max(end_ms);
                same.is_open &= !is_end;
                same.events.push(event);
            }
            None => {
                by_start.insert(start_ms, conversations.len());
                conversations.push(Conversation { start_ms, end_ms, is_open: !is_end, has_traffic: true, events: vec![event] });
            }
        }
    }
    conversations.sort_by_key(|it| it.start_ms);
    // A session whose end was not logged was over when its id was used again.
    for at in 1..conversations.len() {
        let next_ms = conversations[at].start_ms;
        let before = &mut conversations[at - 1];
        if before.is_open {
            before.is_open = false;
            before.end_ms = before.end_ms.max(next_ms - 1);
        }
    }
    for event in others {
        let nearest = conversations.iter().enumerate().filter_map(|(at, it)| Some((it.distance(event.time_ms)?, std::cmp::Reverse(at)))).min();
        match nearest {
            Some((_, std::cmp::Reverse(at))) => conversations[at].add(event),
            None => {
                let time_ms = event.time_ms;
                conversations.push(Conversation { start_ms: time_ms, end_ms: time_ms, is_open: true, has_traffic: false, events: vec![event] });
            }
        }
    }
    conversations.sort_by_key(|it| it.start_ms);
    conversations
}

fn rfc3339(time_ms: i64) -> String {
    sekisho_engine::clock::Timestamp(time_ms).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, time_s: i64, kind: &str, subtype: &str, more: Value) -> Event {
        let mut source = json!({ "panw": { "panos": { "type": kind, "sub_type": subtype } } });
        if let (Value::Object(source), Value::Object(more)) = (&mut source, more) {
            source.extend(more);
        }
        Event { time_ms: time_s * 1000, index: "i".to_owned(), id: id.to_owned(), source: source.as_object().cloned().unwrap_or_default() }
    }

    fn traffic(id: &str, subtype: &str, time_s: i64, start_s: i64, elapsed_s: i64) -> Event {
        let times = json!({ "event": { "start": rfc3339(start_s * 1000), "end": rfc3339((start_s + elapsed_s) * 1000) }, "destination": { "bytes": 48_000 } });
        event(id, time_s, "TRAFFIC", subtype, times)
    }

    fn ids(conversations: &[Conversation]) -> Vec<Vec<&str>> {
        conversations.iter().map(|it| it.events.iter().map(|it| it.id.as_str()).collect()).collect()
    }

    #[test]
    fn start_and_end_are_one_conversation_with_what_happened_between() {
        let found = part(vec![
            traffic("end", "end", 1_100, 1_000, 60),
            event("threat", 1_030, "THREAT", "vulnerability", json!({})),
            traffic("start", "start", 1_001, 1_000, 0),
            event("late", 1_170, "THREAT", "url", json!({})),
        ]);
        assert_eq!(ids(&found), [["start", "threat", "end", "late"]]);
        assert!(!found[0].is_open);
    }

    #[test]
    fn a_session_id_used_again_is_another_conversation() {
        let found = part(vec![
            traffic("a", "end", 1_060, 1_000, 50),
            event("of-a", 1_040, "THREAT", "url", json!({})),
            traffic("b", "end", 1_300, 1_200, 90),
            event("of-b", 1_160, "THREAT", "url", json!({})),
            event("far", 9_000, "THREAT", "url", json!({})),
        ]);
        assert_eq!(ids(&found), [vec!["of-a", "a"], vec!["of-b", "b"], vec!["far"]]);
    }

    #[test]
    fn a_session_without_an_end_goes_on_until_its_id_is_used_again() {
        let open = || vec![traffic("start", "start", 1_000, 1_000, 0), event("hours-later", 20_000, "THREAT", "url", json!({}))];
        let found = part(open());
        assert_eq!(ids(&found), [["start", "hours-later"]]);
        assert!(found[0].is_open);
        let mut again = open();
        again.push(traffic("next", "end", 19_990, 19_980, 10));
        assert_eq!(ids(&part(again)), [vec!["start"], vec!["next", "hours-later"]]);
    }

    #[test]
    fn without_traffic_events_are_parted_at_pauses() {
        let found = part([1_000, 1_100, 2_000].map(|at| event(&at.to_string(), at, "THREAT", "url", json!({}))).to_vec());
        assert_eq!(ids(&found), [vec!["1000", "1100"], vec!["2000"]]);
    }

    #[test]
    fn a_threat_that_was_let_through_is_told_with_the_bytes_that_came_back() {
        let alert =
            event("t", 1_010, "THREAT", "spyware", json!({ "panw": { "panos": { "type": "THREAT", "sub_type": "spyware", "action": "alert" } } }));
        let story = part(vec![alert, traffic("end", "end", 1_100, 1_000, 60)])[0].to_json();
        assert_eq!(story["detected_but_allowed"], json!({ "threats": 1, "bytes_to_source": 48_000 }));
        assert_eq!((&story["counted_at"], &story["threats"][0]["action"]), (&json!("end"), &json!("alert")));
        let quiet = part(vec![traffic("end", "end", 1_100, 1_000, 60)])[0].to_json();
        assert_eq!(quiet["detected_but_allowed"], json!({ "threats": 0, "bytes_to_source": 0 }));
    }
}
