//! Settings of an index that its mapping and its searches heed. Read once from what was given, and carried by the mapping, which everything has.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::chain::Analysis;
use crate::engine::EngineError;

/// What the settings of an index say; nothing said is what Elasticsearch has by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct IndexOptions {
    /// `index.mapping.total_fields.limit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fields_max: Option<usize>,
    /// `index.mapping.total_fields.ignore_dynamic_beyond_limit`: a field that would be one too many stays in `_source` only.
    pub(crate) ignores_beyond_limit: bool,
    /// `index.mapping.ignore_malformed`.
    pub(crate) ignores_malformed: bool,
    /// `index.query.default_field`: patterns, with boosts; none is all fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) default_fields: Vec<String>,
    /// `index.max_result_window`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result_window_max: Option<usize>,
    /// `index.analysis`.
    pub(crate) analysis: Analysis,
}

impl IndexOptions {
    /// Reads them from settings with dotted names and values as text, but for `analysis`, which does not change once an index is there.
    pub(crate) fn from_settings(settings: &Map<String, Value>) -> Self {
        let text = |name: &str| settings.get(name).and_then(Value::as_str);
        let number = |name: &str| text(name).and_then(|it| it.parse().ok());
        let default_fields = match settings.get("index.query.default_field") {
            Some(Value::String(one)) => one.split(',').map(|it| it.trim().to_owned()).collect(),
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        Self {
            fields_max: number("index.mapping.total_fields.limit"),
            ignores_beyond_limit: text("index.mapping.total_fields.ignore_dynamic_beyond_limit") == Some("true"),
            ignores_malformed: text("index.mapping.ignore_malformed") == Some("true"),
            default_fields,
            result_window_max: number("index.max_result_window"),
            analysis: Analysis::default(),
        }
    }

    /// Reads all of them.
    ///
    /// # Errors
    /// [`EngineError::IllegalArgument`] for analysers that can't be made.
    pub(crate) fn with_analysis(settings: &Map<String, Value>) -> Result<Self, EngineError> {
        let analysis = Analysis::from_settings(settings).map_err(EngineError::IllegalArgument)?;
        Ok(Self { analysis, ..Self::from_settings(settings) })
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
