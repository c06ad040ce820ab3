//! Aliases: `_aliases` (many changes at once), `/{index}/_alias/{name}` (one), and what there is.

use std::collections::{BTreeMap, BTreeSet};

use sekisho_engine::mapping::simple_match;
use sekisho_engine::{Alias, AliasAction, ResolveOptions};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::condition::invalid;
use super::error::ApiError;
use super::index::infos;
use crate::app::{resolve_options, targets};
use crate::security::Scope;

/// Answers `POST _aliases`: all changes or none.
///
/// # Errors
/// 400 for an action that is not understood, 404 for an index or an alias that does not exist.
pub async fn update(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "master_timeout"]);
    call.params.finish(&call.path)?;
    let mut body = call.object()?;
    let actions = match body.remove("actions") {
        Some(Value::Array(actions)) => actions,
        Some(_) => return Err(ApiError::parsing("[aliases] failed to parse field [actions]: a list is expected")),
        None => return invalid("Must specify at least one alias action"),
    };
    if let Some(key) = body.keys().next() {
        return Err(ApiError::new(400, "x_content_parse_exception", format!("[aliases] unknown field [{key}]")));
    }
    if actions.is_empty() {
        return Err(ApiError::illegal_argument("No action specified"));
    }
    let actions: Vec<Wanted> = actions.iter().map(Wanted::parse).collect::<Result<_, _>>()?;
    call.app
        .blocking(move |engine| {
            let mut resolved = Vec::new();
            for action in &actions {
                action.resolve(engine, &mut resolved)?;
            }
            if resolved.is_empty() {
                let names: Vec<&str> = actions.iter().flat_map(|it| it.aliases.iter().map(String::as_str)).collect();
                return Err(not_found(&names.join(",")));
            }
            engine.update_aliases(&resolved)?;
            Ok(Reply::Json(json!({ "acknowledged": true, "errors": false })))
        })
        .await
}

/// Answers `PUT /{index}/_alias/{name}`.
///
/// # Errors
/// As an `add` of `_aliases`.
pub async fn put(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "master_timeout"]);
    call.params.finish(&call.path)?;
    let settings = settings(call.object()?)?;
    let (index, alias) = (call.part("index").to_owned(), call.part("name").to_owned());
    call.app
        .blocking(move |engine| {
            engine.update_aliases(&[AliasAction::Add { targets: members(engine, &index)?, alias, settings }])?;
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

/// Answers `DELETE /{index}/_alias/{name}`.
///
/// # Errors
/// 404 for an index or an alias that does not exist.
pub async fn delete(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "master_timeout"]);
    call.params.finish(&call.path)?;
    let names = call.part("name").to_owned();
    let wanted = Wanted {
        kind: Kind::Remove,
        indices: vec![call.part("index").to_owned()],
        aliases: names.split(',').map(|it| if it == "_all" { "*" } else { it }.to_owned()).collect(),
        settings: Alias::default(),
        must_exist: None,
    };
    call.app
        .blocking(move |engine| {
            let mut resolved = Vec::new();
            wanted.resolve(engine, &mut resolved)?;
            if resolved.is_empty() {
                return Err(not_found(&names));
            }
            engine.update_aliases(&resolved)?;
            Ok(Reply::Json(json!({ "acknowledged": true, "errors": false })))
        })
        .await
}

