//! From credentials to an [`Access`]: passwords, API keys, the dashboard's session cookie. And from a route's privilege to yes or no.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};

use super::access::{Access, Actor};
use super::attempts::Attempts;
use super::audit::{Audit, Happened};
use super::privilege::{ClusterPrivileges, IndexPrivileges, Privilege};
use super::role::{IndexGrant, Role};
use super::secret;
use super::store::{SecurityError, Store, User};

/// The cookie of a session.
pub(crate) const COOKIE_NAME: &str = "sekisho_session";

/// How long a session lives, however busy it is.
pub(crate) const SESSION_TIME: Duration = Duration::from_secs(12 * 3_600);

/// Sessions at one time; with more, the oldest ends.
const SESSIONS_MAX: usize = 10_000;

/// Passwords that were right lately, kept as hashes with a key of this process: argon2 for every request would make each cost 30 ms and 19 MiB.
const VERIFIED_MAX: usize = 1_000;

/// Passwords that are hashed at once; others wait.
const HASHES_AT_ONCE: usize = 2;

/// Why credentials did not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// There are none.
    #[error("missing authentication credentials for REST request")]
    Missing,
    /// They are wrong. For the log and not for the requester, who is told the same whatever it is.
    #[error("unable to authenticate with provided credentials and anonymous access is not allowed for this request")]
    Wrong(&'static str),
    /// Too many wrong ones came from this address.
    #[error("too many wrong credentials came from this address; try again in a minute")]
    Blocked,
}

/// A session of the dashboard.
struct Session {
    user: String,
    /// The hash that its password had: another password ends it.
    password_hash: String,
    ends: Instant,
}

/// Decides who asks and what they may do.
pub struct Guard {
    /// Not there where no credentials are asked for.
    store: Option<Arc<Store>>,
    is_metrics_public: bool,
    attempts: Attempts,
    /// By user: the hash that was verified, and what it was verified with.
    verified: Mutex<HashMap<String, (String, String)>>,
    /// By the digest of the cookie.
    sessions: Mutex<HashMap<String, Session>>,
    /// Key of the digests above.
    key: String,
    hashing: Semaphore,
    /// Verified in place of the hash of a user that there is not, so that both take the same time.
    nobodys_hash: String,
    audit: Audit,
}

impl Guard {
    /// A guard with users and keys, and the audit events it will note.
    pub fn new(store: Store, is_metrics_public: bool) -> (Self, mpsc::Receiver<Value>) {
        Self::with(Some(Arc::new(store)), is_metrics_public)
    }

    /// A guard that lets everything pass.
    pub fn open() -> Self {
        Self::with(None, true).0
    }

    fn with(store: Option<Arc<Store>>, is_metrics_public: bool) -> (Self, mpsc::Receiver<Value>) {
        let (audit, events) = Audit::new();
        let nobodys_hash = if store.is_some() { secret::hash_password(&secret::new_secret()) } else { String::new() };
        let guard = Self {
            store,
            is_metrics_public,
            attempts: Attempts::default(),
            verified: Mutex::default(),
            sessions: Mutex::default(),
            key: secret::new_secret(),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            nobodys_hash,
            audit,
        };
        (guard, events)
    }

    /// Users, roles and keys, where credentials are asked for.
    pub fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    /// Notes an event for the audit stream, where there is one.
    pub(crate) fn note(&self, event: Happened<'_>) {
        if self.store.is_some() {
            self.audit.note(event);
        }
    }

