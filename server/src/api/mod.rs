//! The HTTP interface: one file per endpoint, one line each in [`ENDPOINTS`].

pub mod bulk;
pub mod call;
pub mod cat;
pub mod cluster;
pub mod count;
pub mod data_stream;
pub mod document;
pub mod error;
pub mod field_caps;
pub mod filter_path;
pub mod index;
pub mod info;
pub mod maintenance;
pub mod mapping;
pub mod metrics;
pub mod msearch;
#[cfg(feature = "pipelines")]
pub mod pipelines;
pub mod probes;
pub mod resolve;
pub mod router;
pub mod search;
pub mod sessions;
pub mod stats;
pub mod ui;

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
    /// What it does.
    pub handler: fn(Call) -> Answer,
}

macro_rules! endpoints {
    ($($(#[$when:meta])? [$($method:literal),+] [$($path:literal),+] => $handler:path;)*) => {
        /// Every endpoint. The router, the errors for wrong methods and the tests read this list.
        pub const ENDPOINTS: &[Endpoint] = &[$(
            $(#[$when])?
            Endpoint { methods: &[$($method),+], paths: &[$($path),+], handler: |call| Box::pin($handler(call)) }
        ),*];
    };
}

endpoints! {
    ["GET", "HEAD"] ["/"] => info::handle;
    ["POST", "PUT"] ["/_bulk", "/{index}/_bulk"] => bulk::handle;
    ["GET", "POST"] ["/_search", "/{index}/_search"] => search::handle;
    ["GET", "POST"] ["/_msearch", "/{index}/_msearch"] => msearch::handle;
    ["GET", "POST"] ["/_count", "/{index}/_count"] => count::handle;
    ["POST"] ["/{index}/_doc"] => document::append;
    ["PUT", "POST"] ["/{index}/_doc/{id}"] => document::put;
    ["GET", "HEAD"] ["/{index}/_doc/{id}"] => document::get;
    ["DELETE"] ["/{index}/_doc/{id}"] => document::delete;
    ["PUT", "POST"] ["/{index}/_create/{id}"] => document::create;
    ["GET", "POST"] ["/_refresh", "/{index}/_refresh"] => maintenance::refresh;
    ["GET", "POST"] ["/_flush", "/{index}/_flush"] => maintenance::flush;
    ["POST"] ["/_forcemerge", "/{index}/_forcemerge"] => maintenance::force_merge;
    ["POST"] ["/{index}/_rollover"] => maintenance::roll_over;
    ["GET"] ["/_mapping", "/{index}/_mapping"] => mapping::get;
    ["PUT", "POST"] ["/{index}/_mapping"] => mapping::put;
    ["GET", "POST"] ["/_field_caps", "/{index}/_field_caps"] => field_caps::handle;
    ["GET"] ["/_cat/indices", "/_cat/indices/{index}"] => cat::indices;
    ["GET"] ["/_cat/health"] => cat::health;
    ["GET"] ["/_cat/count", "/_cat/count/{index}"] => cat::count;
    ["GET"] ["/_stats", "/{index}/_stats", "/_stats/{metric}", "/{index}/_stats/{metric}"] => stats::handle;
    ["GET"] ["/_cluster/health", "/_cluster/health/{index}"] => cluster::health;
    ["GET"] ["/_resolve/index/{index}"] => resolve::handle;
    ["GET"] ["/_data_stream", "/_data_stream/{name}"] => data_stream::get;
    ["PUT"] ["/_data_stream/{name}"] => data_stream::create;
    ["DELETE"] ["/_data_stream/{name}"] => data_stream::delete;
    ["PUT"] ["/{index}"] => index::create;
    ["GET", "HEAD"] ["/{index}"] => index::get;
    ["DELETE"] ["/{index}"] => index::delete;
    ["GET"] ["/{index}/_settings"] => index::settings;
    ["GET"] ["/_sekisho/sessions"] => sessions::by_event;
    ["GET"] ["/_sekisho/sessions/{key}"] => sessions::by_key;
    #[cfg(feature = "pipelines")] ["GET"] ["/_sekisho/pipelines"] => pipelines::status;
    #[cfg(feature = "pipelines")] ["POST"] ["/_sekisho/pipelines/_simulate"] => pipelines::simulate;
    ["GET", "HEAD"] ["/livez"] => probes::live;
    ["GET", "HEAD"] ["/readyz"] => probes::ready;
    ["GET", "HEAD"] ["/startupz"] => probes::started;
    ["GET"] ["/metrics"] => metrics::handle;
    ["GET", "HEAD"] ["/ui", "/ui/", "/ui/{*path}"] => ui::handle;
}
