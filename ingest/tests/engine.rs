//! The whole way in: real lines over TCP, through the intake, into the engine's log; acknowledged, searchable, and there after a restart.

#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sekisho_engine::{Engine, EngineOptions, ResolveOptions, SearchRequest};
use sekisho_ingest::{LineSink, ListenerOptions, Listeners, Lost, PanosSyslog, Receipt, Refused, panos};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a server's sink does.
struct EngineSink(Arc<Engine>);

impl LineSink for EngineSink {
    fn submit(&self, records: &[Vec<u8>]) -> Result<Receipt, Refused> {
        let written = self.0.append_records(PanosSyslog::ID, records).map_err(|it| Refused(it.to_string()))?;
        let (settle, receipt) = Receipt::pending();
        written.on_durable(move |outcome| settle.settle(outcome.map_err(|it| Lost(it.to_string()))));
        Ok(receipt)
    }
}

fn open(folder: &Path) -> Arc<Engine> {
    Arc::new(Engine::open(EngineOptions::new(folder).with_format(panos::format())).unwrap())
}

/// The lines that every stream has, by `event.original`.
fn originals(engine: &Engine) -> BTreeMap<String, Vec<String>> {
    engine.refresh(None).unwrap();
    let streams = engine.data_streams().into_keys();
    let lines = streams.map(|stream| {
        let targets = engine.resolve(&stream, ResolveOptions::default()).unwrap();
        let request = SearchRequest { size: 1000, ..SearchRequest::default() };
        let response = engine.search(&targets, &request).unwrap();
        let mut lines: Vec<String> =
            response.hits.iter().map(|it| it.source.as_ref().unwrap()["event"]["original"].as_str().unwrap().to_owned()).collect();
        lines.sort();
        (stream, lines)
    });
    lines.collect()
}

/// Lines of the fixtures, by the stream that their folder names.
fn fixtures() -> BTreeMap<String, Vec<String>> {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/panos");
    for folder in std::fs::read_dir(root).unwrap().map(|it| it.unwrap().path()).filter(|it| it.is_dir()) {
        let stream = match folder.file_name().unwrap().to_str().unwrap() {
            "unparsed" => "syslog-unparsed".to_owned(),
            name => format!("panos-{name}"),
        };
        for file in std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).filter(|it| it.extension().is_some_and(|it| it == "log")) {
            lines.entry(stream.clone()).or_default().extend(std::fs::read_to_string(file).unwrap().lines().map(str::to_owned));
        }
    }
    lines.values_mut().for_each(|it| it.sort());
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_lines_are_searchable_and_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fixtures();
    let engine = open(folder.path());
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let listeners = Listeners::new(Arc::new(EngineSink(engine.clone())), ListenerOptions::default());
    let serving = tokio::spawn(async move { listeners.serve_tcp(socket, stopped).await });

    let mut stream = TcpStream::connect(address).await.unwrap();
    for line in expected.values().flatten() {
        // As PAN-OS does: octet counts where the message begins with a priority, line feeds otherwise.
        let counted = if line.starts_with('<') { format!("{} {line}", line.len()) } else { format!("{line}\n") };
        stream.write_all(counted.as_bytes()).await.unwrap();
    }
    stream.shutdown().await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut [0; 1])).await.expect("an acknowledgement");
    assert_eq!(end.unwrap(), 0);
    assert_eq!(originals(&engine), expected);

    stop.send(true).unwrap();
    serving.await.unwrap().unwrap();
    // The lanes end with their listeners; then nobody else holds the engine.
    tokio::time::timeout(Duration::from_secs(20), async {
        while Arc::strong_count(&engine) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the sink is let go");
    drop(engine);
    assert_eq!(originals(&open(folder.path())), expected);
}