    /// Who asks.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub async fn authenticate(&self, headers: &HeaderMap, address: Option<IpAddr>) -> Result<Access, Unauthenticated> {
        let Some(store) = &self.store else { return Ok(Access::everything()) };
        let Some(given) = headers.get(AUTHORIZATION) else {
            return match cookie(headers) {
                Some(it) => self.of_session(store, it).ok_or(Unauthenticated::Missing),
                None => Err(Unauthenticated::Missing),
            };
        };
        let now = Instant::now();
        if address.is_some_and(|it| self.attempts.is_blocked(it, now)) {
            return Err(Unauthenticated::Blocked);
        }
        let outcome = match given.to_str().ok().and_then(|it| it.split_once(' ')) {
            Some((scheme, it)) if scheme.eq_ignore_ascii_case("basic") => match decode_pair(it) {
                Some((user, password)) => self.of_password(store, &user, password, address).await,
                None => Err(Unauthenticated::Wrong("the header is not Basic credentials")),
            },
            Some((scheme, it)) if scheme.eq_ignore_ascii_case("apikey") => {
                decode_pair(it).ok_or(Unauthenticated::Wrong("the header is not an API key")).and_then(|(id, key)| of_api_key(store, &id, &key))
            }
            Some((scheme, it)) if scheme.eq_ignore_ascii_case("bearer") => {
                self.of_session(store, it.trim()).ok_or(Unauthenticated::Wrong("no session has that token"))
            }
            _ => Err(Unauthenticated::Wrong("the scheme is not Basic, ApiKey or Bearer")),
        };
        if let (Err(Unauthenticated::Wrong(_)), Some(address)) = (&outcome, address) {
            self.attempts.fail(address, now);
        }
        outcome
    }

    /// Logs a user of the dashboard in: the session's token for the cookie.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub async fn log_in(&self, user: &str, password: String, address: Option<IpAddr>) -> Result<(String, Access), Unauthenticated> {
        let Some(store) = &self.store else { return Ok((String::new(), Access::everything())) };
        let now = Instant::now();
        if address.is_some_and(|it| self.attempts.is_blocked(it, now)) {
            return Err(Unauthenticated::Blocked);
        }
        let access = match self.of_password(store, user, password, address).await {
            Ok(it) => it,
            Err(error) => {
                if let (Unauthenticated::Wrong(_), Some(address)) = (&error, address) {
                    self.attempts.fail(address, now);
                }
                return Err(error);
            }
        };
        let Some(password_hash) = store.entries().users.get(user).map(|it| it.password_hash.clone()) else {
            return Err(Unauthenticated::Wrong("the user was removed just now"));
        };
        let token = secret::new_secret();
        let mut sessions = self.sessions.lock().expect("no panic while the lock is held");
        sessions.retain(|_, it| now < it.ends);
        if sessions.len() >= SESSIONS_MAX
            && let Some(oldest) = sessions.iter().min_by_key(|it| it.1.ends).map(|it| it.0.clone())
        {
            sessions.remove(&oldest);
        }
        sessions.insert(self.digest(&token), Session { user: user.to_owned(), password_hash, ends: now + SESSION_TIME });
        Ok((token, access))
    }

    /// Ends the session of a request, if it has one.
    pub fn log_out(&self, headers: &HeaderMap) {
        if let Some(token) = cookie(headers) {
            self.sessions.lock().expect("no panic while the lock is held").remove(&self.digest(token));
        }
    }

    /// Whether a requester may use a route at all; on which indices is asked later, when they are known.
    pub fn allows(&self, access: &Access, wanted: Privilege) -> bool {
        match wanted {
            Privilege::Open | Privilege::Known => true,
            Privilege::Metrics => access.allows_cluster(ClusterPrivileges::MONITOR),
            Privilege::Collector => access.allows_cluster(ClusterPrivileges::INGEST),
            Privilege::Cluster(it) => access.allows_cluster(it),
            Privilege::Index(it) => access.allows_some_index(it),
        }
    }

    /// Whether a route answers anybody.
    pub fn is_open(&self, wanted: Privilege) -> bool {
        match wanted {
            Privilege::Open => true,
            Privilege::Metrics => self.is_metrics_public,
            Privilege::Collector | Privilege::Known | Privilege::Cluster(_) | Privilege::Index(_) => false,
        }
    }

    fn digest(&self, token: &str) -> String {
        secret::digest(&[&self.key, token])
    }

    fn of_session(&self, store: &Store, token: &str) -> Option<Access> {
        let sessions = self.sessions.lock().expect("no panic while the lock is held");
        let session = sessions.get(&self.digest(token)).filter(|it| Instant::now() < it.ends)?;
        let entries = store.entries();
        let user = entries.users.get(&session.user).filter(|it| it.enabled && it.password_hash == session.password_hash)?;
        Some(access_of(&session.user, user, entries.roles_of(user)))
    }

    async fn of_password(&self, store: &Store, name: &str, password: String, address: Option<IpAddr>) -> Result<Access, Unauthenticated> {
        let entries = store.entries();
        let user = entries.users.get(name);
        let hash = user.map_or(&self.nobodys_hash, |it| &it.password_hash).clone();
        let seen = secret::digest(&[&self.key, name, &password]);
        let is_known = |it: &(String, String)| it.0 == hash && secret::is_same(&it.1, &seen);
        let mut is_right = self.verified.lock().expect("no panic while the lock is held").get(name).is_some_and(is_known);
        if !is_right {
            let _turn = self.hashing.acquire().await.map_err(|_| Unauthenticated::Blocked)?;
            let verified_hash = hash.clone();
            is_right = tokio::task::spawn_blocking(move || secret::verify_password(&password, &verified_hash)).await.unwrap_or(false);
            if is_right {
                let mut verified = self.verified.lock().expect("no panic while the lock is held");
                if verified.len() >= VERIFIED_MAX {
                    verified.clear();
                }
                verified.insert(name.to_owned(), (hash, seen));
                if let Some(address) = address {
                    self.attempts.succeed(address);
                }
                if let Some(user) = user {
                    let access = access_of(name, user, Vec::new());
                    self.note(Happened {
                        action: "authentication_success",
                        is_success: true,
                        access: &access,
                        address,
                        request: ("", ""),
                        reason: None,
                    });
                }
            }
        }
        match user {
            Some(user) if is_right && user.enabled => Ok(access_of(name, user, entries.roles_of(user))),
            Some(_) if is_right => Err(Unauthenticated::Wrong("the user is disabled")),
            Some(_) => Err(Unauthenticated::Wrong("the password is wrong")),
            None => Err(Unauthenticated::Wrong("there is no such user")),
        }
    }
}

