//! `_security/_authenticate` and `_security/api_key`: who asks, and keys that can do no more than who makes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::search::duration;
use crate::security::{Access, Actor, ApiKey, ClusterPrivileges, Happened, NewApiKey, Role, SecurityError, Store, now_ms};

impl From<SecurityError> for ApiError {
    fn from(error: SecurityError) -> Self {
        let reason = error.to_string();
        match error {
            SecurityError::Invalid(_) | SecurityError::Privilege(_) => Self::new(400, "action_request_validation_exception", reason),
            SecurityError::TooMany => Self::new(429, "es_rejected_execution_exception", reason),
            SecurityError::Io { .. } | SecurityError::Damaged { .. } => Self::new(500, "exception", reason),
        }
    }
}

/// Answers `_security/_authenticate`.
///
/// # Errors
/// 400 for parameters.
pub async fn authenticate(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let (roles, key) = match call.app.access().actor() {
        Actor::User { roles, .. } => (roles.clone(), None),
        Actor::ApiKey { id, name, .. } => (Vec::new(), Some(json!({ "id": id, "name": name }))),
        Actor::Anyone | Actor::Nobody => (vec!["superuser".to_owned()], None),
    };
    let realm = if key.is_some() { json!({ "name": "_es_api_key", "type": "_es_api_key" }) } else { json!({ "name": "native", "type": "native" }) };
    let mut answer = json!({
        "username": call.app.access().user(), "roles": roles, "full_name": null, "email": null, "metadata": {}, "enabled": true,
        "authentication_realm": realm, "lookup_realm": realm, "authentication_type": if key.is_some() { "api_key" } else { "realm" },
    });
    if let Some(key) = key {
        answer["api_key"] = key;
    }
    Ok(Reply::Json(answer))
}

/// Users and keys, where the server has them; work on them waits for the disk.
pub(super) async fn with_store<T: Send + 'static>(
    call: &Call,
    work: impl FnOnce(&Store) -> Result<T, SecurityError> + Send + 'static,
) -> Result<T, ApiError> {
    let Some(store) = call.app.guard().store().cloned() else {
        return Err(ApiError::new(405, "security_exception", "this server asks nobody for credentials; see the settings require_login and insecure"));
    };
    let done = tokio::task::spawn_blocking(move || work(&store)).await;
    Ok(done.map_err(|error| ApiError::new(500, "exception", error.to_string()))??)
}

/// Notes a change in the audit stream.
pub(super) fn note(call: &Call, action: &'static str, what: &str) {
    let request = ("", call.path.as_str());
    call.app.guard().note(Happened { action, is_success: true, access: call.app.access(), address: call.peer, request, reason: Some(what) });
}

/// Answers `POST _security/api_key`.
///
/// # Errors
/// 400 for a body that is none, and where a key asks.
pub async fn create(mut call: Call) -> Outcome {
    call.params.ignore(&["refresh"]);
    call.params.finish(&call.path)?;
    let (mut name, mut expires_ms, mut roles) = (String::new(), None, BTreeMap::<String, Role>::new());
    for (key, value) in call.object()? {
        match (key.as_str(), value) {
            ("name", Value::String(it)) => name = it,
            ("expiration", Value::String(it)) => expires_ms = Some(now_ms().saturating_add(duration(&it)?.as_millis() as i64)),
            ("expiration" | "role_descriptors" | "metadata", Value::Null) => {}
            ("role_descriptors", it @ Value::Object(_)) => {
                roles = serde_json::from_value(it).map_err(|error| ApiError::parsing(format!("role_descriptors: {error}")))?;
            }
            (key, _) => return Err(ApiError::parsing(format!("unknown field or value of [{key}] in an API key"))),
        }
    }
    let access: Arc<Access> = call.app.access().clone();
    if matches!(access.actor(), Actor::ApiKey { .. }) {
        return Err(ApiError::illegal_argument("creating an API key with an API key is not supported"));
    }
    let new = NewApiKey { name: name.clone(), owner: access.user().to_owned(), expires_ms, roles, limited_by: access.roles().to_vec() };
    let (id, secret) = with_store(&call, move |store| store.create_api_key(new, now_ms())).await?;
    note(&call, "create_apikey", &id);
    let encoded = BASE64_STANDARD.encode(format!("{id}:{secret}"));
    let mut answer = json!({ "id": id, "name": name, "api_key": secret, "encoded": encoded });
    if let Some(it) = expires_ms {
        answer["expiration"] = it.into();
    }
    Ok(Reply::Json(answer))
}

