//! The listeners as settings make them: TLS with client certificates, several addresses, their time zones, and their figures.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::door::Door;

/// A CA, and one certificate of it with its key; PEM.
struct Papers {
    ca: String,
    certificate: String,
    key: String,
}

impl Papers {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap().pem();
        Self { ca, certificate, key: key.serialize_pem() }
    }

    /// Sends over TLS, says that this was all, and waits for the same from the other side.
    fn send(&self, address: SocketAddr, bytes: &[u8]) -> std::io::Result<()> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.ca.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap(),
            )
            .unwrap();
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        stream.write_all(bytes)?;
        stream.conn.send_close_notify();
        stream.flush()?;
        match stream.read(&mut [0; 1])? {
            0 => Ok(()),
            _ => Err(std::io::Error::other("an answer on a syslog connection")),
        }
    }
}

#[test]
fn lines_over_tls_are_found_and_have_the_zone_of_their_address() {
    let papers = Papers::new();
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(files.path().join(name), text).unwrap();
        files.path().join(name)
    };
    let door = Door::open_with(|config| {
        config.syslog_tls = "127.0.0.1:0,[::1]:0@Asia/Tokyo".parse().unwrap();
        config.syslog_tls_certificate = file("certificate.pem", &papers.certificate);
        config.syslog_tls_key = file("key.pem", &papers.key);
        config.syslog_tls_client_ca = file("ca.pem", &papers.ca);
        config.syslog_udp = "127.0.0.1:0,[::1]:0".parse().unwrap();
    });
    let addresses = door.syslog_tls().to_vec();
    for (address, host) in addresses.iter().zip(["utc", "tokyo"]) {
        papers.send(*address, format!("<14>Nov  3 12:00:00 {host} app: over TLS\n").as_bytes()).unwrap();
    }
    let stranger = Papers { ca: papers.ca.clone(), ..Papers::new() };
    assert!(stranger.send(addresses[0], b"<14>Nov  3 12:00:00 host app: of a stranger\n").is_err());

    door.json("POST", "/_refresh", &Value::Null);
    let found = door.json("GET", "/syslog/_search?sort=@timestamp", &Value::Null);
    let hits: Vec<_> = found["hits"]["hits"].as_array().unwrap().iter().map(|it| &it["_source"]).collect();
    let times: Vec<_> = hits.iter().map(|it| (it["host"]["hostname"].as_str().unwrap(), it["@timestamp"].as_str().unwrap())).collect();
    assert_eq!(times.len(), 2, "{found}");
    assert_eq!((times[0].0, &times[0].1[4..13]), ("tokyo", "-11-03T03"), "{times:?}");
    assert_eq!((times[1].0, &times[1].1[4..13]), ("utc", "-11-03T12"), "{times:?}");

    let metrics = door.send("GET", "/metrics", &[], "").text();
    assert!(metrics.contains("sekisho_syslog_received_total{transport=\"tls\"} 2\n"), "{metrics}");
    for line in ["sekisho_syslog_udp_receive_buffer_bytes{address=\"[::1]:", "sekisho_syslog_udp_dropped_total{address=\"127.0.0.1:"] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(metrics.contains("sekisho_host_udp_receive_buffer_errors_total "), "{metrics}");
    assert!(metrics.contains("sekisho_syslog_tls_handshake_failures_total 1\n"), "{metrics}");
    door.stop();
}

#[test]
fn a_balancer_gives_the_address_of_whom_it_speaks_for() {
    let door = Door::open_with(|config| config.syslog_proxy_protocol = true);
    door.syslog(b"PROXY TCP4 192.0.2.77 198.51.100.1 40000 514\r\n<14>Nov  3 12:00:00 host app: behind a balancer\n");
    door.json("POST", "/_refresh", &Value::Null);
    let found = door.json("GET", "/syslog/_search", &Value::Null);
    assert!(found["hits"]["hits"][0]["_source"].to_string().contains("192.0.2.77"), "{found}");
}