/// Who shows the event collector's token.
pub(crate) fn collector() -> Access {
    let grant = IndexGrant { names: vec!["*".to_owned()], privileges: vec!["create_doc".to_owned()], allow_restricted_indices: false };
    let role = Role { cluster: vec!["ingest".to_owned()], indices: vec![grant] };
    Access::new(Actor::User { name: "_collector".to_owned(), roles: vec!["ingest".to_owned()] }, vec![role], None)
}

fn access_of(name: &str, user: &User, roles: Vec<Role>) -> Access {
    Access::new(Actor::User { name: name.to_owned(), roles: user.roles.clone() }, roles, None)
}

fn of_api_key(store: &Store, id: &str, key: &str) -> Result<Access, Unauthenticated> {
    let entries = store.entries();
    let Some(found) = entries.api_keys.get(id) else { return Err(Unauthenticated::Wrong("there is no such API key")) };
    if !secret::is_same(&secret::digest(&[key]), &found.secret_sha256) {
        return Err(Unauthenticated::Wrong("the API key is wrong"));
    }
    if !found.is_valid(now_ms()) {
        return Err(Unauthenticated::Wrong("the API key has ended"));
    }
    // Keys that the command line made belong to no user.
    if !found.owner.starts_with('_') && !entries.users.get(&found.owner).is_some_and(|it| it.enabled) {
        return Err(Unauthenticated::Wrong("the user of the API key is disabled or gone"));
    }
    let actor = Actor::ApiKey { id: id.to_owned(), name: found.name.clone(), owner: found.owner.clone() };
    let limits = found.limited_by.clone();
    Ok(match found.roles.is_empty() {
        true => Access::new(actor, limits, None),
        false => Access::new(actor, found.roles.values().cloned().collect(), Some(limits)),
    })
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |it| it.as_millis() as i64)
}

/// `name:secret` in Base64.
fn decode_pair(text: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(BASE64_STANDARD.decode(text.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(name, secret)| (name.to_owned(), secret.to_owned()))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok()).flat_map(|it| it.split(';'));
    all.filter_map(|it| it.trim().split_once('=')).find(|it| it.0 == COOKIE_NAME).map(|it| it.1)
}

