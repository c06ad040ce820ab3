//! A running server: sockets bound, engine open, listeners and HTTP serving, until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_engine::{Engine, EngineError, EngineOptions};
use sekisho_ingest::{Ledger, ListenerOptions, Listeners, TLS_RELOAD_INTERVAL, Tls, TlsError, TlsFiles};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::api::router::router;
use crate::app::App;
use crate::config::{Config, ConfigError, is_loopback};
use crate::contexts::SWEEP_INTERVAL;
use crate::gate::Hosts;
use crate::listen::{Listen, Listens, SyslogListen};
use crate::metrics::Metrics;
use crate::security::{Guard, OwnCa, OwnCaError, SecurityError, Store, first_admin, write_all};
use crate::sink::EngineSink;
use crate::site_rules::SiteRules;
use crate::sockets;

/// Time for the listeners to make durable what they have received.
const LISTENERS_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for the audit events that wait: at most a queue of them.
const AUDIT_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// TLS can't be spoken with these files.
    #[error("{0}: {1}")]
    Tls(&'static str, TlsError),
    /// The CA for HTTP can't be made or read.
    #[error("CA of HTTP: {0}")]
    OwnCa(#[from] OwnCaError),
    /// HTTP can't be off.
    #[error("http can't be off")]
    NoHttp,
    /// A setting can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data directory can't be opened.
    #[error("data directory: {0}")]
    Engine(#[from] EngineError),
    /// Users and keys can't be read, or the first one can't be made.
    #[error("users and keys: {0}")]
    Security(#[from] SecurityError),
    /// Opening the data directory failed inside.
    #[error("opening the data directory failed inside: {0}")]
    Failed(String),
}

/// A server that serves.
pub struct Server {
    app: App,
    http: SocketAddr,
    syslog_tcp: Vec<SocketAddr>,
    syslog_udp: Vec<SocketAddr>,
    syslog_tls: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    http_task: JoinHandle<()>,
    listener_tasks: Vec<JoinHandle<()>>,
    ledger: Arc<Ledger>,
    ledger_task: JoinHandle<()>,
    /// Of its own: the last requests are over before it.
    audit_stop: watch::Sender<bool>,
    audit_task: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts. Probes are answered at once, everything else when the log has been replayed, which is when this returns.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        Self::start_with(config, engine_options(config)).await
    }

    /// As [`Server::start`], over an engine that is opened otherwise: with another clock, or another disk.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_with(config: &Config, options: EngineOptions) -> Result<Self, StartError> {
        let Listen::At(address) = config.http else { return Err(StartError::NoHttp) };
        sockets::raise_open_files_limit(config.syslog_connections_max);
        let tls = load_tls(config).await?;
        let (http_tls, own_ca) = load_http_tls(config).await?;
        let http_socket = sockets::listen_tcp(address).map_err(|error| StartError::Bind { key: "http", address, error })?;
        let http = http_socket.local_addr().unwrap_or(address);
        let tcp = Bound::all("syslog_tcp", &config.syslog_tcp, sockets::listen_tcp)?;
        let udp = Bound::all("syslog_udp", &config.syslog_udp, sockets::bind_udp)?;
        let tls_sockets = Bound::all("syslog_tls", &config.syslog_tls, sockets::listen_tcp)?;
        let (syslog_tcp, syslog_udp, syslog_tls) = (
            local_addresses(&tcp, tokio::net::TcpListener::local_addr),
            local_addresses(&udp, tokio::net::UdpSocket::local_addr),
            local_addresses(&tls_sockets, tokio::net::TcpListener::local_addr),
        );

        let hosts = Hosts::new(config.allowed_hosts.clone(), !is_loopback(http.ip()));
        let ingest_metrics = Arc::new(sekisho_ingest::Metrics::default());
        let metrics = Arc::new(Metrics::new(ingest_metrics.clone()));
        let (guard, audit) = open_guard(config).await?;
        let app = App::new(metrics, hosts, config.request_memory_bytes, config.reported_version.clone(), config.hec_token(), guard);
        let (stop, stopped) = watch::channel(false);
        let http_task = tokio::spawn(crate::http::serve(http_socket, router(&app), http_tls.clone(), stopped.clone()));
        announce(http, http_tls.as_deref(), own_ca.as_ref(), config.asks_for_credentials());

        let rules = open_rules(config).await?;
        let engine = open(options).await?;
        let ledger = open_ledger(config).await?;
        app.set_ledger(ledger.clone());
        app.set_backup_place(config.backup_place());
        app.set_site_rules(rules.clone());
        app.open(engine.clone());
        let device_time_zone = config.device_time_zone.name().map(str::to_owned);
        let options = ListenerOptions {
            limits: config.limits(),
            metrics: ingest_metrics.clone(),
            device_time_zone,
            proxy_protocol: config.syslog_proxy_protocol,
            ..ListenerOptions::default()
        };
        let audit_engine = engine.clone();
        let sink = EngineSink::new(engine, ledger.clone()).with_zones(config.device_time_zones.zones()).with_rules(rules.clone());
        let sink = Arc::new(sink);
        app.set_sink(sink.clone());
        let listeners = Listeners::new(sink, options);
        let mut listener_tasks = vec![tokio::spawn(rules.keep_fresh(stopped.clone()))];
        let (audit_stop, audit_stopped) = watch::channel(false);
        let audit_task = audit.map(|it| tokio::spawn(write_all(it, audit_engine, audit_stopped)));
        listener_tasks.push(tokio::spawn(sweep(app.clone(), stopped.clone())));
        let ledger_task = tokio::spawn(keep_saved(ledger.clone(), stopped.clone()));
        for it in tcp {
            let (listeners, stopped) = (it.listeners(&listeners), stopped.clone());
            listener_tasks.push(tokio::spawn(async move { ended("syslog TCP", listeners.serve_tcp(it.socket, stopped).await) }));
        }
        for it in udp {
            let (listeners, stopped) = (it.listeners(&listeners), stopped.clone());
            listener_tasks.push(tokio::spawn(async move { ended("syslog UDP", listeners.serve_udp(it.socket, stopped).await) }));
        }
        if let Some(tls) = tls {
            for it in tls_sockets {
                let (listeners, tls, stopped) = (it.listeners(&listeners), tls.clone(), stopped.clone());
                listener_tasks.push(tokio::spawn(async move { ended("syslog TLS", listeners.serve_tls(it.socket, tls, stopped).await) }));
            }
            listener_tasks.push(tokio::spawn(tls.keep_fresh(TLS_RELOAD_INTERVAL, ingest_metrics.clone(), stopped.clone())));
        }
        if let Some(ca) = own_ca {
            listener_tasks.push(tokio::spawn(keep_signed(ca, stopped.clone())));
        }
        if let Some(tls) = http_tls {
            listener_tasks.push(tokio::spawn(tls.keep_fresh(TLS_RELOAD_INTERVAL, ingest_metrics, stopped)));
        }
        Ok(Self { app, http, syslog_tcp, syslog_udp, syslog_tls, stop, http_task, listener_tasks, ledger, ledger_task, audit_stop, audit_task })
    }

    /// What requests share.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Where HTTP is.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where syslog over TCP is; the first of several addresses.
    pub fn syslog_tcp(&self) -> Option<SocketAddr> {
        self.syslog_tcp.first().copied()
    }

    /// Where syslog over UDP is; the first of several addresses.
    pub fn syslog_udp(&self) -> Option<SocketAddr> {
        self.syslog_udp.first().copied()
    }

    /// Where syslog over TLS is: all addresses, in the order of the setting.
    pub fn syslog_tls(&self) -> &[SocketAddr] {
        &self.syslog_tls
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
        let _ = self.audit_stop.send(true);
        if let Some(audit) = self.audit_task
            && tokio::time::timeout(AUDIT_TIMEOUT, audit).await.is_err()
        {
            tracing::error!("audit events were lost: they could not be written in time");
        }
        let _ = self.ledger_task.await;
        // Only now has every line been seen.
        save(self.ledger, true).await;
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

/// A socket of one address of a setting.
struct Bound<S> {
    socket: S,
    asked: SyslogListen,
}

impl<S> Bound<S> {
    fn all(key: &'static str, listens: &Listens, bind: impl Fn(SocketAddr) -> io::Result<S>) -> Result<Vec<Self>, StartError> {
        let bound = listens.iter().map(|asked| {
            let address = asked.address;
            let socket = bind(address).map_err(|error| StartError::Bind { key, address, error })?;
            Ok(Self { socket, asked: asked.clone() })
        });
        bound.collect()
    }

    /// The listeners for this address: those of all, but in its time zone where it has one.
    fn listeners(&self, all: &Listeners) -> Listeners {
        self.asked.time_zone.as_ref().map_or_else(|| all.clone(), |it| all.in_time_zone(it.name()))
    }
}

fn local_addresses<S>(bound: &[Bound<S>], local: impl Fn(&S) -> io::Result<SocketAddr>) -> Vec<SocketAddr> {
    bound.iter().map(|it| local(&it.socket).unwrap_or(it.asked.address)).collect()
}

/// Reads certificate and key, where TLS is spoken: wrong files end the start, not the first connection.
async fn load_tls(config: &Config) -> Result<Option<Arc<Tls>>, StartError> {
    if config.syslog_tls.is_off() {
        return Ok(None);
    }
    let files = TlsFiles {
        certificate: config.syslog_tls_certificate.clone(),
        key: config.syslog_tls_key.clone(),
        client_ca: config.tls_client_ca().map(Into::into),
    };
    let tls = tokio::task::spawn_blocking(move || Tls::load(files)).await.map_err(|error| StartError::Failed(error.to_string()))?;
    Ok(Some(Arc::new(tls.map_err(|error| StartError::Tls("syslog_tls", error))?)))
}

/// The certificate for HTTP, where TLS is spoken: the one that is named, or one of our own CA.
async fn load_http_tls(config: &Config) -> Result<(Option<Arc<Tls>>, Option<OwnCa>), StartError> {
    if !config.speaks_http_tls() {
        return Ok((None, None));
    }
    let config = config.clone();
    let loaded = tokio::task::spawn_blocking(move || {
        let own_ca = match config.http_tls_files() {
            Some(_) => None,
            None => {
                let address = config.http.address().filter(|it| !it.ip().is_unspecified()).map(|it| it.ip().to_string());
                Some(OwnCa::open(&config.data_dir, config.allowed_hosts.iter().map(str::to_owned).chain(address))?)
            }
        };
        let files = config.http_tls_files().or_else(|| own_ca.as_ref().map(OwnCa::files)).expect("one of both is there");
        let tls = Tls::load(files).map_err(|error| StartError::Tls("http_tls", error))?;
        Ok::<_, StartError>((Some(Arc::new(tls)), own_ca))
    });
    loaded.await.map_err(|error| StartError::Failed(error.to_string()))?
}

/// Says where HTTP is and how it is protected.
fn announce(http: SocketAddr, tls: Option<&Tls>, own_ca: Option<&OwnCa>, asks_for_credentials: bool) {
    tracing::info!(address = %http, tls = tls.is_some(), "HTTP");
    if let Some(ca) = own_ca {
        if ca.is_new() {
            crate::cli::say(&format!("sekisho: made a CA for HTTP, [{}], with the SHA-256 fingerprint [{}]", ca.file().display(), ca.fingerprint()));
        }
        tracing::info!(file = %ca.file().display(), fingerprint = ca.fingerprint(), "CA of HTTP");
    }
    if tls.is_none() && asks_for_credentials && !is_loopback(http.ip()) {
        tracing::warn!("passwords and keys cross the network readable: set http_tls, unless a proxy before this server speaks TLS");
    }
}

/// Between two looks at the age of the certificate that our own CA signed.
const SIGNED_INTERVAL: Duration = Duration::from_secs(12 * 3_600);

async fn keep_signed(ca: OwnCa, mut stopped: watch::Receiver<bool>) {
    while tokio::time::timeout(SIGNED_INTERVAL, stopped.wait_for(|it| *it)).await.is_err() {
        let ca = ca.clone();
        let signed = tokio::task::spawn_blocking(move || ca.keep_fresh(std::time::SystemTime::now()).map_err(|error| error.to_string())).await;
        if let Err(error) = signed.map_err(|error| error.to_string()).and_then(|it| it) {
            tracing::error!(%error, "no new certificate for HTTP; the old one stays in use");
        }
    }
}

/// Who may come in. At a first start that makes the administrator, whose password is shown once, where none was given.
async fn open_guard(config: &Config) -> Result<(Guard, Option<mpsc::Receiver<Value>>), StartError> {
    if !config.asks_for_credentials() {
        return Ok((Guard::open(), None));
    }
    let config = config.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let store = Store::open(&config.data_dir)?;
        if let Some(password) = first_admin(&store, config.admin_password()?.as_deref())? {
            // On the terminal and never in the log, which others read and which is kept.
            crate::cli::say(&format!("sekisho: made the user [admin] with the password [{password}]; it is not shown again"));
        }
        Ok::<_, StartError>(Guard::new(store, config.public_metrics))
    });
    let (guard, events) = opened.await.map_err(|error| StartError::Failed(error.to_string()))??;
    Ok((guard, Some(events)))
}

/// The file of the ledger.
pub(crate) fn ledger_path(config: &Config) -> PathBuf {
    config.data_dir.join("sources.json")
}

/// Between two writings of it: a crash costs so much of its figures.
const LEDGER_INTERVAL: Duration = Duration::from_secs(5);

async fn open_ledger(config: &Config) -> Result<Arc<Ledger>, StartError> {
    let path = ledger_path(config);
    let shown = path.display().to_string();
    let opened = tokio::task::spawn_blocking(move || Ledger::open(&path)).await;
    let ledger = opened.map_err(|error| StartError::Failed(error.to_string()))?;
    Ok(Arc::new(ledger.map_err(|error| StartError::Failed(format!("{shown}: {error}")))?))
}

/// Ends the contexts of searches whose time is over: they keep files on disk.
async fn sweep(app: App, mut stopped: watch::Receiver<bool>) {
    while tokio::time::timeout(SWEEP_INTERVAL, stopped.wait_for(|it| *it)).await.is_err() {
        app.sweep_contexts();
    }
}

/// Writes the ledger every few seconds, until it is told to stop.
async fn keep_saved(ledger: Arc<Ledger>, mut stopped: watch::Receiver<bool>) {
    while tokio::time::timeout(LEDGER_INTERVAL, stopped.wait_for(|it| *it)).await.is_err() {
        save(ledger.clone(), false).await;
    }
}

async fn save(ledger: Arc<Ledger>, is_last: bool) {
    let saved = tokio::task::spawn_blocking(move || ledger.save(is_last)).await;
    if let Err(error) = saved.map_err(|error| error.to_string()).and_then(|it| it.map_err(|error| error.to_string())) {
        tracing::warn!(%error, "the ledger of sources can't be written; it is tried again");
    }
}

/// Reads site rules before the first line can come, on a thread that may take its time.
async fn open_rules(config: &Config) -> Result<SiteRules, StartError> {
    let config = config.clone();
    tokio::task::spawn_blocking(move || SiteRules::open(&config)).await.map_err(|error| StartError::Failed(error.to_string()))
}

/// Opens the data directory, on a thread that may take its time.
async fn open(options: EngineOptions) -> Result<Engine, StartError> {
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
    let retention = config.retention_age.defaults(&config.retention_bytes);
    EngineOptions { retention, watermarks: config.watermarks(), ..EngineOptions::new(&config.data_dir) }.with_format(sekisho_ingest::panos::format())
}
