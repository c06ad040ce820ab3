//! TLS listeners: the same framing and the same acknowledgement as TCP, client certificates, certificates that change while we run.
#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

#[path = "sockets/door.rs"]
mod door;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use door::{A_MOMENT, MemorySink, PATIENCE, Server, acknowledged, until};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use sekisho_ingest::{Limits, ListenerOptions, Lost, Tls, TlsError, TlsFiles, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A CA that signs for one test.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, PEM.
#[derive(Clone)]
struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn sign(&self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// A client that believes this CA.
    fn client(&self, versions: &[&'static SupportedProtocolVersion], identity: Option<&Identity>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(it) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(it.certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(it.key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        TlsConnector::from(Arc::new(config))
    }
}

/// The files of a server.
struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new(identity: &Identity) -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.write(identity);
        files
    }

    fn write(&self, identity: &Identity) {
        std::fs::write(self.path("certificate.pem"), &identity.certificate).unwrap();
        std::fs::write(self.path("key.pem"), &identity.key).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        Path::join(self.directory.path(), name)
    }

    fn load(&self, client_ca: Option<&Authority>) -> Result<Arc<Tls>, TlsError> {
        let client_ca = client_ca.map(|it| {
            std::fs::write(self.path("ca.pem"), &it.pem).unwrap();
            self.path("ca.pem")
        });
        Tls::load(TlsFiles { certificate: self.path("certificate.pem"), key: self.path("key.pem"), client_ca }).map(Arc::new)
    }
}

const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

async fn connect(server: &Server, connector: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = server.connect().await;
    timeout(PATIENCE, connector.connect(ServerName::try_from("localhost").unwrap(), stream)).await.expect("a handshake")
}

