//! The engine as one requester may use it. Handlers get this and never the engine, so that every index they reach has been asked for.
//!
//! Indices are reached by [`Targets`], which only [`Scope::resolve`] makes: a name that is not allowed is refused, a wildcard is narrowed to what is.
//! Writes name theirs themselves and are asked for one by one: those that are denied are answered with 403, the others are done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sekisho_engine::mapping::Mapping;
use sekisho_engine::{
    Alias, AliasAction, Allowed, Block, ComponentTemplate, Composed, DiskState, Engine, EngineError, Explained, IndexInfo, IndexTemplate, Intent,
    Policy, QueryError, Recovery, ResolveOptions, RolloverPlan, Scan, SearchRequest, SearchResponse, StoredDocument, StreamLifecycle,
    StreamRetention, StreamRule, Targets, TemplateParts, TermsQuestion, Validation, View, Watermarks, WriteAction, WriteOp, WriteResult, Written,
};
use serde_json::{Map, Value};

use super::access::Access;
use super::privilege::{ClusterPrivileges, IndexPrivileges};

/// What a name is looked up with to find every index that it could mean.
const EVERYTHING: ResolveOptions = ResolveOptions {
    ignore_unavailable: true,
    allow_no_indices: true,
    expand_open: true,
    expand_closed: true,
    expand_hidden: true,
    allow_closed: true,
    ignore_aliases: false,
};

/// The engine, narrowed.
#[derive(Clone)]
pub struct Scope {
    engine: Engine,
    access: Arc<Access>,
    /// What the route asks for on the indices that it reads or manages.
    asked: IndexPrivileges,
}

impl Scope {
    /// The engine for a requester on a route.
    pub fn new(engine: Engine, access: Arc<Access>, asked: IndexPrivileges) -> Self {
        Self { engine, access, asked }
    }

    /// The engine as it is, for what works on everything at once.
    ///
    /// # Errors
    /// [`EngineError::Forbidden`] for anyone from whom something is withheld.
    pub fn unlimited(&self) -> Result<&Engine, EngineError> {
        if self.access.is_unlimited() { Ok(&self.engine) } else { Err(self.refuse("needs every privilege")) }
    }

    /// The indices that an expression names, of those that the requester may use as the route does.
    ///
    /// # Errors
    /// As [`Engine::resolve`], and [`EngineError::Forbidden`] for a name, not a wildcard, that is or would be denied.
    pub fn resolve(&self, expression: &str, options: ResolveOptions) -> Result<Targets, EngineError> {
        if self.access.is_unlimited() {
            return self.unblocked(self.engine.resolve(expression, options)?);
        }
        if !options.ignore_unavailable {
            // No index begins with `-`: what does takes something out.
            let is_name = |it: &&str| !it.is_empty() && *it != "_all" && !it.contains('*') && !it.starts_with('-');
            for name in expression.split(',').map(str::trim).filter(is_name) {
                self.check(name, self.asked)?;
            }
        }
        let mut targets = self.engine.resolve(expression, options)?;
        self.narrow(&mut targets, self.asked);
        let targets = targets.reading_only(self.allowed(IndexPrivileges::READ));
        if targets.is_empty() && !options.allow_no_indices {
            return Err(EngineError::IndexNotFound(expression.to_owned()));
        }
        self.unblocked(targets)
    }

    /// Refuses where the route reads documents and a block keeps it from that.
    fn unblocked(&self, targets: Targets) -> Result<Targets, EngineError> {
        if self.asked.has(IndexPrivileges::READ) {
            self.engine.check_blocks(&targets, Intent::Read)?;
        }
        Ok(targets)
    }

    /// Refuses where a block keeps metadata of the targets from being looked at.
    ///
    /// # Errors
    /// [`EngineError::Blocked`].
    pub fn check_metadata(&self, targets: &Targets) -> Result<(), EngineError> {
        self.engine.check_blocks(targets, Intent::ReadMetadata)
    }

    /// Answers a search.
    ///
    /// # Errors
    /// As [`Engine::search`].
    pub fn search(&self, targets: &Targets, request: &SearchRequest) -> Result<SearchResponse, QueryError> {
        self.engine.search(targets, request)
    }

    /// As [`Engine::scan`].
    ///
    /// # Errors
    /// As that.
    pub fn scan(&self, targets: &Targets, request: &SearchRequest, docs_max: Option<usize>) -> Result<Scan, QueryError> {
        self.engine.scan(targets, request, docs_max)
    }

