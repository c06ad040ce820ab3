//! What all requests share: the engine, the figures, whether we take work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sekisho_engine::{Engine, ResolveOptions, Targets};
use tokio::sync::Semaphore;

use crate::api::call::Params;
use crate::api::error::ApiError;
use crate::metrics::Metrics;

/// Searches that run at once; more wait. A search uses all cores by itself, a few more hide its waits for the disk.
const SEARCHES_MAX: usize = 8;

/// Requests that wait for a search to end before new ones are refused with 429.
const SEARCHES_WAITING_MAX: usize = 1_000;

/// The process, cheap to clone.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    metrics: Arc<Metrics>,
    is_ready: AtomicBool,
    searches: Semaphore,
    waiting: Semaphore,
    version: String,
}

impl App {
    /// A process that takes work.
    pub fn new(engine: Engine, metrics: Arc<Metrics>, version: String) -> Self {
        let searches = Semaphore::new(SEARCHES_MAX);
        let waiting = Semaphore::new(SEARCHES_WAITING_MAX);
        Self { shared: Arc::new(Shared { engine, metrics, is_ready: AtomicBool::new(true), searches, waiting, version }) }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    /// The figures.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// The Elasticsearch version that we answer to be.
    pub fn version(&self) -> &str {
        &self.shared.version
    }

    /// Whether `/readyz` says yes.
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready.load(Ordering::SeqCst)
    }

    /// From now on `/readyz` says no: we are stopping.
    pub fn stop_taking_work(&self) {
        self.shared.is_ready.store(false, Ordering::SeqCst);
    }

    /// Runs engine work on a thread that may wait.
    ///
    /// # Errors
    /// The work's own error; a panic of it is answered with 500 and costs this request only.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Engine) -> Result<T, ApiError> + Send + 'static) -> Result<T, ApiError> {
        let engine = self.engine().clone();
        match tokio::task::spawn_blocking(move || work(&engine)).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%error, "a request failed inside");
                Err(ApiError::new(500, "exception", "internal error; the log says more"))
            }
        }
    }

    /// Like [`App::blocking`], with a bound on how many run and wait.
    ///
    /// # Errors
    /// 429 where too many wait already.
    pub async fn search<T: Send + 'static>(&self, work: impl FnOnce(&Engine) -> Result<T, ApiError> + Send + 'static) -> Result<T, ApiError> {
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
    let expand = params.take("expand_wildcards").unwrap_or_default();
    params.ignore(&["ignore_throttled"]);
    Ok(ResolveOptions {
        ignore_unavailable: params.flag("ignore_unavailable")?.unwrap_or(default.ignore_unavailable),
        allow_no_indices: params.flag("allow_no_indices")?.unwrap_or(default.allow_no_indices),
        expand_hidden: expand.split(',').any(|it| matches!(it, "all" | "hidden")),
    })
}

/// The indices of an expression.
///
/// # Errors
/// 404 for a name that does not exist.
pub fn targets(engine: &Engine, expression: &str, options: ResolveOptions) -> Result<Targets, ApiError> {
    Ok(engine.resolve(expression, options)?)
}
