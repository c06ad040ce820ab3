//! Index expressions: names, lists, wildcards, exclusions, aliases, data streams, names with dates.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::date_name;
use crate::engine::{Engine, EngineError, State};
use crate::manifest::IndexUuid;
use crate::mapping::simple_match;
use crate::query::{BoolQuery, Query};

/// How an expression is read; the defaults are Elasticsearch's for searches.
#[derive(Clone, Copy, Debug)]
pub struct ResolveOptions {
    /// Names that do not exist, and closed indices, are left out instead of refused.
    pub ignore_unavailable: bool,
    /// A wildcard, or an expression as a whole, that matches nothing is empty instead of refused.
    pub allow_no_indices: bool,
    /// Wildcards match open indices.
    pub expand_open: bool,
    /// Wildcards match closed indices.
    pub expand_closed: bool,
    /// Wildcards also match hidden names (those that start with a dot, and those whose setting `index.hidden` says so).
    pub expand_hidden: bool,
    /// Closed indices may be named: for what looks at an index and not at its documents.
    pub allow_closed: bool,
    /// Aliases are not names: for what deletes or closes an index.
    pub ignore_aliases: bool,
}

impl Default for ResolveOptions {
    fn default() -> Self {
        Self {
            ignore_unavailable: false,
            allow_no_indices: true,
            expand_open: true,
            expand_closed: false,
            expand_hidden: false,
            allow_closed: false,
            ignore_aliases: false,
        }
    }
}

/// Says yes or no to an index, given its name and the stream that it backs.
type May = dyn Fn(&str, Option<&str>) -> bool + Send + Sync;

/// Indices that may be used.
#[derive(Clone)]
pub struct Allowed(Arc<May>);

impl Allowed {
    /// Those that `may` says yes to, given an index's name and the stream that it backs.
    pub fn new(may: impl Fn(&str, Option<&str>) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(may))
    }
}

impl fmt::Debug for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowed").finish_non_exhaustive()
    }
}

/// The indices that an expression names, and through which filters.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    uuids: Vec<IndexUuid>,
    /// Indices that are seen through filtered aliases only.
    filters: BTreeMap<IndexUuid, Query>,
    /// Of which indices a query may read a document (`terms` of a document), whatever it searches; `None`: of all.
    readable: Option<Allowed>,
}

impl Targets {
    /// Number of indices.
    pub fn len(&self) -> usize {
        self.uuids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.uuids.is_empty()
    }

    /// The identities, for [`Engine::refresh`].
    pub fn uuids(&self) -> &[String] {
        &self.uuids
    }

    /// Bounds what queries of these targets may read besides them.
    #[must_use]
    pub fn reading_only(self, readable: Allowed) -> Self {
        Self { readable: Some(readable), ..self }
    }

    pub(crate) fn readable(&self) -> Option<&Allowed> {
        self.readable.as_ref()
    }

    /// What documents of an index must match to be seen.
    pub fn filter(&self, uuid: &str) -> Option<&Query> {
        self.filters.get(uuid)
    }
}

/// Filters by which an index was reached: none of them where a name reached it unfiltered.
type Reached<'a> = BTreeMap<&'a IndexUuid, Option<Vec<&'a Value>>>;

impl Engine {
    /// Leaves of targets those that are allowed; the name of one that was taken out.
    pub fn narrow(&self, targets: &mut Targets, allowed: &Allowed) -> Option<String> {
        let state = self.inner.state();
        let mut denied = None;
        let Targets { uuids, filters, .. } = targets;
        uuids.retain(|uuid| {
            let record = state.indices.get(uuid).map(|it| &it.record);
            let stays = record.is_some_and(|it| (allowed.0)(&it.name, it.stream.as_ref().map(|it| it.0.as_str())));
            if !stays {
                filters.remove(uuid);
                denied = denied.take().or_else(|| record.map(|it| it.name.clone()));
            }
            stays
        });
        denied
    }

