//! Aliases: further names for indices and data streams, each member with a filter of its own, one of them to be written to.
//!
//! An alias is stored whole under its name, so that all changes of one request are one record of the manifest. Members are indices by
//! uuid and streams by name. An alias lives as long as it has members.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::{Engine, EngineError, State, check_name};
use crate::manifest::{Edit, IndexUuid};
use crate::query::Query;
use crate::template::is_builtin_stream;

/// What an alias says of one of its members.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// A query that every search through the alias is held to.
    pub filter: Option<Value>,
    /// Whether writes to the alias go to this member; unsaid, they do where it is the only one.
    pub is_write_index: Option<bool>,
    /// Whether wildcards leave it out.
    pub is_hidden: bool,
    /// As given; every index is one shard, so it changes nothing.
    pub index_routing: Option<String>,
    /// As given.
    pub search_routing: Option<String>,
}

/// A member of an alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Member {
    Index(IndexUuid),
    Stream(String),
}

/// The members of an alias with what it says of each, as the manifest keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AliasRecord {
    /// By uuid.
    pub(crate) indices: BTreeMap<IndexUuid, Alias>,
    /// By name.
    pub(crate) streams: BTreeMap<String, Alias>,
}

/// One change of [`Engine::update_aliases`]. Targets are names of indices and data streams, not patterns.
#[derive(Clone, Debug, PartialEq)]
pub enum AliasAction {
    /// Adds members, or changes what the alias says of them.
    Add {
        /// Members.
        targets: Vec<String>,
        /// The alias.
        alias: String,
        /// What it says of each.
        settings: Alias,
    },
    /// Takes members out.
    Remove {
        /// Members.
        targets: Vec<String>,
        /// The alias.
        alias: String,
    },
    /// Deletes an index in the same step, so that an alias can take its name.
    RemoveIndex(String),
}

impl AliasRecord {
    fn is_empty(&self) -> bool {
        self.indices.is_empty() && self.streams.is_empty()
    }

    fn members(&self) -> impl Iterator<Item = (Member, &Alias)> {
        let indices = self.indices.iter().map(|(uuid, alias)| (Member::Index(uuid.clone()), alias));
        indices.chain(self.streams.iter().map(|(name, alias)| (Member::Stream(name.clone()), alias)))
    }

    fn get_mut(&mut self, member: Member) -> &mut Alias {
        match member {
            Member::Index(uuid) => self.indices.entry(uuid).or_default(),
            Member::Stream(name) => self.streams.entry(name).or_default(),
        }
    }

    fn remove(&mut self, member: &Member) {
        match member {
            Member::Index(uuid) => drop(self.indices.remove(uuid)),
            Member::Stream(name) => drop(self.streams.remove(name)),
        }
    }

    pub(crate) fn is_hidden(&self) -> bool {
        self.members().all(|it| it.1.is_hidden)
    }

    /// The member that writes go to.
    fn write_member(&self) -> Option<Member> {
        let mut members = self.members();
        let is_said = |it: &(Member, &Alias)| it.1.is_write_index == Some(true);
        if let Some(said) = self.members().find(is_said) {
            return Some(said.0);
        }
        match (members.next(), members.next()) {
            (Some((only, alias)), None) if alias.is_write_index != Some(false) => Some(only),
            _ => None,
        }
    }

    /// The indices behind the alias, with the filter by which each is seen through it.
    pub(crate) fn indices<'a>(&'a self, state: &'a State) -> impl Iterator<Item = (&'a IndexUuid, Option<&'a Value>)> {
        let plain = self.indices.iter().map(|(uuid, alias)| (uuid, alias.filter.as_ref()));
        let backing = |(name, alias): (&'a String, &'a Alias)| state.streams.get(name).into_iter().flatten().map(|it| (it, alias.filter.as_ref()));
        plain.chain(self.streams.iter().flat_map(backing))
    }
}

impl State {
    /// The index that a write to an alias goes to.
    pub(crate) fn alias_write_index(&self, alias: &str) -> Option<&IndexUuid> {
        match self.aliases.get(alias)?.write_member()? {
            Member::Index(uuid) => self.indices.get_key_value(&uuid).map(|it| it.0),
            Member::Stream(name) => self.streams.get(&name)?.last(),
        }
    }

