//! The site's rules for events, in builds that have them (feature `pipelines`); in others nothing is changed.

use std::borrow::Cow;
#[cfg(feature = "pipelines")]
use std::sync::Arc;

#[cfg(feature = "pipelines")]
use sekisho_ingest::pipelines::{Pipelines, PipelinesOptions, RELOAD_INTERVAL};
use tokio::sync::watch;

use crate::config::Config;

/// Rules, lists and databases; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct SiteRules {
    #[cfg(feature = "pipelines")]
    pipelines: Option<Arc<Pipelines>>,
}

impl SiteRules {
    /// Reads what the settings name. Files that can't be used are told in our own log and do not keep the server from starting. Blocks.
    #[cfg(feature = "pipelines")]
    pub fn open(config: &Config) -> Self {
        let [pipelines_dir, lists_dir, geoip_city, geoip_asn] = config.site_rules().map(|it| it.1);
        let options = PipelinesOptions { pipelines_dir, lists_dir, geoip_city, geoip_asn };
        // Without rules there are simulations still.
        Self { pipelines: Some(Arc::new(Pipelines::open(options))) }
    }

    /// Nothing: this build has no rules, and settings that name some were refused.
    #[cfg(not(feature = "pipelines"))]
    pub fn open(_: &Config) -> Self {
        Self::default()
    }

    /// Records with what the rules change in them.
    #[cfg(feature = "pipelines")]
    pub fn amend<'a>(&self, records: &'a [Vec<u8>]) -> Cow<'a, [Vec<u8>]> {
        self.pipelines.as_ref().map_or(Cow::Borrowed(records), |it| it.amend(records))
    }

    /// The records themselves.
    #[cfg(not(feature = "pipelines"))]
    pub fn amend<'a>(&self, records: &'a [Vec<u8>]) -> Cow<'a, [Vec<u8>]> {
        Cow::Borrowed(records)
    }

    /// Reads what changed every few seconds, until it is told to stop.
    #[cfg(feature = "pipelines")]
    pub async fn keep_fresh(self, mut stopped: watch::Receiver<bool>) {
        let Some(pipelines) = self.pipelines else { return };
        while tokio::time::timeout(RELOAD_INTERVAL, stopped.wait_for(|it| *it)).await.is_err() {
            let pipelines = pipelines.clone();
            if let Err(error) = tokio::task::spawn_blocking(move || pipelines.reload()).await {
                tracing::error!(%error, "reading site rules failed inside; those before stay in use");
            }
        }
    }

    /// Nothing to do.
    #[cfg(not(feature = "pipelines"))]
    pub async fn keep_fresh(self, _: watch::Receiver<bool>) {}

    /// The rules, once they are read.
    #[cfg(feature = "pipelines")]
    pub fn pipelines(&self) -> Option<&Arc<Pipelines>> {
        self.pipelines.as_ref()
    }
}
