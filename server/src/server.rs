//! A running server: sockets bound, engine open, listeners and HTTP serving, until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_engine::{Engine, EngineError, EngineOptions};
use sekisho_ingest::{ListenerOptions, Listeners};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::router::router;
use crate::app::App;
use crate::config::{Config, is_loopback};
use crate::gate::Hosts;
use crate::listen::Listen;
use crate::metrics::Metrics;
use crate::sink::EngineSink;
use crate::site_rules::SiteRules;

/// Time for the listeners to make durable what they have received.
const LISTENERS_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for the last commit. It is only for a quick start: everything is in the log already.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(15);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address can't be listened on.
    #[error("can't listen on {address} ({key}): {error}")]
    Bind {
        /// The setting.
        key: &'static str,
        /// Its address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// HTTP can't be off.
    #[error("http can't be off")]
    NoHttp,
    /// The data directory can't be opened.
    #[error("data directory: {0}")]
    Engine(#[from] EngineError),
    /// Opening the data directory failed inside.
    #[error("opening the data directory failed inside: {0}")]
    Failed(String),
}

/// A server that serves.
pub struct Server {
    app: App,
    http: SocketAddr,
    syslog_tcp: Option<SocketAddr>,
    syslog_udp: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    http_task: JoinHandle<()>,
    listener_tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts. Probes are answered at once, everything else when the log has been replayed, which is when this returns.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let Listen::At(address) = config.http else { return Err(StartError::NoHttp) };
        let http_socket = bind_tcp("http", address).await?;
        let tcp_socket = match config.syslog_tcp {
            Listen::At(address) => Some(bind_tcp("syslog_tcp", address).await?),
            Listen::Off => None,
        };
        let udp_socket = match config.syslog_udp {
            Listen::At(address) => Some(UdpSocket::bind(address).await.map_err(|error| StartError::Bind { key: "syslog_udp", address, error })?),
            Listen::Off => None,
        };
        let local = |found: io::Result<SocketAddr>, asked: Listen| found.ok().or(asked.address());
        let http = local(http_socket.local_addr(), config.http).unwrap_or(address);
        let syslog_tcp = tcp_socket.as_ref().and_then(|it| local(it.local_addr(), config.syslog_tcp));
        let syslog_udp = udp_socket.as_ref().and_then(|it| local(it.local_addr(), config.syslog_udp));

        let hosts = Hosts::new(config.allowed_hosts.clone(), !is_loopback(http.ip()));
        let ingest_metrics = Arc::new(sekisho_ingest::Metrics::default());
        let metrics = Arc::new(Metrics::new(ingest_metrics.clone()));
        let app = App::new(metrics, hosts, config.request_memory_bytes, config.reported_version.clone());
        let (stop, stopped) = watch::channel(false);
        let http_task = tokio::spawn(crate::http::serve(http_socket, router(&app), stopped.clone()));
        tracing::info!(address = %http, "HTTP");

        let rules = open_rules(config).await?;
        let engine = open(config).await?;
        app.set_site_rules(rules.clone());
        app.open(engine.clone());
        let device_time_zone = config.device_time_zone.name().map(str::to_owned);
        let options = ListenerOptions { metrics: ingest_metrics, device_time_zone, ..ListenerOptions::default() };
        let listeners = Listeners::new(Arc::new(EngineSink::new(engine).with_rules(rules.clone())), options);
        let mut listener_tasks = vec![tokio::spawn(rules.keep_fresh(stopped.clone()))];
        if let Some(socket) = tcp_socket {
            let (listeners, stopped) = (listeners.clone(), stopped.clone());
            listener_tasks.push(tokio::spawn(async move { ended("syslog TCP", listeners.serve_tcp(socket, stopped).await) }));
        }
        if let Some(socket) = udp_socket {
            let (listeners, stopped) = (listeners.clone(), stopped.clone());
            listener_tasks.push(tokio::spawn(async move { ended("syslog UDP", listeners.serve_udp(socket, stopped).await) }));
        }
        Ok(Self { app, http, syslog_tcp, syslog_udp, stop, http_task, listener_tasks })
    }

    /// What requests share.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Where HTTP is.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where syslog over TCP is.
    pub fn syslog_tcp(&self) -> Option<SocketAddr> {
        self.syslog_tcp
    }

    /// Where syslog over UDP is.
    pub fn syslog_udp(&self) -> Option<SocketAddr> {
        self.syslog_udp
    }

    /// Stops: not ready at once, no new connections, what is under way ends, everything goes to disk. Takes at most about 25 seconds;
    /// what was acknowledged is durable in any case.
    pub async fn stop(self) {
        let began = Instant::now();
        self.app.stop_taking_work();
        // The receivers live in the tasks; if all have ended there is nobody to tell.
        let _ = self.stop.send(true);
        let listeners = async {
            for task in self.listener_tasks {
                let _ = task.await;
            }
        };
        let (listeners, _) = tokio::join!(tokio::time::timeout(LISTENERS_TIMEOUT, listeners), self.http_task);
        if listeners.is_err() {
            tracing::warn!("connections that still send were cut off; what they sent without acknowledgement may be missing");
        }
        if let Some(engine) = self.app.engine().cloned() {
            let commit = tokio::task::spawn_blocking(move || engine.commit());
            match tokio::time::timeout(COMMIT_TIMEOUT, commit).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(error))) => tracing::warn!(%error, "last commit failed; the next start reads the log"),
                Ok(Err(_)) | Err(_) => tracing::warn!("last commit was cut off; the next start reads the log"),
            }
        }
        tracing::info!(took_ms = began.elapsed().as_millis() as u64, "stopped");
    }
}

fn ended(listener: &str, outcome: io::Result<()>) {
    if let Err(error) = outcome {
        tracing::error!(listener, %error, "listener ended");
    }
}

async fn bind_tcp(key: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Bind { key, address, error })
}

/// Reads site rules before the first line can come, on a thread that may take its time.
async fn open_rules(config: &Config) -> Result<SiteRules, StartError> {
    let config = config.clone();
    tokio::task::spawn_blocking(move || SiteRules::open(&config)).await.map_err(|error| StartError::Failed(error.to_string()))
}

/// Opens the data directory, on a thread that may take its time.
async fn open(config: &Config) -> Result<Engine, StartError> {
    let options = engine_options(config);
    let began = Instant::now();
    let engine = tokio::task::spawn_blocking(move || Engine::open(options)).await.map_err(|error| StartError::Failed(error.to_string()))??;
    let recovery = engine.recovery();
    for damage in &recovery.damage {
        tracing::error!(damage, "damaged data was set aside");
    }
    tracing::info!(replayed = recovery.replayed, took_ms = began.elapsed().as_millis() as u64, "data directory open");
    Ok(engine)
}

/// How the engine is opened: with the formats of the listeners.
pub fn engine_options(config: &Config) -> EngineOptions {
    EngineOptions::new(&config.data_dir).with_format(sekisho_ingest::panos::format())
}
