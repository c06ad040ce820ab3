//! Certificate, key and trusted client CAs of TLS listeners (syslog's, and the server's HTTP), read anew when the files change, without a
//! restart. TLS 1.2 and 1.3.
//!
//! The files' contents are compared, not their times and inodes: they are a few kilobytes, and it is exact however they are replaced
//! (rename, overwrite, a mounted secret's symbolic link). New files that can't be used change nothing but a count and a line in the log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{error, info};

use super::listeners::{Stop, stopped};
use crate::metrics::Metrics;

/// Time between two looks at the files.
pub const TLS_RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// Where things are, all of them PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Our certificate, then those that lead to its CA.
    pub certificate: PathBuf,
    /// Its private key: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: PathBuf,
    /// CAs of the clients' certificates. Given, a client without such a certificate is refused.
    pub client_ca: Option<PathBuf>,
}

/// Why the files can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("can't read [{path}]: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A file does not hold what it is for.
    #[error("[{path}] does not hold {wanted}: {reason}")]
    Content {
        /// The file.
        path: String,
        /// What should be in it.
        wanted: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Certificate and key are well formed and don't go together, or the key's kind is not known.
    #[error("certificate [{certificate}] and key [{key}] can't be used: {reason}")]
    Pair {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

/// What TLS listeners greet with.
pub struct Tls {
    files: TlsFiles,
    current: Mutex<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    /// What the files held when they were last looked at, whether it could be used or not.
    seen: Result<Contents, TlsError>,
}

#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`]: what is wrong with which file.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let contents = Contents::read(&files)?;
        let config = contents.config(&files)?;
        Ok(Self { files, current: Mutex::new(Current { config, seen: Ok(contents) }) })
    }

    /// Whether clients must show a certificate.
    pub fn demands_client_certificates(&self) -> bool {
        self.files.client_ca.is_some()
    }

    /// Looks at the files, which blocks. Whether something changed; connections that are open keep what they were greeted with.
    ///
    /// # Errors
    /// [`TlsError`] once for every change that can't be used; the last usable state stays.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let seen = Contents::read(&self.files);
        if seen == self.current().seen {
            return Ok(false);
        }
        let config = seen.as_ref().map_err(TlsError::clone).and_then(|it| it.config(&self.files));
        let mut current = self.current();
        current.seen = seen;
        current.config = config?;
        Ok(true)
    }

    /// Reloads every `interval` until `stop`.
    pub async fn keep_fresh(self: Arc<Self>, interval: Duration, metrics: Arc<Metrics>, mut stop: Stop) {
        loop {
            tokio::select! {
                () = stopped(&mut stop) => return,
                () = tokio::time::sleep(interval) => {}
            }
            let tls = self.clone();
            match tokio::task::spawn_blocking(move || tls.reload()).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => {
                    metrics.tls_reloads.add(1);
                    info!(certificate = %self.files.certificate.display(), "TLS certificate reloaded");
                }
                Ok(Err(reason)) => {
                    metrics.tls_reload_failures.add(1);
                    error!(%reason, "TLS certificate not reloaded, the old one stays in use");
                }
                Err(failure) => {
                    metrics.tls_reload_failures.add(1);
                    error!(%failure, "TLS certificate not reloaded: failed inside");
                }
            }
        }
    }

    /// Greets who has just connected, with the certificate of this moment.
    ///
    /// # Errors
    /// What ended the handshake.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor().accept(stream).await
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current().config.clone())
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().expect("no panic while the lock is held")
    }
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |path: &Path| std::fs::read(path).map_err(|error| unreadable(path, &error));
        let client_ca = files.client_ca.as_deref().map(read).transpose()?;
        Ok(Self { certificate: read(&files.certificate)?, key: read(&files.key)?, client_ca })
    }

    fn config(&self, files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
        let chain = certificates(&files.certificate, &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| content(&files.key, "a private key", error))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .expect("the provider's suites serve both versions");
        let builder = match (&files.client_ca, &self.client_ca) {
            (Some(path), Some(pem)) => {
                let mut roots = RootCertStore::empty();
                for ca in certificates(path, pem)? {
                    roots.add(ca).map_err(|error| content(path, "CA certificates", error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|error| content(path, "CA certificates", error))?;
                builder.with_client_cert_verifier(verifier)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| TlsError::Pair {
            certificate: files.certificate.display().to_string(),
            key: files.key.display().to_string(),
            reason: error.to_string(),
        })?;
        // Senders stay connected for days; a resumed session would only carry over what a new certificate or CA should end.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(|error| content(path, "certificates", error))?;
    if found.is_empty() { Err(content(path, "certificates", "there is none")) } else { Ok(found) }
}

fn unreadable(path: &Path, error: &io::Error) -> TlsError {
    TlsError::Unreadable { path: path.display().to_string(), reason: error.to_string() }
}

fn content(path: &Path, wanted: &'static str, reason: impl std::fmt::Display) -> TlsError {
    TlsError::Content { path: path.display().to_string(), wanted, reason: reason.to_string() }
}