/// Answers `GET _security/api_key`: one's own keys, or all for whoever manages security.
///
/// # Errors
/// 400 for parameters.
pub async fn list(mut call: Call) -> Outcome {
    let (id, name) = (call.params.take("id"), call.params.take("name"));
    let only_own = call.params.flag("owner")?.unwrap_or(false);
    call.params.finish(&call.path)?;
    let owner = meant_owner(call.app.access(), only_own);
    let entries = with_store(&call, |store| Ok(store.entries())).await?;
    let is_meant = |key: &(&String, &ApiKey)| {
        owner.as_ref().is_none_or(|it| *it == key.1.owner)
            && id.as_ref().is_none_or(|it| it == key.0)
            && name.as_ref().is_none_or(|it| *it == key.1.name)
    };
    let keys: Vec<Value> = entries
        .api_keys
        .iter()
        .filter(is_meant)
        .map(|(id, it)| {
            let mut key = json!({
                "id": id, "name": it.name, "type": "rest", "creation": it.created_ms, "invalidated": it.invalidated, "username": it.owner,
                "realm": "native", "metadata": {}, "role_descriptors": it.roles,
            });
            if let Some(expires) = it.expires_ms {
                key["expiration"] = expires.into();
            }
            key
        })
        .collect();
    Ok(Reply::Json(json!({ "api_keys": keys })))
}

/// Answers `DELETE _security/api_key`.
///
/// # Errors
/// 400 for a body that names no key.
pub async fn invalidate(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let (mut ids, mut name, mut username, mut only_own) = (Vec::new(), None, None, false);
    for (key, value) in call.object()? {
        match (key.as_str(), value) {
            ("id", Value::String(it)) => ids.push(it),
            ("ids", Value::Array(them)) => ids.extend(them.into_iter().filter_map(|it| it.as_str().map(str::to_owned))),
            ("name", Value::String(it)) => name = Some(it),
            ("username", Value::String(it)) => username = Some(it),
            ("owner", Value::Bool(it)) => only_own = it,
            (key, _) => return Err(ApiError::parsing(format!("unknown field or value of [{key}]"))),
        }
    }
    if ids.is_empty() && name.is_none() && username.is_none() && !only_own {
        return Err(ApiError::new(400, "action_request_validation_exception", "one of [ids, name, username, owner] must be specified"));
    }
    let owner = meant_owner(call.app.access(), only_own);
    let is_meant = move |id: &str, key: &ApiKey| {
        owner.as_ref().is_none_or(|it| *it == key.owner)
            && (ids.is_empty() || ids.iter().any(|it| it == id))
            && name.as_ref().is_none_or(|it| *it == key.name)
            && username.as_ref().is_none_or(|it| *it == key.owner)
    };
    let gone = with_store(&call, move |store| store.invalidate_api_keys(is_meant)).await?;
    note(&call, "invalidate_apikeys", &gone.join(","));
    Ok(Reply::Json(json!({ "invalidated_api_keys": gone, "previously_invalidated_api_keys": [], "error_count": 0 })))
}

/// Whose keys are meant; `None` for everybody's.
fn meant_owner(access: &Access, only_own: bool) -> Option<String> {
    (only_own || !access.allows_cluster(ClusterPrivileges::MANAGE_SECURITY)).then(|| access.user().to_owned())
}
