//! `_tasks` and the queue of the cluster: requests are answered when they are done, so that there is none to ask after later.

use serde_json::json;

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::node::NODE;

/// Answers `GET _tasks`: this request is the one that can be told of, and whoever lists tasks looks for others.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn list(mut call: Call) -> Outcome {
    let group_by = call.params.take("group_by");
    call.params.ignore(&["actions", "detailed", "nodes", "parent_task_id", "timeout", "wait_for_completion", "node_id"]);
    call.params.finish(&call.path)?;
    match group_by.as_deref() {
        None | Some("nodes") => Ok(Reply::Json(json!({ "nodes": {} }))),
        Some("parents") => Ok(Reply::Json(json!({ "tasks": {} }))),
        Some("none") => Ok(Reply::Json(json!({ "tasks": [] }))),
        Some(other) => Err(ApiError::illegal_argument(format!("invalid group_by [{other}]"))),
    }
}

/// Answers `GET _tasks/{id}`.
///
/// # Errors
/// 400 for what is no id of a task, 404 for the others.
pub async fn get(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "wait_for_completion"]);
    call.params.finish(&call.path)?;
    Err(missing(call.part("id")))
}

/// Answers `POST _tasks/_cancel`. A search ends when its connection does.
///
/// # Errors
/// 400 for what is no id of a task, 404 for an id.
pub async fn cancel(mut call: Call) -> Outcome {
    call.params.ignore(&["actions", "nodes", "parent_task_id", "wait_for_completion", "node_id"]);
    call.params.finish(&call.path)?;
    match call.part("id") {
        "" => Ok(Reply::Json(json!({ "nodes": {} }))),
        id => Err(missing(id)),
    }
}

fn missing(id: &str) -> ApiError {
    match id.split_once(':') {
        Some((node, number)) if number.parse::<i64>().is_ok() => {
            let reason = if node == NODE {
                format!("task [{id}] isn't running and hasn't stored its results")
            } else {
                format!("task [{id}] belongs to the node [{node}] which isn't part of the cluster and there is no record of the task")
            };
            ApiError::new(404, "resource_not_found_exception", reason)
        }
        _ => ApiError::illegal_argument(format!("malformed task id {id}")),
    }
}

/// Answers `GET _cluster/pending_tasks`: changes of metadata do not queue.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn pending(mut call: Call) -> Outcome {
    call.params.ignore(&["local", "master_timeout", "cluster_manager_timeout"]);
    call.params.finish(&call.path)?;
    Ok(Reply::Json(json!({ "tasks": [] })))
}