fn quick() -> ListenerOptions {
    ListenerOptions { limits: Limits { handshake_timeout: Duration::from_millis(300), ..Limits::default() }, ..ListenerOptions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_notify_is_answered_only_when_everything_is_durable() {
    let authority = Authority::new();
    let tls = Files::new(&authority.sign()).load(None).unwrap();
    for version in BOTH {
        let sink = MemorySink::held();
        let server = Server::stream(&sink, ListenerOptions::default(), Some(tls.clone())).await;
        let mut stream = connect(&server, &authority.client(&[version], None)).await.unwrap();
        stream.write_all(b"<14>first\n10 <14>a\nb\nc\n<14>last without line feed").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(sink.wait_for(3).await, ["<14>first", "<14>a\nb\nc", "<14>last without line feed"]);
        assert!(timeout(A_MOMENT, stream.read(&mut [0; 1])).await.is_err(), "answered before the lines were durable");
        sink.release(Ok(()));
        // Only a `close_notify` is an end for the client; without one this is an error.
        assert_eq!(acknowledged(&mut stream).await.unwrap(), 0, "{version:?}");
        assert!(sink.seen().iter().all(|it| it.transport == Transport::Tls && !it.is_truncated));
        assert_eq!(server.metrics.transport(Transport::Tls).lines.get(), 3);
        server.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_without_close_notify_marks_the_line_it_cut() {
    let authority = Authority::new();
    let tls = Files::new(&authority.sign()).load(None).unwrap();
    let sink = Arc::new(MemorySink::default());
    let server = Server::stream(&sink, ListenerOptions::default(), Some(tls)).await;
    let mut stream = connect(&server, &authority.client(BOTH, None)).await.unwrap();
    stream.write_all(b"<14>whole\n<14>a part").await.unwrap();
    stream.flush().await.unwrap();
    stream.get_mut().0.shutdown().await.unwrap();
    sink.wait_for(2).await;
    assert_eq!(sink.seen().iter().map(|it| (it.line.as_str(), it.is_truncated)).collect::<Vec<_>>(), [("<14>whole", false), ("<14>a part", true)]);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_may_be_lost_are_not_acknowledged() {
    let authority = Authority::new();
    let tls = Files::new(&authority.sign()).load(None).unwrap();
    let sink = MemorySink::held();
    let server = Server::stream(&sink, ListenerOptions::default(), Some(tls)).await;
    let mut stream = connect(&server, &authority.client(BOTH, None)).await.unwrap();
    stream.write_all(b"<14>first\n").await.unwrap();
    stream.shutdown().await.unwrap();
    sink.wait_for(1).await;
    sink.release(Err(Lost("sync failed".to_owned())));
    assert!(acknowledged(&mut stream).await.is_err(), "an end without close_notify is an error");
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_says_close_notify_to_those_who_are_connected() {
    let authority = Authority::new();
    let tls = Files::new(&authority.sign()).load(None).unwrap();
    let sink = Arc::new(MemorySink::default());
    let server = Server::stream(&sink, ListenerOptions::default(), Some(tls)).await;
    let mut stream = connect(&server, &authority.client(BOTH, None)).await.unwrap();
    stream.write_all(b"<14>line\n").await.unwrap();
    stream.flush().await.unwrap();
    sink.wait_for(1).await;
    server.finish().await;
    assert_eq!(acknowledged(&mut stream).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_client_certificates_are_demanded_nobody_comes_in_without_one() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let tls = Files::new(&authority.sign()).load(Some(&clients)).unwrap();
    assert!(tls.demands_client_certificates());
    for version in BOTH {
        let sink = Arc::new(MemorySink::default());
        let server = Server::stream(&sink, ListenerOptions::default(), Some(tls.clone())).await;
        for identity in [None, Some(authority.sign())] {
            // With TLS 1.3 the client learns of it only when it reads.
            if let Ok(mut stream) = connect(&server, &authority.client(&[version], identity.as_ref())).await {
                let _ = stream.write_all(b"<14>smuggled\n").await;
                let _ = stream.flush().await;
                assert!(acknowledged(&mut stream).await.is_err());
            }
        }
        until("both handshakes have failed", || server.metrics.tls_handshake_failures.get() == 2).await;
        let mut stream = connect(&server, &authority.client(&[version], Some(&clients.sign()))).await.unwrap();
        stream.write_all(b"<14>known\n").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(acknowledged(&mut stream).await.unwrap(), 0);
        assert_eq!(sink.lines(), ["<14>known"]);
        server.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_shake_hands_is_closed_and_counted() {
    let authority = Authority::new();
    let tls = Files::new(&authority.sign()).load(None).unwrap();
    let sink = Arc::new(MemorySink::default());
    let server = Server::stream(&sink, quick(), Some(tls)).await;
    let mut plain = server.connect().await;
    plain.write_all(b"<14>this is not TLS\n").await.unwrap();
    let mut answer = Vec::new();
    // An alert may come; what counts is that the connection ends.
    let _ = timeout(PATIENCE, plain.read_to_end(&mut answer)).await.expect("an end");
    let mut silent = server.connect().await;
    assert!(matches!(timeout(PATIENCE, silent.read(&mut [0; 1])).await.expect("an end"), Ok(0) | Err(_)));
    until("both are counted", || (server.metrics.tls_handshake_failures.get(), server.metrics.handshake_timeouts.get()) == (1, 1)).await;
    until("their places are free", || server.metrics.connections_open.get() == 0).await;
    assert!(sink.lines().is_empty());
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_reloaded_and_broken_ones_are_not() {
    let authority = Authority::new();
    let (old, new) = (authority.sign(), authority.sign());
    let files = Files::new(&old);
    let tls = files.load(None).unwrap();
    let sink = Arc::new(MemorySink::default());
    let server = Server::stream(&sink, ListenerOptions::default(), Some(tls.clone())).await;
    let keeping = tokio::spawn(tls.keep_fresh(Duration::from_millis(5), server.metrics.clone(), server.stop.subscribe()));
    let connector = authority.client(BOTH, None);
    let greeting = async || {
        let stream = connect(&server, &connector).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let der = |identity: &Identity| CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
    assert_eq!(greeting().await, der(&old));

    // Halfway through a replacement: the certificate is new, the key is not.
    std::fs::write(files.path("certificate.pem"), &new.certificate).unwrap();
    until("the failure is counted", || server.metrics.tls_reload_failures.get() == 1).await;
    assert_eq!(greeting().await, der(&old));
    tokio::time::sleep(A_MOMENT).await;
    assert_eq!((server.metrics.tls_reload_failures.get(), server.metrics.tls_reloads.get()), (1, 0), "said once, not at every look");

    let mut open = connect(&server, &connector).await.unwrap();
    std::fs::write(files.path("key.pem"), &new.key).unwrap();
    until("the new pair is in use", || server.metrics.tls_reloads.get() == 1).await;
    assert_eq!(greeting().await, der(&new));
    open.write_all(b"<14>on the old connection\n").await.unwrap();
    open.shutdown().await.unwrap();
    assert_eq!(acknowledged(&mut open).await.unwrap(), 0);

    std::fs::remove_file(files.path("key.pem")).unwrap();
    until("the missing file is counted", || server.metrics.tls_reload_failures.get() == 2).await;
    assert_eq!(greeting().await, der(&new));
    server.finish().await;
    timeout(PATIENCE, keeping).await.expect("it stops").unwrap();
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let authority = Authority::new();
    let (one, other) = (authority.sign(), authority.sign());
    let files = Files::new(&one);
    let error = |what: &str| match files.load(None) {
        Ok(_) => panic!("{what} was accepted"),
        Err(error) => error.to_string(),
    };
    std::fs::write(files.path("key.pem"), &other.key).unwrap();
    assert!(error("a foreign key").contains("can't be used"));
    std::fs::write(files.path("key.pem"), &one.certificate).unwrap();
    assert!(error("a certificate as key").contains("key.pem] does not hold a private key"));
    std::fs::write(files.path("certificate.pem"), "").unwrap();
    assert!(error("an empty file").contains("certificate.pem] does not hold certificates: there is none"));
    std::fs::remove_file(files.path("certificate.pem")).unwrap();
    assert!(error("a missing file").starts_with("can't read ["));
    files.write(&one);
    std::fs::write(files.path("ca.pem"), "none").unwrap();
    let with_ca = TlsFiles { certificate: files.path("certificate.pem"), key: files.path("key.pem"), client_ca: Some(files.path("ca.pem")) };
    assert!(Tls::load(with_ca).err().unwrap().to_string().contains("ca.pem] does not hold certificates"));
}
