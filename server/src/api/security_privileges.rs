//! `_security/user/_has_privileges` and `_security/user/_password`: what a requester may, and its own password.

use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::security_api_key::{note, with_store};
use crate::security::{Actor, ClusterPrivileges, IndexPrivileges, SecurityError, UnknownPrivilege};

/// Answers `GET _security/user/_has_privileges`: of which of these the requester has. Of others nothing is told.
///
/// # Errors
/// 400 for privileges that there are none of, 403 for another user.
pub async fn has(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let access = call.app.access();
    if !matches!(call.part("name"), "" | "_has_privileges") && call.part("name") != access.user() {
        return Err(ApiError::forbidden("privileges of another user are not told"));
    }
    let unknown = |error: UnknownPrivilege| ApiError::illegal_argument(error.to_string());
    let (mut cluster, mut index, mut has_all) = (Map::new(), Map::new(), true);
    for (key, value) in call.object()? {
        match (key.as_str(), value) {
            ("cluster", value) => {
                for name in texts("cluster", &value)? {
                    let is_granted = access.allows_cluster(ClusterPrivileges::named(&name).map_err(unknown)?);
                    has_all &= is_granted;
                    cluster.insert(name, is_granted.into());
                }
            }
            ("index", Value::Array(questions)) => {
                for question in questions {
                    let privileges = texts("privileges", &question["privileges"])?;
                    for name in texts("names", &question["names"])? {
                        let answers = index.entry(name.clone()).or_insert_with(|| json!({}));
                        for privilege in &privileges {
                            let is_granted = access.allows_index(&name, None, IndexPrivileges::named(privilege).map_err(unknown)?);
                            has_all &= is_granted;
                            answers[privilege] = is_granted.into();
                        }
                    }
                }
            }
            // Privileges of applications: there are none, so nobody has any.
            ("application", Value::Array(questions)) if questions.is_empty() => {}
            (key, _) => return Err(ApiError::parsing(format!("unknown field or value of [{key}] in a question for privileges"))),
        }
    }
    let answer = json!({ "username": access.user(), "has_all_requested": has_all, "cluster": cluster, "index": index, "application": {} });
    Ok(Reply::Json(answer))
}

fn texts(key: &str, value: &Value) -> Result<Vec<String>, ApiError> {
    match value {
        Value::String(one) => Ok(vec![one.clone()]),
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
            Ok(items.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect())
        }
        _ => Err(ApiError::parsing(format!("[{key}] must be a list of names"))),
    }
}

/// Answers `PUT _security/user/_password`: a user its own, who manages users everyone's. An API key is no user.
///
/// # Errors
/// 403 for another's, 404 for a user that is not there, 400 for a password that can't be.
pub async fn change_password(mut call: Call) -> Outcome {
    call.params.ignore(&["refresh"]);
    call.params.finish(&call.path)?;
    let access = call.app.access();
    let own = match access.actor() {
        Actor::User { name, .. } => name.clone(),
        Actor::ApiKey { .. } | Actor::Anyone | Actor::Nobody => String::new(),
    };
    let name = match call.part("name") {
        "" => own.clone(),
        name => name.to_owned(),
    };
    if name.is_empty() || name != own && !access.allows_cluster(ClusterPrivileges::MANAGE_SECURITY) {
        return Err(ApiError::forbidden("the password of another user is changed by who has the privilege [manage_security]"));
    }
    let mut body = call.object()?;
    let (Some(Value::String(password)), true) = (body.remove("password"), body.is_empty()) else {
        return Err(ApiError::parsing("a change of password is {\"password\": \"...\"}"));
    };
    let user = name.clone();
    let is_there = with_store(&call, move |store| store.set_password(&user, &password)).await?;
    if !is_there {
        return Err(SecurityError::Invalid(format!("user [{name}] does not exist")).into());
    }
    note(&call, "change_password", &name);
    Ok(Reply::Json(json!({})))
}
