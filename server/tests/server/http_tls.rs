//! HTTP within TLS: with the CA that a server makes for itself, with files that change while it runs, with clients' certificates; and the
//! command that asks such a server.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::door::Door;

/// For what the server does by itself: it looks at its files every five seconds.
const PATIENCE: Duration = Duration::from_secs(60);

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    /// Certificate and key, PEM.
    fn sign(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// The whole answer of a GET to a server that this CA speaks for.
fn get(address: SocketAddr, ca: &str, identity: Option<&(String, String)>, path: &str, headers: &str) -> std::io::Result<String> {
    send(address, ca, identity, &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n"))
}

fn send(address: SocketAddr, ca: &str, identity: Option<&(String, String)>, request: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
        }
    };
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).map_err(std::io::Error::other)?;
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn write(dir: &Path, (certificate, key): &(String, String)) {
    std::fs::write(dir.join("tls.crt"), certificate).unwrap();
    std::fs::write(dir.join("tls.key"), key).unwrap();
}

fn self_test(door: &Door, more: &[&str]) -> Output {
    let (http, syslog) = (format!("--http=https://localhost:{}", door.http().port()), format!("--syslog-tcp={}", door.syslog_tcp()));
    Command::new(env!("CARGO_BIN_EXE_sekisho")).args(["self-test", &http, &syslog]).args(more).output().unwrap()
}

#[test]
fn a_server_without_a_certificate_makes_its_own_and_the_self_test_finds_a_line() {
    let files = tempfile::tempdir().unwrap();
    let data_dir = files.path().join("data");
    let door = Door::open_with(|config| {
        config.data_dir = data_dir.clone();
        config.http_tls = true;
        config.require_login = true;
        config.admin_password = "correct-horse-1".to_owned();
    });
    let ca_file = data_dir.join("http-ca.pem");
    let ca = std::fs::read_to_string(&ca_file).unwrap();
    assert!(get(door.http(), &ca, None, "/livez", "").unwrap().starts_with("HTTP/1.0 200"));
    assert!(get(door.http(), &ca, None, "/_cat/indices", "").unwrap().starts_with("HTTP/1.0 401"));
    assert!(get(door.http(), &Authority::new().pem, None, "/livez", "").is_err(), "another CA does not speak for it");
    let mut plain = TcpStream::connect(door.http()).unwrap();
    plain.write_all(b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "nothing is answered outside of TLS");

    // The cookie of a session is Secure without a proxy's word.
    let body = r#"{"username":"admin","password":"correct-horse-1"}"#;
    let head = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    let answer = send(door.http(), &ca, None, &format!("POST /_sekisho/login HTTP/1.0\r\nHost: localhost\r\n{head}\r\n{body}")).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200") && answer.contains("; Secure"), "{answer}");

    let password = files.path().join("password");
    std::fs::write(&password, "correct-horse-1\n").unwrap();
    let (ca_file, password_file) = (format!("--http-ca={}", ca_file.display()), format!("--password-file={}", password.display()));
    let done = self_test(&door, &[&ca_file, &password_file, "--within-s=30"]);
    assert!(done.status.success(), "{done:?}");
    let done = self_test(&door, &[&ca_file, "--within-s=1"]);
    assert!(!done.status.success() && String::from_utf8_lossy(&done.stderr).contains("401"), "{done:?}");
    assert!(!self_test(&door, &[&password_file, "--within-s=1"]).status.success(), "no CA is believed that was not named");
    door.stop();
}

#[test]
fn a_new_certificate_is_used_without_a_restart() {
    let files = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    write(files.path(), &old.sign());
    let door = Door::open_with(|config| {
        config.http_tls_certificate = files.path().join("tls.crt");
        config.http_tls_key = files.path().join("tls.key");
    });
    assert!(get(door.http(), &old.pem, None, "/livez", "").unwrap().starts_with("HTTP/1.0 200"));
    write(files.path(), &new.sign());
    let began = Instant::now();
    while get(door.http(), &new.pem, None, "/livez", "").is_err() {
        assert!(began.elapsed() < PATIENCE, "the new certificate is not used");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(get(door.http(), &old.pem, None, "/livez", "").is_err());
}

#[test]
fn clients_without_a_certificate_are_refused_where_one_is_demanded() {
    let files = tempfile::tempdir().unwrap();
    let (ours, clients) = (Authority::new(), Authority::new());
    write(files.path(), &ours.sign());
    std::fs::write(files.path().join("ca.crt"), &clients.pem).unwrap();
    let door = Door::open_with(|config| {
        config.http_tls_certificate = files.path().join("tls.crt");
        config.http_tls_key = files.path().join("tls.key");
        config.http_tls_client_ca = files.path().join("ca.crt");
    });
    assert!(get(door.http(), &ours.pem, Some(&clients.sign()), "/livez", "").unwrap().starts_with("HTTP/1.0 200"));
    assert!(get(door.http(), &ours.pem, None, "/livez", "").is_err());
    assert!(get(door.http(), &ours.pem, Some(&ours.sign()), "/livez", "").is_err(), "a certificate of another CA");
}