/// Answers `GET _alias` and, without a body, `HEAD`: by index what aliases it has.
///
/// # Errors
/// 404 for an index that does not exist; for an alias that does not, 404 with those that do.
pub async fn get(mut call: Call) -> Outcome {
    let options = ResolveOptions { allow_closed: true, ..resolve_options(&mut call.params)? };
    call.params.ignore(&["local", "master_timeout"]);
    call.params.finish(&call.path)?;
    let (index, names) = (call.part("index").to_owned(), call.part("name").to_owned());
    call.app
        .blocking(move |engine| {
            let patterns: Vec<&str> = names.split(',').filter(|it| !it.is_empty()).collect();
            let shown = |alias: &str| patterns.is_empty() || patterns.iter().any(|it| *it == "_all" || simple_match(it, alias));
            let asked: BTreeSet<String> = if index.is_empty() || index == "_all" || index == "*" {
                engine.indices().into_iter().map(|it| it.stream.unwrap_or(it.name)).collect()
            } else {
                infos(engine, &targets(engine, &index, options)?).into_iter().map(|it| it.stream.unwrap_or(it.name)).collect()
            };
            let mut answer: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
            if patterns.is_empty() {
                answer.extend(asked.iter().filter(|it| options.expand_hidden || !it.starts_with('.')).map(|it| (it.clone(), Map::new())));
            }
            let mut found = BTreeSet::new();
            for (alias, members) in engine.aliases().into_iter().filter(|it| shown(&it.0)) {
                for (member, settings) in members.into_iter().filter(|it| asked.contains(&it.0)) {
                    found.insert(alias.clone());
                    answer.entry(member).or_default().insert(alias.clone(), to_json(&settings));
                }
            }
            let missing: Vec<&str> = patterns.into_iter().filter(|it| !it.contains('*') && *it != "_all" && !found.contains(*it)).collect();
            let mut answer: Map<String, Value> = answer.into_iter().map(|(index, aliases)| (index, json!({ "aliases": aliases }))).collect();
            if missing.is_empty() {
                return Ok(Reply::Json(Value::Object(answer)));
            }
            let what = if missing.len() == 1 { "alias" } else { "aliases" };
            answer.insert("error".to_owned(), format!("{what} [{}] missing", missing.join(",")).into());
            answer.insert("status".to_owned(), 404.into());
            Ok(Reply::Status(404, Value::Object(answer)))
        })
        .await
}

/// The aliases of an index, as the answers of `GET /{index}` show them.
pub fn aliases_of(engine: &Scope, index: &str) -> Value {
    let of = |(alias, members): (String, BTreeMap<String, Alias>)| members.get(index).map(|it| (alias, to_json(it)));
    Value::Object(engine.aliases().into_iter().filter_map(of).collect())
}

/// Reads the `aliases` of a body that creates an index: by name what each says of it.
///
/// # Errors
/// 400 naming what is not understood.
pub fn by_name(value: &Value) -> Result<Vec<(String, Alias)>, ApiError> {
    let Value::Object(object) = value else { return Err(ApiError::parsing("[aliases] must be an object")) };
    let one = |(name, value): (&String, &Value)| match value {
        Value::Object(body) => Ok((name.clone(), settings(body.clone())?)),
        _ => Err(ApiError::parsing(format!("alias [{name}] must be an object"))),
    };
    object.iter().map(one).collect()
}

/// What an alias says, as answers show it.
pub fn to_json(alias: &Alias) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Option<Value>| value.map(|it| out.insert(key.to_owned(), it));
    put("filter", alias.filter.clone());
    put("index_routing", alias.index_routing.clone().map(Value::from));
    put("search_routing", alias.search_routing.clone().map(Value::from));
    put("is_write_index", alias.is_write_index.map(Value::from));
    put("is_hidden", alias.is_hidden.then_some(Value::Bool(true)));
    Value::Object(out)
}

fn not_found(names: &str) -> ApiError {
    ApiError::new(404, "aliases_not_found_exception", format!("aliases [{names}] missing"))
        .with("resource.type", "aliases")
        .with("resource.id", names)
}

/// The indices and data streams of an expression, as members of an alias.
fn members(engine: &Scope, expression: &str) -> Result<Vec<String>, ApiError> {
    let expression = if expression == "_all" { "*" } else { expression };
    let mut names = Vec::new();
    for part in expression.split(',').filter(|it| !it.is_empty()) {
        if part.contains('*') {
            let found = engine.resolve(part, ResolveOptions { ignore_aliases: true, allow_closed: true, ..ResolveOptions::default() })?;
            names.extend(infos(engine, &found).into_iter().map(|it| it.stream.unwrap_or(it.name)));
        } else {
            names.push(part.to_owned());
        }
    }
    names.dedup();
    if names.is_empty() {
        return Err(ApiError::index_not_found(expression));
    }
    Ok(names)
}

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Add,
    Remove,
    RemoveIndex,
}

/// An action as the request says it.
struct Wanted {
    kind: Kind,
    indices: Vec<String>,
    aliases: Vec<String>,
    settings: Alias,
    must_exist: Option<bool>,
}

