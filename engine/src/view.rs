//! Views: indices as they were at one moment, to be asked again and again. What Elasticsearch calls a point in time.
//!
//! A view holds the splits it was made of. They stay readable when a merge has replaced them and their files are gone from the
//! directory; their space is free once the view is dropped. A view knows nothing of names, expiry or connections.

use std::sync::Arc;

use crate::engine::Engine;
use crate::error::QueryError;
use crate::resolve::Targets;
use crate::search::{SearchRequest, SearchResponse, Snapshot, check_window};

/// Indices at one moment; its clones are one view.
#[derive(Clone)]
pub struct View {
    pub(crate) snapshots: Arc<Vec<Snapshot>>,
}

impl View {
    /// Number of indices.
    pub fn indices(&self) -> usize {
        self.snapshots.len()
    }

    /// Number of indices that lack splits, because those could not be opened.
    pub fn damaged_indices(&self) -> usize {
        self.snapshots.iter().filter(|it| it.damaged > 0).count()
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.snapshots.iter().map(|it| &it.name)).finish()
    }
}

impl Engine {
    /// The indices as a search sees them now.
    ///
    /// # Errors
    /// [`QueryError::Damaged`] where what was written can't be made visible.
    pub fn view(&self, targets: &Targets) -> Result<View, QueryError> {
        let now = self.now();
        self.refresh_idle(targets, now)?;
        Ok(View { snapshots: Arc::new(self.snapshots(targets, now)) })
    }

    /// Answers a question to a view, as [`Engine::search`] does to indices as they are.
    ///
    /// # Errors
    /// As [`Engine::search`].
    pub fn search_view(&self, view: &View, request: &SearchRequest) -> Result<SearchResponse, QueryError> {
        check_window(request)?;
        Ok(self.answer(&view.snapshots, request, self.now(), None)?.0)
    }
}
