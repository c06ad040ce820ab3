//! `_cat` of the one node: health, figures of its machine, and tables that are empty because there is nothing of their kind.

use super::table::{Cell, Column, Look, Table, on_demand, shown};
use crate::api::call::{Call, Outcome};
use crate::api::node::{NODE, ROLES};
use crate::security::Scope;

/// What is said where Elasticsearch tells a node's address: one process listens on several, and none of them for other nodes.
pub(super) const ADDRESS: &str = "127.0.0.1";

/// Seconds since 1970, and the time of day, as several tables begin.
pub(super) fn clock(engine: &Scope) -> [Cell; 2] {
    let at = engine.now();
    [(at.0 / 1000).to_string().into(), at.to_string()[11..19].into()]
}

const HEALTH: &[Column] = &[
    shown("epoch", &["t", "time"], "seconds since 1970-01-01 00:00:00"),
    shown("timestamp", &["ts", "hms", "hhmmss"], "time in HH:MM:SS"),
    shown("cluster", &["cl"], "cluster name"),
    shown("status", &["st"], "health status"),
    shown("node.total", &["nt", "nodeTotal"], "total number of nodes"),
    shown("node.data", &["nd", "nodeData"], "number of nodes that can store data"),
    shown("shards", &["t", "sh", "shards.total", "shardsTotal"], "total number of shards"),
    shown("pri", &["p", "shards.primary", "shardsPrimary"], "number of primary shards"),
    shown("relo", &["r", "shards.relocating", "shardsRelocating"], "number of relocating nodes"),
    shown("init", &["i", "shards.initializing", "shardsInitializing"], "number of initializing nodes"),
    shown("unassign", &["u", "shards.unassigned", "shardsUnassigned"], "number of unassigned shards"),
    shown("pending_tasks", &["pt", "pendingTasks"], "number of pending tasks"),
    shown("max_task_wait_time", &["mtwt", "maxTaskWaitTime"], "wait time of longest task pending"),
    shown("active_shards_percent", &["asp", "activeShardsPercent"], "active number of shards in percent"),
];

/// Answers `_cat/health`.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn health(mut call: Call) -> Outcome {
    let has_clock = call.params.flag("ts")?.unwrap_or(true);
    let look = Look::take(&mut call)?;
    call.params.finish(&call.path)?;
    call.app
        .blocking(move |engine| {
            let health = crate::api::cluster::health_of(engine, &engine.indices());
            let text = |key: &str| Cell::from(health[key].as_str().map_or_else(|| health[key].to_string(), str::to_owned));
            let percent = health["active_shards_percent_as_number"].as_f64().unwrap_or(100.0);
            let mut row = clock(engine).to_vec();
            row.extend(["cluster_name", "status", "number_of_nodes", "number_of_data_nodes", "active_shards", "active_primary_shards"].map(text));
            row.extend(["relocating_shards", "initializing_shards", "unassigned_shards", "number_of_pending_tasks"].map(text));
            row.extend(["-".into(), format!("{percent:.1}%").into()]);
            let columns = if has_clock { HEALTH } else { &HEALTH[2..] };
            look.render(Table { columns, rows: vec![row.split_off(HEALTH.len() - columns.len())] })
        })
        .await
}

const NODES: &[Column] = &[
    on_demand("id", &["nodeId"], "unique node id"),
    on_demand("pid", &["p"], "process id"),
    shown("ip", &["i"], "ip address"),
    on_demand("port", &["po"], "bound transport port"),
    on_demand("http_address", &["http"], "bound http address"),
    on_demand("version", &["v"], "es version"),
    on_demand("build", &["b"], "es build hash"),
    on_demand("disk.total", &["dt", "diskTotal"], "total disk space"),
    on_demand("disk.used", &["du", "diskUsed"], "used disk space"),
    on_demand("disk.avail", &["d", "da", "disk", "diskAvail"], "available disk space"),
    on_demand("disk.used_percent", &["dup", "diskUsedPercent"], "used disk space percentage"),
    on_demand("heap.current", &["hc", "heapCurrent"], "used memory of the process"),
    shown("heap.percent", &["hp", "heapPercent"], "used memory of the process, of the machine's"),
    on_demand("heap.max", &["hm", "heapMax"], "memory of the machine"),
    on_demand("ram.current", &["rc", "ramCurrent"], "used machine memory"),
    shown("ram.percent", &["rp", "ramPercent"], "used machine memory ratio"),
    on_demand("ram.max", &["rm", "ramMax"], "total machine memory"),
    shown("cpu", &[], "recent cpu usage"),
    shown("load_1m", &["l"], "1m load avg"),
    shown("load_5m", &["l"], "5m load avg"),
    shown("load_15m", &["l"], "15m load avg"),
    shown("node.role", &["r", "role", "nodeRole"], "m:master eligible node, d:data node"),
    on_demand("node.roles", &["rs", "all roles"], "-: roles"),
    shown("master", &["m", "cluster_manager"], "*:current master"),
    shown("name", &["n"], "node name"),
];

