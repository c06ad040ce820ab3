//! The HTTP interface: one file per endpoint, one line each in [`ENDPOINTS`].

pub mod alias;
pub mod analyze;
pub mod async_search;
pub mod backup;
pub mod block;
pub mod bulk;
pub mod by_query;
pub mod call;
pub mod cat;
pub mod cluster;
mod collapse;
pub mod condition;
pub mod count;
pub mod data_stream;
pub mod document;
pub mod error;
pub mod explain;
pub mod field_caps;
pub mod field_mapping;
pub mod filter_path;
pub mod hec;
pub mod human;
pub mod index;
pub mod info;
pub mod ingest_pipeline;
pub mod kql;
pub mod legacy_template;
pub mod license;
pub mod lifecycle;
pub mod login;
pub mod maintenance;
pub mod mapping;
pub mod metrics;
pub mod mget;
pub mod msearch;
pub mod node;
pub mod openapi;
#[cfg(feature = "pipelines")]
pub mod pipelines;
pub mod pit;
pub mod policy;
pub mod probes;
mod profile;
pub mod reindex;
pub mod reprocess;
pub mod resolve;
pub mod retention;
pub mod rollover;
pub mod router;
pub mod scroll;
pub mod search;
pub mod search_shards;
pub mod security_api_key;
pub mod security_privileges;
pub mod security_user;
pub mod segments;
pub mod sessions;
pub mod setting;
pub mod source;
pub mod sources;
pub mod stats;
pub mod tail;
pub mod task;
pub mod template;
pub mod terms_enum;
pub mod ui;
pub mod update;
pub mod validate;

use std::future::Future;
use std::pin::Pin;

use axum::http::Method;
use call::{Call, Outcome};

use crate::security::{ClusterPrivileges, IndexPrivileges, Privilege};

const KNOWN: Privilege = Privilege::Known;
const READ: Privilege = Privilege::Index(IndexPrivileges::READ);
const VIEW: Privilege = Privilege::Index(IndexPrivileges::VIEW);
const CREATE: Privilege = Privilege::Index(IndexPrivileges::CREATE_DOC);
const WRITE: Privilege = Privilege::Index(IndexPrivileges::WRITE);
const CREATE_INDEX: Privilege = Privilege::Index(IndexPrivileges::CREATE_INDEX);
const MANAGE: Privilege = Privilege::Index(IndexPrivileges::MANAGE);
const MONITOR: Privilege = Privilege::Cluster(ClusterPrivileges::MONITOR);
const MANAGE_TEMPLATES: Privilege = Privilege::Cluster(ClusterPrivileges::MANAGE_TEMPLATES);
const MANAGE_CLUSTER: Privilege = Privilege::Cluster(ClusterPrivileges::MANAGE);
const OWN_KEYS: Privilege = Privilege::Cluster(ClusterPrivileges::MANAGE_OWN_API_KEY);
const MANAGE_SECURITY: Privilege = Privilege::Cluster(ClusterPrivileges::MANAGE_SECURITY);
const ALL_CLUSTER: Privilege = Privilege::Cluster(ClusterPrivileges::ALL);

/// A handler's future.
pub type Answer = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// An endpoint.
pub struct Endpoint {
    /// Methods it takes.
    pub methods: &'static [&'static str],
    /// Paths, with `{name}` for parts.
    pub paths: &'static [&'static str],
    /// The handler's name, `file::function`.
    pub name: &'static str,
    /// What it asks of whoever calls it.
    pub privilege: Privilege,
    /// What it does.
    pub handler: fn(Call) -> Answer,
}

