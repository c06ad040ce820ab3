//! A tantivy query on one field that finds nothing in splits which do not know the field.
//!
//! A mapping only grows, so a split that was built earlier has a schema with fewer fields, and tantivy would panic on a field
//! beyond its end.

use std::sync::Arc;

use tantivy::query::{EmptyQuery, EnableScoring, Query, Weight};
use tantivy::schema::Field;

use super::TantivyQuery;

/// See the module.
#[derive(Clone, Debug)]
struct OnField {
    field: Field,
    inner: Arc<dyn Query>,
}

/// `inner`, which asks `field` and nothing else, safe for splits of older mappings.
pub(crate) fn on_field(field: Field, inner: impl Query) -> TantivyQuery {
    Box::new(OnField { field, inner: Arc::new(inner) })
}

impl Query for OnField {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        if self.field.field_id() as usize >= scoring.schema().num_fields() {
            return EmptyQuery.weight(scoring);
        }
        self.inner.weight(scoring)
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a tantivy::Term, bool)) {
        self.inner.query_terms(visitor);
    }
}