impl Wanted {
    fn parse(action: &Value) -> Result<Self, ApiError> {
        let entries = action.as_object().filter(|it| it.len() == 1).and_then(|it| it.iter().next());
        let Some((name, Value::Object(body))) = entries else {
            return Err(ApiError::parsing("[alias_action] an action is an object with one key: [add], [remove] or [remove_index]"));
        };
        let kind = match name.as_str() {
            "add" => Kind::Add,
            "remove" => Kind::Remove,
            "remove_index" => Kind::RemoveIndex,
            other => return Err(ApiError::new(400, "x_content_parse_exception", format!("[alias_action] unknown field [{other}]"))),
        };
        let mut body = body.clone();
        let indices = names(&mut body, "index", "indices")?;
        let aliases = names(&mut body, "alias", "aliases")?;
        let must_exist = match body.remove("must_exist") {
            None => None,
            Some(Value::Bool(it)) if kind != Kind::Add => Some(it),
            Some(_) => return Err(ApiError::illegal_argument(format!("[must_exist] is unsupported for [{name}] or not true or false"))),
        };
        if indices.is_empty() {
            return Err(ApiError::illegal_argument("One of [index] or [indices] is required"));
        }
        if aliases.is_empty() && kind != Kind::RemoveIndex {
            return Err(ApiError::illegal_argument("One of [alias] or [aliases] is required"));
        }
        if !aliases.is_empty() && kind == Kind::RemoveIndex {
            return Err(ApiError::illegal_argument("[alias] is unsupported for [remove_index]"));
        }
        let settings = if kind == Kind::Add { settings(body)? } else { Alias::default() };
        Ok(Self { kind, indices, aliases, settings, must_exist })
    }

    /// The action in the engine's words; nothing where it has nothing to do.
    fn resolve(&self, engine: &Scope, resolved: &mut Vec<AliasAction>) -> Result<(), ApiError> {
        let expression = self.indices.join(",");
        match self.kind {
            Kind::Add => {
                let targets = members(engine, &expression)?;
                let add = |alias: &String| AliasAction::Add { targets: targets.clone(), alias: alias.clone(), settings: self.settings.clone() };
                resolved.extend(self.aliases.iter().map(add));
            }
            Kind::Remove => {
                let targets = members(engine, &expression)?;
                for name in &self.aliases {
                    let before = resolved.len();
                    for (alias, present) in engine.aliases().into_iter().filter(|it| simple_match(name, &it.0)) {
                        let targets: Vec<String> = targets.iter().filter(|it| present.contains_key(*it)).cloned().collect();
                        if !targets.is_empty() {
                            resolved.push(AliasAction::Remove { targets, alias });
                        }
                    }
                    if before == resolved.len() && self.must_exist == Some(true) {
                        return Err(not_found(name));
                    }
                }
            }
            Kind::RemoveIndex => {
                let options = ResolveOptions { ignore_aliases: true, allow_closed: true, allow_no_indices: false, ..ResolveOptions::default() };
                for info in infos(engine, &engine.resolve(&expression, options)?) {
                    if info.stream.is_some() {
                        return Err(ApiError::illegal_argument(format!(
                            "index [{}] backs a data stream and can't be removed by an alias action",
                            info.name
                        )));
                    }
                    resolved.push(AliasAction::RemoveIndex(info.name));
                }
            }
        }
        Ok(())
    }
}

/// Takes a name or a list of names under either of two keys.
fn names(body: &mut Map<String, Value>, one: &str, many: &str) -> Result<Vec<String>, ApiError> {
    let mut names = Vec::new();
    for key in [one, many] {
        match body.remove(key) {
            None => {}
            Some(Value::String(it)) => names.push(it),
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
                names.extend(items.into_iter().filter_map(|it| it.as_str().map(str::to_owned)));
            }
            Some(_) => return Err(ApiError::parsing(format!("[{key}] must be a name or a list of names"))),
        }
    }
    Ok(names)
}

/// Reads what an alias says of its members.
fn settings(body: Map<String, Value>) -> Result<Alias, ApiError> {
    let mut alias = Alias::default();
    for (key, value) in body {
        match (key.as_str(), value) {
            ("filter", filter @ Value::Object(_)) => alias.filter = Some(filter),
            ("is_write_index", Value::Bool(it)) => alias.is_write_index = Some(it),
            ("is_hidden", Value::Bool(it)) => alias.is_hidden = it,
            ("routing", Value::String(it)) => {
                alias.index_routing.get_or_insert_with(|| it.clone());
                alias.search_routing.get_or_insert(it);
            }
            ("index_routing", Value::String(it)) => alias.index_routing = Some(it),
            ("search_routing", Value::String(it)) => alias.search_routing = Some(it),
            ("filter" | "is_write_index" | "is_hidden" | "routing" | "index_routing" | "search_routing", Value::Null) => {}
            (key, value) => return Err(ApiError::new(400, "x_content_parse_exception", format!("[alias] unknown field [{key}] or value [{value}]"))),
        }
    }
    Ok(alias)
}
