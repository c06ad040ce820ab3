//! `/_sekisho/login` and `logout`: a session for a browser, kept in a cookie that scripts can't read and other sites can't send.

use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use crate::security::{Access, COOKIE_NAME, Happened, SESSION_TIME, Unauthenticated};

/// Answers `POST /_sekisho/login` with `{"username", "password"}`.
///
/// # Errors
/// 401 for wrong credentials, 429 after too many of them.
pub async fn log_in(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let body = call.object()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let (Some(user), Some(password)) = (text("username"), text("password")) else {
        return Err(ApiError::illegal_argument("[username] and [password] are required"));
    };
    let guard = call.app.guard();
    if guard.store().is_none() {
        return Err(ApiError::new(405, "security_exception", "this server asks nobody for credentials"));
    }
    match guard.log_in(user, password.to_owned(), call.peer).await {
        Ok((token, access)) => Ok(Reply::Cookie(cookie(&token, SESSION_TIME.as_secs(), &call), json!({ "username": access.user() }))),
        Err(error @ Unauthenticated::Blocked) => Err(ApiError::new(429, "security_exception", error.to_string())),
        Err(error) => {
            if let Unauthenticated::Wrong(reason) = error {
                let (access, request) = (Access::nothing(), ("POST", call.path.as_str()));
                let action = "authentication_failed";
                guard.note(Happened { action, is_success: false, access: &access, address: call.peer, request, reason: Some(reason) });
            }
            Err(ApiError::unauthenticated(error.to_string()))
        }
    }
}

/// Answers `POST /_sekisho/logout`.
///
/// # Errors
/// 400 for parameters.
pub async fn log_out(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    call.app.guard().log_out(&call.headers);
    Ok(Reply::Cookie(cookie("", 0, &call), json!({ "acknowledged": true })))
}

fn cookie(token: &str, seconds: u64, call: &Call) -> String {
    // Who speaks TLS for us says so; over plain HTTP a browser would not keep the cookie.
    let is_secure = call.is_encrypted || call.headers.get("x-forwarded-proto").is_some_and(|it| it == "https");
    format!("{COOKIE_NAME}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{}", if is_secure { "; Secure" } else { "" })
}