/// What a first start does: a user `admin` with the password given, or with one that is made and returned, to be shown once.
///
/// # Errors
/// [`SecurityError`] where it can't be written or the password can't be.
pub(crate) fn first_admin(store: &Store, password: Option<&str>) -> Result<Option<String>, SecurityError> {
    if !store.entries().users.is_empty() {
        return Ok(None);
    }
    let made = password.is_none().then(secret::new_password);
    let admin = |it: &mut User| it.roles = vec!["superuser".to_owned()];
    store.put_user("admin", password.or(made.as_deref()), admin)?;
    Ok(made)
}

/// The index privileges that a route asks for, for its [`super::Scope`].
pub(crate) fn asked(wanted: Privilege) -> IndexPrivileges {
    match wanted {
        Privilege::Index(it) => it,
        Privilege::Known => IndexPrivileges::READ,
        Privilege::Collector => IndexPrivileges::CREATE_DOC,
        Privilege::Open | Privilege::Metrics | Privilege::Cluster(_) => IndexPrivileges::VIEW,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, text.parse().unwrap())])
    }

    fn basic(user: &str, password: &str) -> HeaderMap {
        header(&format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
    }

    fn guard() -> (tempfile::TempDir, Guard, mpsc::Receiver<Value>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.put_user("ann", Some("secret-1"), |it| it.roles = vec!["reader".to_owned()]).unwrap();
        let (guard, events) = Guard::new(store, false);
        (dir, guard, events)
    }

    #[tokio::test]
    async fn passwords_sessions_and_their_end() {
        let (_dir, guard, _events) = guard();
        let is_wrong = |it: &Result<Access, Unauthenticated>| matches!(it, Err(Unauthenticated::Wrong(_)));
        assert_eq!(guard.authenticate(&HeaderMap::new(), None).await.unwrap_err(), Unauthenticated::Missing);
        for _ in 0..2 {
            assert_eq!(guard.authenticate(&basic("ann", "secret-1"), None).await.unwrap().user(), "ann");
            assert!(is_wrong(&guard.authenticate(&basic("ann", "secret-2"), None).await));
            assert!(is_wrong(&guard.authenticate(&basic("bob", "secret-1"), None).await));
        }
        let (token, _) = guard.log_in("ann", "secret-1".to_owned(), None).await.unwrap();
        let cookies = HeaderMap::from_iter([(COOKIE, format!("a=b; {COOKIE_NAME}={token}").parse().unwrap())]);
        assert_eq!(guard.authenticate(&cookies, None).await.unwrap().user(), "ann");
        guard.store().unwrap().set_password("ann", "secret-2").unwrap();
        assert!(guard.authenticate(&cookies, None).await.is_err(), "another password ends sessions");
        assert!(is_wrong(&guard.authenticate(&basic("ann", "secret-1"), None).await), "and what was remembered");
        let (token, _) = guard.log_in("ann", "secret-2".to_owned(), None).await.unwrap();
        let cookies = HeaderMap::from_iter([(COOKIE, format!("{COOKIE_NAME}={token}").parse().unwrap())]);
        guard.log_out(&cookies);
        assert!(guard.authenticate(&cookies, None).await.is_err());
    }

    #[tokio::test]
    async fn wrong_credentials_make_an_address_wait() {
        let (_dir, guard, _events) = guard();
        let address = "192.0.2.1".parse().ok();
        for _ in 0..10 {
            assert!(matches!(guard.authenticate(&header("ApiKey bm86bm8="), address).await, Err(Unauthenticated::Wrong(_))));
        }
        assert_eq!(guard.authenticate(&basic("ann", "secret-1"), address).await.unwrap_err(), Unauthenticated::Blocked);
        assert!(guard.authenticate(&basic("ann", "secret-1"), "192.0.2.2".parse().ok()).await.is_ok());
    }

    #[tokio::test]
    async fn a_first_start_makes_one_admin() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let made = first_admin(&store, None).unwrap().unwrap();
        assert_eq!(first_admin(&store, Some("another-1")).unwrap(), None);
        let (guard, _events) = Guard::new(store, false);
        assert!(guard.authenticate(&basic("admin", &made), None).await.unwrap().is_unlimited());
    }
}
