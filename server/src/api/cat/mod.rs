//! `_cat`: tables for people, and as JSON (where every value is text) for programs. Here are those of indices; [`node`] has those of the process.

pub mod node;
mod table;

use sekisho_engine::mapping::simple_match;
use sekisho_engine::{IndexInfo, IndexTemplate, ResolveOptions, SearchRequest, SourceFilter, TrackTotalHits};
use serde_json::Value;

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::index::{infos, settings_of};
use super::node::NODE;
use crate::app::{resolve_options, targets};
use table::{Cell, Column, Look, Table, on_demand, shown};
pub use table::{bytes_text, millis_text};

/// Answers `GET /_cat`: which tables there are.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn all(mut call: Call) -> Outcome {
    call.params.ignore(&["help", "h", "s", "v", "format"]);
    call.params.finish(&call.path)?;
    Ok(Reply::Text(200, "text/plain; charset=UTF-8", paths()))
}

fn paths() -> String {
    let paths = super::ENDPOINTS.iter().flat_map(|it| it.paths).filter(|it| it.starts_with("/_cat/"));
    paths.fold("=^.^=\n".to_owned(), |text, path| text + path + "\n")
}

const INDICES: &[Column] = &[
    shown("health", &["h"], "current health status"),
    shown("status", &["s"], "open/close status"),
    shown("index", &["i", "idx"], "index name"),
    shown("uuid", &["id"], "index uuid"),
    shown("pri", &["p", "shards.primary", "shardsPrimary"], "number of primary shards"),
    shown("rep", &["r", "shards.replica", "shardsReplica"], "number of replica shards"),
    shown("docs.count", &["dc", "docsCount"], "available docs"),
    shown("docs.deleted", &["dd", "docsDeleted"], "deleted docs"),
    on_demand("creation.date", &["cd"], "index creation date (millisecond value)"),
    on_demand("creation.date.string", &["cds"], "index creation date (as string)"),
    shown("store.size", &["ss", "storeSize"], "store size of primaries & replicas"),
    shown("pri.store.size", &[], "store size of primaries"),
    shown("dataset.size", &[], "total size of dataset (including the cache for partially mounted indices)"),
    on_demand("segments.count", &["sc", "segmentsCount"], "number of segments"),
    on_demand("pri.segments.count", &[], "number of segments"),
];

/// Answers `_cat/indices`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn indices(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    let lists_closed = !call.params.has("expand_wildcards");
    let given = resolve_options(&mut call.params)?;
    let options = ResolveOptions { allow_closed: true, expand_closed: given.expand_closed || lists_closed, ..given };
    let health = call.params.take("health");
    if let Some(other) = health.as_deref().filter(|it| !matches!(it.to_ascii_lowercase().as_str(), "green" | "yellow" | "red")) {
        return Err(ApiError::illegal_argument(format!("unknown cluster health status [{other}]")));
    }
    call.params.ignore(&["pri", "include_unloaded_segments"]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let row = |info: IndexInfo| {
                let settings = settings_of(&info);
                let number = |name: &str| settings.get(name).and_then(Value::as_str).map(str::to_owned);
                // Documents of a closed index are not counted.
                let open = |cell: Cell| if info.is_closed { Cell::None } else { cell };
                vec![
                    health_of(&info).into(),
                    if info.is_closed { "close" } else { "open" }.into(),
                    info.name.clone().into(),
                    info.uuid.clone().into(),
                    number("index.number_of_shards").into(),
                    "0".into(),
                    open(info.docs.into()),
                    open(info.docs_deleted.into()),
                    info.created.0.to_string().into(),
                    info.created.to_string().into(),
                    open(Cell::Bytes(info.bytes)),
                    open(Cell::Bytes(info.bytes)),
                    open(Cell::Bytes(info.bytes)),
                    open(info.splits.into()),
                    open(info.splits.into()),
                ]
            };
            let infos = infos(engine, &targets(engine, &expression, options)?);
            let is_wanted = |it: &IndexInfo| health.as_deref().is_none_or(|health| health.eq_ignore_ascii_case(health_of(it)));
            look.render(Table { columns: INDICES, rows: infos.into_iter().filter(is_wanted).map(row).collect() })
        })
        .await
}

fn health_of(info: &IndexInfo) -> &'static str {
    if info.damaged > 0 { "red" } else { "green" }
}

const ALIASES: &[Column] = &[
    shown("alias", &["a"], "alias name"),
    shown("index", &["i", "idx"], "index alias points to"),
    shown("filter", &["f", "fi"], "filter"),
    shown("routing.index", &["ri", "routingIndex"], "index routing"),
    shown("routing.search", &["rs", "routingSearch"], "search routing"),
    shown("is_write_index", &["w", "isWriteIndex"], "write index"),
];

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
            let is_shown = |name: &str| patterns.is_empty() || patterns.split(',').any(|it| it == "_all" || simple_match(it, name));
            let mut rows = Vec::new();
            for (alias, members) in engine.aliases().into_iter().filter(|it| is_shown(&it.0)) {
                for (index, settings) in members {
                    let text = |it: Option<String>| Cell::from(it.unwrap_or_else(|| "-".to_owned()));
                    let filter = if settings.filter.is_some() { "*" } else { "-" };
                    let is_write_index = text(settings.is_write_index.map(|it| it.to_string()));
                    let row = vec![
                        alias.clone().into(),
                        index.into(),
                        filter.into(),
                        text(settings.index_routing),
                        text(settings.search_routing),
                        is_write_index,
                    ];
                    rows.push(row);
                }
            }
            look.render(Table { columns: ALIASES, rows })
        })
        .await
}

