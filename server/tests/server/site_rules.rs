//! Site rules in a running server: what they change is searchable, stays when they change, and nothing is lost by them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::door::Door;

const LINE: &str = "<14>Nov  3 12:00:00 fw1 1,2025/11/03 12:00:00,0011,TRAFFIC,end,2305,2025/11/03 12:00:00,10.0.0.1,192.0.2.1,0.0.0.0,0.0.0.0,allow web,,,web-browsing,vsys1,trust,untrust,ethernet1/1,ethernet1/2,fwd,2025/11/03 12:00:00,1,1,40000,443,0,0,0x0,tcp,allow,100,60,40,2,2025/11/03 11:59:00,1,any,,1,0x0,JP,US,,1,1,aged-out\n";

/// Data, rules and lists that outlive a server.
struct Site(TempDir);

impl Site {
    fn new(files: &[(&str, &str)]) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        ["rules", "lists"].iter().for_each(|it| fs::create_dir(site.path(it)).unwrap());
        files.iter().for_each(|(name, text)| site.put(name, text));
        site
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Another file takes the place of the one before, so that no half of it is ever read.
    fn put(&self, name: &str, text: &str) {
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    fn open(&self) -> Door {
        Door::open_with(|config| {
            config.data_dir = self.path("data");
            config.pipelines_dir = self.path("rules");
            config.lists_dir = self.path("lists");
        })
    }
}

/// The documents of a query-string query on all streams.
fn search(door: &Door, query: &str) -> Vec<Value> {
    door.json("POST", "/_refresh", &Value::Null);
    let body = json!({ "query": { "query_string": { "query": query } }, "size": 1000, "sort": ["_doc"] });
    let answer = door.json("POST", "/panos-*,syslog*/_search", &body);
    answer["hits"]["hits"].as_array().unwrap().iter().map(|it| it["_source"].clone()).collect()
}

#[test]
fn what_rules_change_is_searchable_and_stays_as_it_was() {
    let site = Site::new(&[
        ("rules/panos-traffic.vrl", ".tags = [\"first\"]\n.site = \"Tokyo\"\n.destination.port = 8443\n.event.start = now()"),
        ("lists/inside.txt", "10.0.0.0/8"),
    ]);
    let door = site.open();
    door.syslog(LINE.as_bytes());
    let before = search(&door, "tags:first AND sekisho.list:inside AND sekisho.labels:\"site=Tokyo\" AND destination.port:8443");
    assert_eq!(before.len(), 1);
    assert_eq!(search(&door, "destination.port:443"), Vec::<Value>::new());
    let by_list = door.json("POST", "/panos-traffic/_search", &json!({ "size": 0, "aggs": { "lists": { "terms": { "field": "sekisho.list" } } } }));
    assert_eq!(by_list["aggregations"]["lists"]["buckets"], json!([{ "key": "inside", "doc_count": 1 }]));
    // Gone without a proper stop: the next start reads the log again, under other rules.
    drop(door);
    site.put("rules/panos-traffic.vrl", ".tags = [\"second\"]");
    fs::remove_file(site.path("lists/inside.txt")).unwrap();
    let door = site.open();
    assert_eq!(search(&door, "tags:first AND sekisho.list:inside"), before);
    door.syslog(LINE.as_bytes());
    assert_eq!((search(&door, "tags:second").len(), search(&door, "tags:first").len()), (1, 1));
    door.stop();
    // And after the events are in splits on disk, without any rules.
    site.put("rules/panos-traffic.vrl", "");
    let door = site.open();
    assert_eq!(search(&door, "tags:first"), before);
}

#[test]
fn a_program_that_fails_on_everything_loses_nothing() {
    let site = Site::new(&[("rules/_all.vrl", ".rule.name = \"x\"\n.x = parse_json!(.event.original)"), ("rules/syslog.vrl", "nonsense(")]);
    let door = site.open();
    let lines: String = (0..200).map(|it| format!("{}<34>Oct 11 22:14:{:02} host{it} su: hello {it}\nstray {it}\n", LINE, it % 60)).collect();
    door.syslog(lines.as_bytes());
    let found = search(&door, "tags:pipeline_error AND NOT rule.name:x");
    assert_eq!(found.len(), 600);
    assert_eq!(search(&door, "*").len(), 600);
    assert!(found.iter().all(|it| it["error"]["message"].to_string().contains("_all.vrl: line 2: ")));
    let metrics = door.send("GET", "/metrics", &[], "").text();
    assert!(metrics.contains("sekisho_pipeline_events_failed_total{program=\"_all.vrl\"} 600"), "{metrics}");
    assert!(metrics.contains("sekisho_pipeline_files_unusable 1"), "{metrics}");
    let status = door.json("GET", "/_sekisho/pipelines", &Value::Null);
    assert_eq!((&status["programs"][0]["last_failure"]["line"], &status["programs"][1]["state"]), (&json!(2), &json!("failed")));
    assert!(status["programs"][1]["error"]["report"].as_str().unwrap().contains("nonsense("), "{status}");
}

#[test]
fn rules_are_read_again_while_lines_come() {
    let site = Site::new(&[("rules/_all.vrl", ".tags = [\"one\"]")]);
    let door = site.open();
    site.put("rules/_all.vrl", "if in_list(\"late\", .source.ip) { .tags = [\"listed\"] }");
    site.put("lists/late.txt", "10.0.0.1");
    let began = Instant::now();
    while search(&door, "tags:listed").is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", door.json("GET", "/_sekisho/pipelines", &Value::Null));
        door.syslog(LINE.as_bytes());
    }
}

