//! The folder of enrichment lists, read again as its files change, and which lists an event is on.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use sekisho_engine::ecs;
use sekisho_engine::mapping::FieldId;
use sekisho_engine::row::{Datum, Row};

use super::list::List;
use super::watched::{self, Stamp};

/// Bytes of one list's file.
const LIST_BYTES_MAX: u64 = 256 << 20;

/// The fields whose values are looked up for `sekisho.list`.
const LISTED_FIELDS: &[FieldId] = &[
    ecs::SOURCE_IP,
    ecs::DESTINATION_IP,
    ecs::SOURCE_NAT_IP,
    ecs::DESTINATION_NAT_IP,
    ecs::CLIENT_IP,
    ecs::NETWORK_FORWARDED_IP,
    ecs::URL_DOMAIN,
    ecs::DESTINATION_DOMAIN,
    ecs::RELATED_HASH,
    ecs::SOURCE_USER_NAME,
    ecs::DESTINATION_USER_NAME,
    ecs::USER_NAME,
    ecs::HOST_NAME,
];

/// The lists at one moment.
pub(super) type Lists = BTreeMap<String, Arc<List>>;

/// The lists as programs and events see them; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<RwLock<Arc<Lists>>>);

impl Shared {
    /// The lists now. Whoever asks twice may get others the second time.
    pub(super) fn now(&self) -> Arc<Lists> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, lists: Lists) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(lists);
    }
}

/// The names of the lists that a row is on, in their order.
pub(super) fn names_of<'a>(lists: &'a Lists, row: &Row) -> Vec<&'a str> {
    if lists.is_empty() {
        return Vec::new();
    }
    let values: Vec<Datum<'_>> = row.values().filter(|it| LISTED_FIELDS.contains(&it.0)).map(|it| it.1).collect();
    let is_on = |list: &List| {
        values.iter().any(|value| match value {
            Datum::Ip(it) => list.find_address(IpAddr::V6(*it)).is_some(),
            Datum::Str(it) => list.find(it).is_some(),
            Datum::I64(_) | Datum::F64(_) => false,
        })
    };
    lists.iter().filter(|it| is_on(it.1)).map(|it| it.0.as_str()).collect()
}

/// What became of one file.
#[derive(Clone, Debug)]
pub(super) struct ListFile {
    /// Where it is.
    pub(super) path: PathBuf,
    stamp: Option<Stamp>,
    /// What is in use: the newest version that could be read.
    pub(super) list: Option<Arc<List>>,
    /// Why the newest version is not in use.
    pub(super) error: Option<String>,
}

/// The folder.
#[derive(Debug)]
pub(super) struct ListFolder {
    directory: PathBuf,
    shared: Shared,
    files: BTreeMap<String, ListFile>,
    /// Why the folder, or files of it, can't be read.
    pub(super) error: Option<String>,
}

impl ListFolder {
    pub(super) fn new(directory: PathBuf, shared: Shared) -> Self {
        Self { directory, shared, files: BTreeMap::new(), error: None }
    }

    /// Reads what changed; whether the set of names changed. A folder that can't be read changes nothing: a network disk that is
    /// away for a moment must not empty the lists.
    pub(super) fn reload(&mut self) -> bool {
        let (paths, error) = match watched::files(&self.directory, &["txt", "csv"]) {
            Ok(paths) => one_of_each_name(paths),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        if error.is_some() && self.error != error {
            tracing::error!(directory = %self.directory.display(), error, "lists can't be read");
        }
        self.error = error;
        if paths.is_empty() && self.error.is_some() {
            return false;
        }
        let names_before: Vec<String> = self.names();
        let is_gone = |file: &ListFile| !paths.contains(&file.path);
        let mut is_changed = self.files.values().any(is_gone);
        self.files.retain(|_, it| !is_gone(it));
        for path in paths {
            is_changed |= self.read(path);
        }
        if is_changed {
            self.shared.set(self.files.iter().filter_map(|(name, it)| Some((name.clone(), it.list.clone()?))).collect());
        }
        names_before != self.names()
    }

    /// Names of the lists in use.
    fn names(&self) -> Vec<String> {
        self.files.iter().filter(|it| it.1.list.is_some()).map(|it| it.0.clone()).collect()
    }

    /// Reads a file if it changed; whether it did.
    fn read(&mut self, path: PathBuf) -> bool {
        let name = watched::stem(&path);
        // Before reading: a file that is being written has another stamp the next time.
        let stamp = Stamp::of(&path);
        let before = self.files.get(&name);
        if before.is_some_and(|it| it.stamp == stamp) {
            return false;
        }
        let (list, error) = match read_list(&path) {
            Ok(list) => {
                tracing::info!(list = name, entries = list.len(), "list read");
                (Some(Arc::new(list)), None)
            }
            Err(error) => {
                tracing::error!(list = name, error, "list not read; the version before stays in use where there is one");
                (before.and_then(|it| it.list.clone()), Some(error))
            }
        };
        self.files.insert(name, ListFile { path, stamp, list, error });
        true
    }

    /// The files by the names of their lists.
    pub(super) fn files(&self) -> &BTreeMap<String, ListFile> {
        &self.files
    }
}

/// `a.csv` and `a.txt` are one name: the first is read, the other is told.
fn one_of_each_name(mut paths: Vec<PathBuf>) -> (Vec<PathBuf>, Option<String>) {
    let mut second = Vec::new();
    paths.dedup_by(|it, before| {
        let is_same = watched::stem(it) == watched::stem(before);
        if is_same {
            second.push(it.display().to_string());
        }
        is_same
    });
    let error = (!second.is_empty()).then(|| format!("not read because a list of that name is in use: {}", second.join(", ")));
    (paths, error)
}

fn read_list(path: &Path) -> Result<List, String> {
    let bytes = watched::read(path, LIST_BYTES_MAX).map_err(|error| error.to_string())?;
    let is_csv = path.extension().is_some_and(|it| it == "csv");
    if is_csv { List::from_csv(&bytes) } else { List::from_text(&bytes) }.map_err(|error| error.to_string())
}
