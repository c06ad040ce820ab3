//! `_security/user` and `_security/role`: who there is, and what they may do.

use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::security_api_key::{note, with_store};
use crate::security::{Actor, BUILTIN_ROLES, Role, User};

/// Answers `GET _security/user`.
///
/// # Errors
/// 404 for a user that is not there.
pub async fn get_users(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let entries = with_store(&call, |store| Ok(store.entries())).await?;
    let name = call.part("name");
    let shown = |name: &String, it: &User| {
        let user =
            json!({ "username": name, "roles": it.roles, "full_name": it.full_name, "email": it.email, "metadata": {}, "enabled": it.enabled });
        (name.clone(), user)
    };
    let users: Map<String, Value> = entries.users.iter().filter(|it| name.is_empty() || it.0 == name).map(|it| shown(it.0, it.1)).collect();
    let status = if users.is_empty() && !name.is_empty() { 404 } else { 200 };
    Ok(Reply::Status(status, users.into()))
}

/// Answers `PUT _security/user/{name}`.
///
/// # Errors
/// 400 for names, passwords and roles that can't be.
pub async fn put_user(mut call: Call) -> Outcome {
    call.params.ignore(&["refresh"]);
    call.params.finish(&call.path)?;
    let (mut password, mut roles, mut full_name, mut email, mut enabled) = (None, None, None, None, None);
    for (key, value) in call.object()? {
        match (key.as_str(), value) {
            ("password", Value::String(it)) => password = Some(it),
            ("roles", it @ Value::Array(_)) => {
                roles = Some(serde_json::from_value::<Vec<String>>(it).map_err(|error| ApiError::parsing(error.to_string()))?)
            }
            ("full_name", Value::String(it)) => full_name = Some(it),
            ("email", Value::String(it)) => email = Some(it),
            ("enabled", Value::Bool(it)) => enabled = Some(it),
            ("full_name" | "email" | "metadata", Value::Null) => {}
            // The value may be the password under a wrong name.
            (key, _) => return Err(ApiError::parsing(format!("unknown field or value of [{key}] in a user"))),
        }
    }
    let name = call.part("name").to_owned();
    let created = with_store(&call, move |store| {
        store.put_user(&name, password.as_deref(), |user| {
            user.roles = roles.unwrap_or_else(|| user.roles.clone());
            user.full_name = full_name.or_else(|| user.full_name.take());
            user.email = email.or_else(|| user.email.take());
            user.enabled = enabled.unwrap_or(user.enabled);
        })
    });
    let created = created.await?;
    note(&call, "put_user", call.part("name"));
    Ok(Reply::Json(json!({ "created": created })))
}

/// Answers `DELETE _security/user/{name}`.
///
/// # Errors
/// 400 for oneself: nobody would be left who can make another.
pub async fn delete_user(mut call: Call) -> Outcome {
    call.params.ignore(&["refresh"]);
    call.params.finish(&call.path)?;
    let name = call.part("name").to_owned();
    if matches!(call.app.access().actor(), Actor::User { name: own, .. } if *own == name) {
        return Err(ApiError::illegal_argument("a user can't remove itself"));
    }
    let found = with_store(&call, move |store| store.remove_user(&name)).await?;
    note(&call, "delete_user", call.part("name"));
    Ok(Reply::Status(if found { 200 } else { 404 }, json!({ "found": found })))
}

/// Answers `GET _security/role`.
///
/// # Errors
/// 400 for parameters.
pub async fn get_roles(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let entries = with_store(&call, |store| Ok(store.entries())).await?;
    let name = call.part("name");
    let names = BUILTIN_ROLES.iter().map(|it| (*it).to_owned()).chain(entries.roles.keys().cloned());
    let roles: Map<String, Value> =
        names.filter(|it| name.is_empty() || it == name).filter_map(|it| Some((it.clone(), json!(entries.role(&it)?)))).collect();
    let status = if roles.is_empty() { 404 } else { 200 };
    Ok(Reply::Status(status, roles.into()))
}

/// Answers `PUT _security/role/{name}`.
///
/// # Errors
/// 400 for privileges that are none and names of built-in roles.
pub async fn put_role(mut call: Call) -> Outcome {
    call.params.ignore(&["refresh"]);
    call.params.finish(&call.path)?;
    let role: Role = serde_json::from_value(call.object()?.into()).map_err(|error| ApiError::parsing(format!("role: {error}")))?;
    let name = call.part("name").to_owned();
    let created = with_store(&call, move |store| store.put_role(&name, role)).await?;
    note(&call, "put_role", call.part("name"));
    Ok(Reply::Json(json!({ "role": { "created": created } })))
}

/// Answers `DELETE _security/role/{name}`.
///
/// # Errors
/// 400 for a built-in role.
pub async fn delete_role(mut call: Call) -> Outcome {
    call.params.ignore(&["refresh"]);
    call.params.finish(&call.path)?;
    let name = call.part("name").to_owned();
    let found = with_store(&call, move |store| store.remove_role(&name)).await?;
    note(&call, "delete_role", call.part("name"));
    Ok(Reply::Status(if found { 200 } else { 404 }, json!({ "found": found })))
}
