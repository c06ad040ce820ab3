//! Users, roles and API keys on disk: one JSON file in the data directory, replaced as a whole.
//!
//! A file and not an index: it must be readable before the log is replayed, by `sekisho user` while the server is stopped or running, and no search may
//! ever reach it. It holds hashes only. Who changes it holds the lock beside it; who reads looks whether it was replaced since.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::role::{BUILTIN_ROLES, Role, builtin};
use super::{privilege::UnknownPrivilege, secret};

/// The file's name.
const FILE: &str = "security.json";

/// The lock that writers hold; a file of its own, as the other one is replaced.
const LOCK: &str = "security.lock";

/// Users, roles and keys together; more are refused. Every change writes them all.
const ENTRIES_MAX: usize = 10_000;

/// Characters that a password must have, as in Elasticsearch.
const PASSWORD_CHARACTERS_MIN: usize = 6;

/// Characters that a password may have: more would only make hashing slow.
const PASSWORD_CHARACTERS_MAX: usize = 1_024;

/// Why users, roles or keys were not changed or read.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// What was asked for can't be.
    #[error("{0}")]
    Invalid(String),
    /// A privilege that is none.
    #[error(transparent)]
    Privilege(#[from] UnknownPrivilege),
    /// There are too many.
    #[error("there are [{ENTRIES_MAX}] users, roles and API keys already; remove some")]
    TooMany,
    /// The file can't be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// The file is not what we wrote.
    #[error("{path} is not understood: {error}")]
    Damaged {
        /// The file.
        path: String,
        /// Why.
        error: serde_json::Error,
    },
}

/// A user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// In PHC's notation.
    pub(super) password_hash: String,
    /// Names of its roles.
    pub roles: Vec<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether it may log in, and its keys work.
    pub enabled: bool,
}

/// An API key as it is kept: its secret is not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// For people; several may have the same.
    pub name: String,
    /// SHA-256 of the secret.
    pub(super) secret_sha256: String,
    /// The user that made it.
    pub owner: String,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Milliseconds since 1970; never, where it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<i64>,
    /// Whether it was taken back.
    #[serde(default)]
    pub invalidated: bool,
    /// What it was asked to be able to do; empty: what its maker could.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// What its maker could do. It stays so when the maker's roles change later.
    pub limited_by: Vec<Role>,
}

impl ApiKey {
    /// Whether it works at a time.
    pub fn is_valid(&self, now_ms: i64) -> bool {
        !self.invalidated && self.expires_ms.is_none_or(|it| now_ms < it)
    }
}

/// An API key to make.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// Its name.
    pub name: String,
    /// The user that makes it.
    pub owner: String,
    /// When it ends, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
    /// What it shall be able to do.
    pub roles: BTreeMap<String, Role>,
    /// What its maker can do.
    pub limited_by: Vec<Role>,
}

/// Everything in the file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    version: u32,
    /// By name.
    pub users: BTreeMap<String, User>,
    /// Roles that were made, by name; the built-in ones are not here.
    pub roles: BTreeMap<String, Role>,
    /// By id.
    pub api_keys: BTreeMap<String, ApiKey>,
}

impl Entries {
    /// The role of a name.
    pub fn role(&self, name: &str) -> Option<Role> {
        builtin(name).or_else(|| self.roles.get(name).cloned())
    }

    /// The roles of a user; a name that is none grants nothing.
    pub fn roles_of(&self, user: &User) -> Vec<Role> {
        user.roles.iter().filter_map(|it| self.role(it)).collect()
    }
}

/// The file, read when it changes.
pub struct Store {
    dir: PathBuf,
    read: Mutex<(Stamp, Arc<Entries>)>,
}

/// What tells whether a file was replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    changed: (i64, i64),
    bytes: u64,
}

impl Store {
    /// Opens what a data directory holds; one without the file has no users.
    ///
    /// # Errors
    /// [`SecurityError`] where the file can't be read or is not ours.
    pub fn open(data_dir: &Path) -> Result<Self, SecurityError> {
        let store = Self { dir: data_dir.to_owned(), read: Mutex::default() };
        store.load()?;
        Ok(store)
    }

    /// What holds now. Where the file can't be read any more, what was read last.
    pub fn entries(&self) -> Arc<Entries> {
        self.load().unwrap_or_else(|error| {
            tracing::error!(%error, "users and keys can't be read; those read before are used");
            self.read.lock().expect("no panic while the lock is held").1.clone()
        })
    }

    fn load(&self) -> Result<Arc<Entries>, SecurityError> {
        let path = self.dir.join(FILE);
        let mut read = self.read.lock().expect("no panic while the lock is held");
        let stamp = match fs::metadata(&path) {
            Ok(it) => Stamp { inode: it.ino(), changed: (it.ctime(), it.ctime_nsec()), bytes: it.len() },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Stamp::default(),
            Err(error) => return Err(failed(&path, error)),
        };
        if read.0 != stamp {
            let entries = match stamp == Stamp::default() {
                true => Entries::default(),
                false => parse(&path)?,
            };
            *read = (stamp, Arc::new(entries));
        }
        Ok(read.1.clone())
    }

