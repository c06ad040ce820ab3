//! Site rules through their door: folders of files and records in, documents out.
#![cfg(feature = "pipelines")]
#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

use std::fs;
use std::path::Path;

use sekisho_engine::clock::Timestamp;
use sekisho_engine::format::Format as _;
use sekisho_engine::mapping::Mapping;
use sekisho_ingest::pipelines::{Pipelines, PipelinesOptions, Simulation, State, Step, StepOutcome};
use sekisho_ingest::{Envelope, PanosSyslog, Transport};
use serde_json::{Value, json};

/// Rules and lists in a directory of their own.
struct Site {
    directory: tempfile::TempDir,
    pipelines: Pipelines,
}

impl Site {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for folder in ["rules", "lists"] {
            fs::create_dir(directory.path().join(folder)).unwrap();
        }
        files.iter().for_each(|(name, text)| write(directory.path(), name, text));
        let options = PipelinesOptions {
            pipelines_dir: Some(directory.path().join("rules")),
            lists_dir: Some(directory.path().join("lists")),
            ..PipelinesOptions::default()
        };
        Self { pipelines: Pipelines::open(options), directory }
    }

    /// Changes a file as editors do: another file takes its place.
    fn put(&self, name: &str, text: &str) {
        write(self.directory.path(), &format!("{name}.new"), text);
        fs::rename(self.directory.path().join(format!("{name}.new")), self.directory.path().join(name)).unwrap();
        self.pipelines.reload();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.directory.path().join(name)).unwrap();
        self.pipelines.reload();
    }

    fn record(&self, line: &str) -> Vec<u8> {
        self.pipelines.amend(&[record(line)])[0].clone()
    }

    fn document(&self, line: &str) -> Value {
        document(&self.record(line))
    }
}

fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(name), text).unwrap();
}

fn record(line: &str) -> Vec<u8> {
    Envelope { received_at: Timestamp(1_750_000_000_000), ..Envelope::new(Transport::Tcp) }.encode(line.as_bytes())
}

fn document(record: &[u8]) -> Value {
    Value::Object(PanosSyslog::new().parse(record).row.to_json(&Mapping::builtin()))
}

/// A line of a firewall: SYSTEM, because it has the fewest columns; and TRAFFIC between two addresses.
const SYSTEM: &str = "<14>Nov  3 12:00:00 fw1 1,2025/11/03 12:00:00,0011,SYSTEM,general,0,2025/11/03 12:00:00,,general,,0,0,general,informational,\"hello\",1,0x0,0,0,0,0,,fw1";

fn traffic(source: &str, destination: &str) -> String {
    format!(
        "<14>Nov  3 12:00:00 fw1 1,2025/11/03 12:00:00,0011,TRAFFIC,end,2305,2025/11/03 12:00:00,{source},{destination},0.0.0.0,0.0.0.0,allow web,,,web-browsing,vsys1,trust,untrust,ethernet1/1,ethernet1/2,fwd,2025/11/03 12:00:00,1,1,40000,443,0,0,0x0,tcp,allow,100,60,40,2,2025/11/03 11:59:00,1,any,,1,0x0,JP,US,,1,1,aged-out"
    )
}

#[test]
fn without_rules_records_are_themselves() {
    let records = [record(SYSTEM)];
    let site = Site::new(&[]);
    assert!(matches!(site.pipelines.amend(&records), std::borrow::Cow::Borrowed(_)));
    assert!(matches!(Pipelines::open(PipelinesOptions::default()).amend(&records), std::borrow::Cow::Borrowed(_)));
    let site = Site::new(&[("rules/panos-traffic.vrl", ".tags = [\"t\"]")]);
    assert_eq!(site.record(SYSTEM), records[0], "an event of another stream");
}

#[test]
fn the_program_of_all_runs_before_that_of_the_stream() {
    let site = Site::new(&[
        ("rules/_all.vrl", ".tags = [\"all\"]\n.site = \"Tokyo\""),
        ("rules/panos-traffic.vrl", ".tags = push!(.tags, \"traffic\")\n.destination.port = 8443"),
    ]);
    let traffic = site.document(&traffic("10.0.0.1", "192.0.2.1"));
    assert_eq!((&traffic["tags"], &traffic["destination"]["port"]), (&json!(["all", "traffic"]), &json!(8443)));
    assert_eq!(traffic["sekisho"]["labels"], json!(["site=Tokyo"]));
    assert_eq!(site.document(SYSTEM)["tags"], json!(["all"]));
    assert_eq!(site.document("nonsense that no parser knows, really")["tags"], json!(["all"]), "whatever the stream");
}

#[test]
fn what_rules_did_stays_when_rules_change() {
    let site = Site::new(&[("rules/_all.vrl", ".tags = [\"old\"]\n.event.start = now()"), ("lists/bad.txt", "10.0.0.1")]);
    let record = site.record(&traffic("10.0.0.1", "192.0.2.1"));
    let before = document(&record);
    site.put("rules/_all.vrl", ".tags = [\"new\"]");
    site.remove("lists/bad.txt");
    assert_eq!(document(&record), before);
    assert_eq!((&before["tags"], &before["sekisho"]["list"]), (&json!(["old"]), &json!(["bad"])));
    // Offered again, as from a store: today's rules take the place of the earlier ones.
    let again = document(&site.pipelines.amend(&[record])[0]);
    assert_eq!((&again["tags"], again["sekisho"].get("list")), (&json!(["new"]), None));
}