    /// Refuses writes to an alias that does not say where they go.
    pub(crate) fn check_alias_write(&self, name: &str) -> Result<(), EngineError> {
        if self.aliases.contains_key(name) && self.alias_write_index(name).is_none() {
            return Err(EngineError::IllegalArgument(format!(
                "no write index is defined for alias [{name}]. The write index may be explicitly disabled using is_write_index=false or the alias points to multiple indices without one being designated as a write index"
            )));
        }
        Ok(())
    }

    /// The aliases that change when members go, as they are without them.
    pub(crate) fn aliases_without(&self, gone: &[Member]) -> BTreeMap<String, AliasRecord> {
        let left = |(name, record): (&String, &AliasRecord)| {
            let mut left = record.clone();
            gone.iter().for_each(|it| left.remove(it));
            (left != *record).then(|| (name.clone(), left))
        };
        self.aliases.iter().filter_map(left).collect()
    }

    /// The aliases of a member that is being created under a name, as they are with it.
    pub(crate) fn aliases_with(
        &self,
        name: &str,
        member: &Member,
        aliases: &BTreeMap<String, Alias>,
    ) -> Result<BTreeMap<String, AliasRecord>, EngineError> {
        let mut changed = BTreeMap::new();
        for (alias, settings) in aliases {
            check_alias(self, alias, settings, &[])?;
            if alias == name {
                let reason = "an index or data stream exists with the same name as the alias".to_owned();
                return Err(EngineError::InvalidAlias { name: alias.clone(), reason });
            }
            let mut record = self.aliases.get(alias).cloned().unwrap_or_default();
            *record.get_mut(member.clone()) = settings.clone();
            check_write_members(self, alias, &record)?;
            changed.insert(alias.clone(), record);
        }
        Ok(changed)
    }

    /// An alias as it is when a new index takes the place of the one that it writes to. One that says which that is keeps both; one
    /// that has one member only moves.
    pub(crate) fn alias_moved(&self, alias: &str, old: &IndexUuid, new: &IndexUuid) -> Result<AliasRecord, EngineError> {
        let missing = || EngineError::IllegalArgument(format!("rollover target [{alias}] does not point to a write index"));
        let mut record = self.aliases.get(alias).cloned().ok_or_else(missing)?;
        let said = record.indices.get_mut(old).ok_or_else(missing)?;
        let settings = said.clone();
        if settings.is_write_index == Some(true) {
            said.is_write_index = Some(false);
        } else {
            record.indices.remove(old);
        }
        record.indices.insert(new.clone(), settings);
        Ok(record)
    }

    fn member(&self, name: &str) -> Result<Member, EngineError> {
        if let Some(uuid) = self.names.get(name) {
            if self.indices[uuid].record.stream.is_some() {
                return Err(EngineError::IllegalArgument(format!(
                    "The provided expressions [{name}] match a backing index belonging to data stream. Data stream backing indices don't support aliases."
                )));
            }
            return Ok(Member::Index(uuid.clone()));
        }
        if self.streams.contains_key(name) {
            return Ok(Member::Stream(name.to_owned()));
        }
        Err(EngineError::IndexNotFound(name.to_owned()))
    }

    fn name_of<'a>(&'a self, member: &'a Member) -> Option<&'a str> {
        match member {
            Member::Index(uuid) => self.indices.get(uuid).map(|it| it.record.name.as_str()),
            Member::Stream(name) => Some(name),
        }
    }
}

/// The edit that makes an alias what it is to be; one without members is gone.
pub(crate) fn edit(name: &str, record: AliasRecord) -> Edit {
    if record.is_empty() { Edit::DropAlias { name: name.to_owned() } } else { Edit::PutAlias { name: name.to_owned(), alias: record } }
}

impl Engine {
    /// Does all changes or none.
    ///
    /// # Errors
    /// [`EngineError::IndexNotFound`] for a target that does not exist, [`EngineError::InvalidAlias`] for a name that can't be one,
    /// [`EngineError::Query`] for a filter that is no query, [`EngineError::IllegalArgument`] for two write indices.
    pub fn update_aliases(&self, actions: &[AliasAction]) -> Result<(), EngineError> {
        let _metadata = self.inner.metadata_lock();
        let mut edits = Vec::new();
        let mut dropped = Vec::new();
        let changed: BTreeMap<String, AliasRecord> = {
            let state = self.inner.state();
            for action in actions {
                if let AliasAction::RemoveIndex(name) = action {
                    dropped.push(state.names.get(name).cloned().ok_or_else(|| EngineError::IndexNotFound(name.clone()))?);
                }
            }
            let gone: Vec<Member> = dropped.iter().cloned().map(Member::Index).collect();
            let mut changed = state.aliases_without(&gone);
            for action in actions {
                apply(&state, action, &dropped, &mut changed)?;
            }
            for (name, record) in &changed {
                check_write_members(&state, name, record)?;
            }
            changed
        };
        edits.extend(dropped.iter().map(|uuid| Edit::DropIndex { uuid: uuid.clone() }));
        edits.extend(changed.iter().map(|(name, record)| edit(name, record.clone())));
        if edits.is_empty() {
            return Ok(());
        }
        self.inner.publish(edits)?;
        let mut state = self.inner.state();
        for (name, record) in changed {
            state.put_alias(name, record);
        }
        drop(state);
        dropped.iter().for_each(|uuid| self.inner.forget_index(uuid));
        Ok(())
    }

