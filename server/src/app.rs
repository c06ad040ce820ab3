//! What all requests share: the engine, the figures, whether we take work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use sekisho_engine::{Engine, ResolveOptions, Targets};
use sekisho_ingest::Ledger;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::call::Params;
use crate::api::error::ApiError;
use crate::backup::BackupPlace;
use crate::contexts::{Contexts, OwnContexts};
use crate::gate::Hosts;
use crate::metrics::Metrics;
use crate::security::{Access, Guard, IndexPrivileges, Scope};
use crate::sink::EngineSink;
use crate::site_rules::SiteRules;

/// Searches that run at once; more wait. A search uses all cores by itself, a few more hide its waits for the disk.
const SEARCHES_MAX: usize = 8;

/// Requests that wait for a search to end before new ones are refused with 429.
pub const SEARCHES_WAITING_MAX: usize = 1_000;

/// Live tails at one time; each asks its indices once a second.
const TAILS_MAX: usize = 64;

/// The process, cheap to clone.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
    /// For whom it works. Until a request says who that is, for nobody.
    access: Arc<Access>,
    /// What is asked of that requester on indices.
    asked: IndexPrivileges,
}

struct Shared {
    /// Empty until the log has been replayed.
    engine: OnceLock<Engine>,
    /// Empty until they have been read.
    site_rules: OnceLock<SiteRules>,
    /// Empty until it has been read.
    ledger: OnceLock<Arc<Ledger>>,
    contexts: Contexts,
    /// Empty until the data directory is open.
    backup_place: OnceLock<BackupPlace>,
    /// Empty until lines are taken.
    sink: OnceLock<Arc<EngineSink>>,
    hec_token: Option<String>,
    guard: Guard,
    metrics: Arc<Metrics>,
    is_stopping: AtomicBool,
    hosts: Hosts,
    searches: Semaphore,
    waiting: Semaphore,
    /// Seats of tails.
    tails: Arc<Semaphore>,
    /// A permit is a byte of a request's body.
    request_memory: Arc<Semaphore>,
    request_memory_bytes: usize,
    version: String,
}

impl App {
    /// A process that is starting: it answers probes, and everything else with 503 until [`App::open`].
    pub fn new(metrics: Arc<Metrics>, hosts: Hosts, request_memory_bytes: u64, version: String, hec_token: Option<String>, guard: Guard) -> Self {
        let request_memory_bytes = (request_memory_bytes as usize).min(Semaphore::MAX_PERMITS);
        let request_memory = Arc::new(Semaphore::new(request_memory_bytes));
        let (searches, waiting) = (Semaphore::new(SEARCHES_MAX), Semaphore::new(SEARCHES_WAITING_MAX));
        Self {
            shared: Arc::new(Shared {
                engine: OnceLock::new(),
                site_rules: OnceLock::new(),
                ledger: OnceLock::new(),
                backup_place: OnceLock::new(),
                sink: OnceLock::new(),
                contexts: Contexts::default(),
                hec_token,
                guard,
                metrics,
                is_stopping: AtomicBool::new(false),
                hosts,
                searches,
                waiting,
                tails: Arc::new(Semaphore::new(TAILS_MAX)),
                request_memory,
                request_memory_bytes,
                version,
            }),
            access: Arc::new(Access::nothing()),
            asked: IndexPrivileges::ALL,
        }
    }

    /// The same process, working for a requester on a route that asks for `asked` on indices.
    #[must_use]
    pub(crate) fn acting_for(&self, access: Arc<Access>, asked: IndexPrivileges) -> Self {
        Self { shared: self.shared.clone(), access, asked }
    }

    /// For whom it works.
    pub fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// Who decides what a requester may do.
    pub fn guard(&self) -> &Guard {
        &self.shared.guard
    }

    /// From now on requests are answered.
    pub fn open(&self, engine: Engine) {
        let is_first = self.shared.engine.set(engine).is_ok();
        assert!(is_first, "an engine was given twice");
    }

    /// From now on requests see the site's rules.
    pub fn set_site_rules(&self, rules: SiteRules) {
        let is_first = self.shared.site_rules.set(rules).is_ok();
        assert!(is_first, "site rules were given twice");
    }

    /// The site's rules, once they are read.
    pub fn site_rules(&self) -> Option<&SiteRules> {
        self.shared.site_rules.get()
    }

    /// From now on requests see the ledger of sources.
    pub fn set_ledger(&self, ledger: Arc<Ledger>) {
        let is_first = self.shared.ledger.set(ledger).is_ok();
        assert!(is_first, "a ledger was given twice");
    }

    /// The ledger of sources, once it is read.
    pub fn ledger(&self) -> Option<&Arc<Ledger>> {
        self.shared.ledger.get()
    }

    /// From now on backups can be asked for.
    pub fn set_backup_place(&self, place: BackupPlace) {
        let is_first = self.shared.backup_place.set(place).is_ok();
        assert!(is_first, "a place for backups was given twice");
    }

    /// Where backups go, once the data directory is open.
    pub fn backup_place(&self) -> Option<&BackupPlace> {
        self.shared.backup_place.get()
    }

    /// From now on lines are taken over HTTP too.
    pub fn set_sink(&self, sink: Arc<EngineSink>) {
        let is_first = self.shared.sink.set(sink).is_ok();
        assert!(is_first, "a sink was given twice");
    }

    /// Where lines go, once they are taken.
    pub fn sink(&self) -> Option<&Arc<EngineSink>> {
        self.shared.sink.get()
    }

