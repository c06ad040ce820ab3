//! Settings. One line of `settings!` makes a setting: its flag, its environment variable, its key in the file, its help.
//!
//! A flag wins over `SEKISHO_…`, that over the TOML file, that over the default. An unknown key of the file is an error. An
//! unknown variable is not: Kubernetes sets `SEKISHO_PORT_9200_TCP` and the like for a service of that name.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use sekisho_engine::Watermarks;
use sekisho_ingest::{DeviceZones, Limits, TlsFiles};
use serde::{Deserialize, Serialize};

use crate::backup::BackupPlace;
use crate::listen::{Listen, Listens};
use crate::retention::{KeptAges, KeptBytes};

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $(#[arg($($arg:tt)*)])? $name:ident: $kind:ty = $default:expr;)*) => {
        /// All settings, with a value each.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $name: $kind,)*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// The same settings as flags, where none needs to be given.
        #[derive(Args, Clone, Debug, Default, Serialize)]
        pub struct Flags {
            /// TOML file with settings; keys are the flags' names with `_`.
            #[arg(long, value_name = "FILE", env = "SEKISHO_CONFIG")]
            #[serde(skip)]
            pub config: Option<PathBuf>,
            $(
                $(#[doc = $doc])+
                #[arg(long $(, $($arg)*)?)]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<$kind>,
            )*
        }

        /// The names of all settings.
        pub const KEYS: &[&str] = &[$(stringify!($name)),*];
    };
}

