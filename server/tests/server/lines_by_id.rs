//! Lines of a firewall under the endpoints of documents: their ids are derived and what is stored is the line, not JSON.

use serde_json::{Value, json};

use super::door::Door;

/// A TRAFFIC line with an action.
fn line(session: &str, action: &str) -> String {
    let mut columns = vec![String::new(); 60];
    for (index, text) in [
        (0, "1"),
        (1, "2026/11/20 10:00:00"),
        (2, "0018"),
        (3, "TRAFFIC"),
        (4, "end"),
        (6, "2026/11/20 10:00:00"),
        (7, "10.0.0.5"),
        (8, "192.0.2.80"),
        (22, session),
        (29, "tcp"),
        (30, action),
    ] {
        columns[index] = text.to_owned();
    }
    format!("<14>Nov 20 10:00:00 fw {}\n", columns.join(","))
}

/// Hits by what the query asks, as (backing index, id, document).
fn hits(door: &Door, query: &Value) -> Vec<(String, String, Value)> {
    let answer = door.json("POST", "/panos-traffic/_search", &json!({ "query": query, "size": 100, "sort": ["_doc"] }));
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    answer["hits"]["hits"].as_array().unwrap().iter().map(|it| (text(&it["_index"]), text(&it["_id"]), it["_source"].clone())).collect()
}

#[test]
fn lines_are_got_changed_copied_and_deleted_like_documents() {
    let door = Door::open();
    let lines: String = (0..30).map(|it| line(&format!("{it}"), if it < 10 { "deny" } else { "allow" })).collect();
    door.syslog(lines.as_bytes());
    door.json("POST", "/panos-traffic/_refresh", &Value::Null);
    let all = json!({ "match_all": {} });
    let denied = json!({ "term": { "panw.panos.action": "deny" } });
    let before = hits(&door, &all);
    assert_eq!(before.len(), 30, "{before:?}");
    assert_eq!(hits(&door, &denied).len(), 10);

    // By its derived id, through the stream and through `_mget`.
    let (index, id, source) = before[5].clone();
    let got = door.json("GET", &format!("/panos-traffic/_doc/{id}"), &Value::Null);
    assert_eq!((&got["_source"], got["_index"].as_str().unwrap()), (&source, &*index));
    let many = door.json("POST", "/panos-traffic/_mget", &json!({ "ids": [id, before[6].1] }));
    assert_eq!(many["docs"][1]["_source"], before[6].2);

    // Copied, as the documents that they are shown as.
    let copied =
        door.json("POST", "/_reindex?refresh=true", &json!({ "source": { "index": "panos-traffic", "query": denied }, "dest": { "index": "copy" } }));
    assert_eq!(copied["created"], 10);
    let copy = door.json("GET", &format!("/copy/_doc/{id}"), &Value::Null);
    assert_eq!(copy["_source"], source);

    // Written again: nothing is lost or doubled, and every field is what it was.
    let again = door.json("POST", "/panos-traffic/_update_by_query?refresh=true", &Value::Null);
    assert_eq!((&again["updated"], &again["failures"]), (&json!(30), &json!([])));
    let mut after = hits(&door, &all);
    after.sort_by(|a, b| a.1.cmp(&b.1));
    let mut expected = before.clone();
    expected.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(after, expected);

    // Changed in part, by the name of the backing index; the stream itself takes new documents only.
    let change = json!({ "doc": { "labels": { "ticket": "4711" } } });
    assert_eq!(door.send("POST", &format!("/panos-traffic/_update/{id}"), &[], change.to_string()).status, 400);
    assert_eq!(door.json("POST", &format!("/{index}/_update/{id}"), &change)["result"], "updated");
    let changed = door.json("GET", &format!("/panos-traffic/_doc/{id}"), &Value::Null);
    assert_eq!(changed["_source"]["labels"]["ticket"], "4711");
    assert_eq!(changed["_source"]["event"], source["event"]);

    let gone = door.json("POST", "/panos-traffic/_delete_by_query?refresh=true", &json!({ "query": denied }));
    assert_eq!((&gone["deleted"], &gone["version_conflicts"]), (&json!(10), &json!(0)));
    assert_eq!(hits(&door, &all).len(), 20);
    assert!(hits(&door, &denied).is_empty());
}
