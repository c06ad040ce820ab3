//! The CA that a server makes for itself where HTTP speaks TLS and nobody named a certificate. What it signs is for this server alone.
//!
//! Three files at the top of the data directory, so that a backup has them: `http-ca.pem`, which clients are given to trust; `http-ca.key`; and
//! `http-tls.pem` with the server's key and certificate in one, so that no reader ever sees one without the other. The certificate is made anew
//! at every start, as names may have changed, and while the server runs long before it ends; the CA stays.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::ToSpan as _;
use jiff::civil::Date;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use sekisho_ingest::TlsFiles;
use sha2::{Digest as _, Sha256};

/// What clients are given to trust.
const CA_FILE: &str = "http-ca.pem";
const CA_KEY_FILE: &str = "http-ca.key";
/// Key and certificate of the server.
const SERVER_FILE: &str = "http-tls.pem";

/// Where the kernel tells this machine's name.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// The life of the CA. Every client has to be told of a new one.
const CA_YEARS: i64 = 20;

/// The life of the server's certificate: browsers refuse longer ones.
const CERTIFICATE_DAYS: i64 = 397;

/// The age at which a running server makes another.
const CERTIFICATE_AGE_MAX: Duration = Duration::from_secs(300 * 86_400);

/// Why there is no CA.
#[derive(Debug, thiserror::Error)]
pub enum OwnCaError {
    /// A file can't be read or written.
    #[error("[{path}]: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A key can't be read or made, or a certificate not signed.
    #[error("[{path}]: {error}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        error: rcgen::Error,
    },
}

/// A CA on disk, and the names it signs for.
#[derive(Clone, Debug)]
pub struct OwnCa {
    dir: PathBuf,
    names: Vec<String>,
    fingerprint: String,
    is_new: bool,
}

impl OwnCa {
    /// Opens the CA in `dir`, which is made with it where there is none, and signs a certificate for `names` (host names and IP addresses)
    /// besides those of this machine. Names that no certificate can have are left out.
    ///
    /// # Errors
    /// [`OwnCaError`].
    pub fn open(dir: &Path, names: impl IntoIterator<Item = String>) -> Result<Self, OwnCaError> {
        fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
        let is_new = !dir.join(CA_FILE).is_file();
        let mut all: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        all.extend(fs::read_to_string(HOST_NAME_FILE).ok().map(|it| it.trim().to_owned()));
        all.extend(names);
        let names = all.into_iter().filter(|it| !it.is_empty() && CertificateParams::new(vec![it.clone()]).is_ok()).collect();
        let mut ca = Self { dir: dir.to_owned(), names, fingerprint: String::new(), is_new };
        ca.fingerprint = ca.sign()?;
        Ok(ca)
    }

    /// SHA-256 of the CA's certificate, hexadecimal: what Elasticsearch's clients call `ca_trusted_fingerprint`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether it was made just now.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The CA's certificate.
    pub fn file(&self) -> PathBuf {
        self.dir.join(CA_FILE)
    }

    /// What a listener greets with.
    pub fn files(&self) -> TlsFiles {
        let file = self.dir.join(SERVER_FILE);
        TlsFiles { certificate: file.clone(), key: file, client_ca: None }
    }

    /// Signs another certificate where the one there is has become old. Whether it did.
    ///
    /// # Errors
    /// [`OwnCaError`].
    pub fn keep_fresh(&self, now: SystemTime) -> Result<bool, OwnCaError> {
        let path = self.dir.join(SERVER_FILE);
        let made = fs::metadata(&path).and_then(|it| it.modified()).map_err(|error| failed(&path, error))?;
        let is_old = now.duration_since(made).is_ok_and(|age| age > CERTIFICATE_AGE_MAX);
        if is_old {
            self.sign()?;
        }
        Ok(is_old)
    }

