//! Who may do what, over HTTP: every route of the one list for nobody, a monitor, a reader, a writer and an administrator; and what is left of an
//! answer for somebody who may see a part.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sekisho::api::ENDPOINTS;
use sekisho::security::{ClusterPrivileges, IndexGrant, IndexPrivileges, Privilege, Role, Store};
use serde_json::{Value, json};

use super::door::{Answer, Door};
use super::tail::Follower;

/// Every user's password.
const PASSWORD: &str = "correct-horse-1";

/// A server that asks for credentials, with a user for each built-in role and one who sees a part.
struct Guarded(Door);

impl Guarded {
    fn open() -> Self {
        let door = Door::open_with(|config| {
            config.require_login = true;
            config.admin_password = PASSWORD.to_owned();
            let store = Store::open(&config.data_dir).unwrap();
            let grant = |names: &str, privileges: &[&str]| IndexGrant {
                names: vec![names.to_owned()],
                privileges: privileges.iter().map(|it| (*it).to_owned()).collect(),
                allow_restricted_indices: false,
            };
            let part = Role {
                cluster: vec!["manage_own_api_key".to_owned()],
                indices: vec![grant("a-*", &["read", "view_index_metadata"]), grant("b-*", &["create_doc"])],
            };
            store.put_role("part", part).unwrap();
            for (user, role) in [("admin", "superuser"), ("monitor", "monitor"), ("reader", "reader"), ("writer", "writer"), ("part", "part")] {
                store.put_user(user, Some(PASSWORD), |it| it.roles = vec![role.to_owned()]).unwrap();
            }
        });
        Self(door)
    }

    fn send(&self, user: &str, method: &str, uri: &str, body: impl Into<Vec<u8>>) -> Answer {
        let credentials = basic(user, PASSWORD);
        let headers: &[(&str, &str)] = if user.is_empty() { &[] } else { &[("authorization", &credentials)] };
        self.0.send(method, uri, headers, body)
    }

    fn json(&self, user: &str, method: &str, uri: &str, body: &Value) -> Value {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = self.send(user, method, uri, body);
        assert!(answer.status < 300, "{user}: {method} {uri}: {} {}", answer.status, answer.text());
        answer.json()
    }

    fn status(&self, user: &str, method: &str, uri: &str, body: &Value) -> u16 {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.send(user, method, uri, body).status
    }

