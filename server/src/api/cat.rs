//! `_cat`: tables for people, and as JSON (where every value is text) for programs.

use serde_json::{Map, Value};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::index::infos;
use crate::app::{resolve_options, targets};
use sekisho_engine::{ResolveOptions, SearchRequest, SourceFilter, TrackTotalHits};

/// A table: names of columns and rows of texts.
struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

/// How a table is to look.
struct Look {
    headers: bool,
    columns: Option<Vec<String>>,
    sort: Option<(String, bool)>,
    json: bool,
    raw_bytes: bool,
}

impl Look {
    fn take(call: &mut Call) -> Result<Self, ApiError> {
        let accepts_json = call.headers.get(axum::http::header::ACCEPT).and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains("json"));
        let json = match call.params.take("format").as_deref() {
            None => accepts_json,
            Some("json") => true,
            Some("txt" | "text") => false,
            Some(other) => return Err(ApiError::illegal_argument(format!("format [{other}] is not supported; use json or text"))),
        };
        let raw_bytes = match call.params.take("bytes").as_deref() {
            None => false,
            Some("b") => true,
            Some(other) => return Err(ApiError::illegal_argument(format!("unit [{other}] is not supported; use b"))),
        };
        let sort = call.params.take("s").map(|it| match it.rsplit_once(':') {
            Some((column, order)) => (column.to_owned(), order == "desc"),
            None => (it, false),
        });
        let look = Self {
            headers: call.params.flag("v")?.unwrap_or(false),
            columns: call.params.take("h").map(|it| it.split(',').map(str::to_owned).collect()),
            sort,
            json,
            raw_bytes,
        };
        call.params.ignore(&["local", "master_timeout", "time", "health", "pri", "include_unloaded_segments", "ts"]);
        Ok(look)
    }

    fn bytes(&self, bytes: u64) -> String {
        const UNITS: [&str; 5] = ["b", "kb", "mb", "gb", "tb"];
        if self.raw_bytes {
            return bytes.to_string();
        }
        let mut value = bytes as f64;
        let mut unit = 0;
        while value >= 1024.0 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        if unit == 0 { format!("{bytes}b") } else { format!("{value:.1}{}", UNITS[unit]) }
    }

    fn render(&self, mut table: Table) -> Result<Reply, ApiError> {
        if let Some((column, descending)) = &self.sort {
            let at = table
                .columns
                .iter()
                .position(|it| it == column)
                .ok_or_else(|| ApiError::illegal_argument(format!("Unable to sort by unknown sort key `{column}`")))?;
            // Numbers stand in the order of numbers.
            table.rows.sort_by(|a, b| match (a[at].parse::<f64>(), b[at].parse::<f64>()) {
                (Ok(a), Ok(b)) => a.total_cmp(&b),
                _ => a[at].cmp(&b[at]),
            });
            if *descending {
                table.rows.reverse();
            }
        }
        let shown: Vec<usize> = match &self.columns {
            None => (0..table.columns.len()).collect(),
            Some(patterns) => patterns
                .iter()
                .flat_map(|pattern| {
                    (0..table.columns.len()).filter(|at| sekisho_engine::mapping::simple_match(pattern, table.columns[*at])).collect::<Vec<_>>()
                })
                .collect(),
        };
        if self.json {
            let row = |row: &Vec<String>| {
                Value::Object(shown.iter().map(|at| (table.columns[*at].to_owned(), Value::from(row[*at].clone()))).collect::<Map<_, _>>())
            };
            return Ok(Reply::Json(table.rows.iter().map(row).collect()));
        }
        let header = self.headers.then(|| table.columns.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        let lines: Vec<&Vec<String>> = header.iter().chain(&table.rows).collect();
        let widths: Vec<usize> = shown.iter().map(|at| lines.iter().map(|it| it[*at].chars().count()).max().unwrap_or(0)).collect();
        let mut text = String::new();
        for line in lines {
            let cells: Vec<String> = shown.iter().zip(&widths).map(|(at, width)| format!("{:<width$}", line[*at])).collect();
            text.push_str(cells.join(" ").trim_end());
            text.push('\n');
        }
        Ok(Reply::Text(200, "text/plain; charset=UTF-8", text))
    }
}

/// Answers `_cat/indices`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn indices(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    let lists_closed = !call.params.has("expand_wildcards");
    let given = resolve_options(&mut call.params)?;
    let options = ResolveOptions { allow_closed: true, expand_closed: given.expand_closed || lists_closed, ..given };
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &expression, options)?;
            let row = |info: sekisho_engine::IndexInfo| {
                let size = look.bytes(info.bytes);
                let health = if info.damaged > 0 { "red" } else { "green" };
                vec![
                    health.to_owned(),
                    if info.is_closed { "close" } else { "open" }.to_owned(),
                    info.name,
                    info.uuid,
                    "1".to_owned(),
                    "0".to_owned(),
                    info.docs.to_string(),
                    info.docs_deleted.to_string(),
                    size.clone(),
                    size.clone(),
                    size,
                ]
            };
            let columns =
                &["health", "status", "index", "uuid", "pri", "rep", "docs.count", "docs.deleted", "store.size", "pri.store.size", "dataset.size"];
            look.render(Table { columns, rows: infos(engine, &targets).into_iter().map(row).collect() })
        })
        .await
}

