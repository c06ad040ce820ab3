//! `/openapi.json`: every endpoint as an OpenAPI 3.1 document, made from [`super::ENDPOINTS`], so that it can't be behind them.
//!
//! It says which paths and methods there are, their parts and the shape of errors. What bodies and answers hold is Elasticsearch's to say,
//! and for ours `docs/` does.

use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::{ENDPOINTS, Endpoint};

/// Answers `GET /openapi.json`.
///
/// # Errors
/// 400 for an unknown parameter.
pub async fn handle(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    Ok(Reply::Json(document()))
}

/// The document.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in ENDPOINTS {
        for path in endpoint.paths {
            // OpenAPI has no name for a rest of several parts.
            let operations = paths.entry(path.replace("{*", "{")).or_insert_with(|| json!({}));
            for (at, method) in endpoint.methods.iter().enumerate() {
                operations[method.to_ascii_lowercase()] = operation(endpoint, path, at);
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sekisho",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Search and analytics for firewall logs in Elasticsearch's dialect. Bodies and answers of paths that Elasticsearch has are Elasticsearch's.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": { "schemas": { "Error": error() } },
    })
}

fn operation(endpoint: &Endpoint, path: &str, at: usize) -> Value {
    let parts = path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |it: &str| json!({ "name": it.trim_start_matches('*'), "in": "path", "required": true, "schema": { "type": "string" } });
    let refused =
        json!({ "description": "Refused or failed", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } });
    json!({
        // Unique: a handler may have several paths and methods.
        "operationId": format!("{}:{}{}", endpoint.name, endpoint.methods[at].to_ascii_lowercase(), path),
        "tags": [endpoint.name.split("::").next().unwrap_or_default()],
        "parameters": parts.map(parameter).collect::<Vec<_>>(),
        "responses": { "200": { "description": "Done" }, "default": refused },
    })
}

/// Elasticsearch's error body.
fn error() -> Value {
    let cause = json!({ "type": "object", "required": ["type", "reason"], "properties": { "type": { "type": "string" }, "reason": { "type": ["string", "null"] } } });
    let mut error = cause.clone();
    error["properties"]["root_cause"] = json!({ "type": "array", "items": cause });
    json!({ "type": "object", "required": ["error", "status"], "properties": { "error": error, "status": { "type": "integer" } } })
}