/// Answers `_cat/nodes`.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn nodes(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    call.params.ignore(&["full_id", "include_unloaded_segments"]);
    call.params.finish(&call.path)?;
    let version = call.app.version().to_owned();
    call.app
        .blocking(move |engine| {
            let disk = Disk::of(engine);
            let memory = Memory::now();
            let percent = |part: Option<u64>| Cell::from(part.zip(memory.total).map(|(part, total)| part * 100 / total.max(1)));
            let load = load();
            let bytes = |it: Option<u64>| it.map_or(Cell::None, Cell::Bytes);
            let share = |it: Option<f64>| it.map_or(Cell::None, Cell::Share);
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            // The load of the last minute over the cores: the machine keeps no account of the last seconds alone.
            let cpu = load[0].map(|it| (it * 100.0 / cores as f64).min(100.0) as u64);
            let mut row: Vec<Cell> = vec![NODE.into(), u64::from(std::process::id()).into(), ADDRESS.into(), Cell::None, Cell::None, version.into()];
            row.extend([env!("CARGO_PKG_VERSION").into(), bytes(disk.total), bytes(disk.used()), bytes(disk.available), disk.used_percent()]);
            row.extend([bytes(memory.process), percent(memory.process), bytes(memory.total), bytes(memory.used), percent(memory.used)]);
            row.extend([bytes(memory.total), cpu.into(), share(load[0]), share(load[1]), share(load[2])]);
            row.extend(["dm".into(), ROLES.join(",").into(), "*".into(), NODE.into()]);
            look.render(Table { columns: NODES, rows: vec![row] })
        })
        .await
}

const ALLOCATION: &[Column] = &[
    shown("shards", &["s"], "number of shards on node"),
    shown("disk.indices", &["di", "diskIndices"], "disk used by indices"),
    shown("disk.used", &["du", "diskUsed"], "disk used (total, not just of the data)"),
    shown("disk.avail", &["da", "diskAvail"], "disk available"),
    shown("disk.total", &["dt", "diskTotal"], "total capacity of all volumes"),
    shown("disk.percent", &["dp", "diskPercent"], "percent disk used"),
    shown("host", &["h"], "host of node"),
    shown("ip", &[], "ip of node"),
    shown("node", &["n"], "name of node"),
];

/// Answers `_cat/allocation`: what lies on the one disk.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn allocation(mut call: Call) -> Outcome {
    let look = Look::take(&mut call)?;
    call.params.finish(&call.path)?;
    let is_meant = matches!(call.part("name"), "" | "_all" | "*" | "_local" | "_master" | NODE);
    call.app
        .blocking(move |engine| {
            let indices = engine.indices();
            let disk = Disk::of(engine);
            let bytes = |it: Option<u64>| it.map_or(Cell::None, Cell::Bytes);
            let mut row: Vec<Cell> = vec![indices.len().into(), Cell::Bytes(indices.iter().map(|it| it.bytes).sum())];
            row.extend([bytes(disk.used()), bytes(disk.available), bytes(disk.total), disk.used_percent()]);
            row.extend([ADDRESS.into(), ADDRESS.into(), NODE.into()]);
            look.render(Table { columns: ALLOCATION, rows: if is_meant { vec![row] } else { Vec::new() } })
        })
        .await
}

/// Answers `_cat/master`.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn master(mut call: Call) -> Outcome {
    const MASTER: &[Column] =
        &[shown("id", &[], "node id"), shown("host", &["h"], "host name"), shown("ip", &[], "ip address"), shown("node", &["n"], "node name")];
    let look = Look::take(&mut call)?;
    call.params.finish(&call.path)?;
    look.render(Table { columns: MASTER, rows: vec![vec![NODE.into(), ADDRESS.into(), ADDRESS.into(), NODE.into()]] })
}