    /// One document each in `a-1`, `b-1` and `c-1`, and aliases over them.
    fn with_documents() -> Self {
        let it = Self::open();
        for index in ["a-1", "b-1", "c-1"] {
            it.json("admin", "PUT", &format!("/{index}/_doc/1?refresh=true"), &json!({ "from": index }));
        }
        let add = |alias: &str, index: &str| json!({ "add": { "index": index, "alias": alias } });
        it.json("admin", "POST", "/_aliases", &json!({ "actions": [add("mine", "a-1"), add("mixed", "a-1"), add("mixed", "c-1")] }));
        it
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// What a built-in role may do, said again in other words than the product's.
fn may(user: &str, privilege: Privilege) -> bool {
    let writes = [IndexPrivileges::CREATE_DOC, IndexPrivileges::WRITE, IndexPrivileges::CREATE_INDEX];
    match (user, privilege) {
        (_, Privilege::Open) | ("admin", _) => true,
        ("", _) => false,
        (_, Privilege::Known | Privilege::Metrics) => true,
        (user, Privilege::Cluster(it)) => {
            it == ClusterPrivileges::MONITOR || it == ClusterPrivileges::MANAGE_OWN_API_KEY && matches!(user, "reader" | "writer")
        }
        (user, Privilege::Collector) => user == "writer",
        (_, Privilege::Index(IndexPrivileges::VIEW)) => true,
        ("reader", Privilege::Index(it)) => it == IndexPrivileges::READ,
        ("writer", Privilege::Index(it)) => writes.contains(&it),
        _ => false,
    }
}

#[test]
fn every_route_is_open_to_those_who_may_and_to_nobody_else() {
    let it = Guarded::open();
    for endpoint in ENDPOINTS {
        for path in endpoint.paths {
            let uri = ["{index}", "{id}", "{name}", "{metric}", "{scroll_id}", "{key}", "{*path}"]
                .iter()
                .fold((*path).to_owned(), |uri, part| uri.replace(part, "none"));
            for method in endpoint.methods {
                for user in ["", "monitor", "reader", "writer", "admin"] {
                    // An unknown parameter: whoever passes is refused with 400 and nothing happens.
                    let status = it.send(user, method, &format!("{uri}?nonsense=1"), "").status;
                    let is_refused = matches!(status, 401 | 403);
                    assert_eq!(is_refused, !may(user, endpoint.privilege), "[{user}] {method} {uri} ({}): {status}", endpoint.name);
                    assert_eq!(status == 401, is_refused && user.is_empty(), "[{user}] {method} {uri}: {status}");
                }
            }
        }
    }
}

#[test]
fn refusals_are_said_as_elasticsearch_says_them() {
    let it = Guarded::open();
    let answer = it.send("", "GET", "/_search", "");
    let challenges: Vec<&str> = answer.headers.get_all("www-authenticate").iter().map(|it| it.to_str().unwrap()).collect();
    assert_eq!(challenges, ["Basic realm=\"security\", charset=\"UTF-8\"", "ApiKey"]);
    let body = answer.json();
    assert_eq!((&body["status"], &body["error"]["type"]), (&json!(401), &json!("security_exception")));
    assert_eq!(body["error"]["reason"], "missing authentication credentials for REST request [/_search]");
    assert_eq!(body["error"]["root_cause"][0]["header"]["WWW-Authenticate"][1], "ApiKey");
    let wrong = |user: &str| it.0.send("GET", "/", &[("authorization", &basic(user, "wrong-1"))], "");
    assert_eq!((wrong("admin").status, wrong("admin").body), (401, wrong("nobody").body), "an answer does not tell which users there are");
    let denied = it.send("reader", "DELETE", "/a-1", "").json();
    assert_eq!((&denied["status"], &denied["error"]["type"]), (&json!(403), &json!("security_exception")));
    assert!(denied["error"]["reason"].as_str().unwrap().contains("user [reader] with effective roles [reader]"), "{denied}");
}

#[test]
fn a_wildcard_is_what_one_may_see_and_a_name_is_refused() {
    let it = Guarded::with_documents();
    let found = |uri: &str| {
        let answer = it.json("part", "GET", uri, &Value::Null);
        let mut found: Vec<String> = answer["hits"]["hits"].as_array().unwrap().iter().map(|it| it["_index"].as_str().unwrap().to_owned()).collect();
        found.sort();
        found
    };
    for uri in
        ["/_search", "/*/_search", "/_all/_search", "/a-1/_search", "/a-1,c-1/_search?ignore_unavailable=true", "/mine/_search", "/*,-b-1/_search"]
    {
        assert_eq!(found(uri), ["a-1"], "{uri}");
    }
    assert_eq!(found("/c-*/_search"), [""; 0]);
    for uri in
        ["/c-1/_search", "/a-1,c-1/_search", "/mixed/_search", "/b-1/_search", "/b-1/_doc/1", "/c-1/_source/1", "/none/_search", "/c-1/_mapping"]
    {
        assert_eq!(it.status("part", "GET", uri, &Value::Null), 403, "{uri}");
    }
    assert_eq!(it.json("part", "GET", "/_count", &Value::Null)["count"], 1);
    assert_eq!(it.json("admin", "GET", "/a-*,b-*,c-*/_count", &Value::Null)["count"], 3);
    let names = |uri: &str| it.json("part", "GET", uri, &Value::Null).as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for uri in ["/_mapping", "/_settings", "/*", "/_alias"] {
        assert_eq!(names(uri), ["a-1"], "{uri}");
    }
    let cat = it.json("part", "GET", "/_cat/indices?format=json", &Value::Null);
    assert_eq!(cat.as_array().unwrap().iter().map(|it| &it["index"]).collect::<Vec<_>>(), ["a-1"]);
}

#[test]
fn no_way_around_leads_to_what_one_may_not_see() {
    let it = Guarded::with_documents();
    let searches = "{\"index\":\"a-1\"}\n{}\n{\"index\":\"c-1\"}\n{}\n";
    let answers = it.send("part", "POST", "/_msearch", searches).json();
    assert_eq!((&answers["responses"][0]["hits"]["total"]["value"], &answers["responses"][1]["status"]), (&json!(1), &json!(403)), "{answers}");
    let docs = json!({ "docs": [{ "_index": "a-1", "_id": "1" }, { "_index": "c-1", "_id": "1" }] });
    let answers = it.json("part", "POST", "/_mget", &docs);
    assert_eq!((&answers["docs"][0]["found"], &answers["docs"][1]["error"]["type"]), (&json!(true), &json!("security_exception")), "{answers}");
    for (method, uri, body) in [
        ("POST", "/c-1/_pit?keep_alive=1m", Value::Null),
        ("POST", "/c-1/_search?scroll=1m", json!({})),
        ("POST", "/c-1/_async_search", json!({})),
        ("POST", "/c-1/_validate/query", json!({ "query": { "match_all": {} } })),
        ("POST", "/c-1/_explain/1", json!({ "query": { "match_all": {} } })),
        ("POST", "/c-1/_terms_enum", json!({ "field": "from.keyword" })),
        ("GET", "/c-1/_field_caps?fields=*", Value::Null),
        ("POST", "/_reindex", json!({ "source": { "index": "c-1" }, "dest": { "index": "b-1", "op_type": "create" } })),
        ("GET", "/_cat/count/c-1", Value::Null),
        ("GET", "/_resolve/index/c-1", Value::Null),
        ("GET", "/c-1/_stats", Value::Null),
    ] {
        assert_eq!(it.status("part", method, uri, &body), 403, "{method} {uri}");
    }
    // A query may take its terms from a document, which is reading it.
    let terms = |index: &str| json!({ "terms": { "from.keyword": { "index": index, "id": "1", "path": "from" } } });
    let aggs = |index: &str| json!({ "aggs": { "f": { "filter": terms(index) } } });
    for (uri, body) in [
        ("/a-1/_search", json!({ "query": terms("c-1") })),
        ("/a-1/_search", json!({ "query": terms("c-*") })),
        ("/a-1/_search", json!({ "query": terms("mixed") })),
        ("/a-1/_search", json!({ "post_filter": { "bool": { "must_not": terms("c-1") } } })),
        ("/a-1/_search", aggs("c-1")),
        ("/a-1/_count", json!({ "query": terms("c-1") })),
        ("/a-1/_explain/1", json!({ "query": terms("c-1") })),
        ("/a-1/_async_search", json!({ "query": terms("c-1") })),
        ("/a-1/_search?scroll=1m", json!({ "query": terms("c-1") })),
    ] {
        let answer = it.send("part", "POST", uri, body.to_string());
        assert_eq!((answer.status, &answer.json()["error"]["type"]), (403, &json!("security_exception")), "{uri} {body}: {}", answer.text());
    }
    let pit = it.json("part", "POST", "/a-1/_pit?keep_alive=1m", &Value::Null)["id"].clone();
    assert_eq!(it.status("part", "POST", "/_search", &json!({ "pit": { "id": pit }, "query": terms("c-1") })), 403);
    assert_eq!(it.json("part", "POST", "/a-1/_search", &json!({ "query": terms("a-1") }))["hits"]["total"]["value"], 1);
    assert_eq!(it.json("admin", "POST", "/a-1/_search", &json!({ "query": terms("c-1") }))["hits"]["total"]["value"], 0);
    // What somebody else opened is not there.
    let pit = it.json("admin", "POST", "/c-1/_pit?keep_alive=1m", &Value::Null)["id"].clone();
    assert_eq!(it.status("part", "POST", "/_search", &json!({ "pit": { "id": pit } })), 404);
    assert_eq!(it.status("admin", "POST", "/_search", &json!({ "pit": { "id": pit } })), 200);
    let scroll = it.json("admin", "POST", "/c-1/_search?scroll=1m&size=1", &json!({}))["_scroll_id"].clone();
    assert_eq!(it.status("part", "POST", "/_search/scroll", &json!({ "scroll_id": scroll })), 404);
    assert_eq!(it.status("admin", "POST", "/_search/scroll", &json!({ "scroll_id": scroll })), 200);
}

#[test]
fn writes_are_asked_for_one_by_one() {
    let it = Guarded::with_documents();
    let bulk = "{\"create\":{\"_index\":\"b-1\"}}\n{\"x\":1}\n{\"index\":{\"_index\":\"b-1\",\"_id\":\"1\"}}\n{\"x\":1}\n{\"create\":{\"_index\":\"a-1\"}}\n{\"x\":1}\n\
                {\"delete\":{\"_index\":\"b-1\",\"_id\":\"1\"}}\n{\"create\":{\"_index\":\"b-new\"}}\n{\"x\":1}\n{\"create\":{\"_index\":\"logs-sekisho.audit-default\"}}\n{\"x\":1}\n";
    let answer = it.send("part", "POST", "/_bulk", bulk).json();
    let statuses: Vec<u64> =
        answer["items"].as_array().unwrap().iter().map(|it| it.as_object().unwrap().values().next().unwrap()["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 403, 403, 403, 201, 403], "{answer}");
    assert_eq!(answer["items"][1]["index"]["error"]["type"], "security_exception");
    assert_eq!(it.status("part", "POST", "/b-1/_doc", &json!({ "x": 1 })), 201);
    // <b-{now/d}> and <c-{now/d}>: it is the name that they mean which is asked for.
    assert_eq!(it.status("part", "POST", "/%3Cb-%7Bnow%2Fd%7D%3E/_doc", &json!({ "x": 1 })), 201);
    assert_eq!(it.status("part", "POST", "/%3Cc-%7Bnow%2Fd%7D%3E/_doc", &json!({ "x": 1 })), 403);
    assert_eq!(it.status("part", "POST", "/mixed/_doc", &json!({ "x": 1 })), 403);
    let to_c = json!({ "source": { "index": "a-1" }, "dest": { "index": "c-1" } });
    let answer = it.send("part", "POST", "/_reindex", to_c.to_string());
    assert!(answer.text().contains("security_exception"), "{}", answer.text());
    assert_eq!(it.json("admin", "GET", "/c-1/_count", &Value::Null)["count"], 1);
    for (uri, body) in [
        ("/a-1/_delete_by_query", json!({ "query": { "match_all": {} } })),
        ("/a-1/_update/1", json!({ "doc": {} })),
        ("/_aliases", json!({ "actions": [] })),
    ] {
        assert_eq!(it.status("part", "POST", uri, &body), 403, "{uri}");
    }
    assert_eq!(it.status("writer", "POST", "/b-1/_delete_by_query", &json!({ "query": { "match_all": {} } })), 200);
}

#[test]
fn the_audit_stream_tells_of_failures_and_only_to_those_who_keep_it() {
    let it = Guarded::open();
    it.0.send("GET", "/", &[("authorization", &basic("admin", "a-wrong-one"))], "");
    it.send("reader", "DELETE", "/a-1", "");
    let audit = "/logs-sekisho.audit-default/_search";
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let found = loop {
        it.send("admin", "POST", "/_refresh", "");
        let found = it.send("admin", "GET", audit, "").text();
        if ["authentication_failed", "access_denied", "authentication_success"].iter().all(|it| found.contains(it))
            || std::time::Instant::now() > deadline
        {
            break found;
        }
        std::thread::yield_now();
    };
    assert!(found.contains("access_denied") && found.contains("authentication_failed") && found.contains("authentication_success"), "{found}");
    assert!(!found.contains("a-wrong-one") && !found.contains(PASSWORD));
    assert_eq!(it.status("reader", "GET", audit, &Value::Null), 403);
    assert!(!it.send("reader", "GET", "/_search", "").text().contains("sekisho.audit"));
}

#[test]
fn what_was_changed_is_in_the_audit_stream_even_if_the_server_stops_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        Guarded(Door::open_with(|config| {
            config.data_dir = directory.path().join("data");
            config.require_login = true;
            config.admin_password = PASSWORD.to_owned();
        }))
    };
    let it = open();
    it.json("admin", "PUT", "/_security/user/part", &json!({ "password": PASSWORD, "roles": ["reader"] }));
    it.json("admin", "PUT", "/a-1", &Value::Null);
    it.json("admin", "POST", "/a-1/_delete_by_query", &json!({ "query": { "match_all": {} } }));
    it.json("admin", "PUT", "/_index_template/t", &json!({ "index_patterns": ["t-*"] }));
    it.json("admin", "GET", "/a-1/_search", &Value::Null);
    assert_eq!(it.status("part", "GET", "/logs-sekisho.audit-default/_search", &Value::Null), 403);
    it.json("admin", "DELETE", "/a-1", &Value::Null);
    it.0.stop();

    let it = open();
    let found = it.json("admin", "GET", "/logs-sekisho.audit-default/_search?size=100", &Value::Null);
    let events: Vec<(&str, &str, &str)> = found["hits"]["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["_source"])
        .map(|it| (it["event"]["action"].as_str().unwrap(), it["url"]["path"].as_str().unwrap(), it["user"]["name"].as_str().unwrap()))
        .collect();
    for expected in [
        ("put_user", "/_security/user/part", "admin"),
        ("index::create", "/a-1", "admin"),
        ("by_query::delete", "/a-1/_delete_by_query", "admin"),
        ("template::put_index", "/_index_template/t", "admin"),
        ("access_denied", "/logs-sekisho.audit-default/_search", "part"),
        ("index::delete", "/a-1", "admin"),
    ] {
        assert!(events.contains(&expected), "{expected:?} is not in {events:?}");
    }
    assert!(!events.iter().any(|it| it.1 == "/a-1/_search"), "searches are not noted: {events:?}");
}

#[test]
fn a_key_can_do_what_it_was_made_for_and_no_more_than_its_maker() {
    let it = Guarded::with_documents();
    let make = |body: &Value| it.json("part", "POST", "/_security/api_key", body)["encoded"].as_str().unwrap().to_owned();
    let send = |key: &str, method: &str, uri: &str, body: &str| it.0.send(method, uri, &[("authorization", &format!("ApiKey {key}"))], body);
    let everything =
        json!({ "name": "much", "role_descriptors": { "r": { "cluster": ["all"], "indices": [{ "names": ["*"], "privileges": ["all"] }] } } });
    let (plain, much) = (make(&json!({ "name": "plain", "expiration": "1h" })), make(&everything));
    for key in [&plain, &much] {
        assert_eq!(send(key, "GET", "/a-1/_search", "").status, 200);
        assert_eq!(send(key, "GET", "/c-1/_search", "").status, 403);
        assert_eq!(send(key, "GET", "/_security/user", "").status, 403);
        assert_eq!(send(key, "POST", "/_security/api_key", "{\"name\":\"more\"}").status, 400, "keys do not make keys");
    }
    let who = send(&plain, "GET", "/_security/_authenticate", "").json();
    assert_eq!((&who["username"], &who["api_key"]["name"]), (&json!("part"), &json!("plain")));
    // Somebody else's keys are neither seen nor ended.
    assert_eq!(it.json("reader", "GET", "/_security/api_key", &Value::Null)["api_keys"], json!([]));
    assert_eq!(it.json("reader", "DELETE", "/_security/api_key", &json!({ "name": "plain" }))["invalidated_api_keys"], json!([]));
    let listed = it.json("part", "GET", "/_security/api_key?name=plain", &Value::Null);
    assert!(listed["api_keys"][0].get("api_key").is_none() && !listed.to_string().contains("sha256"), "{listed}");
    let ended = it.json("part", "DELETE", "/_security/api_key", &json!({ "name": "plain" }));
    assert_eq!(ended["invalidated_api_keys"].as_array().unwrap().len(), 1);
    assert_eq!((send(&plain, "GET", "/", "").status, send(&much, "GET", "/", "").status), (401, 200));
    it.json("admin", "DELETE", "/_security/user/part", &Value::Null);
    assert_eq!(send(&much, "GET", "/", "").status, 401, "keys end with their user");
}

#[test]
fn users_and_roles_are_made_and_take_effect_at_once() {
    let it = Guarded::with_documents();
    let role = json!({ "cluster": [], "indices": [{ "names": ["c-*"], "privileges": ["read"] }] });
    assert_eq!(it.json("admin", "PUT", "/_security/role/c", &role), json!({ "role": { "created": true } }));
    let user = json!({ "password": PASSWORD, "roles": ["c"], "full_name": "Cem" });
    assert_eq!(it.json("admin", "PUT", "/_security/user/cem", &user), json!({ "created": true }));
    assert_eq!((it.status("cem", "GET", "/c-1/_search", &Value::Null), it.status("cem", "GET", "/a-1/_search", &Value::Null)), (200, 403));
    let shown = it.json("admin", "GET", "/_security/user/cem", &Value::Null);
    assert!(shown["cem"]["full_name"] == "Cem" && !shown.to_string().contains("argon2"), "{shown}");
    assert_eq!(it.json("admin", "PUT", "/_security/user/cem", &json!({ "enabled": false })), json!({ "created": false }));
    assert_eq!(it.status("cem", "GET", "/", &Value::Null), 401);
    let typo = json!({ "indices": [{ "names": ["c-*"], "privileges": ["reed"] }] });
    assert_eq!(it.status("admin", "PUT", "/_security/role/d", &typo), 400);
    assert_eq!(it.status("admin", "PUT", "/_security/role/superuser", &role), 400);
    assert_eq!(it.status("admin", "DELETE", "/_security/user/admin", &Value::Null), 400);
    assert_eq!(it.status("admin", "DELETE", "/_security/user/nobody", &Value::Null), 404);
}

#[test]
fn the_dashboard_is_shown_to_anybody_and_asks_for_itself() {
    let it = Guarded::open();
    let root = it.0.send("GET", "/", &[("accept", "text/html,*/*")], "");
    assert_eq!((root.status, root.header("location")), (302, "/ui/"));
    assert_eq!(it.0.send("GET", "/", &[], "").status, 401);
    for path in ["/ui/", "/ui/main.js", "/ui/pages/login.js"] {
        assert_eq!(it.0.send("GET", path, &[], "").status, 200, "{path}");
    }
    // A challenge would make the browser ask for a password by itself, in the middle of a page.
    let challenges = |headers: &[(&str, &str)]| it.0.send("GET", "/_search", headers, "").headers.get_all("www-authenticate").iter().count();
    assert_eq!((challenges(&[]), challenges(&[("x-requested-with", "sekisho-ui")])), (2, 0));
}

#[test]
fn a_session_is_a_cookie_that_ends() {
    let it = Guarded::open();
    let log_in = |password: &str| it.0.send("POST", "/_sekisho/login", &[], json!({ "username": "reader", "password": password }).to_string());
    assert_eq!(log_in("wrong-1").status, 401);
    let answer = log_in(PASSWORD);
    let set = answer.header("set-cookie");
    assert!(answer.status == 200 && set.contains("; HttpOnly; SameSite=Strict"), "{} {set}", answer.text());
    let cookie = set.split(';').next().unwrap();
    let status = |method: &str, uri: &str| it.0.send(method, uri, &[("cookie", cookie)], "").status;
    assert_eq!((status("GET", "/_search"), status("DELETE", "/a-1")), (200, 403));
    assert_eq!(status("POST", "/_sekisho/logout"), 200);
    assert_eq!(status("GET", "/_search"), 401);
}

#[test]
fn a_tail_shows_what_its_reader_may_see() {
    let it = Guarded::with_documents();
    let credentials = basic("part", PASSWORD);
    let follow = |query: &str, headers: &[(&str, &str)]| Follower::open(it.0.http(), query, headers);
    assert!(follow("index=*", &[]).status.contains("401"));
    assert!(follow("index=c-1", &[("authorization", &credentials)]).status.contains("403"));
    let mut tail = follow("index=*", &[("authorization", &credentials)]);
    tail.message();
    for index in ["c-1", "b-1", "a-1"] {
        it.json("admin", "PUT", &format!("/{index}/_doc/2?refresh=true"), &json!({ "from": index }));
    }
    let message = tail.message();
    let seen: Vec<&Value> = message["hits"].as_array().unwrap().iter().map(|hit| &hit["_source"]["from"]).collect();
    assert_eq!(seen, ["a-1"]);
}