settings! {
    /// Directory of all data; created where it does not exist. [default: data]
    #[arg(value_name = "DIR")]
    data_dir: PathBuf = PathBuf::from("data");

    /// Address of the HTTP interface and the dashboard. [default: 127.0.0.1:9200]
    #[arg(value_name = "ADDR")]
    http: Listen = Listen::loopback(9200);

    /// Whether HTTP speaks TLS, and nothing else. It does where a certificate is named too; without one the server makes a CA in its data
    /// directory and signs a certificate for this machine's names and those in `allowed_hosts`. [default: false]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    http_tls: bool = false;

    /// PEM file with the certificate for HTTP, followed by those that lead to its CA. Read again when it changes. [default: none]
    #[arg(value_name = "FILE")]
    http_tls_certificate: PathBuf = PathBuf::new();

    /// PEM file with the key of that certificate, not encrypted. Read again when it changes. [default: none]
    #[arg(value_name = "FILE")]
    http_tls_key: PathBuf = PathBuf::new();

    /// PEM file with the CAs of clients' certificates; given, a client without such a certificate is refused, and probes and browsers with
    /// it. Credentials are asked for all the same. Read again when it changes. [default: none]
    #[arg(value_name = "FILE")]
    http_tls_client_ca: PathBuf = PathBuf::new();

    /// Addresses for syslog over UDP, separated by commas, or `off`. Each may end in `@` and the IANA time zone of its devices, as in
    /// `0.0.0.0:514,[::]:514,192.0.2.1:5515@Asia/Tokyo`. An IPv6 address takes IPv6 only. [default: 127.0.0.1:5514]
    #[arg(value_name = "ADDRS")]
    syslog_udp: Listens = Listens::loopback(5514);

    /// Addresses for syslog over TCP, like those of UDP. [default: 127.0.0.1:5514]
    #[arg(value_name = "ADDRS")]
    syslog_tcp: Listens = Listens::loopback(5514);

    /// Addresses for syslog over TLS, like those of UDP. [default: off]
    #[arg(value_name = "ADDRS")]
    syslog_tls: Listens = Listens::default();

    /// PEM file with the certificate for syslog over TLS, followed by those that lead to its CA. Read again when it changes. [default: none]
    #[arg(value_name = "FILE")]
    syslog_tls_certificate: PathBuf = PathBuf::new();

    /// PEM file with the key of that certificate, not encrypted. Read again when it changes. [default: none]
    #[arg(value_name = "FILE")]
    syslog_tls_key: PathBuf = PathBuf::new();

    /// PEM file with the CAs of the senders' certificates; given, a sender without such a certificate is refused. Read again when it
    /// changes. [default: none]
    #[arg(value_name = "FILE")]
    syslog_tls_client_ca: PathBuf = PathBuf::new();

    /// Whether syslog connections (TCP and TLS) begin with a PROXY header, as a load balancer writes it; those without one are
    /// refused, and the address in it is believed. [default: false]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    syslog_proxy_protocol: bool = false;

    /// Syslog connections (TCP and TLS) that may be open; one more is closed at once. Each needs a file descriptor. [default: 20000]
    #[arg(value_name = "COUNT")]
    syslog_connections_max: usize = Limits::default().connections_max;

    /// Syslog connections that may be open from one address, which behind a load balancer is the balancer's unless it speaks the
    /// PROXY protocol. [default: 10000]
    #[arg(value_name = "COUNT")]
    syslog_connections_per_source_max: usize = Limits::default().connections_per_source_max;

    /// Seconds after which a syslog connection on which nothing came is closed. [default: 3600]
    #[arg(value_name = "SECONDS")]
    syslog_idle_timeout_s: u64 = Limits::default().idle_timeout.as_secs();

    /// Ask nobody for credentials, even where HTTP or syslog listens on addresses that other machines reach. [default: false]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    insecure: bool = false;

    /// Ask for credentials on this machine's loopback too. Where other machines reach HTTP or syslog they are asked for in any case, unless
    /// `insecure` is set. [default: false]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    require_login: bool = false;

    /// Password of the user `admin`, which the first start that asks for credentials makes; later ones ignore it. Unset, one is made and shown
    /// once. [default: none]
    #[arg(value_name = "PASSWORD", hide_env_values = true)]
    admin_password: String = String::new();

    /// File that holds that password; a line end after it does not belong to it. [default: none]
    #[arg(value_name = "FILE")]
    admin_password_file: PathBuf = PathBuf::new();

    /// Whether `/metrics` answers without credentials. [default: false]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    public_metrics: bool = false;

    /// More names that HTTP requests may give as their host, separated by commas; `*` allows any, which lets web pages that a
    /// user visits read the data (DNS rebinding). Names and addresses of this machine's loopback are always allowed.
    #[arg(value_name = "NAMES")]
    allowed_hosts: HostNames = HostNames::default();

    /// Bytes of request bodies, unpacked, that may be in memory at one time; what would exceed it is answered with 429, and clients
    /// try again. [default: 536870912]
    #[arg(value_name = "BYTES")]
    request_memory_bytes: u64 = 512 << 20;

    /// IANA time zone in which the firewalls write times without an offset. [default: UTC]
    #[arg(value_name = "ZONE")]
    device_time_zone: TimeZoneName = TimeZoneName::default();

    /// Time zones of single devices, as `0018A=Asia/Tokyo,192.0.2.7=Europe/Berlin`: by serial number or by the address that sends.
    /// [default: none]
    #[arg(value_name = "DEVICE=ZONE,…")]
    device_time_zones: DeviceZoneNames = DeviceZoneNames::default();

    /// Token that the HTTP Event Collector (`/services/collector`) asks for. [default: none is asked for]
    #[arg(value_name = "TOKEN", hide_env_values = true)]
    hec_token: String = String::new();

    /// Folder of site rules: `<stream>.vrl` (as `panos-traffic.vrl`) for one stream, `_all.vrl` for all. Read again when a file
    /// changes. [default: none]
    #[arg(value_name = "DIR")]
    pipelines_dir: PathBuf = PathBuf::new();

    /// Folder of enrichment lists: `<name>.txt` with addresses, networks, domains or plain text, a line each; `<name>.csv` with such
    /// entries in the first column. Read again when a file changes. [default: none]
    #[arg(value_name = "DIR")]
    lists_dir: PathBuf = PathBuf::new();

    /// Database of cities or countries in MaxMind's format (`.mmdb`). Read again when it changes. [default: none]
    #[arg(value_name = "FILE")]
    geoip_city: PathBuf = PathBuf::new();

    /// Database of autonomous systems in MaxMind's format. Read again when it changes. [default: none]
    #[arg(value_name = "FILE")]
    geoip_asn: PathBuf = PathBuf::new();

    /// Folder in which `POST /_sekisho/backup` makes backups, best on another disk. [default: none, and none are made]
    #[arg(value_name = "DIR")]
    backup_dir: PathBuf = PathBuf::new();

    /// Age at which documents of data streams are deleted that say nothing themselves, as `90d`, or by pattern of the stream's name, of which
    /// the first counts: `panos-url=14d,*=90d`. [default: none, and they are kept for ever]
    #[arg(value_name = "AGE,…")]
    retention_age: KeptAges = KeptAges::default();

    /// Bytes on disk above which the oldest documents of a data stream are deleted, for each stream, written likewise:
    /// `panos-traffic=500gb,*=50gb`. [default: none]
    #[arg(value_name = "BYTES,…")]
    retention_bytes: KeptBytes = KeptBytes::default();

    /// Percent of the disk in use above which it is warned, and streams with a limit in bytes lose their oldest documents early; 100 is never.
    /// [default: 90]
    #[arg(value_name = "PERCENT")]
    disk_high_percent: u8 = Watermarks::default().high_percent;

    /// Percent of the disk in use above which no write is taken (HTTP answers 429, syslog over TCP waits), until it is below
    /// `disk_high_percent` again; 100 is never. [default: 95]
    #[arg(value_name = "PERCENT")]
    disk_flood_percent: u8 = Watermarks::default().flood_percent;

    /// Version of Elasticsearch that clients are told. [default: 8.15.3]
    #[arg(value_name = "VERSION")]
    reported_version: String = "8.15.3".to_owned();

    /// What is written to our own log, as `info` or `warn,sekisho_engine=debug`. [default: info]
    #[arg(value_name = "FILTER")]
    log: String = "info".to_owned();
}

