//! Scrolls, points in time and kept answers: what client libraries page through everything with.

use serde_json::{Value, json};

use super::door::Door;

/// A server with 25 documents, `n` from 0, `tie` their remainder by 3.
fn open() -> Door {
    let door = Door::open();
    let lines: String = (0..25).map(|n| format!("{{\"index\":{{\"_id\":\"{n}\"}}}}\n{{\"n\":{n},\"tie\":{}}}\n", n % 3)).collect();
    let answer = door.send("POST", "/notes/_bulk?refresh=true", &[("content-type", "application/x-ndjson")], lines);
    assert_eq!(answer.json()["errors"], false);
    door
}

fn numbers(answer: &Value) -> Vec<u64> {
    answer["hits"]["hits"].as_array().unwrap().iter().map(|it| it["_source"]["n"].as_u64().unwrap()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn a_scroll_gives_everything_of_its_moment_once() {
    let door = open();
    for (body, shows_sort) in [
        (json!({ "size": 7, "sort": ["_doc"] }), true),
        (json!({ "size": 7, "sort": [{ "tie": "desc" }], "aggs": { "max": { "max": { "field": "n" } } } }), true),
        (json!({ "size": 7, "query": { "range": { "n": { "gte": 0 } } } }), false),
    ] {
        let mut page = door.json("POST", "/notes/_search?scroll=1m", &body);
        assert_eq!(page["hits"]["total"], json!({ "value": 25, "relation": "eq" }));
        assert_eq!(page.get("aggregations").is_some(), body.get("aggs").is_some());
        door.json("PUT", "/notes/_doc/new?refresh=true", &json!({ "n": 1_000, "tie": 0 }));
        let mut found = Vec::new();
        let mut pages = 0;
        while !numbers(&page).is_empty() {
            pages += 1;
            let hit = &page["hits"]["hits"][0];
            assert_eq!(hit.get("sort").map(|it| it.as_array().unwrap().len()), shows_sort.then_some(1), "{hit}");
            found.extend(numbers(&page));
            let id = text(&page["_scroll_id"]).to_owned();
            page = match pages % 3 {
                0 => door.json("GET", &format!("/_search/scroll?scroll=1m&scroll_id={id}"), &Value::Null),
                1 => door.json("POST", "/_search/scroll", &json!({ "scroll": "1m", "scroll_id": id })),
                _ => door.json("POST", &format!("/_search/scroll/{id}?rest_total_hits_as_int=true"), &Value::Null),
            };
            assert!(page.get("aggregations").is_none());
        }
        assert_eq!(pages, 4);
        if body["sort"][0]["tie"] == "desc" {
            assert!(found.windows(2).all(|it| it[0] % 3 >= it[1] % 3), "{found:?}");
        }
        found.sort_unstable();
        assert_eq!(found, (0..25).collect::<Vec<_>>());
        assert_eq!(page["hits"]["total"]["value"], 25);
        let id = text(&page["_scroll_id"]).to_owned();
        assert_eq!(door.json("DELETE", "/_search/scroll", &json!({ "scroll_id": [id] })), json!({ "succeeded": true, "num_freed": 1 }));
        let gone = door.send("POST", "/_search/scroll", &[], json!({ "scroll_id": id }).to_string());
        assert_eq!((gone.status, text(&gone.json()["error"]["root_cause"][0]["type"])), (404, "search_context_missing_exception"));
        door.json("DELETE", "/notes/_doc/new?refresh=true", &Value::Null);
    }
}

#[test]
fn a_point_in_time_stays_as_it_was_and_pages_do_not_overlap() {
    let door = open();
    let pit = door.json("POST", "/notes/_pit?keep_alive=1m", &Value::Null);
    assert_eq!(pit["_shards"]["failed"], 0);
    let id = text(&pit["id"]).to_owned();
    door.json("POST", "/notes/_delete_by_query?refresh=true", &json!({ "query": { "range": { "n": { "lt": 10 } } } }));
    let (mut found, mut after) = (Vec::new(), Value::Null);
    loop {
        let mut body = json!({ "size": 4, "pit": { "id": id, "keep_alive": "2m" }, "sort": [{ "tie": "asc" }] });
        if !after.is_null() {
            body["search_after"] = after;
        }
        let page = door.json("POST", "/_search", &body);
        assert_eq!(page["pit_id"], id.as_str());
        let Some(last) = page["hits"]["hits"].as_array().unwrap().last() else { break };
        assert_eq!(last["sort"].as_array().unwrap().len(), 2, "the tie-breaker is shown");
        after = last["sort"].clone();
        found.extend(numbers(&page));
    }
    assert!(found.windows(2).all(|it| it[0] % 3 <= it[1] % 3));
    found.sort_unstable();
    assert_eq!(found, (0..25).collect::<Vec<_>>());
    assert_eq!(door.json("POST", "/notes/_count", &json!({}))["count"], 15);
    let named = door.send("POST", "/notes/_search", &[], json!({ "pit": { "id": id } }).to_string());
    assert!(named.status == 400 && named.text().contains("[indices] cannot be used with point in time"), "{}", named.text());
    assert_eq!(door.json("DELETE", "/_pit", &json!({ "id": id }))["num_freed"], 1);
    let again = door.send("DELETE", "/_pit", &[], json!({ "id": id }).to_string());
    assert_eq!((again.status, again.json()), (404, json!({ "succeeded": false, "num_freed": 0 })));
    let gone = door.send("POST", "/_search", &[], json!({ "pit": { "id": id } }).to_string());
    assert_eq!((gone.status, text(&gone.json()["error"]["root_cause"][0]["type"])), (404, "search_context_missing_exception"));

    // OpenSearch's names for it.
    let pit = door.json("POST", "/notes/_search/point_in_time?keep_alive=1m", &Value::Null);
    let id = text(&pit["pit_id"]).to_owned();
    assert_eq!(door.json("POST", "/_search", &json!({ "pit": { "id": id } }))["hits"]["total"]["value"], 15);
    assert_eq!(door.json("DELETE", "/_search/point_in_time", &json!({ "pit_id": [id] }))["pits"][0]["successful"], true);
    assert_eq!(door.json("DELETE", "/_search/point_in_time/_all", &Value::Null), json!({ "pits": [] }));
}

#[test]
fn an_async_search_answers_at_once_and_is_kept_where_that_is_asked() {
    let door = open();
    let body = json!({ "size": 0, "track_total_hits": true });
    let answer = door.json("POST", "/notes/_async_search?wait_for_completion_timeout=1s", &body);
    assert_eq!((&answer["is_running"], &answer["response"]["hits"]["total"]["value"], answer.get("id")), (&json!(false), &json!(25), None));
    let kept = door.json("POST", "/notes/_async_search?keep_on_completion=true&keep_alive=1h", &body);
    let id = text(&kept["id"]).to_owned();
    let again = door.json("GET", &format!("/_async_search/{id}"), &Value::Null);
    assert_eq!((&again["id"], &again["response"]), (&kept["id"], &kept["response"]));
    let status = door.json("GET", &format!("/_async_search/status/{id}"), &Value::Null);
    assert_eq!((&status["completion_status"], status.get("response")), (&json!(200), None));
    assert_eq!(door.json("DELETE", &format!("/_async_search/{id}"), &Value::Null), json!({ "acknowledged": true }));
    let gone = door.send("GET", &format!("/_async_search/{id}"), &[], Vec::new());
    assert_eq!((gone.status, text(&gone.json()["error"]["type"])), (404, "resource_not_found_exception"));
}

#[test]
fn what_a_context_cannot_be_is_said() {
    let door = open();
    for (method, path, body, status, reason) in [
        ("POST", "/notes/_search?scroll=1m", json!({ "from": 1 }), 400, "using [from] is not allowed in a scroll context"),
        ("POST", "/notes/_search?scroll=1m", json!({ "size": 0 }), 400, "[size] cannot be [0] in a scroll context"),
        ("POST", "/notes/_search?scroll=2d", json!({}), 400, "Keep alive for request (2d) is too large"),
        ("POST", "/notes/_search?scroll=soon", json!({}), 400, "failed to parse setting [scroll]"),
        ("POST", "/notes/_search?scroll=1m", json!({ "track_total_hits": false }), 400, "disabling [track_total_hits]"),
        ("POST", "/nothing/_search?scroll=1m", json!({}), 404, "no such index [nothing]"),
        ("POST", "/_search/scroll", json!({}), 400, "scrollId is missing"),
        ("DELETE", "/_search/scroll", json!({ "scroll_id": "x" }), 404, "\"num_freed\":0"),
        ("POST", "/notes/_pit", json!({}), 400, "[keep_alive] is not specified"),
        ("POST", "/nothing/_pit?keep_alive=1m", json!({}), 404, "no such index [nothing]"),
        ("POST", "/_search", json!({ "pit": { "id": "x" } }), 404, "No search context found for id [x]"),
        ("POST", "/_search", json!({ "pit": "x" }), 400, "[pit] must be an object"),
    ] {
        let answer = door.send(method, path, &[], body.to_string());
        assert!(answer.status == status && answer.text().contains(reason), "{path} {body}: {} {}", answer.status, answer.text());
    }
    for _ in 0..500 {
        door.json("POST", "/notes/_search?scroll=1m", &json!({ "size": 1 }));
    }
    let full = door.send("POST", "/notes/_search?scroll=1m", &[], Vec::new());
    assert_eq!((full.status, text(&full.json()["error"]["type"])), (429, "too_many_scroll_contexts_exception"));
    assert_eq!(door.json("DELETE", "/_search/scroll/_all", &Value::Null)["num_freed"], 500);
}
