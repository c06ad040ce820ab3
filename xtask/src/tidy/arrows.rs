//! Dependencies point one way: `engine <- ingest <- server`, and the engine knows neither HTTP nor sockets.

use serde_json::Value;

use super::Subject;

/// What each crate may use of ours in its product code; tests may besides use `sekisho-benches` for its generator.
const MAY_USE: &[(&str, &[&str])] = &[
    ("sekisho-engine", &[]),
    ("sekisho-ingest", &["sekisho-engine"]),
    ("sekisho-ui", &[]),
    // Its programs measure them; the generator in it uses neither.
    ("sekisho-benches", &["sekisho-engine", "sekisho-ingest"]),
    ("sekisho", &["sekisho-engine", "sekisho-ingest", "sekisho-ui", "sekisho-benches"]),
    ("xtask", &[]),
];

/// Crates that speak HTTP or open sockets, by the crates of ours that must not have them.
const NOT_FOR: &[(&str, &[&str])] = &[
    ("sekisho-engine", &["axum", "hyper", "hyper-util", "tower-http", "reqwest", "ureq", "mio", "socket2", "quinn", "tonic", "sekisho-ui"]),
    ("sekisho-ingest", &["axum", "hyper", "hyper-util", "tower-http", "reqwest", "ureq", "tonic"]),
];

/// Ways to open a socket, which no source of the engine may contain. Addresses (`IpAddr`) are data and allowed.
const SOCKETS: &[&str] = &["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "UnixListener", "UnixDatagram", "tokio::net"];

/// How the process itself gets its engine, which no handler may: it works through the scope of whoever asks.
const WHOLE_ENGINE: &str = ".engine()";

pub(super) fn find(subject: &Subject) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in subject.tree.texts(&[".rs"]).filter(|it| it.0.starts_with("server/src/api/")) {
        for (number, _) in text.lines().enumerate().filter(|it| it.1.contains(WHOLE_ENGINE)) {
            findings.push(format!("{path}:{}: handlers work through the scope that App::blocking gives", number + 1));
        }
    }
    let packages = subject.metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    for package in packages {
        findings.extend(of_package(package));
    }
    for (path, text) in subject.tree.texts(&[".rs"]).filter(|it| it.0.starts_with("engine/src/")) {
        for (number, line) in text.lines().enumerate() {
            let code = line.trim_start();
            if let Some(socket) = SOCKETS.iter().find(|it| code.contains(**it)).filter(|_| !code.starts_with("//")) {
                findings.push(format!("{path}:{}: {socket}: the engine opens no sockets", number + 1));
            }
        }
    }
    findings
}

fn of_package(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let Some((_, may_use)) = MAY_USE.iter().find(|it| it.0 == name) else {
        return vec![format!("crate {name} is not in the table of arrows; say there what it may use")];
    };
    let never: &[&str] = NOT_FOR.iter().find(|it| it.0 == name).map_or(&[], |it| it.1);
    let mut findings = Vec::new();
    for dependency in package["dependencies"].as_array().map_or(&[][..], Vec::as_slice) {
        let used = dependency["name"].as_str().unwrap_or_default();
        let is_for_tests = dependency["kind"].as_str() == Some("dev");
        let is_ours = MAY_USE.iter().any(|it| it.0 == used);
        if is_ours && !may_use.contains(&used) && !(is_for_tests && used == "sekisho-benches") {
            findings.push(format!("{name} uses {used}: that arrow points the wrong way"));
        }
        if never.contains(&used) && !is_for_tests {
            findings.push(format!("{name} uses {used}: it must not know HTTP or sockets"));
        }
        let has_net = dependency["features"].as_array().is_some_and(|it| it.iter().any(|it| it == "net"));
        if name == "sekisho-engine" && used == "tokio" && has_net {
            findings.push(format!("{name} uses tokio with its feature net: it must not know sockets"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::Tree;
    use serde_json::json;

    fn package(name: &str, dependencies: Value) -> Value {
        json!({"packages": [{"name": name, "dependencies": dependencies}]})
    }

    fn found(metadata: Value, files: &[(&str, &str)]) -> Vec<String> {
        find(&Subject { tree: Tree::of(files), metadata })
    }

    #[test]
    fn the_allowed_arrows_pass() {
        let dependencies =
            json!([{"name": "sekisho-engine", "kind": null}, {"name": "sekisho-benches", "kind": "dev"}, {"name": "tokio", "features": ["net"]}]);
        assert!(found(package("sekisho-ingest", dependencies), &[]).is_empty());
    }

    #[test]
    fn arrows_the_other_way_are_found() {
        assert_eq!(found(package("sekisho-engine", json!([{"name": "sekisho-ingest", "kind": "dev"}])), &[]).len(), 1);
        assert_eq!(found(package("sekisho-engine", json!([{"name": "axum"}])), &[]).len(), 1);
        assert_eq!(found(package("sekisho-engine", json!([{"name": "tokio", "features": ["rt", "net"]}])), &[]).len(), 1);
        assert_eq!(found(package("newcomer", json!([])), &[]).len(), 1);
    }

    #[test]
    fn a_socket_in_the_engine_is_found_and_an_address_is_not() {
        let none = json!({"packages": []});
        let files =
            [("engine/src/a.rs", "use std::net::IpAddr;\n// A TcpStream would be wrong here.\n"), ("ingest/src/b.rs", "use std::net::UdpSocket;\n")];
        assert!(found(none.clone(), &files).is_empty());
        assert_eq!(found(none, &[("engine/src/a.rs", "\nuse std::net::UdpSocket;")]), ["engine/src/a.rs:2: UdpSocket: the engine opens no sockets"]);
    }

    #[test]
    fn a_handler_that_takes_the_whole_engine_is_found() {
        let none = json!({"packages": []});
        assert!(found(none.clone(), &[("server/src/metrics.rs", "app.engine()")]).is_empty());
        assert_eq!(found(none, &[("server/src/api/count.rs", "call.app.engine()")]).len(), 1);
    }
}