/// Settings that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file, variable or flag can't be read as what it is for.
    #[error("{0}")]
    Unreadable(#[from] Box<figment::Error>),
    /// The named file is not there.
    #[error("settings file [{0}] does not exist")]
    NoFile(PathBuf),
    /// This build has no site rules.
    #[error("[{0}] is set and this build has no site rules: it was made without the feature pipelines")]
    NoSiteRules(&'static str),
    /// The file of the first password can't be read.
    #[error("[admin_password_file = {path}] can't be read: {error}")]
    NoPassword {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// TLS needs files that are not named.
    #[error("[syslog_tls = {0}] needs syslog_tls_certificate and syslog_tls_key")]
    NoCertificate(Listens),
    /// Watermarks of the disk that make no sense.
    #[error("[disk_high_percent = {high}] must be between 1 and [disk_flood_percent = {flood}], and that at most 100")]
    Watermarks {
        /// The first.
        high: u8,
        /// The second.
        flood: u8,
    },
    /// A certificate without its key, or the other way round; or CAs of clients without either.
    #[error("[http_tls_certificate] and [http_tls_key] need each other, and [http_tls_client_ca] needs both")]
    HalfCertificate,
    /// A number that would let nothing in.
    #[error("[{0}] must be at least 1")]
    Zero(&'static str),
}

impl Config {
    /// Settings from defaults, file, environment and flags.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        Self::load_over(&Self::default(), flags)
    }

    /// Like [`Config::load`], over other defaults.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load_over(defaults: &Self, flags: &Flags) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(defaults));
        if let Some(file) = &flags.config {
            if !Path::is_file(file) {
                return Err(ConfigError::NoFile(file.clone()));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let config: Self = figment.merge(Env::prefixed("SEKISHO_").only(KEYS)).merge(Serialized::defaults(flags)).extract().map_err(Box::new)?;
        config.check()?;
        Ok(config)
    }

    /// Refuses what can't work.
    fn check(&self) -> Result<(), ConfigError> {
        if !cfg!(feature = "pipelines")
            && let Some((key, _)) = self.site_rules().into_iter().find(|it| it.1.is_some())
        {
            return Err(ConfigError::NoSiteRules(key));
        }
        if !self.syslog_tls.is_off() && [&self.syslog_tls_certificate, &self.syslog_tls_key].iter().any(|it| it.as_os_str().is_empty()) {
            return Err(ConfigError::NoCertificate(self.syslog_tls.clone()));
        }
        let (high, flood) = (self.disk_high_percent, self.disk_flood_percent);
        if !(1..=flood).contains(&high) || flood > 100 {
            return Err(ConfigError::Watermarks { high, flood });
        }
        let given = |it: &PathBuf| !it.as_os_str().is_empty();
        if given(&self.http_tls_certificate) != given(&self.http_tls_key) || (given(&self.http_tls_client_ca) && !given(&self.http_tls_key)) {
            return Err(ConfigError::HalfCertificate);
        }
        let counts = [
            ("syslog_connections_max", self.syslog_connections_max),
            ("syslog_connections_per_source_max", self.syslog_connections_per_source_max),
            ("syslog_idle_timeout_s", self.syslog_idle_timeout_s as usize),
        ];
        if let Some((key, _)) = counts.iter().find(|it| it.1 == 0) {
            return Err(ConfigError::Zero(key));
        }
        Ok(())
    }

    /// Whether HTTP asks who comes: where other machines reach any of our addresses, and wherever it is wanted.
    pub fn asks_for_credentials(&self) -> bool {
        let http = Listens::from(self.http);
        // Where senders must show a certificate they are known already.
        let tls = (self.tls_client_ca().is_none()).then_some(&self.syslog_tls);
        let mut all = [&http, &self.syslog_udp, &self.syslog_tcp].into_iter().chain(tls).flat_map(|it| it.iter());
        !self.insecure && (self.require_login || all.any(|it| !is_loopback(it.address.ip())))
    }

    /// Whether HTTP speaks TLS.
    pub fn speaks_http_tls(&self) -> bool {
        self.http_tls || !self.http_tls_certificate.as_os_str().is_empty()
    }

    /// The certificate for HTTP, where one is named.
    pub fn http_tls_files(&self) -> Option<TlsFiles> {
        let path = |it: &PathBuf| (!it.as_os_str().is_empty()).then(|| it.clone());
        let (certificate, key) = (path(&self.http_tls_certificate)?, path(&self.http_tls_key)?);
        Some(TlsFiles { certificate, key, client_ca: path(&self.http_tls_client_ca) })
    }

    /// The password of the first administrator, where one is given.
    ///
    /// # Errors
    /// [`ConfigError::NoPassword`].
    pub fn admin_password(&self) -> Result<Option<String>, ConfigError> {
        let path = &self.admin_password_file;
        if path.as_os_str().is_empty() {
            return Ok((!self.admin_password.is_empty()).then(|| self.admin_password.clone()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::NoPassword { path: path.clone(), error })?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// The CAs of senders' certificates, where they are demanded.
    pub fn tls_client_ca(&self) -> Option<&Path> {
        (!self.syslog_tls_client_ca.as_os_str().is_empty()).then_some(self.syslog_tls_client_ca.as_path())
    }

    /// Where the data is and where its backups go.
    pub fn backup_place(&self) -> BackupPlace {
        let backup_dir = (!self.backup_dir.as_os_str().is_empty()).then(|| self.backup_dir.clone());
        BackupPlace { data_dir: self.data_dir.clone(), backup_dir }
    }

    /// What the HTTP Event Collector asks for.
    pub fn hec_token(&self) -> Option<String> {
        (!self.hec_token.is_empty()).then(|| self.hec_token.clone())
    }

    /// When the disk is too full.
    pub fn watermarks(&self) -> Watermarks {
        Watermarks { high_percent: self.disk_high_percent, flood_percent: self.disk_flood_percent }
    }

    /// What listeners allow.
    pub fn limits(&self) -> Limits {
        Limits {
            connections_max: self.syslog_connections_max,
            connections_per_source_max: self.syslog_connections_per_source_max,
            idle_timeout: Duration::from_secs(self.syslog_idle_timeout_s),
            ..Limits::default()
        }
    }
}

impl Config {
    /// Where site rules, lists and databases are, with the names of the settings.
    pub fn site_rules(&self) -> [(&'static str, Option<PathBuf>); 4] {
        let paths = [
            ("pipelines_dir", &self.pipelines_dir),
            ("lists_dir", &self.lists_dir),
            ("geoip_city", &self.geoip_city),
            ("geoip_asn", &self.geoip_asn),
        ];
        paths.map(|(key, path)| (key, (!path.as_os_str().is_empty()).then(|| path.clone())))
    }
}

/// Names that requests may give as their host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OneOrMany", into = "Vec<String>")]
pub struct HostNames(Vec<String>);

impl HostNames {
    /// The names, without the `*` that allows any.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|it| *it != "*")
    }

    /// Whether a host name (without port) is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|it| it == "*" || it.eq_ignore_ascii_case(name))
    }
}

/// A list as settings give it: text with commas, or in the file also an array.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    /// All of it as one text with commas.
    pub(crate) fn joined(self) -> String {
        match self {
            Self::One(text) => text,
            Self::Many(texts) => texts.join(","),
        }
    }
}

impl From<OneOrMany> for HostNames {
    fn from(names: OneOrMany) -> Self {
        match names {
            OneOrMany::One(text) => text.parse().expect("any text is a list"),
            OneOrMany::Many(names) => Self(names),
        }
    }
}

impl From<HostNames> for Vec<String> {
    fn from(names: HostNames) -> Self {
        names.0
    }
}

impl FromStr for HostNames {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()))
    }
}

/// An IANA time zone that we know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZoneName(String);

impl TimeZoneName {
    /// The name; `None` for UTC.
    pub fn name(&self) -> Option<&str> {
        (self.0 != "UTC").then_some(self.0.as_str())
    }
}

impl Default for TimeZoneName {
    fn default() -> Self {
        Self("UTC".to_owned())
    }
}

/// Nobody knows a time zone of that name.
#[derive(Clone, Debug, thiserror::Error)]
#[error("there is no time zone [{0}]; give a name such as Europe/Berlin or Asia/Tokyo")]
pub struct TimeZoneError(String);

impl FromStr for TimeZoneName {
    type Err = TimeZoneError;

    fn from_str(text: &str) -> Result<Self, TimeZoneError> {
        match jiff::tz::TimeZone::get(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(TimeZoneError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for TimeZoneName {
    type Error = TimeZoneError;

    fn try_from(text: String) -> Result<Self, TimeZoneError> {
        text.parse()
    }
}

impl From<TimeZoneName> for String {
    fn from(zone: TimeZoneName) -> Self {
        zone.0
    }
}

impl fmt::Display for TimeZoneName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Time zones of single devices, by serial number or address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OneOrMany", into = "Vec<String>")]
pub struct DeviceZoneNames(Vec<(String, TimeZoneName)>);

impl DeviceZoneNames {
    /// For the lines' way in.
    pub fn zones(&self) -> DeviceZones {
        DeviceZones::new(self.0.iter().map(|(device, zone)| (device.clone(), zone.0.clone())))
    }
}

/// Text that is no list of devices with their zones.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DeviceZoneError {
    /// No device or no zone.
    #[error("[{0}] is not of the form DEVICE=ZONE, as 0018A=Asia/Tokyo")]
    Form(String),
    /// Nobody knows the zone.
    #[error(transparent)]
    Zone(#[from] TimeZoneError),
}

impl FromStr for DeviceZoneNames {
    type Err = DeviceZoneError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pair = |it: &str| {
            let (device, zone) = it.split_once('=').filter(|it| !it.0.trim().is_empty()).ok_or_else(|| DeviceZoneError::Form(it.to_owned()))?;
            Ok((device.trim().to_owned(), zone.trim().parse()?))
        };
        text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(pair).collect::<Result<_, _>>().map(Self)
    }
}

impl TryFrom<OneOrMany> for DeviceZoneNames {
    type Error = DeviceZoneError;

    fn try_from(zones: OneOrMany) -> Result<Self, Self::Error> {
        match zones {
            OneOrMany::One(text) => text.parse(),
            OneOrMany::Many(texts) => texts.join(",").parse(),
        }
    }
}

impl From<DeviceZoneNames> for Vec<String> {
    fn from(zones: DeviceZoneNames) -> Self {
        zones.0.iter().map(|(device, zone)| format!("{device}={zone}")).collect()
    }
}

/// Whether an address is one that only this machine reaches.
pub fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        flags: Flags,
    }

    fn flags(arguments: &[&str]) -> Flags {
        use clap::Parser as _;
        Cli::parse_from(std::iter::once("sekisho").chain(arguments.iter().copied())).flags
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = file("http = \"127.0.0.1:1\"\nsyslog_tcp = \"off\"\nallowed_hosts = [\"a\", \"b\"]\n");
        let config = Config::load(&flags(&["--config", file.path().to_str().unwrap(), "--http", "localhost:2"])).unwrap();
        assert_eq!((config.http, config.syslog_tcp, config.syslog_udp), (Listen::loopback(2), Listens::default(), Listens::loopback(5514)));
        assert!(config.allowed_hosts.contains("B") && !config.allowed_hosts.contains("c"));
    }

    #[test]
    fn an_unknown_key_of_the_file_is_an_error_that_names_it() {
        let file = file("htpp = \"127.0.0.1:1\"\n");
        let error = Config::load(&flags(&["--config", file.path().to_str().unwrap()])).unwrap_err().to_string();
        assert!(error.contains("htpp"), "{error}");
    }

    #[test]
    fn where_other_machines_reach_us_credentials_are_asked_for() {
        let asks = |arguments: &[&str]| Config::load(&flags(arguments)).unwrap().asks_for_credentials();
        assert!(!asks(&[]) && asks(&["--require-login"]) && !asks(&["--require-login", "--insecure"]));
        for flag in ["--http", "--syslog-udp", "--syslog-tcp"] {
            assert!(asks(&[flag, "0.0.0.0:0"]) && !asks(&[flag, "0.0.0.0:0", "--insecure"]), "{flag}");
        }
        let tls = ["--syslog-tls", "0.0.0.0:6514", "--syslog-tls-certificate", "c", "--syslog-tls-key", "k"];
        assert!(asks(&tls) && !asks(&[&tls[..], &["--syslog-tls-client-ca", "ca"]].concat()));
    }

    #[test]
    fn the_first_password_comes_from_a_setting_or_a_file() {
        let password = |arguments: &[&str]| Config::load(&flags(arguments)).unwrap().admin_password();
        assert_eq!(password(&[]).unwrap(), None);
        assert_eq!(password(&["--admin-password", "secret-1"]).unwrap().as_deref(), Some("secret-1"));
        let file = file("secret-2\n");
        assert_eq!(password(&["--admin-password-file", file.path().to_str().unwrap()]).unwrap().as_deref(), Some("secret-2"));
        assert!(password(&["--admin-password-file", "/nonexistent"]).unwrap_err().to_string().contains("/nonexistent"));
    }

    #[test]
    fn several_addresses_come_as_text_or_as_an_array() {
        let expected: Listens = "127.0.0.1:1,[::1]:1@Asia/Tokyo".parse().unwrap();
        for text in ["syslog_udp = \"127.0.0.1:1,[::1]:1@Asia/Tokyo\"", "syslog_udp = [\"127.0.0.1:1\", \"[::1]:1@Asia/Tokyo\"]"] {
            let file = file(text);
            assert_eq!(Config::load(&flags(&["--config", file.path().to_str().unwrap()])).unwrap().syslog_udp, expected);
        }
        assert_eq!(Config::load(&flags(&["--syslog-udp", "127.0.0.1:1,[::1]:1@Asia/Tokyo"])).unwrap().syslog_udp, expected);
    }

    #[test]
    fn tls_needs_its_files() {
        let error = |more: &[&str]| Config::load(&flags(&[&["--syslog-tls", "0.0.0.0:6514"], more].concat())).map_err(|it| it.to_string());
        assert!(error(&[]).unwrap_err().contains("needs syslog_tls_certificate"));
        assert!(error(&["--syslog-tls-certificate", "c"]).unwrap_err().contains("needs syslog_tls_certificate"));
        assert!(error(&["--syslog-tls-certificate", "c", "--syslog-tls-key", "k"]).is_ok());
    }

    #[test]
    fn limits_that_let_nothing_in_are_refused() {
        for flag in ["--syslog-connections-max", "--syslog-connections-per-source-max", "--syslog-idle-timeout-s"] {
            assert!(Config::load(&flags(&[flag, "0"])).unwrap_err().to_string().contains("must be at least 1"));
        }
        let limits = Config::load(&flags(&["--syslog-connections-max", "7", "--syslog-idle-timeout-s", "9"])).unwrap().limits();
        assert_eq!((limits.connections_max, limits.idle_timeout), (7, Duration::from_secs(9)));
    }

    #[test]
    fn retention_comes_as_a_flag_as_text_or_as_an_array() {
        let day_ms = 86_400_000;
        let of = |config: Config| config.retention_age.defaults(&config.retention_bytes).of("panos-url");
        let flag = Config::load(&flags(&["--retention-age", "panos-url=14d,90d", "--retention-bytes", "50gb"])).unwrap();
        assert_eq!((of(flag.clone()).age_ms, of(flag).bytes), (Some(14 * day_ms), Some(50 << 30)));
        for text in ["retention_age = \"90d\"", "retention_age = [\"panos-threat=1d\", \"90d\"]"] {
            let file = file(text);
            assert_eq!(of(Config::load(&flags(&["--config", file.path().to_str().unwrap()])).unwrap()).age_ms, Some(90 * day_ms), "{text}");
        }
        let file = file("retention_age = \"ninety\"");
        assert!(Config::load(&flags(&["--config", file.path().to_str().unwrap()])).unwrap_err().to_string().contains("ninety"));
        assert_eq!(of(Config::default()), sekisho_engine::Retention::default());
    }

    #[test]
    fn watermarks_stand_in_their_order() {
        let load = |high: &str, flood: &str| Config::load(&flags(&["--disk-high-percent", high, "--disk-flood-percent", flood]));
        assert_eq!(load("80", "90").unwrap().watermarks(), Watermarks { high_percent: 80, flood_percent: 90 });
        assert!(load("100", "100").is_ok());
        for (high, flood) in [("91", "90"), ("0", "90"), ("90", "101")] {
            assert!(load(high, flood).unwrap_err().to_string().contains("must be between"), "{high} {flood}");
        }
    }

    #[test]
    fn a_zone_that_nobody_knows_is_refused() {
        assert_eq!(Config::load(&flags(&["--device-time-zone", "Asia/Tokyo"])).unwrap().device_time_zone.name(), Some("Asia/Tokyo"));
        assert!("Mars/Olympus".parse::<TimeZoneName>().is_err());
    }
}