    /// Signs a certificate for the server; makes what is missing of the CA. The CA's fingerprint.
    fn sign(&self) -> Result<String, OwnCaError> {
        let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
        let (ca_file, key_file) = (self.dir.join(CA_FILE), self.dir.join(CA_KEY_FILE));
        let bad = |path: &Path| {
            let path = path.to_owned();
            move |error| OwnCaError::Certificate { path, error }
        };
        let key = match fs::read_to_string(&key_file) {
            Ok(pem) => KeyPair::from_pem(&pem).map_err(bad(&key_file))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = KeyPair::generate().map_err(bad(&key_file))?;
                self.write(CA_KEY_FILE, &key.serialize_pem(), 0o600)?;
                key
            }
            Err(error) => return Err(failed(&key_file, error)),
        };
        let params = authority(today);
        // Its own text: signed again it would have another fingerprint.
        let ca = match fs::read_to_string(&ca_file) {
            Ok(pem) => pem,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let pem = params.self_signed(&key).map_err(bad(&ca_file))?.pem();
                self.write(CA_FILE, &pem, 0o644)?;
                pem
            }
            Err(error) => return Err(failed(&ca_file, error)),
        };
        let issuer = Issuer::new(params, key);
        let server_file = self.dir.join(SERVER_FILE);
        let server_key = KeyPair::generate().map_err(bad(&server_file))?;
        let certificate = server(today, &self.names).and_then(|it| it.signed_by(&server_key, &issuer)).map_err(bad(&server_file))?;
        // With the CA's: a client that knows only its fingerprint has to be shown it.
        self.write(SERVER_FILE, &format!("{}{}{ca}", server_key.serialize_pem(), certificate.pem()), 0o600)?;
        fingerprint(&ca).ok_or_else(|| failed(&ca_file, io::Error::new(io::ErrorKind::InvalidData, "no certificate is in it")))
    }

    /// Replaces a file as a whole.
    fn write(&self, name: &str, text: &str, mode: u32) -> Result<(), OwnCaError> {
        let path = self.dir.join(name);
        let write = || {
            let mut file = tempfile::Builder::new().suffix(".new").tempfile_in(&self.dir)?;
            file.write_all(text.as_bytes())?;
            file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|it| it.error)?;
            fs::File::open(&self.dir)?.sync_all()
        };
        write().map_err(|error| failed(&path, error))
    }
}

fn authority(today: Date) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Sekisho, CA of one server");
    lives(&mut params, today, today.saturating_add(CA_YEARS.years()));
    params
}

fn server(today: Date, names: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "sekisho");
    lives(&mut params, today, today.saturating_add((CERTIFICATE_DAYS - 1).days()));
    Ok(params)
}

/// From yesterday on: clocks differ.
fn lives(params: &mut CertificateParams, today: Date, until: Date) {
    let time = |it: Date| date_time_ymd(i32::from(it.year()), it.month().unsigned_abs(), it.day().unsigned_abs());
    params.not_before = time(today.saturating_sub(1.day()));
    params.not_after = time(until);
}

fn fingerprint(pem: &str) -> Option<String> {
    use rustls::pki_types::pem::PemObject as _;
    let der = rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    Some(Sha256::digest(&der).iter().map(|it| format!("{it:02x}")).collect())
}

fn failed(path: &Path, error: io::Error) -> OwnCaError {
    OwnCaError::Io { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ca_stays_and_the_certificate_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let names = || ["logs.example".to_owned(), "192.0.2.1".to_owned(), "näme".to_owned(), "*".to_owned()];
        let first = OwnCa::open(dir.path(), names()).unwrap();
        assert!(first.is_new() && first.fingerprint().len() == 64);
        assert!(first.names.iter().any(|it| it == "192.0.2.1") && !first.names.iter().any(|it| it == "näme"));
        let (ca, server) = (fs::read(first.file()).unwrap(), fs::read(first.files().key).unwrap());
        let again = OwnCa::open(dir.path(), names()).unwrap();
        assert!(!again.is_new() && again.fingerprint() == first.fingerprint());
        assert_eq!(fs::read(again.file()).unwrap(), ca);
        assert_ne!(fs::read(again.files().key).unwrap(), server);
        for (name, mode) in [(CA_KEY_FILE, 0o600), (SERVER_FILE, 0o600), (CA_FILE, 0o644)] {
            assert_eq!(fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777, mode, "{name}");
        }
        assert!(sekisho_ingest::Tls::load(again.files()).is_ok());
    }

    #[test]
    fn a_certificate_is_made_anew_long_before_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let ca = OwnCa::open(dir.path(), []).unwrap();
        let now = SystemTime::now();
        assert!(!ca.keep_fresh(now + CERTIFICATE_AGE_MAX - Duration::from_secs(3_600)).unwrap());
        assert!(ca.keep_fresh(now + CERTIFICATE_AGE_MAX + Duration::from_secs(3_600)).unwrap());
        assert!(CERTIFICATE_AGE_MAX < Duration::from_secs(CERTIFICATE_DAYS.unsigned_abs() * 86_400));
    }
}