    /// As [`Engine::freeze`].
    ///
    /// # Errors
    /// As that.
    pub fn freeze(&self, targets: &Targets) -> Result<View, QueryError> {
        self.engine.freeze(targets)
    }

    /// As [`Engine::get`].
    ///
    /// # Errors
    /// As that.
    pub fn get(&self, targets: &Targets, id: &str) -> Result<Option<StoredDocument>, EngineError> {
        self.engine.get(targets, id)
    }

    /// As [`Engine::validate`].
    ///
    /// # Errors
    /// As that.
    pub fn validate(&self, targets: &Targets, query: &sekisho_engine::query::Query) -> Result<Vec<Validation>, QueryError> {
        self.engine.validate(targets, query)
    }

    /// As [`Engine::explain`].
    ///
    /// # Errors
    /// As that.
    pub fn explain(&self, targets: &Targets, id: &str, query: &sekisho_engine::query::Query) -> Result<Option<Explained>, QueryError> {
        self.engine.explain(targets, id, query)
    }

    /// As [`Engine::terms_enum`].
    ///
    /// # Errors
    /// As that.
    pub fn terms_enum(&self, targets: &Targets, question: &TermsQuestion) -> Result<Vec<String>, QueryError> {
        self.engine.terms_enum(targets, question)
    }

    /// Writes what is allowed; the results of the others say that they are not.
    ///
    /// # Errors
    /// As [`Engine::write`].
    pub fn write(&self, ops: Vec<WriteOp>) -> Result<(Vec<WriteResult>, Written), EngineError> {
        if self.access.is_unlimited() {
            return self.engine.write(ops);
        }
        let mut verdicts: BTreeMap<(String, bool), Option<Arc<EngineError>>> = BTreeMap::new();
        let (mut allowed, mut denied) = (Vec::new(), BTreeMap::new());
        for (at, op) in ops.into_iter().enumerate() {
            let adds_only = match &op.action {
                WriteAction::Create(_) => true,
                // With an id it may replace a document.
                WriteAction::Index(_) => op.id.is_none(),
                WriteAction::Update(_) | WriteAction::Delete | WriteAction::Reparse { .. } => false,
            };
            let wanted = if adds_only { IndexPrivileges::CREATE_DOC } else { IndexPrivileges::WRITE };
            let verdict = verdicts.entry((op.index.clone(), adds_only)).or_insert_with(|| self.check(&op.index, wanted).err().map(Arc::new)).clone();
            match verdict {
                None => allowed.push(op),
                Some(error) => drop(denied.insert(at, WriteResult::Failed { index: op.index, id: op.id, error })),
            }
        }
        let (results, written) = self.engine.write(allowed)?;
        let count = results.len() + denied.len();
        let mut results = results.into_iter();
        let all = (0..count).filter_map(|at| denied.remove(&at).or_else(|| results.next())).collect();
        Ok((all, written))
    }

    /// The indices that the requester may use as the route does.
    pub fn indices(&self) -> Vec<IndexInfo> {
        let mut indices = self.engine.indices();
        indices.retain(|it| self.access.allows_index(&it.name, it.stream.as_deref(), self.asked));
        indices
    }

    /// The data streams that the requester may use as the route does.
    pub fn data_streams(&self) -> BTreeMap<String, Vec<String>> {
        let mut streams = self.engine.data_streams();
        streams.retain(|name, _| self.access.allows_index(name, None, self.asked));
        streams
    }

    /// The aliases of indices that the requester may use as the route does.
    pub fn aliases(&self) -> BTreeMap<String, BTreeMap<String, Alias>> {
        let mut aliases = self.engine.aliases();
        if !self.access.is_unlimited() {
            let seen: Vec<String> = self.indices().into_iter().map(|it| it.name).chain(self.data_streams().into_keys()).collect();
            aliases.values_mut().for_each(|members| members.retain(|name, _| seen.contains(name)));
            aliases.retain(|_, members| !members.is_empty());
        }
        aliases
    }