const TEMPLATES: &[Column] = &[
    shown("name", &["n"], "template name"),
    shown("index_patterns", &["t"], "template index patterns"),
    shown("order", &["o", "p"], "template application order/priority number"),
    shown("version", &["v"], "version"),
    shown("composed_of", &["c"], "component templates comprising index template"),
];

/// Answers `_cat/templates`.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn templates(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    call.params.finish(&call.path)?;
    let patterns = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let is_shown = |name: &str| patterns.is_empty() || patterns.split(',').any(|it| simple_match(it, name));
            let list = |items: &[String]| Cell::from(format!("[{}]", items.join(", ")));
            let row = |(name, it): (String, IndexTemplate)| {
                let version = it.shown.get("version").map(Value::to_string);
                vec![name.into(), list(&it.patterns), it.priority.into(), version.into(), list(&it.composed_of)]
            };
            let older = |(name, it): (String, IndexTemplate)| {
                let version = it.shown.get("version").map(Value::to_string);
                vec![name.into(), list(&it.patterns), it.order().to_string().into(), version.into(), Cell::from("")]
            };
            let mut rows: Vec<_> = engine.legacy_templates().into_iter().filter(|it| is_shown(&it.0)).map(older).collect();
            rows.extend(engine.index_templates().into_iter().filter(|it| is_shown(&it.0)).map(row));
            look.render(Table { columns: TEMPLATES, rows })
        })
        .await
}

const SHARDS: &[Column] = &[
    shown("index", &["i", "idx"], "index name"),
    shown("shard", &["s", "sh"], "shard name"),
    shown("prirep", &["p", "pr", "primaryOrReplica"], "primary or replica"),
    shown("state", &["st"], "shard state"),
    shown("docs", &["d", "dc"], "number of docs in shard"),
    shown("store", &["sto"], "store size of shard (how much disk it uses)"),
    shown("dataset", &[], "size of dataset"),
    shown("ip", &[], "ip of node where it lives"),
    on_demand("id", &[], "unique id of node where it lives"),
    shown("node", &["n"], "name of node where it lives"),
    on_demand("segments.count", &["sc", "segmentsCount"], "number of segments"),
];

/// Answers `_cat/shards`: an index is one.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn shards(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    let options = ResolveOptions { allow_closed: true, ..resolve_options(&mut call.params)? };
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let row = |info: IndexInfo| {
                let size = Cell::Bytes(info.bytes);
                let state = if info.damaged > 0 { "UNASSIGNED" } else { "STARTED" };
                vec![
                    info.name.into(),
                    "0".into(),
                    "p".into(),
                    state.into(),
                    info.docs.into(),
                    size.clone(),
                    size,
                    node::ADDRESS.into(),
                    NODE.into(),
                    NODE.into(),
                    info.splits.into(),
                ]
            };
            let rows = infos(engine, &targets(engine, &expression, options)?).into_iter().map(row).collect();
            look.render(Table { columns: SHARDS, rows })
        })
        .await
}

const COUNT: &[Column] = &[
    shown("epoch", &["t", "time"], "seconds since 1970-01-01 00:00:00"),
    shown("timestamp", &["ts", "hms", "hhmmss"], "time in HH:MM:SS"),
    shown("count", &["dc", "docs.count", "docsCount"], "the document count"),
];

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
            let [epoch, time] = node::clock(engine);
            look.render(Table { columns: COUNT, rows: vec![vec![epoch, time, count.into()]] })
        })
        .await
}

const RECOVERY: &[Column] = &[
    shown("index", &["i", "idx"], "index name"),
    shown("shard", &["s", "sh"], "shard name"),
    shown("time", &["t", "ti"], "recovery time"),
    shown("type", &["ty"], "recovery type"),
    shown("stage", &["st"], "recovery stage"),
    shown("source_host", &["shost"], "source host"),
    shown("source_node", &["snode"], "source node name"),
    shown("target_host", &["thost"], "target host"),
    shown("target_node", &["tnode"], "target node name"),
    shown("repository", &["rep"], "repository"),
    shown("snapshot", &["snap"], "snapshot"),
    shown("files", &["f"], "number of files to recover"),
    shown("files_recovered", &["fr"], "files recovered"),
    shown("files_percent", &["fp"], "percent of files recovered"),
    shown("files_total", &["tf"], "total number of files"),
    shown("bytes", &["b"], "number of bytes to recover"),
    shown("bytes_recovered", &["br"], "bytes recovered"),
    shown("bytes_percent", &["bp"], "percent of bytes recovered"),
    shown("bytes_total", &["tb"], "total number of bytes"),
    shown("translog_ops", &["to"], "number of translog ops to recover"),
    shown("translog_ops_recovered", &["tor"], "translog ops recovered"),
    shown("translog_ops_percent", &["top"], "percent of translog ops recovered"),
];

/// Answers `_cat/recovery`: nothing was copied from anywhere, each index was opened where it is.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn recovery(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    let options = ResolveOptions { allow_closed: true, expand_closed: true, ..resolve_options(&mut call.params)? };
    call.params.ignore(&["active_only", "detailed", "index"]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let all = || Cell::from("100.0%");
            let row = |info: IndexInfo| {
                let mut row = vec![info.name.into(), "0".into(), Cell::Millis(0), "existing_store".into(), "done".into(), "n/a".into(), "n/a".into()];
                row.extend([node::ADDRESS.into(), NODE.into(), "n/a".into(), "n/a".into(), Cell::Count(0), Cell::Count(0), all(), Cell::Count(0)]);
                row.extend([Cell::Bytes(0), Cell::Bytes(0), all(), Cell::Bytes(info.bytes), Cell::Count(0), Cell::Count(0), all()]);
                row
            };
            let rows = infos(engine, &targets(engine, &expression, options)?).into_iter().map(row).collect();
            look.render(Table { columns: RECOVERY, rows })
        })
        .await
}
