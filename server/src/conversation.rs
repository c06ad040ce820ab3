//! One conversation out of the events that share a session key: traffic, threats, URLs and decryption, told as one story.
//!
//! The key names device, virtual system, session id and both ends, and firewalls use session ids again. So events are parted by time
//! (PAN-OS syslog reference §21, 16): TRAFFIC lines with one start are one conversation, unless each is an end of its own; other events belong
//! to the conversation whose span, from 60 s before its start to 120 s after its end, holds them, or to the nearest of several. The span is what
//! TRAFFIC states and no other event widens it: else events of the next session with this id would follow one another in. What no TRAFFIC
//! line covers (the session is still going on, or its log was not forwarded) is parted at pauses. Works on documents as `_source` shows them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// An event may be logged so long before the start that TRAFFIC states, in milliseconds.
const BEFORE_MS: i64 = 60_000;
/// And so long after its end.
const AFTER_MS: i64 = 120_000;

/// Actions after which the session went on.
const PASSED: &[&str] = &["alert", "allow", "continue", "override", "forward", "syncookie-sent"];

/// Subtypes of THREAT that record what went through, not that something was wrong with it.
const RECORDS: &[&str] = &["file", "data", "dlp"];

/// The WildFire verdict of a harmless file.
const HARMLESS: &str = "benign";

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

    /// Whether a threat was found and let through. WildFire logs every verdict, so it is the verdict that counts there.
    fn is_passed_threat(&self) -> bool {
        let is_found = match self.text("panw.panos.sub_type") {
            Some(subtype) if RECORDS.contains(&subtype) => false,
            Some("wildfire") => self.text("panw.panos.url.category").is_some_and(|it| it != HARMLESS && it != "any"),
            _ => true,
        };
        self.kind() == Kind::Threat && is_found && self.text("panw.panos.action").is_some_and(|it| PASSED.contains(&it))
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
    /// The span that TRAFFIC states; without TRAFFIC, that of the events.
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
        let is_near = time_ms >= self.start_ms.saturating_sub(BEFORE_MS) && (self.goes_on() || time_ms <= self.end_ms.saturating_add(AFTER_MS));
        is_near.then(|| self.gap(time_ms))
    }

    /// Whether an event is in it.
    pub fn holds(&self, index: &str, id: &str) -> bool {
        self.events.iter().any(|it| it.index == index && it.id == id)
    }

    /// Milliseconds between it and a time; 0 inside.
    pub fn gap(&self, time_ms: i64) -> i64 {
        let after = if self.goes_on() { 0 } else { time_ms - self.end_ms };
        (self.start_ms - time_ms).max(after).max(0)
    }

    /// TRAFFIC said that it began and nothing says that it ended.
    fn goes_on(&self) -> bool {
        self.is_open && self.has_traffic
    }

    /// Whether a TRAFFIC line with the same start is of this conversation: an end other than the one it has is of another.
    fn takes(&self, traffic: &Event) -> bool {
        let number = |it: &Event| it.text("panw.panos.sequence_number").map(str::to_owned);
        traffic.kind() == Kind::Start || !self.events.iter().any(|it| it.kind() == Kind::End && number(it) != number(traffic))
    }

    fn add(&mut self, event: Event) {
        if !self.has_traffic {
            self.start_ms = self.start_ms.min(event.time_ms);
            self.end_ms = self.end_ms.max(event.time_ms);
        }
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
        let passed = threats.iter().filter(|it| it.is_passed_threat()).count();
        // What goes on lasts until its last event, so far.
        let end_ms = if self.goes_on() { self.events.iter().fold(self.end_ms, |end_ms, it| end_ms.max(it.time_ms)) } else { self.end_ms };
        json!({
            "start": rfc3339(self.start_ms),
            "end": rfc3339(end_ms),
            "duration_ms": end_ms - self.start_ms,
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
    let mut by_start: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for event in traffic {
        let is_end = event.kind() == Kind::End;
        let start_ms = event.time("event.start").unwrap_or(event.time_ms);
        let end_ms = event.time("event.end").filter(|_| is_end).unwrap_or(event.time_ms).max(start_ms);
        let same_start = by_start.entry(start_ms).or_default();
        match same_start.iter().copied().find(|at| conversations[*at].takes(&event)).map(|at| &mut conversations[at]) {
            Some(same) => {
                same.end_ms = same.end_ms.max(end_ms);
                same.is_open &= !is_end;
                same.events.push(event);
            }
            None => {
                same_start.push(conversations.len());
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
    fn events_of_the_next_session_with_the_id_do_not_follow_one_another_in() {
        let mut events = vec![traffic("end", "end", 1_060, 1_000, 60)];
        events.extend([1_150, 1_260, 1_360, 1_460].map(|at| event(&at.to_string(), at, "THREAT", "url", json!({}))));
        let found = part(events);
        assert_eq!(ids(&found), [vec!["end", "1150"], vec!["1260", "1360", "1460"]]);
        assert_eq!(found[0].to_json()["duration_ms"], 60_000);
    }

    #[test]
    fn two_ends_with_one_start_are_two_conversations_unless_one_line_came_twice() {
        let end = |id: &str, number: &str| {
            let mut it = traffic(id, "drop", 1_000, 1_000, 0);
            it.source.insert("panw".to_owned(), json!({ "panos": { "type": "TRAFFIC", "sub_type": "drop", "sequence_number": number } }));
            it
        };
        let found = part(vec![end("a", "1"), end("b", "2"), end("a-again", "1")]);
        assert_eq!(ids(&found), [vec!["a", "a-again"], vec!["b"]]);
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
    fn only_threats_are_detected_but_allowed_and_wildfire_counts_by_its_verdict() {
        let passed = |subtype: &str, action: &str, category: &str| {
            let it = json!({ "type": "THREAT", "sub_type": subtype, "action": action, "url": { "category": category } });
            event("t", 0, "THREAT", subtype, json!({ "panw": { "panos": it } })).is_passed_threat()
        };
        for (subtype, action, category, is_passed) in [
            ("vulnerability", "alert", "any", true),
            ("vulnerability", "reset-both", "any", false),
            ("flood", "syncookie-sent", "any", true),
            ("spyware", "override", "any", true),
            ("file", "alert", "any", false),
            ("data", "alert", "any", false),
            ("wildfire", "allow", "benign", false),
            ("wildfire", "allow", "malicious", true),
            ("url", "alert", "malware", false),
        ] {
            assert_eq!(passed(subtype, action, category), is_passed, "{subtype} {action} {category}");
        }
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