#[test]
fn a_simulation_answers_and_stores_nothing() {
    let site = Site::new(&[("lists/inside.txt", "10.0.0.0/8")]);
    let door = site.open();
    let simulate = |body: Value| door.send("POST", "/_sekisho/pipelines/_simulate", &[], body.to_string());
    let found = simulate(json!({ "line": LINE.trim(), "program": ".tags = [\"tried\"]" })).json();
    assert_eq!((&found["stream"], &found["header"]["log"]["syslog"]["priority"]), (&json!("panos-traffic"), &json!(14)));
    assert_eq!(found["steps"][0], json!({ "step": "lists", "matched": ["inside"] }));
    assert_eq!(found["steps"][1], json!({ "step": "program", "file": "(given)", "outcome": "changed", "changed": ["tags"], "error": null }));
    assert_eq!((found["parsed"].get("tags"), &found["document"]["tags"]), (None, &json!(["tried"])));
    let wrong = simulate(json!({ "line": LINE.trim(), "program": ".a = 1\n.b = nobody()" })).json();
    assert_eq!((&wrong["steps"][0]["error"]["line"], &wrong["document"]), (&json!(2), &Value::Null));
    assert_eq!(search(&door, "*").len(), 0);
    for (body, reason) in [
        (json!({}), "[line] is missing"),
        (json!({ "line": 1 }), "[line] must be a string"),
        (json!({ "line": "x", "stream": "nowhere" }), "there is no stream [nowhere]"),
        (json!({ "line": "x", "lime": "y" }), "unknown field [lime]"),
        (json!({ "line": "x".repeat(70_000) }), "[line] has more than"),
    ] {
        let answer = simulate(body);
        assert!(answer.status == 400 && answer.text().contains(reason), "{} {}", answer.status, answer.text());
    }
}

#[test]
fn a_program_of_a_strangers_is_not_run() {
    let door = Door::open_with(|config| {
        config.http = "0.0.0.0:0".parse().unwrap();
        config.insecure = true;
    });
    let simulate = |body: Value| door.send("POST", "/_sekisho/pipelines/_simulate", &[], body.to_string());
    let refused = simulate(json!({ "line": LINE.trim(), "program": ".a = 1" }));
    assert!(refused.status == 403 && refused.text().contains("loopback"), "{}", refused.text());
    assert_eq!(simulate(json!({ "line": LINE.trim() })).status, 200);
}
