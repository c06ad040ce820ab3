//! `_rollover`: a new index for a data stream or in the place of the one that an alias writes to, at once or where conditions are met.

use sekisho_engine::RolloverPlan;
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::template;
use crate::unit;

/// Answers `POST /{target}/_rollover` and `POST /{target}/_rollover/{new}`.
///
/// # Errors
/// 400 for what is neither a data stream nor an alias with a write index, for a condition that does not exist, and for a new index that is
/// there already.
pub async fn handle(mut call: Call) -> Outcome {
    let is_dry = call.params.flag("dry_run")?.unwrap_or(false);
    call.params.ignore(&["timeout", "master_timeout", "wait_for_active_shards"]);
    call.params.finish(&call.path)?;
    let (target, new) = (call.part("index").to_owned(), call.part("new").to_owned());
    let mut body = call.object()?;
    let conditions = match body.remove("conditions") {
        None => Vec::new(),
        Some(Value::Object(conditions)) => conditions.iter().map(|(name, value)| Condition::parse(name, value)).collect::<Result<_, _>>()?,
        Some(_) => return Err(ApiError::parsing("[conditions] must be an object")),
    };
    let given = template::parse_parts(&body, "for rollover")?;
    call.app
        .blocking(move |engine| {
            let new = (!new.is_empty()).then_some(new.as_str());
            let plan = engine.plan_rollover(&target, new)?;
            if plan.is_stream && !body.is_empty() {
                return Err(ApiError::illegal_argument("aliases, mappings, and index settings may not be specified when rolling over a data stream"));
            }
            let now = engine.now().0;
            let met = |it: &Condition| it.is_met(&plan, now);
            let shown: Map<String, Value> = conditions.iter().map(|it| (it.shown.clone(), met(it).into())).collect();
            let is_any_met = conditions.iter().filter(|it| it.is_upper).any(met) || !conditions.iter().any(|it| it.is_upper);
            let rolls_over = is_any_met && conditions.iter().filter(|it| !it.is_upper).all(met);
            if rolls_over && !is_dry {
                engine.roll_over(&target, new, &given)?;
            }
            let is_done = rolls_over && !is_dry;
            Ok(Reply::Json(json!({
                "acknowledged": is_done, "shards_acknowledged": is_done, "old_index": plan.old, "new_index": plan.new, "rolled_over": is_done,
                "dry_run": is_dry, "conditions": shown,
            })))
        })
        .await
}

/// What a condition is about.
#[derive(Clone, Copy, Debug)]
enum Figure {
    AgeMs(i64),
    Docs(u64),
    Bytes(u64),
}

/// One of the conditions of a request.
struct Condition {
    /// As answers name it: `[max_docs: 5]`.
    shown: String,
    /// One upper limit that is reached is enough; lower limits must all be reached.
    is_upper: bool,
    limit: Figure,
}

impl Condition {
    fn parse(name: &str, value: &Value) -> Result<Self, ApiError> {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let limit = match name {
            "max_age" | "min_age" => Figure::AgeMs(unit::parse_ms(&text).map_err(|it| ApiError::illegal_argument(it.to_string()))?),
            "max_size" | "max_primary_shard_size" | "min_size" | "min_primary_shard_size" => {
                Figure::Bytes(unit::parse_bytes(&text).map_err(|it| ApiError::illegal_argument(it.to_string()))?)
            }
            "max_docs" | "max_primary_shard_docs" | "min_docs" | "min_primary_shard_docs" => {
                Figure::Docs(text.parse().map_err(|_| ApiError::illegal_argument(format!("[{name}] must be a whole number, not [{text}]")))?)
            }
            other => return Err(ApiError::new(400, "x_content_parse_exception", format!("[conditions] unknown field [{other}]"))),
        };
        Ok(Self { shown: format!("[{name}: {text}]"), is_upper: name.starts_with("max_"), limit })
    }

    fn is_met(&self, plan: &RolloverPlan, now: i64) -> bool {
        match self.limit {
            Figure::AgeMs(limit) => now - plan.created.0 >= limit,
            Figure::Docs(limit) => plan.docs >= limit,
            Figure::Bytes(limit) => plan.bytes >= limit,
        }
    }
}