/// Answers `_cat/nodeattrs`: nodes are told apart by these, and there is one.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn attributes(call: Call) -> Outcome {
    const COLUMNS: &[Column] = &[
        shown("node", &["name"], "node name"),
        on_demand("id", &["nodeId"], "unique node id"),
        on_demand("pid", &["p"], "process id"),
        shown("host", &["h"], "host name"),
        shown("ip", &["i"], "ip address"),
        on_demand("port", &["po"], "bound transport port"),
        shown("attr", &["attr.name"], "attribute description"),
        shown("value", &["attr.value"], "attribute value"),
    ];
    empty(call, COLUMNS)
}

/// Answers `_cat/plugins`: there are none.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn plugins(mut call: Call) -> Outcome {
    const COLUMNS: &[Column] = &[
        on_demand("id", &[], "unique node id"),
        shown("name", &["n"], "node name"),
        shown("component", &["c"], "component"),
        shown("version", &["v"], "component version"),
        on_demand("description", &["d"], "plugin details"),
    ];
    call.params.ignore(&["include_bootstrap"]);
    empty(call, COLUMNS)
}

/// Answers `_cat/pending_tasks`: changes of metadata are made when they are asked for, and do not queue.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn pending_tasks(call: Call) -> Outcome {
    const COLUMNS: &[Column] = &[
        shown("insertOrder", &["o"], "task insertion order"),
        shown("timeInQueue", &["t"], "how long task has been in queue"),
        shown("priority", &["p"], "task priority"),
        shown("source", &["s"], "task source"),
    ];
    empty(call, COLUMNS)
}

/// Answers `_cat/repositories`: backups are copies of a directory, made by `sekisho backup`.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn repositories(call: Call) -> Outcome {
    const COLUMNS: &[Column] = &[shown("id", &["id", "repoId"], "unique repository id"), shown("type", &["t", "type"], "repository type")];
    empty(call, COLUMNS)
}

/// Answers `_cat/fielddata`: columns are mapped files, nothing is loaded by field.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn fielddata(mut call: Call) -> Outcome {
    const COLUMNS: &[Column] = &[
        shown("id", &[], "node id"),
        shown("host", &["h"], "host name"),
        shown("ip", &[], "ip address"),
        shown("node", &["n"], "node name"),
        shown("field", &["f"], "field name"),
        shown("size", &["s"], "field data usage"),
    ];
    call.params.ignore(&["fields"]);
    empty(call, COLUMNS)
}

fn empty(mut call: Call, columns: &'static [Column]) -> Outcome {
    let look = Look::take(&mut call)?;
    call.params.finish(&call.path)?;
    look.render(Table { columns, rows: Vec::new() })
}

/// The file system that the data is on.
struct Disk {
    total: Option<u64>,
    available: Option<u64>,
}

impl Disk {
    fn of(engine: &Scope) -> Self {
        match rustix::fs::statvfs(engine.data_dir()) {
            Ok(it) => Self { total: Some(it.f_blocks * it.f_frsize), available: Some(it.f_bavail * it.f_frsize) },
            Err(_) => Self { total: None, available: None },
        }
    }

    fn used(&self) -> Option<u64> {
        Some(self.total?.saturating_sub(self.available?))
    }

    fn used_percent(&self) -> Cell {
        self.used().zip(self.total).map(|(used, total)| used * 100 / total.max(1)).into()
    }
}

/// Bytes of memory, where the system tells them (`/proc`, Linux).
#[derive(Default)]
struct Memory {
    total: Option<u64>,
    used: Option<u64>,
    process: Option<u64>,
}

impl Memory {
    fn now() -> Self {
        let machine = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let process = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let total = kilobytes(&machine, "MemTotal:");
        let used = total.zip(kilobytes(&machine, "MemAvailable:")).map(|(total, available)| total.saturating_sub(available));
        Self { total, used, process: kilobytes(&process, "VmRSS:") }
    }
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|it| it.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Average load of the machine over one, five and fifteen minutes.
fn load() -> [Option<f64>; 3] {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut figures = text.split_whitespace().map(|it| it.parse().ok());
    [0, 1, 2].map(|_| figures.next().flatten())
}
