//! `_rollover`: a new backing index for a data stream, or a new index behind an alias that is written to.

use std::collections::BTreeMap;

use sekisho_engine::{Alias, AliasAction, IndexInfo, TemplateParts};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::{search, template};
use crate::security::Scope;

/// What must be so for an index to be rolled over.
enum Condition {
    /// Its age in milliseconds.
    Age(i64),
    /// Its live documents.
    Docs(u64),
    /// Its bytes.
    Bytes(u64),
}

/// Answers `_rollover`. With conditions it rolls over when one of them holds.
///
/// # Errors
/// 400 for what is neither a data stream nor an alias with a write index, and where the new index exists.
pub async fn handle(mut call: Call) -> Outcome {
    let is_dry = call.params.flag("dry_run")?.unwrap_or(false);
    call.params.ignore(&["timeout", "master_timeout", "cluster_manager_timeout", "wait_for_active_shards"]);
    call.params.finish(&call.path)?;
    let (target, named) = (call.part("index").to_owned(), call.part("name").to_owned());
    let mut body = call.object()?;
    let conditions = match body.remove("conditions") {
        None => Vec::new(),
        Some(Value::Object(conditions)) => conditions.iter().map(|(key, value)| condition(key, value)).collect::<Result<_, _>>()?,
        Some(_) => return Err(ApiError::parsing("[rollover] failed to parse field [conditions]")),
    };
    let given = template::parse_parts(&body, "in [rollover]")?;
    call.app.blocking(move |engine| roll_over(engine, &Asked { target, named, conditions, given, is_dry })).await
}

struct Asked {
    target: String,
    /// The name that the new index is to have, or nothing.
    named: String,
    conditions: Vec<(String, Condition)>,
    given: TemplateParts,
    is_dry: bool,
}

fn roll_over(engine: &Scope, asked: &Asked) -> Outcome {
    let target = asked.target.as_str();
    let infos = engine.indices();
    let is_stream = engine.data_streams().contains_key(target);
    let members = engine.aliases().remove(target).unwrap_or_default();
    let old = if is_stream {
        infos.iter().rfind(|it| it.stream.as_deref() == Some(target))
    } else {
        if members.is_empty() {
            let reason = format!("rollover target [{target}] does not point to a write index, or is not an alias or data stream");
            return Err(ApiError::illegal_argument(reason));
        }
        let explicit = members.iter().find(|it| it.1.is_write_index == Some(true)).map(|it| it.0);
        let only = || members.iter().next().filter(|it| members.len() == 1 && it.1.is_write_index != Some(false)).map(|it| it.0);
        let name = explicit.or_else(only);
        infos.iter().find(|it| Some(&it.name) == name)
    };
    let Some(old) = old else {
        return Err(ApiError::illegal_argument(format!("rollover target [{target}] does not point to a write index")));
    };
    let now = engine.now().0;
    let met: Map<String, Value> = asked.conditions.iter().map(|(name, it)| (name.clone(), it.holds(old, now).into())).collect();
    let is_due = met.is_empty() || met.values().any(|it| it == &json!(true));
    let mut new = String::new();
    if !is_stream {
        new = if asked.named.is_empty() { next_name(&old.name)? } else { asked.named.clone() };
        if infos.iter().any(|it| it.name == new) {
            return Err(sekisho_engine::EngineError::IndexExists(new).into());
        }
    }
    let does = is_due && !asked.is_dry;
    if does && is_stream {
        if asked.given != TemplateParts::default() || !asked.named.is_empty() {
            return Err(ApiError::illegal_argument(
                "settings, mappings, aliases and the name of a backing index come from its data stream's template",
            ));
        }
        new = engine.roll_over(target)?.1;
    } else if does {
        let parts = template::parts_of(engine, &new, &asked.given)?;
        let settings = Value::Object(parts.settings.clone());
        engine.create_index_with(&new, Some(parts.mapping(false)?), settings, &parts.aliases)?;
        engine.update_aliases(&moved(target, &old.name, &new, &members))?;
    }
    Ok(Reply::Json(json!({
        "acknowledged": does, "shards_acknowledged": does, "old_index": old.name, "new_index": new, "rolled_over": does, "dry_run": asked.is_dry,
        "conditions": met,
    })))
}

/// The alias goes over to the new index, or, where it names its write index, is on both and written to the new one.
fn moved(alias: &str, old: &str, new: &str, members: &BTreeMap<String, Alias>) -> Vec<AliasAction> {
    let settings = members[old].clone();
    let to = |name: &str| vec![name.to_owned()];
    if settings.is_write_index == Some(true) {
        let reading = Alias { is_write_index: Some(false), ..settings.clone() };
        vec![
            AliasAction::Add { targets: to(old), alias: alias.to_owned(), settings: reading },
            AliasAction::Add { targets: to(new), alias: alias.to_owned(), settings },
        ]
    } else {
        vec![
            AliasAction::Add { targets: to(new), alias: alias.to_owned(), settings },
            AliasAction::Remove { targets: to(old), alias: alias.to_owned() },
        ]
    }
}

/// The name with its number one higher, in six digits: `logs-1` is followed by `logs-000002`.
fn next_name(old: &str) -> Result<String, ApiError> {
    let parsed = old.rsplit_once('-').and_then(|(stem, number)| Some((stem, number.parse::<u64>().ok()?)));
    match parsed {
        Some((stem, number)) => Ok(format!("{stem}-{:06}", number.saturating_add(1))),
        None => Err(ApiError::illegal_argument(format!("index name [{old}] does not match pattern '^.*-\\d+$'"))),
    }
}

fn condition(key: &str, value: &Value) -> Result<(String, Condition), ApiError> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let bad = || ApiError::illegal_argument(format!("failed to parse [{text}] of the condition [{key}]"));
    let condition = match key {
        "max_age" => Condition::Age(i64::try_from(search::duration(&text)?.as_millis()).map_err(|_| bad())?),
        "max_docs" | "max_primary_shard_docs" => Condition::Docs(text.parse().map_err(|_| bad())?),
        "max_size" | "max_primary_shard_size" => Condition::Bytes(bytes(&text).ok_or_else(bad)?),
        key => return Err(ApiError::new(400, "x_content_parse_exception", format!("[conditions] unknown field [{key}]"))),
    };
    Ok((format!("[{key}: {text}]"), condition))
}

fn bytes(text: &str) -> Option<u64> {
    let at = text.find(|it: char| !it.is_ascii_digit())?;
    let shift = match text[at..].to_ascii_lowercase().as_str() {
        "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        _ => return None,
    };
    text[..at].parse::<u64>().ok()?.checked_mul(1 << shift)
}

impl Condition {
    fn holds(&self, index: &IndexInfo, now_ms: i64) -> bool {
        match self {
            Self::Age(millis) => now_ms - index.created.0 >= *millis,
            Self::Docs(docs) => index.docs >= *docs,
            Self::Bytes(bytes) => index.bytes >= *bytes,
        }
    }
}
