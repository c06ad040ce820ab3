//! The HTTP interface: one file per endpoint, one line each in [`ENDPOINTS`].

pub mod alias;
pub mod analyze;
pub mod async_search;
pub mod backup;
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
pub mod filter_path;
pub mod hec;
pub mod index;
pub mod info;
pub mod kql;
pub mod lifecycle;
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
pub mod probes;
mod profile;
pub mod reindex;
pub mod reprocess;
pub mod resolve;
pub mod router;
pub mod scroll;
pub mod search;
pub mod sessions;
pub mod setting;
pub mod source;
pub mod sources;
pub mod stats;
pub mod template;
pub mod terms_enum;
pub mod ui;
pub mod update;
pub mod validate;

use std::future::Future;
use std::pin::Pin;

use call::{Call, Outcome};

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
    /// What it does.
    pub handler: fn(Call) -> Answer,
}

macro_rules! endpoints {
    ($($(#[$when:meta])? [$($method:literal),+] [$($path:literal),+] => $handler:path;)*) => {
        /// Every endpoint. The router, the errors for wrong methods and the tests read this list.
        pub const ENDPOINTS: &[Endpoint] = &[$(
            $(#[$when])?
            Endpoint { methods: &[$($method),+], paths: &[$($path),+], name: stringify!($handler), handler: |call| Box::pin($handler(call)) }
        ),*];
    };
}

endpoints! {
    ["GET", "HEAD"] ["/"] => info::handle;
    ["POST", "PUT"] ["/_bulk", "/{index}/_bulk"] => bulk::handle;
    ["GET", "POST"] ["/_search", "/{index}/_search"] => search::handle;
    ["GET", "POST"] ["/_search/scroll", "/_search/scroll/{scroll_id}"] => scroll::next;
    ["DELETE"] ["/_search/scroll", "/_search/scroll/{scroll_id}"] => scroll::clear;
    ["POST"] ["/{index}/_pit"] => pit::open;
    ["DELETE"] ["/_pit"] => pit::close;
    ["POST"] ["/{index}/_search/point_in_time"] => pit::open_point_in_time;
    ["DELETE"] ["/_search/point_in_time", "/_search/point_in_time/_all"] => pit::close_points_in_time;
    ["POST"] ["/_async_search", "/{index}/_async_search"] => async_search::submit;
    ["GET"] ["/_async_search/{id}"] => async_search::get;
    ["GET"] ["/_async_search/status/{id}"] => async_search::status;
    ["DELETE"] ["/_async_search/{id}"] => async_search::delete;
    ["GET", "POST"] ["/_validate/query", "/{index}/_validate/query"] => validate::handle;
    ["GET", "POST"] ["/{index}/_explain/{id}"] => explain::handle;
    ["GET", "POST"] ["/{index}/_terms_enum"] => terms_enum::handle;
    ["GET", "POST"] ["/_msearch", "/{index}/_msearch"] => msearch::handle;
    ["GET", "POST"] ["/_count", "/{index}/_count"] => count::handle;
    ["POST"] ["/{index}/_doc"] => document::append;
    ["PUT", "POST"] ["/{index}/_doc/{id}"] => document::put;
    ["GET", "HEAD"] ["/{index}/_doc/{id}"] => document::get;
    ["DELETE"] ["/{index}/_doc/{id}"] => document::delete;
    ["PUT", "POST"] ["/{index}/_create/{id}"] => document::create;
    ["GET", "HEAD"] ["/{index}/_source/{id}"] => source::handle;
    ["POST"] ["/{index}/_update/{id}"] => update::handle;
    ["GET", "POST"] ["/_mget", "/{index}/_mget"] => mget::handle;
    ["POST"] ["/{index}/_delete_by_query"] => by_query::delete;
    ["POST"] ["/{index}/_update_by_query"] => by_query::update;
    ["POST"] ["/_reindex"] => reindex::handle;
    ["GET", "POST"] ["/_refresh", "/{index}/_refresh"] => maintenance::refresh;
    ["GET", "POST"] ["/_flush", "/{index}/_flush"] => maintenance::flush;
    ["POST"] ["/_forcemerge", "/{index}/_forcemerge"] => maintenance::force_merge;
    ["POST"] ["/{index}/_rollover"] => maintenance::roll_over;
    ["GET"] ["/_mapping", "/{index}/_mapping"] => mapping::get;
    ["PUT", "POST"] ["/{index}/_mapping"] => mapping::put;
    ["GET", "POST"] ["/_field_caps", "/{index}/_field_caps"] => field_caps::handle;
    ["GET"] ["/_cat/indices", "/_cat/indices/{index}"] => cat::indices;
    ["GET"] ["/_cat/aliases", "/_cat/aliases/{name}"] => cat::aliases;
    ["GET"] ["/_cat/templates", "/_cat/templates/{name}"] => cat::templates;
    ["GET"] ["/_cat/nodes"] => cat::nodes;
    ["GET"] ["/_cat/shards", "/_cat/shards/{index}"] => cat::shards;
    ["GET"] ["/_cat/health"] => cat::health;
    ["GET"] ["/_cat/count", "/_cat/count/{index}"] => cat::count;
    ["GET"] ["/_stats", "/{index}/_stats", "/_stats/{metric}", "/{index}/_stats/{metric}"] => stats::handle;
    ["GET"] ["/_cluster/health", "/_cluster/health/{index}"] => cluster::health;
    ["GET"] ["/_cluster/settings"] => cluster::settings;
    ["PUT"] ["/_cluster/settings"] => cluster::put_settings;
    ["GET"] ["/_cluster/state", "/_cluster/state/{metric}", "/_cluster/state/{metric}/{index}"] => cluster::state;
    ["GET"] ["/_cluster/stats"] => cluster::stats;
    ["GET"] ["/_nodes", "/_nodes/_all", "/_nodes/_local", "/_nodes/_all/http", "/_nodes/http"] => node::info;
    ["GET"] ["/_nodes/stats", "/_nodes/_all/stats", "/_nodes/_local/stats"] => node::stats;
    ["GET", "POST"] ["/_analyze", "/{index}/_analyze"] => analyze::handle;
    ["GET"] ["/_ilm/policy", "/_ilm/policy/{name}"] => lifecycle::policies;
    ["PUT"] ["/_ilm/policy/{name}"] => lifecycle::put_policy;
    ["GET"] ["/_data_stream/{name}/_lifecycle"] => lifecycle::get;
    ["PUT"] ["/_data_stream/{name}/_lifecycle"] => lifecycle::put;
    ["GET", "POST"] ["/_resolve/index/{index}"] => resolve::handle;
    ["GET"] ["/_data_stream", "/_data_stream/{name}"] => data_stream::get;
    ["PUT"] ["/_data_stream/{name}"] => data_stream::create;
    ["DELETE"] ["/_data_stream/{name}"] => data_stream::delete;
    ["POST"] ["/_aliases"] => alias::update;
    ["GET"] ["/_aliases", "/{index}/_aliases"] => alias::get;
    ["GET", "HEAD"] ["/_alias", "/_alias/{name}", "/{index}/_alias", "/{index}/_alias/{name}"] => alias::get;
    ["PUT", "POST"] ["/{index}/_alias/{name}", "/{index}/_aliases/{name}"] => alias::put;
    ["DELETE"] ["/{index}/_alias/{name}", "/{index}/_aliases/{name}"] => alias::delete;
    ["PUT"] ["/{index}"] => index::create;
    ["GET", "HEAD"] ["/{index}"] => index::get;
    ["DELETE"] ["/{index}"] => index::delete;
    ["GET", "HEAD"] ["/_index_template", "/_index_template/{name}"] => template::get_index;
    ["PUT", "POST"] ["/_index_template/{name}"] => template::put_index;
    ["DELETE"] ["/_index_template/{name}"] => template::delete_index;
    ["POST"] ["/_index_template/_simulate_index/{name}"] => template::simulate_index;
    ["GET", "HEAD"] ["/_component_template", "/_component_template/{name}"] => template::get_component;
    ["PUT", "POST"] ["/_component_template/{name}"] => template::put_component;
    ["DELETE"] ["/_component_template/{name}"] => template::delete_component;
    ["GET", "HEAD"] ["/_template", "/_template/{name}"] => template::get_legacy;
    ["GET"] ["/_settings", "/{index}/_settings", "/{index}/_settings/{name}"] => index::settings;
    ["PUT"] ["/_settings", "/{index}/_settings"] => index::put_settings;
    ["POST"] ["/{index}/_close"] => index::close;
    ["POST"] ["/{index}/_open"] => index::open;
    ["GET"] ["/_sekisho/sources"] => sources::all;
    ["GET"] ["/_sekisho/sources/{name}"] => sources::one;
    ["POST"] ["/_sekisho/kql"] => kql::handle;
    ["POST"] ["/_sekisho/backup"] => backup::handle;
    ["POST"] ["/_sekisho/reprocess"] => reprocess::handle;
    ["GET"] ["/_sekisho/sessions"] => sessions::by_event;
    ["GET"] ["/_sekisho/sessions/{key}"] => sessions::by_key;
    #[cfg(feature = "pipelines")] ["GET"] ["/_sekisho/pipelines"] => pipelines::status;
    #[cfg(feature = "pipelines")] ["POST"] ["/_sekisho/pipelines/_simulate"] => pipelines::simulate;
    ["POST"] ["/services/collector", "/services/collector/event", "/services/collector/event/1.0"] => hec::event;
    ["POST"] ["/services/collector/raw", "/services/collector/raw/1.0"] => hec::raw;
    ["POST"] ["/services/collector/ack"] => hec::ack;
    ["GET"] ["/services/collector/health", "/services/collector/health/1.0"] => hec::health;
    ["GET", "HEAD"] ["/livez"] => probes::live;
    ["GET", "HEAD"] ["/readyz"] => probes::ready;
    ["GET", "HEAD"] ["/startupz"] => probes::started;
    ["GET"] ["/openapi.json"] => openapi::handle;
    ["GET"] ["/metrics"] => metrics::handle;
    ["GET", "HEAD"] ["/ui", "/ui/", "/ui/{*path}"] => ui::handle;
}
