//! The list of endpoints against the router: what is listed is routed, and what is not is refused in the dialect's shape.

use std::collections::BTreeSet;

use sekisho::api::ENDPOINTS;

use super::door::{Answer, Door};

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"];

fn assert_error(method: &str, uri: &str, answer: &Answer) {
    assert!(matches!(answer.status, 400 | 404 | 405), "{method} {uri}: {} {}", answer.status, answer.text());
    assert_eq!(answer.header("x-elastic-product"), "Elasticsearch", "{method} {uri}");
    if method == "HEAD" {
        assert!(answer.body.is_empty(), "HEAD {uri} has a body");
        return;
    }
    let body = answer.json();
    assert_eq!(body["status"], answer.status, "{method} {uri}: {body}");
    for error in [&body["error"], &body["error"]["root_cause"][0]] {
        assert!(error["type"].is_string() && error["reason"].is_string(), "{method} {uri}: {body}");
    }
}

#[test]
fn unknown_routes_are_errors() {
    let door = Door::open();
    for uri in [
        "/_nothing",
        "/a/_nothing",
        "/a/b/c/d",
        "/_cat/nothing",
        "/_cluster/nothing",
        "/_sekisho/nothing",
        "/a/_search/b",
        "/ui/nothing.js",
        "/_search/x",
    ] {
        for method in METHODS {
            assert_error(method, uri, &door.send(method, uri, &[], ""));
        }
    }
}

#[test]
fn methods_that_a_path_does_not_have_are_405_and_named() {
    let door = Door::open();
    let paths: BTreeSet<&str> = ENDPOINTS.iter().flat_map(|it| it.paths.iter().copied()).collect();
    for path in paths {
        let allowed: BTreeSet<&str> = ENDPOINTS.iter().filter(|it| it.paths.contains(&path)).flat_map(|it| it.methods.iter().copied()).collect();
        let uri = path
            .replace("{index}", "missing")
            .replace("{id}", "1")
            .replace("{name}", "missing")
            .replace("{metric}", "docs")
            .replace("{*path}", "missing");
        for method in METHODS.iter().filter(|it| !allowed.contains(*it)) {
            let answer = door.send(method, &uri, &[], "");
            assert_eq!(answer.status, 405, "{method} {uri}");
            assert_error(method, &uri, &answer);
            let named: BTreeSet<&str> = answer.header("allow").split(", ").collect();
            assert_eq!(named, allowed, "{method} {uri}");
        }
    }
}

#[test]
fn no_method_and_path_stand_twice() {
    let mut seen = BTreeSet::new();
    for endpoint in ENDPOINTS {
        for (method, path) in endpoint.methods.iter().flat_map(|method| endpoint.paths.iter().map(move |path| (method, path))) {
            assert!(seen.insert((method, path)), "{method} {path} stands twice");
        }
    }
}

#[test]
fn every_endpoint_is_reached_and_refuses_a_parameter_that_it_does_not_know() {
    let door = Door::open();
    for endpoint in ENDPOINTS {
        for path in endpoint.paths.iter().filter(|it| !it.starts_with("/ui") && !matches!(**it, "/livez" | "/readyz" | "/startupz" | "/metrics")) {
            let uri = path.replace("{index}", "none").replace("{id}", "1").replace("{name}", "none").replace("{metric}", "docs");
            let method = endpoint.methods[0];
            let answer = door.send(method, &format!("{uri}?nonsense=1"), &[], if path.contains("_msearch") { "{}\n{}\n" } else { "" });
            assert_error(method, &uri, &answer);
            assert!(answer.text().contains("nonsense"), "{method} {uri}: {}", answer.text());
        }
    }
}

#[test]
fn a_server_that_still_reads_its_log_answers_probes_and_nothing_else() {
    use axum::body::Body;
    use axum::http::Request;
    use sekisho::api::router::{respond, router};
    use sekisho::gate::Hosts;
    use sekisho::metrics::Metrics;

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let app = sekisho::App::new(
        Metrics::new(Default::default()).into(),
        Hosts::new(Default::default(), false),
        0,
        "8.0.0".to_owned(),
        None,
        sekisho::security::Guard::open(),
    );
    let status = |uri: &str| {
        let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        runtime.block_on(respond(router(&app), request)).status().as_u16()
    };
    assert_eq!(["/livez", "/startupz", "/readyz", "/_search", "/_cat/indices", "/metrics", "/"].map(status), [200, 503, 503, 503, 503, 200, 200]);
    app.stop_taking_work();
    assert_eq!(["/livez", "/readyz"].map(status), [200, 503]);
}