    /// Changes entries; nobody else does at the same time, and when it returns they are on disk.
    fn change<T>(&self, change: impl FnOnce(&mut Entries) -> Result<T, SecurityError>) -> Result<T, SecurityError> {
        fs::create_dir_all(&self.dir).map_err(|error| failed(&self.dir, error))?;
        let lock_path = self.dir.join(LOCK);
        let lock = owner_only().create(true).truncate(false).open(&lock_path).map_err(|error| failed(&lock_path, error))?;
        lock.lock().map_err(|error| failed(&lock_path, error))?;
        let mut entries = Entries::clone(&*self.load()?);
        let outcome = change(&mut entries)?;
        if entries.users.len() + entries.roles.len() + entries.api_keys.len() > ENTRIES_MAX {
            return Err(SecurityError::TooMany);
        }
        entries.version = 1;
        let bytes = serde_json::to_vec_pretty(&entries).expect("entries have text keys only");
        replace(&self.dir, &bytes)?;
        self.load()?;
        Ok(outcome)
    }

    /// Makes a user or changes one; without a password its own stays. Whether it is new.
    ///
    /// # Errors
    /// [`SecurityError::Invalid`] for names, passwords and roles that can't be.
    pub fn put_user(&self, name: &str, password: Option<&str>, change: impl FnOnce(&mut User)) -> Result<bool, SecurityError> {
        check_name("user", name)?;
        let hash = password.map(hashed).transpose()?;
        self.change(|entries| {
            let existing = entries.users.get(name).cloned();
            let is_new = existing.is_none();
            let mut user = match (existing, &hash) {
                (Some(it), _) => it,
                (None, Some(_)) => User { password_hash: String::new(), roles: Vec::new(), full_name: None, email: None, enabled: true },
                (None, None) => {
                    return Err(SecurityError::Invalid(format!("password must be specified unless you are updating an existing user [{name}]")));
                }
            };
            change(&mut user);
            if let Some(hash) = hash {
                user.password_hash = hash;
            }
            if let Some(unknown) = user.roles.iter().find(|it| entries.role(it).is_none()) {
                return Err(SecurityError::Invalid(format!("there is no role [{unknown}]")));
            }
            entries.users.insert(name.to_owned(), user);
            Ok(is_new)
        })
    }

    /// Gives a user another password. Whether there is one.
    ///
    /// # Errors
    /// [`SecurityError::Invalid`] for a password that can't be.
    pub fn set_password(&self, name: &str, password: &str) -> Result<bool, SecurityError> {
        let hash = hashed(password)?;
        self.change(|entries| Ok(entries.users.get_mut(name).map(|it| it.password_hash = hash).is_some()))
    }

    /// Removes a user, whose keys end with it. Whether there was one.
    ///
    /// # Errors
    /// [`SecurityError`] where it can't be written.
    pub fn remove_user(&self, name: &str) -> Result<bool, SecurityError> {
        self.change(|entries| {
            // A later user of that name is somebody else.
            entries.api_keys.values_mut().filter(|it| it.owner == name).for_each(|it| it.invalidated = true);
            Ok(entries.users.remove(name).is_some())
        })
    }

    /// Makes a role or replaces one. Whether it is new.
    ///
    /// # Errors
    /// [`SecurityError::Invalid`] for a built-in name, [`SecurityError::Privilege`] for privileges that are none.
    pub fn put_role(&self, name: &str, role: Role) -> Result<bool, SecurityError> {
        check_name("role", name)?;
        not_builtin(name)?;
        role.check()?;
        self.change(|entries| Ok(entries.roles.insert(name.to_owned(), role).is_none()))
    }

    /// Removes a role. Whether there was one.
    ///
    /// # Errors
    /// [`SecurityError::Invalid`] for a built-in name.
    pub fn remove_role(&self, name: &str) -> Result<bool, SecurityError> {
        not_builtin(name)?;
        self.change(|entries| Ok(entries.roles.remove(name).is_some()))
    }

    /// Makes an API key: its id, and its secret, which nobody can tell later.
    ///
    /// # Errors
    /// [`SecurityError`].
    pub fn create_api_key(&self, new: NewApiKey, now_ms: i64) -> Result<(String, String), SecurityError> {
        if new.name.trim().is_empty() || new.name.chars().count() > 256 {
            return Err(SecurityError::Invalid("api key name must have 1 to 256 characters".to_owned()));
        }
        new.roles.values().try_for_each(Role::check)?;
        let (id, key_secret) = (secret::new_id(), secret::new_secret());
        let NewApiKey { name, owner, expires_ms, roles, limited_by } = new;
        let secret_sha256 = secret::digest(&[&key_secret]);
        let key = ApiKey { name, secret_sha256, owner, created_ms: now_ms, expires_ms, invalidated: false, roles, limited_by };
        self.change(|entries| {
            entries.api_keys.insert(id.clone(), key);
            Ok(())
        })?;
        Ok((id, key_secret))
    }