    /// Every alias with its members' names and what it says of each.
    pub fn aliases(&self) -> BTreeMap<String, BTreeMap<String, Alias>> {
        let state = self.inner.state();
        let members = |record: &AliasRecord| {
            record.members().filter_map(|(member, alias)| Some((state.name_of(&member)?.to_owned(), alias.clone()))).collect::<BTreeMap<_, _>>()
        };
        state.aliases.iter().map(|(name, record)| (name.clone(), members(record))).collect()
    }
}

impl State {
    pub(crate) fn put_alias(&mut self, name: String, record: AliasRecord) {
        if record.is_empty() {
            self.aliases.remove(&name);
        } else {
            self.aliases.insert(name, record);
        }
    }
}

fn apply(state: &State, action: &AliasAction, dropped: &[IndexUuid], changed: &mut BTreeMap<String, AliasRecord>) -> Result<(), EngineError> {
    let (targets, alias) = match action {
        AliasAction::Add { targets, alias, .. } | AliasAction::Remove { targets, alias } => (targets, alias),
        AliasAction::RemoveIndex(_) => return Ok(()),
    };
    let present = || state.aliases.get(alias).cloned().unwrap_or_default();
    match action {
        AliasAction::Add { settings, .. } => {
            check_alias(state, alias, settings, dropped)?;
            let record = changed.entry(alias.clone()).or_insert_with(present);
            for target in targets {
                let member = state.member(target)?;
                if matches!(&member, Member::Index(uuid) if dropped.contains(uuid)) {
                    return Err(EngineError::IndexNotFound(target.clone()));
                }
                *record.get_mut(member) = settings.clone();
            }
        }
        AliasAction::Remove { .. } => {
            let record = changed.entry(alias.clone()).or_insert_with(present);
            for target in targets {
                record.remove(&state.member(target)?);
            }
        }
        AliasAction::RemoveIndex(_) => {}
    }
    Ok(())
}

/// Refuses a name that can't be an alias's, and a filter that is no query.
fn check_alias(state: &State, alias: &str, settings: &Alias, dropped: &[IndexUuid]) -> Result<(), EngineError> {
    let invalid = |reason: &str| Err(EngineError::InvalidAlias { name: alias.to_owned(), reason: reason.to_owned() });
    if let Err(reason) = check_name(alias) {
        return invalid(reason);
    }
    if is_builtin_stream(alias) {
        return invalid("the name is kept for a built-in data stream, which its first log line creates");
    }
    if state.names.get(alias).is_some_and(|it| !dropped.contains(it)) || state.streams.contains_key(alias) {
        return invalid("an index or data stream exists with the same name as the alias");
    }
    if let Some(filter) = &settings.filter {
        Query::from_json(filter).map_err(EngineError::Query)?;
    }
    Ok(())
}

fn check_write_members(state: &State, name: &str, record: &AliasRecord) -> Result<(), EngineError> {
    let members: Vec<(Member, &Alias)> = record.members().collect();
    let written: Vec<&Member> = members.iter().filter(|it| it.1.is_write_index == Some(true)).map(|it| &it.0).collect();
    if written.len() > 1 {
        // A member that is being created has no name in the state yet.
        let written: BTreeSet<&str> = written.into_iter().filter_map(|it| state.name_of(it)).collect();
        let written: Vec<&str> = written.into_iter().collect();
        return Err(EngineError::IllegalArgument(format!("alias [{name}] has more than one write index [{}]", written.join(","))));
    }
    if !record.indices.is_empty() && !record.streams.is_empty() {
        return Err(EngineError::IllegalArgument(format!(
            "expressions for alias [{name}] match both data streams and indices; an alias has one kind of members"
        )));
    }
    Ok(())
}
