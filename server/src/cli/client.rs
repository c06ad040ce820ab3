//! HTTP as commands speak it to a server: one GET per connection, with TLS and credentials where they are wanted. Not for clients in general.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// For a connection, and for each reading and writing on it.
const SOCKET_TIMEOUT: Duration = Duration::from_secs(10);

/// More than any answer that a command asks for.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Where a server is and who asks.
#[derive(clap::Args)]
pub(super) struct ClientArgs {
    /// The server's HTTP interface, as HOST:PORT or <https://HOST:PORT>.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9200")]
    http: String,

    /// PEM file with the CA of the server's certificate; of a server that made its own CA it is `http-ca.pem` in its data directory.
    #[arg(long, value_name = "FILE")]
    http_ca: Option<PathBuf>,

    /// User to log in as, where a password is given.
    #[arg(long, value_name = "NAME", default_value = "admin")]
    user: String,

    /// File with that user's password; a line end after it does not belong to it. `SEKISHO_ADMIN_PASSWORD` does too.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// File with an API key as making one answers it (`encoded`), instead of a user. `SEKISHO_API_KEY` does too.
    #[arg(long, value_name = "FILE", conflicts_with = "password_file")]
    api_key_file: Option<PathBuf>,
}

/// A server to ask.
pub(super) struct Client {
    address: String,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    authorization: Option<String>,
}

impl Client {
    pub(super) fn new(args: &ClientArgs) -> anyhow::Result<Self> {
        let (is_https, rest) = match args.http.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some((scheme, _)) => bail!("--http: [{scheme}] is neither http nor https"),
            None => (false, args.http.as_str()),
        };
        let address = rest.trim_end_matches('/').to_owned();
        let tls = match is_https {
            true => Some((trusting(args.http_ca.as_deref())?, server_name(&address)?)),
            false => None,
        };
        Ok(Self { address, tls, authorization: authorization(args)? })
    }

    /// Status and JSON body of an answer.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        let stream = connect(&self.address)?;
        match &self.tls {
            None => self.exchange(stream, path),
            Some((config, name)) => {
                let connection = ClientConnection::new(config.clone(), name.clone()).context("TLS")?;
                self.exchange(StreamOwned::new(connection, stream), path)
            }
        }
    }

    fn exchange(&self, mut stream: impl Read + Write, path: &str) -> anyhow::Result<(u16, Value)> {
        let address = &self.address;
        let authorization = self.authorization.as_ref().map_or_else(String::new, |it| format!("Authorization: {it}\r\n"));
        // HTTP/1.0 has neither chunks nor connections to keep.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n{authorization}\r\n")
            .with_context(|| address.clone())?;
        let mut answer = String::new();
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).with_context(|| address.clone())?;
        let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("{address} answered something that is not HTTP"))?;
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).with_context(|| format!("{address} answered no status"))?;
        let body = serde_json::from_str(body).with_context(|| format!("{address} answered {status} and something that is not JSON"))?;
        Ok((status, body))
    }
}

/// A connection to `HOST:PORT`.
pub(super) fn connect(address: &str) -> anyhow::Result<TcpStream> {
    let target = address.to_socket_addrs().with_context(|| address.to_owned())?.next().with_context(|| format!("{address} is no address"))?;
    let stream = TcpStream::connect_timeout(&target, SOCKET_TIMEOUT).with_context(|| address.to_owned())?;
    stream.set_read_timeout(Some(SOCKET_TIMEOUT))?;
    stream.set_write_timeout(Some(SOCKET_TIMEOUT))?;
    Ok(stream)
}

fn trusting(ca: Option<&Path>) -> anyhow::Result<Arc<ClientConfig>> {
    let path = ca.context("https needs --http-ca: no CA is trusted unless it is named")?;
    let pem = std::fs::read(path).with_context(|| path.display().to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.with_context(|| path.display().to_string())?).with_context(|| path.display().to_string())?;
    }
    if roots.is_empty() {
        bail!("{}: no certificate is in it", path.display());
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    Ok(Arc::new(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth()))
}

fn server_name(address: &str) -> anyhow::Result<ServerName<'static>> {
    let host = address.rsplit_once(':').map_or(address, |it| it.0).trim_matches(['[', ']']);
    ServerName::try_from(host.to_owned()).with_context(|| format!("[{host}] is no host name"))
}

fn authorization(args: &ClientArgs) -> anyhow::Result<Option<String>> {
    let of_file = |path: &PathBuf| -> anyhow::Result<String> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    };
    let of = |file: &Option<PathBuf>, variable: &str| match file {
        Some(path) => of_file(path).map(Some),
        None => Ok(std::env::var(variable).ok().filter(|it| !it.is_empty())),
    };
    // What is named wins over what the environment happens to have.
    if args.password_file.is_none()
        && let Some(key) = of(&args.api_key_file, "SEKISHO_API_KEY")?
    {
        return Ok(Some(format!("ApiKey {key}")));
    }
    let password = of(&args.password_file, "SEKISHO_ADMIN_PASSWORD")?;
    Ok(password.map(|it| format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{it}", args.user)))))
}