    /// Takes back the keys that are meant; the ids of those that were valid until now.
    ///
    /// # Errors
    /// [`SecurityError`] where it can't be written.
    pub fn invalidate_api_keys(&self, is_meant: impl Fn(&str, &ApiKey) -> bool) -> Result<Vec<String>, SecurityError> {
        self.change(|entries| {
            let meant = entries.api_keys.iter_mut().filter(|(id, it)| !it.invalidated && is_meant(id, it));
            Ok(meant
                .map(|(id, it)| {
                    it.invalidated = true;
                    id.clone()
                })
                .collect())
        })
    }
}

fn parse(path: &Path) -> Result<Entries, SecurityError> {
    let bytes = fs::read(path).map_err(|error| failed(path, error))?;
    serde_json::from_slice(&bytes).map_err(|error| SecurityError::Damaged { path: path.display().to_string(), error })
}

/// Replaces the file; after a crash there is the old one or the new one.
fn replace(dir: &Path, bytes: &[u8]) -> Result<(), SecurityError> {
    let (path, next) = (dir.join(FILE), dir.join("security.json.new"));
    let write = || {
        let mut file = owner_only().create(true).truncate(true).open(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, &path)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(|error| failed(&path, error))
}

/// Nobody else on this machine reads hashes.
fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn failed(path: &Path, error: io::Error) -> SecurityError {
    SecurityError::Io { path: path.display().to_string(), error }
}

fn hashed(password: &str) -> Result<String, SecurityError> {
    match password.chars().count() {
        PASSWORD_CHARACTERS_MIN..=PASSWORD_CHARACTERS_MAX => Ok(secret::hash_password(password)),
        _ => Err(SecurityError::Invalid(format!("passwords must have {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters"))),
    }
}

fn not_builtin(name: &str) -> Result<(), SecurityError> {
    if BUILTIN_ROLES.contains(&name) {
        return Err(SecurityError::Invalid(format!("role [{name}] is reserved and may not be used.")));
    }
    Ok(())
}

/// Names go into headers, logs and URLs.
fn check_name(kind: &str, name: &str) -> Result<(), SecurityError> {
    let is_fine = |it: char| it.is_ascii_graphic() && !matches!(it, ':' | '/' | '\\' | ',' | '*');
    if name.is_empty() || name.len() > 256 || name.starts_with('_') || !name.chars().all(is_fine) {
        return Err(SecurityError::Invalid(format!(
            "{kind} names have 1 to 256 visible ASCII characters, none of : / \\ , * and no _ at the start; got [{}]",
            name.escape_default()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(owner: &str) -> NewApiKey {
        NewApiKey { name: "k".to_owned(), owner: owner.to_owned(), expires_ms: Some(10), roles: BTreeMap::new(), limited_by: Vec::new() }
    }

    #[test]
    fn what_one_process_changes_another_sees() {
        let dir = tempfile::tempdir().unwrap();
        let (server, command) = (Store::open(dir.path()).unwrap(), Store::open(dir.path()).unwrap());
        assert!(command.put_user("ann", Some("secret-1"), |it| it.roles = vec!["reader".to_owned()]).unwrap());
        assert_eq!(server.entries().users["ann"].roles, ["reader"]);
        assert!(!server.put_user("ann", None, |it| it.enabled = false).unwrap());
        assert!(!command.entries().users["ann"].enabled);
        assert!(Store::open(dir.path()).unwrap().entries().users.contains_key("ann"));
        assert_eq!(fs::metadata(dir.path().join(FILE)).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_file_holds_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.put_user("ann", Some("secret-1"), |_| {}).unwrap();
        let (id, secret) = store.create_api_key(key("ann"), 0).unwrap();
        let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(text.contains(&id) && !text.contains(&secret) && !text.contains("secret-1"));
    }

    #[test]
    fn keys_end_by_time_by_hand_and_with_their_user() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.put_user("ann", Some("secret-1"), |_| {}).unwrap();
        let (first, _) = store.create_api_key(key("ann"), 0).unwrap();
        let (second, _) = store.create_api_key(key("ann"), 0).unwrap();
        let is_valid = |id: &str, now| store.entries().api_keys[id].is_valid(now);
        assert!(is_valid(&first, 9) && !is_valid(&first, 10));
        assert_eq!(store.invalidate_api_keys(|id, _| id == first).unwrap(), std::slice::from_ref(&first));
        assert!(!is_valid(&first, 0) && is_valid(&second, 0));
        assert!(store.remove_user("ann").unwrap());
        assert!(!is_valid(&second, 0));
    }

    #[test]
    fn what_can_not_be_is_refused_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for (name, password) in [("a:b", Some("secret-1")), ("", Some("secret-1")), ("_x", Some("secret-1")), ("ann", Some("short")), ("ann", None)] {
            assert!(store.put_user(name, password, |_| {}).is_err(), "{name} {password:?}");
        }
        assert!(store.put_user("ann", Some("secret-1"), |it| it.roles = vec!["nobody-made-it".to_owned()]).is_err());
        assert!(store.put_role("admin", Role::default()).is_err());
        assert!(store.entries().users.is_empty());
        fs::write(dir.path().join(FILE), "{").unwrap();
        assert!(matches!(Store::open(dir.path()), Err(SecurityError::Damaged { .. })));
    }
}