#[test]
fn an_event_that_a_program_fails_on_goes_through_and_is_marked() {
    let site = Site::new(&[
        ("rules/_all.vrl", "# one\n.rule.name = \"changed\"\n.x = parse_json!(.event.original)"),
        ("rules/panos-traffic.vrl", ".event.reason = \"seen\""),
    ]);
    let line = traffic("10.0.0.1", "192.0.2.1");
    let (plain, found) = (document(&record(&line)), site.document(&line));
    assert_eq!(found["tags"], json!(["pipeline_error"]));
    let message = found["error"]["message"][0].as_str().unwrap();
    assert!(message.starts_with("_all.vrl: line 3: function call error for \"parse_json\": "), "{message}");
    assert_eq!(found["rule"]["name"], "allow web", "nothing of the failed program stays");
    assert_eq!(found["event"]["reason"], "seen", "the other program ran");
    let mut without_marks = found.clone();
    for (outer, inner) in [("event", "reason"), ("error", "message")] {
        without_marks[outer].as_object_mut().unwrap().shift_remove(inner);
    }
    let mut expected = plain.clone();
    expected["event"].as_object_mut().unwrap().shift_remove("reason");
    let without_marks = without_marks.as_object_mut().unwrap();
    without_marks.shift_remove("tags");
    without_marks.shift_remove("error");
    assert_eq!(Value::Object(without_marks.clone()), expected);
    let status = site.pipelines.status();
    assert_eq!((status.programs[0].events_failed, status.programs[1].events_changed), (1, 1));
    assert_eq!(status.programs[0].last_failure.as_ref().unwrap().line, Some(3));
}

#[test]
fn abort_leaves_an_event_as_it_was() {
    let site = Site::new(&[("rules/_all.vrl", ".tags = [\"x\"]\nif .event.module == \"panw\" { abort }")]);
    assert_eq!(site.record(SYSTEM), record(SYSTEM));
    assert_eq!(site.pipelines.status().programs[0].events_aborted, 1);
}

#[test]
fn a_program_with_an_error_leaves_the_version_before_in_use() {
    let site = Site::new(&[("rules/panos-system.vrl", ".tags = [\"one\"]")]);
    site.put("rules/panos-system.vrl", "\n.tags = [\"two\"");
    let status = &site.pipelines.status().programs[0];
    assert_eq!((status.state, site.document(SYSTEM)["tags"][0].as_str()), (State::Stale, Some("one")));
    assert!(status.error.as_ref().unwrap().report.contains("│"), "{status:?}");
    site.put("rules/panos-system.vrl", ".tags = [\"three\"]");
    let status = &site.pipelines.status().programs[0];
    assert_eq!((status.state, &status.error, site.document(SYSTEM)["tags"][0].as_str()), (State::Active, &None, Some("three")));
    site.remove("rules/panos-system.vrl");
    assert_eq!(site.record(SYSTEM), record(SYSTEM));
}

#[test]
fn a_file_that_is_named_after_no_stream_is_told() {
    let site = Site::new(&[("rules/panos-trafic.vrl", ".a = 1"), ("rules/.panos-system.vrl.swp.vrl", "nonsense"), ("rules/notes.txt", "x")]);
    let status = site.pipelines.status();
    assert_eq!(status.programs.len(), 1);
    assert_eq!(status.programs[0].state, State::Failed);
    assert!(status.programs[0].error.as_ref().unwrap().message.contains("panos-traffic"), "{status:?}");
}

#[test]
fn folders_that_are_away_keep_what_was_read() {
    let site = Site::new(&[("rules/_all.vrl", ".tags = [\"x\"]"), ("lists/bad.txt", "10.0.0.0/8")]);
    for folder in ["rules", "lists"] {
        fs::rename(site.directory.path().join(folder), site.directory.path().join(format!("{folder}.away"))).unwrap();
    }
    site.pipelines.reload();
    let found = site.document(&traffic("10.0.0.1", "192.0.2.1"));
    assert_eq!((&found["tags"], &found["sekisho"]["list"]), (&json!(["x"]), &json!(["bad"])));
    assert_eq!(site.pipelines.status().errors.len(), 2);
}

#[test]
fn events_are_on_the_lists_of_their_values() {
    let site = Site::new(&[
        ("lists/inside.txt", "10.0.0.0/8\n"),
        ("lists/servers.csv", "address,owner\n192.0.2.1,web team\n"),
        ("lists/six.txt", "2001:db8::/32"),
    ]);
    let lists = |source, destination| site.document(&traffic(source, destination))["sekisho"]["list"].clone();
    assert_eq!(lists("10.0.0.1", "192.0.2.1"), json!(["inside", "servers"]));
    assert_eq!(lists("2001:db8::9", "198.51.100.1"), json!(["six"]));
    assert_eq!(lists("198.51.100.1", "198.51.100.2"), Value::Null);
}

