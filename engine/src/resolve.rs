//! Index expressions: names, lists, wildcards, exclusions, data streams.

use std::collections::BTreeSet;

use crate::engine::{Engine, EngineError, State};
use crate::manifest::IndexUuid;
use crate::mapping::simple_match;

/// How an expression is read; the defaults are Elasticsearch's for searches.
#[derive(Clone, Copy, Debug)]
pub struct ResolveOptions {
    /// Names that do not exist are left out instead of refused.
    pub ignore_unavailable: bool,
    /// An expression that matches nothing is empty instead of refused.
    pub allow_no_indices: bool,
    /// Wildcards also match hidden names (those that start with a dot).
    pub expand_hidden: bool,
}

impl Default for ResolveOptions {
    fn default() -> Self {
        Self { ignore_unavailable: false, allow_no_indices: true, expand_hidden: false }
    }
}

/// The identities of the indices that an expression names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets(pub(crate) Vec<IndexUuid>);

impl Targets {
    /// Number of indices.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The identities, for [`Engine::refresh`].
    pub fn uuids(&self) -> &[String] {
        &self.0
    }
}

impl Engine {
    /// The indices that an expression names: `a,b`, `panos-*`, `panos-*,-panos-url`, `_all`, the empty text for all.
    ///
    /// # Errors
    /// [`EngineError::IndexNotFound`] for a name that does not exist.
    pub fn resolve(&self, expression: &str, options: ResolveOptions) -> Result<Targets, EngineError> {
        let state = self.inner.state();
        let mut found: BTreeSet<&IndexUuid> = BTreeSet::new();
        let mut has_wildcard = false;
        let expression = if expression.is_empty() || expression == "_all" { "*" } else { expression };
        for part in expression.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            match part.strip_prefix('-').filter(|_| has_wildcard) {
                Some(excluded) => {
                    let gone: BTreeSet<&IndexUuid> = matching(&state, excluded, true).collect();
                    found.retain(|it| !gone.contains(it));
                }
                None if part.contains('*') => {
                    has_wildcard = true;
                    found.extend(matching(&state, part, options.expand_hidden || part.starts_with('.')));
                }
                None => {
                    let before = found.len();
                    let named: Vec<_> = named(&state, part).collect();
                    if named.is_empty() && !options.ignore_unavailable {
                        return Err(EngineError::IndexNotFound(part.to_owned()));
                    }
                    debug_assert!(before <= found.len());
                    found.extend(named);
                }
            }
        }
        if found.is_empty() && !options.allow_no_indices {
            return Err(EngineError::IndexNotFound(expression.to_owned()));
        }
        // In the order of names, so that answers do not depend on when an index was created.
        let mut uuids: Vec<IndexUuid> = found.into_iter().cloned().collect();
        uuids.sort_by(|a, b| state.indices[a].record.name.cmp(&state.indices[b].record.name));
        Ok(Targets(uuids))
    }
}

/// Indices and streams that a pattern matches.
fn matching<'a>(state: &'a State, pattern: &'a str, hidden: bool) -> impl Iterator<Item = &'a IndexUuid> {
    let visible = move |name: &str| (hidden || !name.starts_with('.')) && simple_match(pattern, name);
    let indices = state.names.iter().filter(move |(name, _)| visible(name)).map(|it| it.1);
    let streams = state.streams.iter().filter(move |(name, _)| visible(name)).flat_map(|it| it.1);
    indices.chain(streams)
}

fn named<'a>(state: &'a State, name: &'a str) -> impl Iterator<Item = &'a IndexUuid> {
    state.names.get(name).into_iter().chain(state.streams.get(name).into_iter().flatten())
}
