//! Settings: a flag wins over an environment variable, which wins over the file, which wins over the default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;

/// Settings of `serve`, as far as they were given on the command line or in the environment.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where everything is kept; created where it does not exist.
    #[arg(long, env = "SEKISHO_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address of HTTP: the Elasticsearch dialect and the dashboard [default: 127.0.0.1:9200].
    #[arg(long, env = "SEKISHO_HTTP", value_name = "ADDR")]
    pub http: Option<SocketAddr>,
    /// Address of syslog over UDP; may be given several times [default: 127.0.0.1:5514].
    #[arg(long, env = "SEKISHO_SYSLOG_UDP", value_name = "ADDR", value_delimiter = ',')]
    pub syslog_udp: Option<Vec<SocketAddr>>,
    /// Address of syslog over TCP; may be given several times [default: 127.0.0.1:5514].
    #[arg(long, env = "SEKISHO_SYSLOG_TCP", value_name = "ADDR", value_delimiter = ',')]
    pub syslog_tcp: Option<Vec<SocketAddr>>,
    /// IANA time zone in which the firewalls write local times, such as Asia/Tokyo [default: UTC].
    #[arg(long, env = "SEKISHO_DEVICE_TIME_ZONE", value_name = "ZONE")]
    pub device_time_zone: Option<String>,
    /// Host names beside the loopback ones under which the dashboard may be asked; may be given several times.
    #[arg(long, env = "SEKISHO_ALLOW_HOST", value_name = "NAME", value_delimiter = ',')]
    pub allow_host: Option<Vec<String>>,
    /// The Elasticsearch version that clients are told [default: 8.15.3].
    #[arg(long, env = "SEKISHO_ES_VERSION", value_name = "VERSION")]
    pub es_version: Option<String>,
    /// Listen on other addresses than loopback although there are no users and no TLS yet.
    #[arg(long, env = "SEKISHO_INSECURE", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub insecure: Option<bool>,
}

/// Settings with every default filled in.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory.
    pub data_dir: PathBuf,
    /// HTTP.
    pub http: SocketAddr,
    /// Syslog over UDP.
    pub syslog_udp: Vec<SocketAddr>,
    /// Syslog over TCP.
    pub syslog_tcp: Vec<SocketAddr>,
    /// Zone of device-local times.
    pub device_time_zone: Option<String>,
    /// Names in `Host` headers that are served; empty serves any.
    pub hosts: Vec<String>,
    /// The dialect's version.
    pub es_version: String,
}

impl Settings {
    /// Fills what was not given from a TOML file.
    ///
    /// # Errors
    /// When the file can't be read or has a key that is none.
    pub fn or_file(self, path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading [{}]", path.display()))?;
        let file: Settings = toml::from_str(&text).with_context(|| format!("in [{}]", path.display()))?;
        Ok(Self {
            data_dir: self.data_dir.or(file.data_dir),
            http: self.http.or(file.http),
            syslog_udp: self.syslog_udp.or(file.syslog_udp),
            syslog_tcp: self.syslog_tcp.or(file.syslog_tcp),
            device_time_zone: self.device_time_zone.or(file.device_time_zone),
            allow_host: self.allow_host.or(file.allow_host),
            es_version: self.es_version.or(file.es_version),
            insecure: self.insecure.or(file.insecure),
        })
    }

    /// Fills in the defaults and checks what can't be meant.
    ///
    /// # Errors
    /// Without a data directory; for an address that is not loopback without `--insecure`; for a time zone that is none.
    pub fn finish(self) -> anyhow::Result<Config> {
        let loopback = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let Some(data_dir) = self.data_dir else { bail!("where is the data? give --data-dir DIR (or SEKISHO_DATA_DIR)") };
        let http = self.http.unwrap_or_else(|| loopback(9200));
        let syslog_udp = self.syslog_udp.unwrap_or_else(|| vec![loopback(5514)]);
        let syslog_tcp = self.syslog_tcp.unwrap_or_else(|| vec![loopback(5514)]);
        let public = std::iter::once(&http).chain(&syslog_udp).chain(&syslog_tcp).find(|it| !it.ip().is_loopback());
        let is_insecure = self.insecure.unwrap_or(false);
        if let Some(address) = public.filter(|_| !is_insecure) {
            bail!("[{address}] can be reached by others, and there are no users and no TLS yet: listen on 127.0.0.1, or say --insecure");
        }
        if let Some(zone) = &self.device_time_zone {
            jiff::tz::TimeZone::get(zone).with_context(|| format!("[{zone}] is not an IANA time zone"))?;
        }
        // A tricked browser asks under its attacker's name. Whoever opens the server to a network is asked under names that we can't know.
        let mut hosts: Vec<String> = self.allow_host.unwrap_or_default().iter().map(|it| it.to_ascii_lowercase()).collect();
        if http.ip().is_loopback() {
            hosts.extend(["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), http.ip().to_string()]);
        }
        Ok(Config {
            data_dir,
            http,
            syslog_udp,
            syslog_tcp,
            device_time_zone: self.device_time_zone,
            hosts,
            es_version: self.es_version.unwrap_or_else(|| "8.15.3".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_must_be_said_aloud() {
        let public = Settings { data_dir: Some("x".into()), http: Some("0.0.0.0:9200".parse().unwrap()), ..Settings::default() };
        assert!(public.clone().finish().unwrap_err().to_string().contains("--insecure"));
        assert!(Settings { insecure: Some(true), ..public }.finish().is_ok());
    }

    #[test]
    fn an_unknown_key_in_the_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sekisho.toml");
        std::fs::write(&path, "http = \"127.0.0.1:1\"\nhtpp = 1\n").unwrap();
        let error = format!("{:#}", Settings::default().or_file(&path).unwrap_err());
        assert!(error.contains("htpp"), "{error}");
        std::fs::write(&path, "http = \"127.0.0.1:1\"\nes_version = \"9.0.0\"\n").unwrap();
        let flag = Settings { http: Some("127.0.0.1:2".parse().unwrap()), data_dir: Some("d".into()), ..Settings::default() };
        let config = flag.or_file(&path).unwrap().finish().unwrap();
        assert_eq!((config.http.port(), config.es_version.as_str()), (2, "9.0.0"));
    }
}