    /// As [`Engine::create_index_with`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn create_index_with(
        &self,
        name: &str,
        mapping: Option<Mapping>,
        settings: Value,
        aliases: &BTreeMap<String, Alias>,
    ) -> Result<String, EngineError> {
        self.check(name, IndexPrivileges::CREATE_INDEX)?;
        self.engine.create_index_with(name, mapping, settings, aliases)
    }

    /// As [`Engine::create_data_stream`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn create_data_stream(&self, name: &str, mapping: Option<Mapping>) -> Result<(), EngineError> {
        self.check(name, IndexPrivileges::CREATE_INDEX)?;
        self.engine.create_data_stream(name, mapping)
    }

    /// As [`Engine::create_composed`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn create_composed(&self, name: &str, composed: Composed) -> Result<(), EngineError> {
        self.check(name, IndexPrivileges::CREATE_INDEX)?;
        self.engine.create_composed(name, composed)
    }

    /// As [`Engine::delete_index`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn delete_index(&self, name: &str) -> Result<(), EngineError> {
        self.check(name, IndexPrivileges::MANAGE)?;
        self.check_intent(name, Intent::Delete)?;
        self.engine.delete_index(name)
    }

    /// As [`Engine::delete_data_stream`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn delete_data_stream(&self, name: &str) -> Result<(), EngineError> {
        self.check(name, IndexPrivileges::MANAGE)?;
        self.check_intent(name, Intent::Delete)?;
        self.engine.delete_data_stream(name)
    }

    /// As [`Engine::put_mapping`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn put_mapping(&self, name: &str, body: &Value) -> Result<(), EngineError> {
        self.check(name, IndexPrivileges::MANAGE)?;
        self.check_intent(name, Intent::ChangeMetadata)?;
        self.engine.put_mapping(name, body)
    }

    /// As [`Engine::roll_over`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn roll_over(&self, target: &str, new: Option<&str>, given: &TemplateParts) -> Result<(String, String), EngineError> {
        self.check(target, IndexPrivileges::MANAGE)?;
        new.map_or(Ok(()), |it| self.check(it, IndexPrivileges::CREATE_INDEX))?;
        self.check_intent(target, Intent::ChangeMetadata)?;
        self.engine.roll_over(target, new, given)
    }

    /// As [`Engine::plan_rollover`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn plan_rollover(&self, target: &str, new: Option<&str>) -> Result<RolloverPlan, EngineError> {
        self.check(target, IndexPrivileges::MANAGE)?;
        self.engine.plan_rollover(target, new)
    }

    /// As [`Engine::update_aliases`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`] for members that the requester may not manage.
    pub fn update_aliases(&self, actions: &[AliasAction]) -> Result<(), EngineError> {
        for action in actions {
            match action {
                AliasAction::Add { targets, .. } | AliasAction::Remove { targets, .. } => {
                    targets.iter().try_for_each(|it| self.check(it, IndexPrivileges::MANAGE))?;
                    targets.iter().try_for_each(|it| self.check_intent(it, Intent::ChangeMetadata))?;
                }
                AliasAction::RemoveIndex(name) => {
                    self.check(name, IndexPrivileges::MANAGE)?;
                    self.check_intent(name, Intent::Delete)?;
                }
            }
        }
        self.engine.update_aliases(actions)
    }

    /// As [`Engine::put_settings`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn put_settings(&self, uuids: &[String], changes: &Map<String, Value>, keep: bool) -> Result<(), EngineError> {
        self.check_all(uuids)?;
        // What takes such a block back must get through.
        let unblocks = [Block::Metadata, Block::ReadOnly, Block::ReadOnlyAllowDelete].iter().any(|it| changes.contains_key(it.setting()));
        if !(changes.len() == 1 && unblocks) {
            self.check_all_intent(uuids, Intent::ChangeMetadata)?;
        }
        self.engine.put_settings(uuids, changes, keep)
    }

    /// As [`Engine::close_indices`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn close_indices(&self, uuids: &[String]) -> Result<(), EngineError> {
        self.check_all(uuids)?;
        self.check_all_intent(uuids, Intent::ChangeMetadata)?;
        self.engine.close_indices(uuids)
    }

    /// As [`Engine::open_indices`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn open_indices(&self, uuids: &[String]) -> Result<(), EngineError> {
        self.check_all(uuids)?;
        self.engine.open_indices(uuids)
    }

    /// As [`Engine::force_merge`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn force_merge(&self, uuid: &str, splits_max: usize) -> Result<(), EngineError> {
        self.check_all(&[uuid.to_owned()])?;
        self.engine.force_merge(uuid, splits_max)
    }

    /// Makes what was written searchable; of all indices where none is named. It tells nothing, so nothing is asked.
    ///
    /// # Errors
    /// As [`Engine::refresh`].
    pub fn refresh(&self, uuids: Option<&[String]>) -> Result<(), EngineError> {
        self.engine.refresh(uuids)
    }

    /// Makes searchable what was written to indices of those names, which may be others than the route reads.
    ///
    /// # Errors
    /// As [`Engine::refresh`].
    pub fn refresh_named(&self, names: &BTreeSet<String>) -> Result<(), EngineError> {
        let uuids: Vec<String> = self.engine.indices().into_iter().filter(|it| names.contains(&it.name)).map(|it| it.uuid).collect();
        self.engine.refresh(Some(&uuids))
    }

    /// As [`Engine::commit`].
    ///
    /// # Errors
    /// As that.
    pub fn commit(&self) -> Result<(), EngineError> {
        self.engine.commit()
    }

    /// As [`Engine::index_templates`].
    pub fn index_templates(&self) -> BTreeMap<String, IndexTemplate> {
        self.engine.index_templates()
    }

    /// As [`Engine::component_templates`].
    pub fn component_templates(&self) -> BTreeMap<String, ComponentTemplate> {
        self.engine.component_templates()
    }

    /// As [`Engine::template_for`].
    pub fn template_for(&self, name: &str) -> Option<Composed> {
        self.engine.template_for(name)
    }

    /// As [`Engine::overlapping_templates`].
    pub fn overlapping_templates(&self, name: &str) -> Vec<(String, Vec<String>)> {
        self.engine.overlapping_templates(name)
    }

    /// As [`Engine::put_index_template`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn put_index_template(&self, name: &str, template: IndexTemplate, create: bool) -> Result<(), EngineError> {
        self.check_templates()?;
        self.engine.put_index_template(name, template, create)
    }

    /// As [`Engine::put_component_template`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn put_component_template(&self, name: &str, template: ComponentTemplate, create: bool) -> Result<(), EngineError> {
        self.check_templates()?;
        self.engine.put_component_template(name, template, create)
    }

    /// As [`Engine::delete_index_templates`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn delete_index_templates(&self, names: &[String]) -> Result<(), EngineError> {
        self.check_templates()?;
        self.engine.delete_index_templates(names)
    }

    /// As [`Engine::delete_component_templates`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn delete_component_templates(&self, names: &[String]) -> Result<(), EngineError> {
        self.check_templates()?;
        self.engine.delete_component_templates(names)
    }

    /// As [`Engine::disk`].
    pub fn disk(&self) -> DiskState {
        self.engine.disk()
    }

    /// As [`Engine::watermarks`].
    pub fn watermarks(&self) -> Watermarks {
        self.engine.watermarks()
    }

    /// As [`Engine::put_stream_lifecycle`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn put_stream_lifecycle(&self, streams: &[String], lifecycle: Option<&StreamLifecycle>) -> Result<(), EngineError> {
        streams.iter().try_for_each(|it| self.check(it, IndexPrivileges::MANAGE))?;
        self.engine.put_stream_lifecycle(streams, lifecycle)
    }

    /// What the data streams say themselves that the requester may use as the route does.
    pub fn stream_lifecycles(&self) -> BTreeMap<String, StreamLifecycle> {
        let mut lifecycles = self.engine.stream_lifecycles();
        lifecycles.retain(|name, _| self.access.allows_index(name, None, self.asked));
        lifecycles
    }

    /// As [`Engine::stream_rule`].
    pub fn stream_rule(&self, stream: &str) -> StreamRule {
        self.engine.stream_rule(stream)
    }

    /// What is kept of the data streams that the requester may use as the route does.
    pub fn retention(&self) -> Vec<StreamRetention> {
        let mut retention = self.engine.retention();
        retention.retain(|it| self.access.allows_index(&it.stream, None, self.asked));
        retention
    }

    /// As [`Engine::policies`].
    pub fn policies(&self) -> BTreeMap<String, Policy> {
        self.engine.policies()
    }

    /// As [`Engine::are_policies_stopped`].
    pub fn are_policies_stopped(&self) -> bool {
        self.engine.are_policies_stopped()
    }

    /// As [`Engine::put_policy`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn put_policy(&self, name: &str, policy: Policy) -> Result<(), EngineError> {
        self.check_manage()?;
        self.engine.put_policy(name, policy)
    }

    /// As [`Engine::delete_policy`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn delete_policy(&self, name: &str) -> Result<(), EngineError> {
        self.check_manage()?;
        self.engine.delete_policy(name)
    }

    /// As [`Engine::stop_policies`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn stop_policies(&self, is_stopped: bool) -> Result<(), EngineError> {
        self.check_manage()?;
        self.engine.stop_policies(is_stopped)
    }

    /// As [`Engine::now`].
    pub fn now(&self) -> sekisho_engine::clock::Timestamp {
        self.engine.now()
    }

    /// As [`Engine::recovery`].
    pub fn recovery(&self) -> Recovery {
        self.engine.recovery()
    }

    /// As [`Engine::legacy_templates`].
    pub fn legacy_templates(&self) -> BTreeMap<String, IndexTemplate> {
        self.engine.legacy_templates()
    }

    /// As [`Engine::put_legacy_template`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn put_legacy_template(&self, name: &str, template: IndexTemplate, create: bool) -> Result<(), EngineError> {
        self.check_templates()?;
        self.engine.put_legacy_template(name, template, create)
    }

    /// As [`Engine::delete_legacy_templates`].
    ///
    /// # Errors
    /// As that, and [`EngineError::Forbidden`].
    pub fn delete_legacy_templates(&self, names: &[String]) -> Result<(), EngineError> {
        self.check_templates()?;
        self.engine.delete_legacy_templates(names)
    }

    /// Where the data is, for figures of its disk.
    pub fn data_dir(&self) -> &std::path::Path {
        self.engine.data_dir()
    }

    /// As [`Engine::log_bytes`].
    pub fn log_bytes(&self) -> u64 {
        self.engine.log_bytes()
    }

    /// Refuses a name where an index that it means, or would mean once it is there, is denied.
    fn check(&self, name: &str, wanted: IndexPrivileges) -> Result<(), EngineError> {
        if self.access.is_unlimited() {
            return Ok(());
        }
        let mut targets = self.engine.resolve(name, EVERYTHING)?;
        let is_allowed = match targets.is_empty() {
            true => self.access.allows_index(&self.engine.dated_name(name)?, None, wanted),
            false => self.narrow(&mut targets, wanted).is_none(),
        };
        if is_allowed { Ok(()) } else { Err(self.refuse(&format!("on indices [{name}]"))) }
    }

    fn check_all(&self, uuids: &[String]) -> Result<(), EngineError> {
        if self.access.is_unlimited() {
            return Ok(());
        }
        let is_denied =
            |it: &&IndexInfo| uuids.contains(&it.uuid) && !self.access.allows_index(&it.name, it.stream.as_deref(), IndexPrivileges::MANAGE);
        match self.engine.indices().iter().find(is_denied) {
            Some(it) => Err(self.refuse(&format!("on indices [{}]", it.name))),
            None => Ok(()),
        }
    }

    /// Refuses where a block keeps an index that the name means from being used so.
    fn check_intent(&self, name: &str, intent: Intent) -> Result<(), EngineError> {
        self.engine.check_blocks(&self.engine.resolve(name, EVERYTHING)?, intent)
    }

    fn check_all_intent(&self, uuids: &[String], intent: Intent) -> Result<(), EngineError> {
        let named = self.engine.indices().into_iter().filter(|it| uuids.contains(&it.uuid));
        named.map(|it| it.name).try_for_each(|it| self.check_intent(&it, intent))
    }

    fn check_templates(&self) -> Result<(), EngineError> {
        let is_allowed = self.access.allows_cluster(ClusterPrivileges::MANAGE_TEMPLATES);
        if is_allowed { Ok(()) } else { Err(self.refuse("needs the cluster privilege [manage_index_templates]")) }
    }

    fn check_manage(&self) -> Result<(), EngineError> {
        let is_allowed = self.access.allows_cluster(ClusterPrivileges::MANAGE);
        if is_allowed { Ok(()) } else { Err(self.refuse("needs the cluster privilege [manage]")) }
    }

    /// Takes out what is denied; the name of one of those.
    fn narrow(&self, targets: &mut Targets, wanted: IndexPrivileges) -> Option<String> {
        self.engine.narrow(targets, &self.allowed(wanted))
    }

    fn allowed(&self, wanted: IndexPrivileges) -> Allowed {
        let access = self.access.clone();
        Allowed::new(move |name, stream| access.allows_index(name, stream, wanted))
    }

    fn refuse(&self, what: &str) -> EngineError {
        EngineError::Forbidden(format!("action is unauthorized for {}, {what}", self.access.described()))
    }
}