    /// A name with its date filled in, where it asks for one: `<logs-{now/d}>`.
    ///
    /// # Errors
    /// [`EngineError::IllegalArgument`] for a date that is not understood.
    pub fn dated_name<'a>(&self, name: &'a str) -> Result<Cow<'a, str>, EngineError> {
        dated(name, self.now())
    }

    /// The indices that an expression names: `a,b`, `panos-*`, `panos-*,-panos-url`, `<logs-{now/d}>`, `_all`, the empty text for all.
    ///
    /// # Errors
    /// [`EngineError::IndexNotFound`] for a name that does not exist, [`EngineError::IndexClosed`] for a closed index.
    pub fn resolve(&self, expression: &str, options: ResolveOptions) -> Result<Targets, EngineError> {
        let now = self.now();
        let state = self.inner.state();
        let mut found: Reached<'_> = BTreeMap::new();
        let mut has_wildcard = false;
        let expression = if expression.is_empty() || expression == "_all" { "*" } else { expression };
        for part in expression.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            if let Some(excluded) = part.strip_prefix('-').filter(|_| has_wildcard) {
                let excluded = dated(excluded, now)?;
                let gone: BTreeSet<&IndexUuid> = reached(&state, &excluded, true, &options).map(|it| it.0).collect();
                found.retain(|it, _| !gone.contains(it));
                continue;
            }
            let part = dated(part, now)?;
            if part.contains('*') {
                has_wildcard = true;
                let mut has_matched = false;
                for (uuid, filter) in reached(&state, &part, options.expand_hidden || part.starts_with('.'), &options) {
                    let is_closed = state.indices[uuid].record.is_closed;
                    if if is_closed { options.expand_closed } else { options.expand_open } {
                        has_matched = true;
                        reach(&mut found, uuid, filter);
                    }
                }
                if !has_matched && !options.allow_no_indices {
                    return Err(EngineError::IndexNotFound(part.into_owned()));
                }
                continue;
            }
            let mut named = reached(&state, &part, true, &options).peekable();
            if named.peek().is_none() && !options.ignore_unavailable {
                return Err(EngineError::IndexNotFound(part.to_string()));
            }
            for (uuid, filter) in named {
                let record = &state.indices[uuid].record;
                match record.is_closed && !options.allow_closed {
                    false => reach(&mut found, uuid, filter),
                    true if options.ignore_unavailable => {}
                    true => return Err(EngineError::IndexClosed(record.name.clone())),
                }
            }
        }
        if found.is_empty() && !options.allow_no_indices {
            return Err(EngineError::IndexNotFound(expression.to_owned()));
        }
        let mut filters = BTreeMap::new();
        for (uuid, through) in &found {
            if let Some(through) = through {
                filters.insert((*uuid).clone(), any_of(through)?);
            }
        }
        // In the order of names, so that answers do not depend on when an index was created.
        let mut uuids: Vec<IndexUuid> = found.into_keys().cloned().collect();
        uuids.sort_by(|a, b| state.indices[a].record.name.cmp(&state.indices[b].record.name));
        Ok(Targets { uuids, filters, readable: None })
    }
}

/// A part of an expression with its date filled in.
fn dated(part: &str, now: Timestamp) -> Result<Cow<'_, str>, EngineError> {
    date_name::fill(part, now).map_err(EngineError::IllegalArgument)
}

fn reach<'a>(found: &mut Reached<'a>, uuid: &'a IndexUuid, filter: Option<&'a Value>) {
    match (found.get_mut(uuid), filter) {
        // Whoever may see all of an index by one name sees all of it.
        (Some(through), None) => *through = None,
        (Some(Some(through)), Some(filter)) => through.push(filter),
        (Some(None), Some(_)) => {}
        (None, filter) => {
            found.insert(uuid, filter.map(|it| vec![it]));
        }
    }
}

fn any_of(filters: &[&Value]) -> Result<Query, EngineError> {
    let mut any = BoolQuery::new();
    for filter in filters {
        any = any.should(Query::from_json(filter).map_err(EngineError::Query)?);
    }
    Ok(any.minimum_should_match(1).build())
}

/// Indices, backing indices of streams and members of aliases that a name or a pattern names.
fn reached<'a>(state: &'a State, pattern: &str, hidden: bool, options: &ResolveOptions) -> impl Iterator<Item = (&'a IndexUuid, Option<&'a Value>)> {
    let visible = |name: &str| (hidden || !name.starts_with('.')) && simple_match(pattern, name);
    let is_shown = |uuid: &IndexUuid| hidden || !state.indices[uuid].record.is_hidden();
    let mut found: Vec<(&IndexUuid, Option<&Value>)> =
        state.names.iter().filter(|it| visible(it.0) && is_shown(it.1)).map(|it| (it.1, None)).collect();
    // A stream is hidden where the index is that it writes to.
    let is_stream_shown = |backing: &[IndexUuid]| backing.last().is_none_or(is_shown);
    found.extend(state.streams.iter().filter(|it| visible(it.0) && is_stream_shown(it.1)).flat_map(|it| it.1).map(|it| (it, None)));
    if !options.ignore_aliases {
        let is_seen = |(name, alias): &(&String, &crate::alias::AliasRecord)| visible(name) && (hidden || !alias.is_hidden());
        found.extend(state.aliases.iter().filter(is_seen).flat_map(|it| it.1.indices(state)));
    }
    found.into_iter()
}