macro_rules! endpoints {
    ($($(#[$when:meta])? [$($method:literal),+] [$($path:literal),+] $privilege:expr => $handler:path;)*) => {
        /// Every endpoint. The router, the errors for wrong methods and the tests read this list.
        pub const ENDPOINTS: &[Endpoint] = &[$(
            $(#[$when])?
            Endpoint {
                methods: &[$($method),+],
                paths: &[$($path),+],
                name: stringify!($handler),
                privilege: $privilege,
                handler: |call| Box::pin($handler(call)),
            }
        ),*];
    };
}

endpoints! {
    ["GET", "HEAD"] ["/"] KNOWN => info::handle;
    ["POST", "PUT"] ["/_bulk", "/{index}/_bulk"] CREATE => bulk::handle;
    ["GET", "POST"] ["/_search", "/{index}/_search"] READ => search::handle;
    ["GET", "POST"] ["/_search/scroll", "/_search/scroll/{scroll_id}"] KNOWN => scroll::next;
    ["DELETE"] ["/_search/scroll", "/_search/scroll/{scroll_id}"] KNOWN => scroll::clear;
    ["POST"] ["/{index}/_pit"] READ => pit::open;
    ["DELETE"] ["/_pit"] KNOWN => pit::close;
    ["POST"] ["/{index}/_search/point_in_time"] READ => pit::open_point_in_time;
    ["DELETE"] ["/_search/point_in_time", "/_search/point_in_time/_all"] KNOWN => pit::close_points_in_time;
    ["POST"] ["/_async_search", "/{index}/_async_search"] READ => async_search::submit;
    ["GET"] ["/_async_search/{id}"] KNOWN => async_search::get;
    ["GET"] ["/_async_search/status/{id}"] KNOWN => async_search::status;
    ["DELETE"] ["/_async_search/{id}"] KNOWN => async_search::delete;
    ["GET", "POST"] ["/_validate/query", "/{index}/_validate/query"] READ => validate::handle;
    ["GET", "POST"] ["/{index}/_explain/{id}"] READ => explain::handle;
    ["GET", "POST"] ["/{index}/_terms_enum"] READ => terms_enum::handle;
    ["GET", "POST"] ["/_msearch", "/{index}/_msearch"] READ => msearch::handle;
    ["GET", "POST"] ["/_search_shards", "/{index}/_search_shards"] VIEW => search_shards::handle;
    ["GET", "POST"] ["/_count", "/{index}/_count"] READ => count::handle;
    ["POST"] ["/{index}/_doc"] CREATE => document::append;
    ["PUT", "POST"] ["/{index}/_doc/{id}"] WRITE => document::put;
    ["GET", "HEAD"] ["/{index}/_doc/{id}"] READ => document::get;
    ["DELETE"] ["/{index}/_doc/{id}"] WRITE => document::delete;
    ["PUT", "POST"] ["/{index}/_create/{id}"] CREATE => document::create;
    ["GET", "HEAD"] ["/{index}/_source/{id}"] READ => source::handle;
    ["POST"] ["/{index}/_update/{id}"] WRITE => update::handle;
    ["GET", "POST"] ["/_mget", "/{index}/_mget"] READ => mget::handle;
    ["POST"] ["/{index}/_delete_by_query"] WRITE => by_query::delete;
    ["POST"] ["/{index}/_update_by_query"] WRITE => by_query::update;
    ["POST"] ["/_reindex"] READ => reindex::handle;
    ["GET", "POST"] ["/_refresh", "/{index}/_refresh"] CREATE => maintenance::refresh;
    ["GET", "POST"] ["/_flush", "/{index}/_flush"] MANAGE => maintenance::flush;
    ["POST"] ["/_forcemerge", "/{index}/_forcemerge"] MANAGE => maintenance::force_merge;
    ["POST"] ["/{index}/_rollover", "/{index}/_rollover/{new}"] MANAGE => rollover::handle;
    ["GET"] ["/_mapping", "/{index}/_mapping"] VIEW => mapping::get;
    ["PUT", "POST"] ["/{index}/_mapping"] MANAGE => mapping::put;
    ["GET"] ["/_mapping/field/{name}", "/{index}/_mapping/field/{name}"] VIEW => field_mapping::handle;
    ["GET", "POST"] ["/_field_caps", "/{index}/_field_caps"] READ => field_caps::handle;
    ["GET"] ["/_cat"] KNOWN => cat::all;
    ["GET"] ["/_cat/indices", "/_cat/indices/{index}"] VIEW => cat::indices;
    ["GET"] ["/_cat/aliases", "/_cat/aliases/{name}"] VIEW => cat::aliases;
    ["GET"] ["/_cat/templates", "/_cat/templates/{name}"] MONITOR => cat::templates;
    ["GET"] ["/_cat/shards", "/_cat/shards/{index}"] VIEW => cat::shards;
    ["GET"] ["/_cat/count", "/_cat/count/{index}"] READ => cat::count;
    ["GET"] ["/_cat/recovery", "/_cat/recovery/{index}"] VIEW => cat::recovery;
    ["GET"] ["/_cat/health"] MONITOR => cat::node::health;
    ["GET"] ["/_cat/nodes"] MONITOR => cat::node::nodes;
    ["GET"] ["/_cat/allocation", "/_cat/allocation/{name}"] MONITOR => cat::node::allocation;
    ["GET"] ["/_cat/master", "/_cat/cluster_manager"] MONITOR => cat::node::master;
    ["GET"] ["/_cat/nodeattrs"] MONITOR => cat::node::attributes;
    ["GET"] ["/_cat/plugins"] MONITOR => cat::node::plugins;
    ["GET"] ["/_cat/pending_tasks"] MONITOR => cat::node::pending_tasks;
    ["GET"] ["/_cat/repositories"] MONITOR => cat::node::repositories;
    ["GET"] ["/_cat/fielddata", "/_cat/fielddata/{name}"] MONITOR => cat::node::fielddata;
    ["GET"] ["/_stats", "/{index}/_stats", "/_stats/{metric}", "/{index}/_stats/{metric}"] VIEW => stats::handle;
    ["GET"] ["/_segments", "/{index}/_segments"] VIEW => segments::segments;
    ["GET"] ["/_recovery", "/{index}/_recovery"] VIEW => segments::recovery;
    ["GET"] ["/_shard_stores", "/{index}/_shard_stores"] VIEW => segments::shard_stores;
    ["POST"] ["/_cache/clear", "/{index}/_cache/clear"] MANAGE => maintenance::clear_cache;
    ["GET"] ["/_cluster/health", "/_cluster/health/{index}"] MONITOR => cluster::health;
    ["GET"] ["/_cluster/settings"] MONITOR => cluster::settings;
    ["PUT"] ["/_cluster/settings"] MANAGE_CLUSTER => cluster::put_settings;
    ["GET"] ["/_cluster/state", "/_cluster/state/{metric}", "/_cluster/state/{metric}/{index}"] MONITOR => cluster::state;
    ["GET"] ["/_cluster/stats"] MONITOR => cluster::stats;
    ["GET"] ["/_cluster/pending_tasks"] MONITOR => task::pending;
    ["GET", "POST"] ["/_cluster/allocation/explain"] MONITOR => cluster::explain_allocation;
    ["POST"] ["/_cluster/reroute"] MANAGE_CLUSTER => cluster::reroute;
    ["GET"] ["/_tasks"] MONITOR => task::list;
    ["GET"] ["/_tasks/{id}"] MONITOR => task::get;
    ["POST"] ["/_tasks/_cancel", "/_tasks/{id}/_cancel"] MANAGE_CLUSTER => task::cancel;
    ["GET"] ["/_license"] MONITOR => license::license;
    ["GET"] ["/_xpack"] MONITOR => license::features;
    ["GET"] ["/_remote/info"] MONITOR => cluster::remotes;
    ["GET"] ["/_ingest/pipeline", "/_ingest/pipeline/{id}"] MONITOR => ingest_pipeline::get;
    ["PUT"] ["/_ingest/pipeline/{id}"] MANAGE_CLUSTER => ingest_pipeline::put;
    ["DELETE"] ["/_ingest/pipeline/{id}"] MANAGE_CLUSTER => ingest_pipeline::delete;
    ["GET", "POST"] ["/_ingest/pipeline/_simulate", "/_ingest/pipeline/{id}/_simulate"] MANAGE_CLUSTER => ingest_pipeline::simulate;
    ["GET"] ["/_nodes", "/_nodes/{id}", "/_nodes/{id}/{metric}"] MONITOR => node::info;
    ["GET"] ["/_nodes/stats", "/_nodes/stats/{metric}", "/_nodes/{id}/stats", "/_nodes/{id}/stats/{metric}"] MONITOR => node::stats;
    ["GET", "POST"] ["/_analyze", "/{index}/_analyze"] KNOWN => analyze::handle;
    ["GET"] ["/_ilm/policy", "/_ilm/policy/{name}"] MONITOR => policy::get;
    ["PUT"] ["/_ilm/policy/{name}"] MANAGE_CLUSTER => policy::put;
    ["DELETE"] ["/_ilm/policy/{name}"] MANAGE_CLUSTER => policy::delete;
    ["GET"] ["/_ilm/status"] MONITOR => policy::status;
    ["POST"] ["/_ilm/start"] MANAGE_CLUSTER => policy::start;
    ["POST"] ["/_ilm/stop"] MANAGE_CLUSTER => policy::stop;
    ["GET"] ["/{index}/_ilm/explain"] VIEW => policy::explain;
    ["POST"] ["/{index}/_ilm/remove"] MANAGE => policy::remove;
    ["GET"] ["/_data_stream/{name}/_lifecycle"] VIEW => lifecycle::get;
    ["PUT"] ["/_data_stream/{name}/_lifecycle"] MANAGE => lifecycle::put;
    ["DELETE"] ["/_data_stream/{name}/_lifecycle"] MANAGE => lifecycle::delete;
    ["GET"] ["/{index}/_lifecycle/explain"] VIEW => lifecycle::explain;
    ["GET", "POST"] ["/_resolve/index/{index}"] VIEW => resolve::handle;
    ["GET"] ["/_data_stream", "/_data_stream/{name}"] VIEW => data_stream::get;
    ["GET"] ["/_data_stream/_stats", "/_data_stream/{name}/_stats"] VIEW => data_stream::stats;
    ["PUT"] ["/_data_stream/{name}"] CREATE_INDEX => data_stream::create;
    ["DELETE"] ["/_data_stream/{name}"] MANAGE => data_stream::delete;
    ["POST"] ["/_aliases"] MANAGE => alias::update;
    ["GET"] ["/_aliases", "/{index}/_aliases"] VIEW => alias::get;
    ["GET", "HEAD"] ["/_alias", "/_alias/{name}", "/{index}/_alias", "/{index}/_alias/{name}"] VIEW => alias::get;
    ["PUT", "POST"] ["/{index}/_alias/{name}", "/{index}/_aliases/{name}"] MANAGE => alias::put;
    ["DELETE"] ["/{index}/_alias/{name}", "/{index}/_aliases/{name}"] MANAGE => alias::delete;
    ["PUT"] ["/{index}"] CREATE_INDEX => index::create;
    ["GET", "HEAD"] ["/{index}"] VIEW => index::get;
    ["DELETE"] ["/{index}"] MANAGE => index::delete;
    ["GET", "HEAD"] ["/_index_template", "/_index_template/{name}"] MONITOR => template::get_index;
    ["PUT", "POST"] ["/_index_template/{name}"] MANAGE_TEMPLATES => template::put_index;
    ["DELETE"] ["/_index_template/{name}"] MANAGE_TEMPLATES => template::delete_index;
    ["POST"] ["/_index_template/_simulate_index/{name}"] MONITOR => template::simulate_index;
    ["GET", "HEAD"] ["/_component_template", "/_component_template/{name}"] MONITOR => template::get_component;
    ["PUT", "POST"] ["/_component_template/{name}"] MANAGE_TEMPLATES => template::put_component;
    ["DELETE"] ["/_component_template/{name}"] MANAGE_TEMPLATES => template::delete_component;
    ["GET", "HEAD"] ["/_template", "/_template/{name}"] MONITOR => legacy_template::get;
    ["PUT", "POST"] ["/_template/{name}"] MANAGE_TEMPLATES => legacy_template::put;
    ["DELETE"] ["/_template/{name}"] MANAGE_TEMPLATES => legacy_template::delete;
    ["GET"] ["/_settings", "/{index}/_settings", "/{index}/_settings/{name}"] VIEW => index::settings;
    ["PUT"] ["/_settings", "/{index}/_settings"] MANAGE => index::put_settings;
    ["PUT"] ["/{index}/_block/{block}"] MANAGE => block::add;
    ["DELETE"] ["/{index}/_block/{block}"] MANAGE => block::remove;
    ["POST"] ["/{index}/_close"] MANAGE => index::close;
    ["POST"] ["/{index}/_open"] MANAGE => index::open;
    ["GET"] ["/_security/_authenticate"] KNOWN => security_api_key::authenticate;
    ["POST", "PUT"] ["/_security/api_key"] OWN_KEYS => security_api_key::create;
    ["GET"] ["/_security/api_key"] OWN_KEYS => security_api_key::list;
    ["DELETE"] ["/_security/api_key"] OWN_KEYS => security_api_key::invalidate;
    ["GET", "POST"] ["/_security/user/_has_privileges", "/_security/user/{name}/_has_privileges"] KNOWN => security_privileges::has;
    ["PUT", "POST"] ["/_security/user/_password", "/_security/user/{name}/_password"] KNOWN => security_privileges::change_password;
    ["GET"] ["/_security/user", "/_security/user/{name}"] MANAGE_SECURITY => security_user::get_users;
    ["PUT", "POST"] ["/_security/user/{name}"] MANAGE_SECURITY => security_user::put_user;
    ["DELETE"] ["/_security/user/{name}"] MANAGE_SECURITY => security_user::delete_user;
    ["GET"] ["/_security/role", "/_security/role/{name}"] MANAGE_SECURITY => security_user::get_roles;
    ["PUT", "POST"] ["/_security/role/{name}"] MANAGE_SECURITY => security_user::put_role;
    ["DELETE"] ["/_security/role/{name}"] MANAGE_SECURITY => security_user::delete_role;
    ["POST"] ["/_sekisho/login"] Privilege::Open => login::log_in;
    ["POST"] ["/_sekisho/logout"] Privilege::Open => login::log_out;
    ["GET"] ["/_sekisho/sources"] MONITOR => sources::all;
    ["GET"] ["/_sekisho/sources/{name}"] MONITOR => sources::one;
    ["POST"] ["/_sekisho/kql"] KNOWN => kql::handle;
    ["POST"] ["/_sekisho/backup"] ALL_CLUSTER => backup::handle;
    ["GET"] ["/_sekisho/retention", "/_sekisho/retention/{name}"] VIEW => retention::get;
    ["PUT"] ["/_sekisho/retention/{name}"] MANAGE => retention::put;
    ["DELETE"] ["/_sekisho/retention/{name}"] MANAGE => retention::delete;
    ["POST"] ["/_sekisho/retention/_run"] ALL_CLUSTER => retention::run;
    ["POST"] ["/_sekisho/reprocess"] ALL_CLUSTER => reprocess::handle;
    ["GET"] ["/_sekisho/sessions"] READ => sessions::by_event;
    ["GET"] ["/_sekisho/tail"] READ => tail::handle;
    ["GET"] ["/_sekisho/sessions/{key}"] READ => sessions::by_key;
    #[cfg(feature = "pipelines")] ["GET"] ["/_sekisho/pipelines"] MONITOR => pipelines::status;
    #[cfg(feature = "pipelines")] ["POST"] ["/_sekisho/pipelines/_simulate"] MANAGE_CLUSTER => pipelines::simulate;
    ["POST"] ["/services/collector", "/services/collector/event", "/services/collector/event/1.0"] Privilege::Collector => hec::event;
    ["POST"] ["/services/collector/raw", "/services/collector/raw/1.0"] Privilege::Collector => hec::raw;
    ["POST"] ["/services/collector/ack"] Privilege::Collector => hec::ack;
    ["GET"] ["/services/collector/health", "/services/collector/health/1.0"] Privilege::Open => hec::health;
    ["GET", "HEAD"] ["/livez"] Privilege::Open => probes::live;
    ["GET", "HEAD"] ["/readyz"] Privilege::Open => probes::ready;
    ["GET", "HEAD"] ["/startupz"] Privilege::Open => probes::started;
    ["GET"] ["/openapi.json"] KNOWN => openapi::handle;
    ["GET"] ["/metrics"] Privilege::Metrics => metrics::handle;
    ["GET", "HEAD"] ["/ui", "/ui/", "/ui/{*path}"] Privilege::Open => ui::handle;
}

/// Endpoints whose documents go or come by the many, beside those that ask to manage.
const MANY_DOCUMENTS: &[&str] = &["by_query::delete", "by_query::update", "reindex::handle"];

/// Endpoints that ask to manage and change nothing, or note by themselves what they change.
const NOT_AUDITED: &[&str] = &["maintenance::flush", "pipelines::simulate"];

/// Whether the success of a request is an audit event: it changes what the server is, or takes away more than a document.
pub(crate) fn is_audited(endpoint: &Endpoint, method: &Method) -> bool {
    let is_reading = matches!(*method, Method::GET | Method::HEAD);
    let is_managing = match endpoint.privilege {
        Privilege::Cluster(it) => [ALL_CLUSTER, MANAGE_CLUSTER, MANAGE_TEMPLATES].contains(&Privilege::Cluster(it)),
        Privilege::Index(it) => [MANAGE, CREATE_INDEX].contains(&Privilege::Index(it)),
        Privilege::Open | Privilege::Metrics | Privilege::Collector | Privilege::Known => false,
    };
    !is_reading && (MANY_DOCUMENTS.contains(&endpoint.name) || is_managing && !NOT_AUDITED.contains(&endpoint.name))
}