/// Answers `_cat/aliases`.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn aliases(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    call.params.ignore(&["expand_wildcards"]);
    call.params.finish(&call.path)?;
    let patterns = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let is_shown = |name: &str| patterns.is_empty() || patterns.split(',').any(|it| sekisho_engine::mapping::simple_match(it, name));
            let mut rows = Vec::new();
            for (alias, members) in engine.aliases().into_iter().filter(|it| is_shown(&it.0)) {
                for (index, settings) in members {
                    let text = |it: Option<String>| it.unwrap_or_else(|| "-".to_owned());
                    let filter = if settings.filter.is_some() { "*" } else { "-" }.to_owned();
                    let is_write_index = text(settings.is_write_index.map(|it| it.to_string()));
                    rows.push(vec![alias.clone(), index, filter, text(settings.index_routing), text(settings.search_routing), is_write_index]);
                }
            }
            look.render(Table { columns: &["alias", "index", "filter", "routing.index", "routing.search", "is_write_index"], rows })
        })
        .await
}

/// Answers `_cat/templates`.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn templates(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    call.params.finish(&call.path)?;
    let pattern = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let is_shown = |name: &str| pattern.is_empty() || sekisho_engine::mapping::simple_match(&pattern, name);
            let list = |items: &[String]| format!("[{}]", items.join(", "));
            let row = |(name, it): (String, sekisho_engine::IndexTemplate)| {
                let version = it.shown.get("version").map(Value::to_string).unwrap_or_default();
                vec![name, list(&it.patterns), it.priority.to_string(), version, list(&it.composed_of)]
            };
            let rows = engine.index_templates().into_iter().filter(|it| is_shown(&it.0)).map(row).collect();
            look.render(Table { columns: &["name", "index_patterns", "order", "version", "composed_of"], rows })
        })
        .await
}

/// Answers `_cat/nodes`. What we do not measure is `-`.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn nodes(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    call.params.ignore(&["full_id"]);
    call.params.finish(&call.path)?;
    let columns = &["ip", "heap.percent", "ram.percent", "cpu", "load_1m", "load_5m", "load_15m", "node.role", "master", "name"];
    let row = ["127.0.0.1", "-", "-", "-", "-", "-", "-", "dm", "*", super::node::NODE];
    look.render(Table { columns, rows: vec![row.map(str::to_owned).to_vec()] })
}

/// Answers `_cat/shards`: an index is one.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn shards(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    let options = resolve_options(&mut call.params)?;
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let row = |info: sekisho_engine::IndexInfo| {
                let size = look.bytes(info.bytes);
                let state = if info.damaged > 0 { "UNASSIGNED" } else { "STARTED" };
                let node = super::node::NODE.to_owned();
                vec![
                    info.name,
                    "0".to_owned(),
                    "p".to_owned(),
                    state.to_owned(),
                    info.docs.to_string(),
                    size.clone(),
                    size,
                    "127.0.0.1".to_owned(),
                    node,
                ]
            };
            let rows = infos(engine, &targets(engine, &expression, options)?).into_iter().map(row).collect();
            look.render(Table { columns: &["index", "shard", "prirep", "state", "docs", "store", "dataset", "ip", "node"], rows })
        })
        .await
}

/// Answers `_cat/health`.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn health(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    call.params.finish(&call.path)?;
    call.app
        .blocking(move |engine| {
            let health = super::cluster::health_of(engine, &engine.indices());
            let text = |key: &str| health[key].as_str().map_or_else(|| health[key].to_string(), str::to_owned);
            let at = engine.now();
            let time = at.to_string();
            let row = vec![
                (at.0 / 1000).to_string(),
                time[11..19].to_owned(),
                text("cluster_name"),
                text("status"),
                "1".to_owned(),
                "1".to_owned(),
                text("active_shards"),
                text("active_primary_shards"),
                "0".to_owned(),
                "0".to_owned(),
                text("unassigned_shards"),
                "0".to_owned(),
                "-".to_owned(),
                "100.0%".to_owned(),
            ];
            let columns = &[
                "epoch",
                "timestamp",
                "cluster",
                "status",
                "node.total",
                "node.data",
                "shards",
                "pri",
                "relo",
                "init",
                "unassign",
                "pending_tasks",
                "max_task_wait_time",
                "active_shards_percent",
            ];
            look.render(Table { columns, rows: vec![row] })
        })
        .await
}

/// Answers `_cat/count`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn count(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    let options = resolve_options(&mut call.params)?;
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .search(move |engine| {
            let request = SearchRequest { size: 0, track_total_hits: TrackTotalHits::All, source: SourceFilter::None, ..SearchRequest::default() };
            let count = engine.search(&targets(engine, &expression, options)?, &request)?.total.map_or(0, |it| it.value);
            let at = engine.now();
            let row = vec![(at.0 / 1000).to_string(), at.to_string()[11..19].to_owned(), count.to_string()];
            look.render(Table { columns: &["epoch", "timestamp", "count"], rows: vec![row] })
        })
        .await
}