    /// What this requester's searches left behind for later requests.
    pub fn contexts(&self) -> OwnContexts<'_> {
        self.shared.contexts.of(self.access.owner())
    }

    /// Ends contexts whose time is over.
    pub fn sweep_contexts(&self) {
        self.shared.contexts.sweep();
    }

    /// What the HTTP Event Collector asks for.
    pub fn hec_token(&self) -> Option<&str> {
        self.shared.hec_token.as_deref()
    }

    /// The engine, once it is open: for what the process does by itself. Handlers get a [`Scope`] from [`App::blocking`]; `tidy` looks after that.
    pub fn engine(&self) -> Option<&Engine> {
        self.shared.engine.get()
    }

    /// Bytes of request bodies in memory.
    pub fn request_bytes(&self) -> usize {
        self.shared.request_memory_bytes - self.shared.request_memory.available_permits()
    }

    /// A seat among the tails, until it is dropped.
    ///
    /// # Errors
    /// 429 when all are taken.
    pub fn tail_seat(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let taken = |_| ApiError::new(429, "es_rejected_execution_exception", format!("too many tails are open; at most [{TAILS_MAX}]"));
        self.shared.tails.clone().try_acquire_owned().map_err(taken)
    }

    /// Room for a part of a request's body, until it is dropped.
    ///
    /// # Errors
    /// 429 when all bodies together would be more than the limit.
    pub fn request_room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let too_much = || {
            ApiError::new(
                429,
                "circuit_breaking_exception",
                "[request] Data too large: the bodies of requests under way fill their memory; try again",
            )
        };
        let bytes = u32::try_from(bytes).map_err(|_| too_much())?;
        self.shared.request_memory.clone().try_acquire_many_owned(bytes).map_err(|_| too_much())
    }

    /// The names that requests may give as their host.
    pub fn hosts(&self) -> &Hosts {
        &self.shared.hosts
    }

    /// The figures.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// The Elasticsearch version that we answer to be.
    pub fn version(&self) -> &str {
        &self.shared.version
    }

    /// Whether the engine is open.
    pub fn is_started(&self) -> bool {
        self.engine().is_some()
    }

    /// Whether we take work: open, and nobody asked us to stop.
    pub fn is_ready(&self) -> bool {
        self.is_started() && !self.shared.is_stopping.load(Ordering::SeqCst)
    }

    /// From now on `/readyz` says no: we are stopping.
    pub fn stop_taking_work(&self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
    }

    /// Runs engine work on a thread that may wait.
    ///
    /// # Errors
    /// The work's own error; a panic of it is answered with 500 and costs this request only.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Scope) -> Result<T, ApiError> + Send + 'static) -> Result<T, ApiError> {
        let Some(engine) = self.engine().cloned() else {
            return Err(ApiError::new(503, "cluster_block_exception", "the server is starting: the log is being replayed"));
        };
        let scope = Scope::new(engine, self.access.clone(), self.asked);
        match tokio::task::spawn_blocking(move || work(&scope)).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%error, "a request failed inside");
                self.metrics().panics.inc();
                Err(ApiError::new(500, "exception", "internal error; the log says more"))
            }
        }
    }

    /// Like [`App::blocking`], with a bound on how many run and wait.
    ///
    /// # Errors
    /// 429 where too many wait already.
    pub async fn search<T: Send + 'static>(&self, work: impl FnOnce(&Scope) -> Result<T, ApiError> + Send + 'static) -> Result<T, ApiError> {
        let _waiting = self
            .shared
            .waiting
            .try_acquire()
            .map_err(|_| ApiError::new(429, "es_rejected_execution_exception", format!("{SEARCHES_WAITING_MAX} searches are waiting already")))?;
        let _running = self.shared.searches.acquire().await.map_err(|_| ApiError::new(503, "exception", "the server is stopping"))?;
        self.blocking(work).await
    }
}

/// How an index expression of a request is to be read, from its URL parameters.
///
/// # Errors
/// 400 for values that are none.
pub fn resolve_options(params: &mut Params) -> Result<ResolveOptions, ApiError> {
    let default = ResolveOptions::default();
    let expand = params.take("expand_wildcards");
    let expand: Vec<&str> = expand.as_deref().map_or_else(|| vec!["open"], |it| it.split(',').map(str::trim).collect());
    if let Some(other) = expand.iter().find(|it| !matches!(**it, "all" | "open" | "closed" | "hidden" | "none")) {
        return Err(ApiError::illegal_argument(format!("No valid expand wildcard value [{other}]")));
    }
    let expands = |kind: &str| expand.contains(&kind) || expand.contains(&"all");
    params.ignore(&["ignore_throttled"]);
    Ok(ResolveOptions {
        ignore_unavailable: params.flag("ignore_unavailable")?.unwrap_or(default.ignore_unavailable),
        allow_no_indices: params.flag("allow_no_indices")?.unwrap_or(default.allow_no_indices),
        // Hidden names alone are the hidden ones among the open.
        expand_open: expands("open") || expand == ["hidden"],
        expand_closed: expands("closed"),
        expand_hidden: expands("hidden"),
        ..default
    })
}

/// The indices of an expression.
///
/// # Errors
/// 404 for a name that does not exist.
pub fn targets(engine: &Scope, expression: &str, options: ResolveOptions) -> Result<Targets, ApiError> {
    Ok(engine.resolve(expression, options)?)
}