#[test]
fn programs_ask_lists_and_lists_change_under_them() {
    let program = "if in_list(\"bad\", .source.ip) { .tags = [\"bad\"] }\nrow = list_row(\"assets\", .destination.ip)\n.owner = row.owner";
    let assets = ("lists/assets.csv", "ip,owner\n192.0.2.0/24,\"web, team\"\n");
    let site = Site::new(&[("rules/panos-traffic.vrl", program), ("lists/bad.txt", "10.0.0.1"), assets]);
    let line = traffic("10.0.0.1", "192.0.2.1");
    let found = site.document(&line);
    assert_eq!((&found["tags"], &found["sekisho"]["labels"]), (&json!(["bad"]), &json!(["owner=web, team"])));
    site.put("lists/bad.txt", "10.0.0.2");
    assert_eq!(site.document(&line).get("tags"), None);
    // A list that can't be read stays as it was.
    site.put("lists/bad.txt", "10.0.0.0/99");
    assert_eq!(site.document(&traffic("10.0.0.2", "192.0.2.1"))["tags"], json!(["bad"]));
    let status = site.pipelines.status();
    assert_eq!((status.lists[1].state, status.lists[0].entries, status.lists[0].columns.as_slice()), (State::Stale, 1, &["owner".to_owned()][..]));
    // One that is gone is an error of the program that asks it, found when the names change, and on its events until it is mended.
    site.remove("lists/bad.txt");
    assert_eq!(site.pipelines.status().programs[0].state, State::Stale);
    let found = site.document(&line);
    assert!(found["error"]["message"][0].as_str().unwrap().contains("there is no list [bad] any more"), "{found}");
    site.put("lists/bad.txt", "10.0.0.1");
    assert_eq!((site.pipelines.status().programs[0].state, &site.document(&line)["tags"]), (State::Active, &json!(["bad"])));
}

#[test]
fn two_files_of_one_list_are_told() {
    let site = Site::new(&[("lists/a.csv", "ip,x\n10.0.0.1,1\n"), ("lists/a.txt", "10.0.0.2\n")]);
    let status = site.pipelines.status();
    assert_eq!(status.lists.len(), 1);
    assert!(status.errors[0].contains("a.txt"), "{status:?}");
    assert_eq!(site.document(&traffic("10.0.0.2", "192.0.2.1"))["sekisho"].get("list"), None);
}

#[test]
fn a_simulation_shows_each_step_and_stores_nothing() {
    let site = Site::new(&[("rules/_all.vrl", ".tags = [\"all\"]"), ("rules/panos-traffic.vrl", "abort"), ("lists/inside.txt", "10.0.0.0/8")]);
    let asked = Simulation { line: traffic("10.0.0.1", "192.0.2.1"), received_at: Timestamp(1_750_000_000_000), ..Simulation::default() };
    let found = site.pipelines.simulate(&asked).unwrap();
    assert_eq!((found.stream.as_str(), &found.header["log"]["syslog"]["priority"]), ("panos-traffic", &json!(14)));
    assert_eq!(found.parsed.get("tags"), None);
    let program = |file: &str, outcome, changed: &[&str]| Step::Program {
        file: file.to_owned(),
        outcome,
        changed: changed.iter().map(|it| (*it).to_owned()).collect(),
        error: None,
    };
    let lists = Step::Lists { matched: vec!["inside".to_owned()] };
    let all = program("_all.vrl", StepOutcome::Changed, &["tags"]);
    assert_eq!(found.steps, [lists.clone(), all.clone(), program("panos-traffic.vrl", StepOutcome::Aborted, &[])]);
    // What would be stored is what is shown.
    let records = [Envelope { received_at: asked.received_at, ..Envelope::new(Transport::File) }.encode(asked.line.as_bytes())];
    let stored = site.pipelines.amend(&records);
    assert_eq!(Value::Object(found.document.unwrap()), document(&stored[0]));

    let given = Simulation { program: Some(".rule.name = \"tried\"".to_owned()), ..asked.clone() };
    let found = site.pipelines.simulate(&given).unwrap();
    assert_eq!(found.steps, [lists, all, program("(given)", StepOutcome::Changed, &["rule.name"])]);
    assert_eq!(found.document.unwrap()["rule"]["name"], "tried");

    let wrong = Simulation { program: Some("\n\n.a = nobody()".to_owned()), ..asked.clone() };
    let found = site.pipelines.simulate(&wrong).unwrap();
    let [Step::Program { outcome: StepOutcome::NotCompiled, error: Some(error), .. }] = &found.steps[..] else { panic!("{:?}", found.steps) };
    assert_eq!((error.line, found.document), (Some(3), None));

    assert!(site.pipelines.simulate(&Simulation { stream: Some("nowhere".to_owned()), ..asked.clone() }).is_err());
    assert!(site.pipelines.simulate(&Simulation { line: "x".repeat(100_000), ..asked }).is_err());
    assert_eq!(site.pipelines.status().programs[0].events_changed, 1, "only the event that was amended");
}
