//! A running server: engine, listeners, HTTP, and the way down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use sekisho_engine::{Engine, EngineOptions};
use sekisho_ingest::{ListenerOptions, Listeners, Metrics as IngestMetrics};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::config::Config;
use crate::http;
use crate::metrics::Metrics;
use crate::sink::EngineSink;

/// Time that requests and connections under way get when the server stops; together with the commit it must stay below 30 s.
const STOP_TIME: Duration = Duration::from_secs(20);

/// A server that listens.
pub struct Server {
    app: App,
    /// Address of HTTP, with the port it was given.
    pub http: SocketAddr,
    /// Addresses of syslog over TCP.
    pub syslog_tcp: Vec<SocketAddr>,
    /// Addresses of syslog over UDP.
    pub syslog_udp: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<std::io::Result<()>>,
}

/// Opens the engine of a data directory with all line formats.
///
/// # Errors
/// As [`Engine::open`].
pub fn open_engine(data_dir: &std::path::Path) -> anyhow::Result<Engine> {
    let options = EngineOptions::new(data_dir).with_format(sekisho_ingest::panos::format());
    let engine = Engine::open(options).with_context(|| format!("opening [{}]", data_dir.display()))?;
    let recovery = engine.recovery();
    if recovery.replayed > 0 {
        tracing::info!(documents = recovery.replayed, "read again from the log");
    }
    for damage in &recovery.damage {
        tracing::error!(damage, "set aside");
    }
    Ok(engine)
}

impl Server {
    /// Opens the data directory, binds all addresses, and serves.
    ///
    /// # Errors
    /// When the data can't be opened or an address is taken.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let data_dir = config.data_dir.clone();
        let engine = tokio::task::spawn_blocking(move || open_engine(&data_dir)).await??;
        let ingest = Arc::new(IngestMetrics::default());
        let metrics = Arc::new(Metrics::new(ingest.clone()));
        let app = App::new(engine.clone(), metrics, config.es_version.clone());
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();

        let options = ListenerOptions { metrics: ingest, device_time_zone: config.device_time_zone.clone(), ..ListenerOptions::default() };
        let listeners = Listeners::new(Arc::new(EngineSink(engine)), options);
        let (mut syslog_tcp, mut syslog_udp) = (Vec::new(), Vec::new());
        for address in &config.syslog_tcp {
            let listener = TcpListener::bind(address).await.with_context(|| format!("syslog over TCP on [{address}]"))?;
            syslog_tcp.push(listener.local_addr()?);
            let (listeners, stopped) = (listeners.clone(), stopped.clone());
            tasks.spawn(async move { listeners.serve_tcp(listener, stopped).await });
        }
        for address in &config.syslog_udp {
            let socket = UdpSocket::bind(address).await.with_context(|| format!("syslog over UDP on [{address}]"))?;
            syslog_udp.push(socket.local_addr()?);
            let (listeners, stopped) = (listeners.clone(), stopped.clone());
            tasks.spawn(async move { listeners.serve_udp(socket, stopped).await });
        }
        let listener = TcpListener::bind(config.http).await.with_context(|| format!("HTTP on [{}]", config.http))?;
        let address = listener.local_addr()?;
        let router = http::router(app.clone(), config.hosts.clone());
        let mut http_stopped = stopped;
        tasks.spawn(http::serve_http(listener, router, async move {
            let _ = http_stopped.wait_for(|it| *it).await;
        }));
        tracing::info!(http = %address, ?syslog_tcp, ?syslog_udp, "listening");
        Ok(Self { app, http: address, syslog_tcp, syslog_udp, stop, tasks })
    }

    /// The process behind it.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Stops in order: not ready at once, no new connections, what is under way is finished, everything is written to splits.
    ///
    /// # Errors
    /// When the last commit fails; the log still has everything then.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.app.stop_taking_work();
        let _ = self.stop.send(true);
        let finished = tokio::time::timeout(STOP_TIME, async {
            while let Some(task) = self.tasks.join_next().await {
                if let Ok(Err(error)) = task {
                    tracing::warn!(%error, "a listener ended with an error");
                }
            }
        });
        if finished.await.is_err() {
            tracing::warn!("connections were still open after {} s and are closed", STOP_TIME.as_secs());
            self.tasks.shutdown().await;
        }
        let engine = self.app.engine().clone();
        tokio::task::spawn_blocking(move || engine.commit()).await??;
        Ok(())
    }
}

/// Waits for SIGTERM or SIGINT.
///
/// # Errors
/// When signals can't be listened to.
pub async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}
