//! The mapping of an index: which fields there are, of which Elasticsearch type, and how each is indexed.
//!
//! A mapping only grows: a field keeps its id, type and options for ever, so that splits built earlier stay readable under a
//! later mapping (their tantivy schema is a prefix of the newer one). What tantivy sees is hidden here: a field is a
//! tantivy field named `f<id>`, after five internal ones ([`internal`]).
//!
//! Column encodings, decided once so that queries, sorts and aggregations need three code paths and no more
//! ([`ColumnKind`]): keywords and addresses are dictionary-encoded bytes (addresses: 16 bytes, so that the order of
//! ordinals is the order of addresses and a CIDR block is a range of ordinals); whole numbers, dates (UTC milliseconds) and
//! booleans (0, 1) are `i64`; floating-point numbers are `f64`. `text` has no column.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tantivy::schema::{BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, SchemaBuilder, TextFieldIndexing, TextOptions};

use crate::analysis;
use crate::chain::{Chain, FieldAnalysis};
use crate::dynamic::{DynamicRules, Introduced};
use crate::ecs;
use crate::index_options::IndexOptions;

/// The number of a field within its mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldId(pub u16);

/// An Elasticsearch field type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Exact, case-sensitive text.
    Keyword,
    /// A keyword that is asked by patterns; stored and answered as a keyword.
    Wildcard,
    /// Analysed text with positions.
    Text,
    /// Analysed text without positions; phrases are verified on the document.
    MatchOnlyText,
    /// 64-bit signed integer.
    Long,
    /// 32-bit signed integer.
    Integer,
    /// 16-bit signed integer.
    Short,
    /// 8-bit signed integer.
    Byte,
    /// Double precision.
    Double,
    /// Single precision in Elasticsearch; kept in double precision here.
    Float,
    /// True or false.
    Boolean,
    /// A point in time, to the millisecond.
    Date,
    /// IPv4 or IPv6 address.
    Ip,
}

/// How a field's values lie in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Ordinals into a sorted dictionary of byte strings (`BytesColumn`, or `StrColumn` for text).
    Ordinal,
    /// `Column<i64>`.
    I64,
    /// `Column<f64>`.
    F64,
}

/// Every type a mapping may name, with its name.
pub const FIELD_TYPES: &[(&str, FieldType)] = &[
    ("keyword", FieldType::Keyword),
    ("wildcard", FieldType::Wildcard),
    ("text", FieldType::Text),
    ("match_only_text", FieldType::MatchOnlyText),
    ("long", FieldType::Long),
    ("integer", FieldType::Integer),
    ("short", FieldType::Short),
    ("byte", FieldType::Byte),
    ("double", FieldType::Double),
    ("float", FieldType::Float),
    ("boolean", FieldType::Boolean),
    ("date", FieldType::Date),
    ("ip", FieldType::Ip),
];

/// Types that are kept as another one: what they would add is precision left out, or one value for all documents, which is not checked.
const VARIANTS: &[(&str, FieldType)] = &[
    ("constant_keyword", FieldType::Keyword),
    ("half_float", FieldType::Float),
    ("scaled_float", FieldType::Double),
    ("unsigned_long", FieldType::Long),
];

/// Types that are no columns of values here.
const TREATED: &[(&str, Treatment)] = &[
    ("nested", Treatment::Object),
    ("flattened", Treatment::Keywords),
    ("binary", Treatment::Stored),
    ("geo_point", Treatment::Stored),
    ("geo_shape", Treatment::Stored),
    ("histogram", Treatment::Stored),
];

/// What is done with a field of a type that is no column of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    /// Its parts are fields like those of any object.
    Object,
    /// Everything below it is a keyword.
    Keywords,
    /// It is in `_source` and can't be searched.
    Stored,
}

impl FieldType {
    /// The type's name in a mapping.
    pub fn name(self) -> &'static str {
        FIELD_TYPES.iter().find(|it| it.1 == self).map(|it| it.0).expect("every type is in the list")
    }

    /// How the values lie in a column; `None` for analysed text.
    pub fn column_kind(self) -> Option<ColumnKind> {
        match self {
            FieldType::Keyword | FieldType::Wildcard | FieldType::Ip => Some(ColumnKind::Ordinal),
            FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte | FieldType::Boolean | FieldType::Date => Some(ColumnKind::I64),
            FieldType::Double | FieldType::Float => Some(ColumnKind::F64),
            FieldType::Text | FieldType::MatchOnlyText => None,
        }
    }

    /// Whether values are analysed into tokens.
    pub fn is_text(self) -> bool {
        matches!(self, FieldType::Text | FieldType::MatchOnlyText)
    }

    /// Whether values are numbers in the sense of `sum` and `avg` (dates and booleans count, as in Elasticsearch).
    pub fn is_numeric(self) -> bool {
        matches!(self.column_kind(), Some(ColumnKind::I64 | ColumnKind::F64))
    }
}

/// A field of a built-in table; see [`crate::ecs`].
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    /// Dotted name.
    pub name: &'static str,
    /// Type.
    pub kind: FieldType,
    /// Whether it has postings.
    pub index: bool,
    /// Whether it has a column.
    pub doc_values: bool,
    /// Whether `_source` shows a list even for one value.
    pub list: bool,
}

/// A field of a mapping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MappedField {
    /// Number within the mapping.
    pub id: FieldId,
    /// Dotted name; a multi-field's name is its parent's with the sub-name appended (`message.keyword`).
    pub name: String,
    /// Type.
    pub kind: FieldType,
    /// Whether it has postings: a term is found without reading the column.
    pub index: bool,
    /// Whether it has a column: it can be sorted by and aggregated.
    pub doc_values: bool,
    /// Whether `_source` made from a row shows a list even for one value.
    #[serde(default)]
    pub list: bool,
    /// Longer keyword values (characters) are kept in `_source` only.
    #[serde(default)]
    pub ignore_above: Option<u32>,
    /// Date formats as the mapping gave them; the default is `strict_date_optional_time||epoch_millis`.
    #[serde(default)]
    pub format: Option<String>,
    /// Whether a value that does not fit the type is left out instead of refusing the document.
    #[serde(default)]
    pub ignore_malformed: bool,
    /// The field this one is a multi-field of.
    #[serde(default)]
    pub multi_field_of: Option<FieldId>,
    /// The type as the mapping gave it, where it is a variant of `kind`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_as: Option<String>,
    /// How its text becomes tokens, or a keyword its term, where that is not the usual way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Arc<FieldAnalysis>>,
}

impl MappedField {
    /// The name under which tantivy knows the field.
    pub fn tantivy_name(&self) -> String {
        format!("f{}", self.id.0)
    }

    /// The tantivy field.
    pub fn tantivy_field(&self) -> Field {
        tantivy_field(self.id)
    }

    /// How the column's values are encoded; `None` where the field has no column.
    pub fn column_kind(&self) -> Option<ColumnKind> {
        self.kind.column_kind().filter(|_| self.doc_values)
    }
}

/// What happens to a field of a document that the mapping does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dynamic {
    /// It is added to the mapping by the type of its value.
    #[default]
    True,
    /// It stays in `_source` only.
    False,
    /// The document is refused.
    Strict,
}

/// The internal tantivy fields that every split has, before the mapped ones.
pub mod internal {
    use tantivy::schema::Field;

    /// Stored bytes of the document ([`crate::source`]).
    pub const SOURCE: Field = Field::from_field_id(0);
    /// `u64` column: the document's sequence number in the log.
    pub const SEQ: Field = Field::from_field_id(1);
    /// Keyword: the explicit `_id`; absent where it is derived from the sequence number.
    pub const ID: Field = Field::from_field_id(2);
    /// `u64` column: `_version` of documents with an explicit id.
    pub const VERSION: Field = Field::from_field_id(3);
    /// Keyword without column: names (`f<id>`) of the column-less fields that the document has, for `exists`.
    pub const FIELD_NAMES: Field = Field::from_field_id(4);
    /// How many there are.
    pub const COUNT: u32 = 5;

    /// Names in the tantivy schema, by field id.
    pub const NAMES: [&str; COUNT as usize] = ["_source", "_seq", "_id", "_version", "_field_names"];
}

/// The tantivy field of a mapped field.
pub fn tantivy_field(id: FieldId) -> Field {
    Field::from_field_id(internal::COUNT + u32::from(id.0))
}

/// Why a mapping or a mapping update was refused.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum MappingError {
    /// A body that is not a mapping; Elasticsearch's `mapper_parsing_exception`.
    #[error("{0}")]
    Parse(String),
    /// A change of an existing field; Elasticsearch's `illegal_argument_exception`.
    #[error("mapper [{field}] cannot be changed from type [{from}] to [{to}]")]
    Conflict {
        /// Dotted name.
        field: String,
        /// Type it has.
        from: &'static str,
        /// Type asked for.
        to: &'static str,
    },
    /// A field without a name.
    #[error("name cannot be empty string")]
    NoName,
    /// More fields than `index.mapping.total_fields.limit`.
    #[error("Limit of total fields [{0}] has been exceeded")]
    TooManyFields(usize),
}

/// Fields of one mapping where its index does not say more: Elasticsearch's `index.mapping.total_fields.limit`. A mapping that grows
/// without end is nearly always keys that should have been values; each field costs memory in every split.
pub const FIELDS_MAX: usize = 1_000;

/// Fields of one mapping, whatever its index says: what the templates of shippers ask for.
pub const FIELDS_MAX_EVER: usize = 10_000;

/// The fields of an index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    fields: Vec<MappedField>,
    #[serde(default)]
    dynamic: Dynamic,
    #[serde(default)]
    rules: DynamicRules,
    #[serde(skip)]
    by_name: HashMap<String, FieldId>,
    /// What the settings of the index say.
    #[serde(default, skip_serializing_if = "IndexOptions::is_default")]
    pub(crate) options: IndexOptions,
}

impl Mapping {
    /// A mapping without fields that learns them from documents.
    pub fn dynamic() -> Self {
        Self::default()
    }

    /// The mapping of the built-in data streams: [`ecs::FIELDS`], ids in the order of the table.
    pub fn builtin() -> Arc<Self> {
        let mut mapping = Self { dynamic: Dynamic::True, ..Self::default() };
        for spec in ecs::FIELDS {
            mapping.push(MappedField { list: spec.list, index: spec.index, doc_values: spec.doc_values, ..new_field(spec.name, spec.kind) });
        }
        Arc::new(mapping)
    }

    /// Reads the body of a `mappings` object: `{"dynamic": …, "properties": {…}}`.
    ///
    /// # Errors
    /// [`MappingError::Parse`] names the key that is not understood.
    pub fn from_json(body: &Value) -> Result<Self, MappingError> {
        Self::from_json_with(body, IndexOptions::default())
    }

    /// As [`Mapping::from_json`], for an index whose settings say that.
    pub(crate) fn from_json_with(body: &Value, options: IndexOptions) -> Result<Self, MappingError> {
        let mut mapping = Self { options, ..Self::default() };
        mapping.merge_json(body)?;
        Ok(mapping)
    }

    /// Adds the fields of a `mappings` object to this mapping; on an error nothing has changed.
    ///
    /// # Errors
    /// [`MappingError::Conflict`] where a field exists with another type.
    pub fn merge_json(&mut self, body: &Value) -> Result<(), MappingError> {
        let mut merged = self.clone();
        let body = as_object(body, "mappings")?;
        for (key, value) in body {
            match key.as_str() {
                "dynamic" => merged.dynamic = parse_dynamic(value)?,
                "properties" => merged.merge_properties("", value)?,
                "_source" | "_routing" | "_data_stream_timestamp" if is_default(key, value) => {}
                _ if merged.rules.take(key, value)? => {}
                _ => return Err(MappingError::Parse(format!("Root mapping definition has unsupported parameters:  [{key} : {value}]"))),
            }
        }
        *self = merged;
        Ok(())
    }

    /// The body of a `mappings` object.
    pub fn to_json(&self) -> Value {
        let mut properties = Map::new();
        for field in self.fields.iter().filter(|it| it.multi_field_of.is_none() && !self.rules.is_keyword(&it.name)) {
            let mut body = field_json(field);
            let subs: Map<String, Value> = self
                .fields
                .iter()
                .filter(|it| it.multi_field_of == Some(field.id))
                .map(|sub| (sub.name[field.name.len() + 1..].to_owned(), Value::Object(field_json(sub))))
                .collect();
            if !subs.is_empty() {
                body.insert("fields".to_owned(), Value::Object(subs));
            }
            insert_property(&mut properties, &field.name, body);
        }
        for (path, said) in self.rules.objects() {
            insert_object(&mut properties, path, said);
        }
        let mut body = Map::new();
        match self.dynamic {
            Dynamic::True => {}
            Dynamic::False => drop(body.insert("dynamic".to_owned(), "false".into())),
            Dynamic::Strict => drop(body.insert("dynamic".to_owned(), "strict".into())),
        }
        self.rules.put_json(&mut body);
        body.insert("properties".to_owned(), properties.into());
        Value::Object(body)
    }

    /// The field of that dotted name.
    pub fn field(&self, name: &str) -> Option<&MappedField> {
        self.by_name.get(name).map(|&id| self.by_id(id))
    }

    /// The field of that number, which must be of this mapping.
    pub fn by_id(&self, id: FieldId) -> &MappedField {
        &self.fields[id.0 as usize]
    }

    /// All fields in the order of their ids.
    pub fn fields(&self) -> &[MappedField] {
        &self.fields
    }

    /// Fields whose name matches a pattern with `*`, in the order of their ids; a name without `*` matches itself.
    pub fn matching<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = &'a MappedField> {
        self.fields.iter().filter(move |it| simple_match(pattern, &it.name))
    }

    /// Whether some field lies below `name`, so that it is an object.
    pub fn is_object(&self, name: &str) -> bool {
        self.fields.iter().any(|it| {
            it.multi_field_of.is_none() && it.name.len() > name.len() && it.name.starts_with(name) && it.name.as_bytes()[name.len()] == b'.'
        })
    }

    /// What happens to an unknown field of that name.
    pub fn dynamic_rule(&self, name: &str) -> Dynamic {
        self.rules.dynamic_at(name).unwrap_or(self.dynamic)
    }

    /// Whether a field is or lies in an object that is not looked at (`enabled: false`).
    pub fn is_disabled(&self, name: &str) -> bool {
        self.rules.is_disabled(name)
    }

    /// The type of a field that is there and can't be asked.
    pub(crate) fn opaque(&self, name: &str) -> Option<&str> {
        self.rules.opaque(name)
    }

    /// Whether a field lies below an object of keywords (`flattened`).
    pub(crate) fn is_flattened(&self, name: &str) -> bool {
        self.rules.is_keyword(name)
    }

    /// Adds a field for a value, as dynamic mapping does.
    ///
    /// # Errors
    /// As [`Mapping::add`]; a template that maps it to what can't be.
    pub fn introduce(&mut self, name: &str, value: &Value) -> Result<(), MappingError> {
        match self.rules.introduce(name, value) {
            Introduced::Mapped(body) => {
                let kind = body.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
                self.merge_leaf(name, &kind, &body, None)
            }
            Introduced::Detected("boolean", _) => self.add(name, FieldType::Boolean).map(drop),
            Introduced::Detected("long", _) => self.add(name, FieldType::Long).map(drop),
            Introduced::Detected("double", _) => self.add(name, FieldType::Float).map(drop),
            Introduced::Detected("date", format) => self.try_push(MappedField { format, ..self.fresh(name, FieldType::Date) }).map(drop),
            Introduced::Detected(..) => self.add_dynamic_text(name).map(drop),
        }
    }

    /// The words of a text under an analyser that the index defines or that every index has: where each begins and ends, and its token.
    ///
    /// # Errors
    /// [`MappingError::Parse`] for a name that is none.
    pub fn words(&self, analyzer: &str, text: &str) -> Result<Vec<(usize, usize, String)>, MappingError> {
        let chain = self.options.analysis.analyzer(analyzer).map_err(MappingError::Parse)?;
        Ok(chain.unwrap_or_else(Chain::standard).words(text))
    }

    /// The multi-fields of a field.
    pub fn multi_fields(&self, of: FieldId) -> impl Iterator<Item = &MappedField> {
        self.fields.iter().filter(move |it| it.multi_field_of == Some(of))
    }

    /// Adds a field as dynamic mapping does.
    ///
    /// # Errors
    /// [`MappingError::TooManyFields`]; [`MappingError::Parse`] where the name is an object or lies below a field.
    pub fn add(&mut self, name: &str, kind: FieldType) -> Result<FieldId, MappingError> {
        self.try_push(self.fresh(name, kind))
    }

    /// A field with what the index says of all.
    fn fresh(&self, name: &str, kind: FieldType) -> MappedField {
        let is_checked = !kind.is_text() && !matches!(kind, FieldType::Keyword | FieldType::Wildcard);
        let analysis = self.options.analysis.default_analyzer().filter(|_| kind == FieldType::Text).map(Arc::new);
        MappedField { ignore_malformed: self.options.ignores_malformed && is_checked, analysis, ..new_field(name, kind) }
    }

    /// Adds an analysed text field with the `keyword` sub-field that Elasticsearch gives dynamic strings.
    ///
    /// # Errors
    /// As [`Mapping::add`].
    pub fn add_dynamic_text(&mut self, name: &str) -> Result<FieldId, MappingError> {
        let id = self.add(name, FieldType::Text)?;
        let keyword = MappedField { ignore_above: Some(256), multi_field_of: Some(id), ..new_field(&format!("{name}.keyword"), FieldType::Keyword) };
        self.try_push(keyword)?;
        Ok(id)
    }

    /// The tantivy schema of splits under this mapping.
    pub fn tantivy_schema(&self) -> Schema {
        let mut builder = SchemaBuilder::default();
        let postings_only = TextOptions::default().set_indexing_options(keyword_indexing());
        builder.add_bytes_field(internal::NAMES[0], BytesOptions::default().set_stored());
        builder.add_u64_field(internal::NAMES[1], NumericOptions::default().set_fast());
        builder.add_text_field(internal::NAMES[2], postings_only.clone().set_fast("raw"));
        builder.add_u64_field(internal::NAMES[3], NumericOptions::default().set_fast());
        builder.add_text_field(internal::NAMES[4], postings_only);
        for field in &self.fields {
            let name = field.tantivy_name();
            match field.kind {
                FieldType::Keyword | FieldType::Wildcard => {
                    let mut options = TextOptions::default();
                    if field.index {
                        options = options.set_indexing_options(keyword_indexing());
                    }
                    if field.doc_values {
                        options = options.set_fast("raw");
                    }
                    builder.add_text_field(&name, options);
                }
                FieldType::Ip => {
                    let mut options = BytesOptions::default();
                    if field.index {
                        options = options.set_indexed();
                    }
                    if field.doc_values {
                        options = options.set_fast();
                    }
                    builder.add_bytes_field(&name, options);
                }
                FieldType::Text => {
                    let indexing = TextFieldIndexing::default()
                        .set_tokenizer(&field.analysis.as_ref().map_or_else(|| analysis::STANDARD.to_owned(), |it| it.chain.tantivy_name()))
                        .set_fieldnorms(true)
                        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
                    builder.add_text_field(&name, TextOptions::default().set_indexing_options(indexing));
                }
                FieldType::MatchOnlyText => {
                    let indexing =
                        TextFieldIndexing::default().set_tokenizer(analysis::LINE).set_fieldnorms(false).set_index_option(IndexRecordOption::Basic);
                    builder.add_text_field(&name, TextOptions::default().set_indexing_options(indexing));
                }
                _ => {
                    let mut options = NumericOptions::default();
                    if field.index {
                        options = options.set_indexed();
                    }
                    if field.doc_values {
                        options = options.set_fast();
                    }
                    match field.kind.column_kind() {
                        Some(ColumnKind::F64) => builder.add_f64_field(&name, options),
                        _ => builder.add_i64_field(&name, options),
                    };
                }
            }
        }
        builder.build()
    }

    /// Restores what is not stored; called after deserialising.
    pub(crate) fn restore(&mut self) {
        self.by_name = self.fields.iter().map(|it| (it.name.clone(), it.id)).collect();
    }

    fn merge_properties(&mut self, prefix: &str, properties: &Value) -> Result<(), MappingError> {
        for (name, body) in as_object(properties, "properties")? {
            if name.is_empty() {
                return Err(MappingError::NoName);
            }
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let body = as_object(body, &path)?;
            let kind = body.get("type").and_then(Value::as_str);
            match kind {
                None | Some("object") => {
                    for key in body.keys() {
                        if !matches!(key.as_str(), "type" | "properties" | "dynamic" | "enabled") {
                            return Err(MappingError::Parse(format!(
                                "Mapping definition for [{path}] has unsupported parameters:  [{key} : {}]",
                                body[key]
                            )));
                        }
                    }
                    let enabled = match body.get("enabled") {
                        None => None,
                        Some(Value::Bool(it)) => Some(*it),
                        Some(Value::String(it)) if it == "true" || it == "false" => Some(it == "true"),
                        Some(other) => return Err(MappingError::Parse(format!("[enabled] of [{path}] must be true or false, not [{other}]"))),
                    };
                    let dynamic = body.get("dynamic").map(parse_dynamic).transpose()?;
                    self.rules.take_object(&path, dynamic, enabled);
                    if let Some(inner) = body.get("properties") {
                        self.merge_properties(&path, inner)?;
                    }
                }
                Some(kind) => self.merge_leaf(&path, kind, body, None)?,
            }
        }
        Ok(())
    }

    fn merge_leaf(&mut self, path: &str, kind: &str, body: &Map<String, Value>, multi_field_of: Option<FieldId>) -> Result<(), MappingError> {
        if let Some((_, treatment)) = TREATED.iter().find(|it| it.0 == kind) {
            return self.treat(path, *treatment, body, multi_field_of.is_some());
        }
        let known = parse_type(path, kind)?;
        let shown_as = (known.name() != kind).then(|| kind.to_owned());
        let mut field = MappedField { multi_field_of, shown_as, ..self.fresh(path, known) };
        let mut subs = None;
        for (key, value) in body {
            match (key.as_str(), value) {
                ("type", _) => {}
                ("fields", value) => subs = Some(as_object(value, path)?),
                ("index", Value::Bool(it)) => field.index = *it,
                ("doc_values", Value::Bool(it)) => field.doc_values = *it,
                ("ignore_malformed", Value::Bool(it)) => field.ignore_malformed = *it,
                ("ignore_above", Value::Number(it)) => field.ignore_above = it.as_u64().and_then(|it| u32::try_from(it).ok()),
                ("format", Value::String(it)) if field.kind == FieldType::Date => field.format = Some(it.clone()),
                // Options that change nothing here: we keep no norms to leave out, no global ordinals to load early, and text keeps positions.
                (
                    "norms"
                    | "eager_global_ordinals"
                    | "store"
                    | "coerce"
                    | "meta"
                    | "fielddata"
                    | "index_options"
                    | "time_series_dimension"
                    | "time_series_metric",
                    _,
                ) => {}
                ("scaling_factor", Value::Number(_)) if kind == "scaled_float" => {}
                ("analyzer" | "search_analyzer", Value::String(_)) if field.kind == FieldType::Text => {}
                ("analyzer" | "search_analyzer", Value::String(it)) if it == "standard" || it == "default" => {}
                ("normalizer", Value::String(name)) if field.kind == FieldType::Keyword => {
                    let chain = self.options.analysis.normalizer(name, path).map_err(MappingError::Parse)?;
                    field.analysis = Some(Arc::new(FieldAnalysis { name: name.clone(), chain, search: None }));
                }
                _ => return Err(MappingError::Parse(format!("unknown parameter [{key}] on mapper [{path}] of type [{kind}]"))),
            }
        }
        if field.kind == FieldType::Text {
            self.analyse(&mut field, body)?;
        }
        let id = self.merge_field(field)?;
        for (name, sub) in subs.into_iter().flatten() {
            let sub_path = format!("{path}.{name}");
            let sub = as_object(sub, &sub_path)?;
            let kind = sub
                .get("type")
                .and_then(Value::as_str)
                .ok_or_else(|| MappingError::Parse(format!("no type specified for multi-field [{sub_path}]")))?;
            self.merge_leaf(&sub_path, kind, sub, Some(id))?;
        }
        Ok(())
    }

    /// Gives a text field the analysers that its body names.
    fn analyse(&self, field: &mut MappedField, body: &Map<String, Value>) -> Result<(), MappingError> {
        let named = |key: &str| body.get(key).and_then(Value::as_str);
        let chain = |name: &str| self.options.analysis.analyzer(name).map_err(MappingError::Parse);
        if let Some(name) = named("analyzer") {
            field.analysis = chain(name)?.map(|chain| Arc::new(FieldAnalysis { name: name.to_owned(), chain, search: None }));
        }
        if let Some(name) = named("search_analyzer") {
            let search = (name.to_owned(), chain(name)?.unwrap_or_else(Chain::standard));
            let standard = || FieldAnalysis { name: "standard".to_owned(), chain: Chain::standard(), search: None };
            let own = field.analysis.as_deref().cloned().unwrap_or_else(standard);
            if own.chain != search.1 {
                field.analysis = Some(Arc::new(FieldAnalysis { search: Some(search), ..own }));
            }
        }
        Ok(())
    }

    /// Takes a field of a type that is no column of values.
    fn treat(&mut self, path: &str, treatment: Treatment, body: &Map<String, Value>, is_sub: bool) -> Result<(), MappingError> {
        if is_sub {
            let kind = body.get("type").and_then(Value::as_str).unwrap_or_default();
            return Err(MappingError::Parse(format!("Type [{kind}] cannot be used in multi field")));
        }
        match treatment {
            Treatment::Object => {
                self.rules.take_object(path, body.get("dynamic").map(parse_dynamic).transpose()?, None);
                self.rules.take_kind(path, body.iter().filter(|it| it.0 != "properties" && it.0 != "dynamic"));
                body.get("properties").map_or(Ok(()), |it| self.merge_properties(path, it))
            }
            Treatment::Keywords => {
                self.rules.take_keywords(path, body);
                Ok(())
            }
            Treatment::Stored => {
                self.rules.take_object(path, None, Some(false));
                self.rules.take_kind(path, body.iter());
                Ok(())
            }
        }
    }

    fn merge_field(&mut self, field: MappedField) -> Result<FieldId, MappingError> {
        if let Some(existing) = self.field(&field.name) {
            if existing.kind != field.kind {
                return Err(MappingError::Conflict { field: field.name, from: existing.kind.name(), to: field.kind.name() });
            }
            return Ok(existing.id);
        }
        self.try_push(field)
    }

    fn try_push(&mut self, field: MappedField) -> Result<FieldId, MappingError> {
        let limit = self.options.fields_max.unwrap_or(FIELDS_MAX).min(FIELDS_MAX_EVER);
        if self.fields.len() >= limit {
            return Err(MappingError::TooManyFields(limit));
        }
        if field.multi_field_of.is_none() && !self.rules.is_keyword(&field.name) {
            if self.is_object(&field.name) {
                return Err(MappingError::Parse(format!("can't merge a non object mapping [{}] with an object mapping", field.name)));
            }
            for (at, _) in field.name.match_indices('.') {
                let above = &field.name[..at];
                if self.field(above).is_some() {
                    return Err(MappingError::Parse(format!(
                        "object mapping for [{above}] tried to parse field as object, but found a concrete value"
                    )));
                }
            }
        }
        Ok(self.push(field))
    }

    fn push(&mut self, mut field: MappedField) -> FieldId {
        let id = FieldId(u16::try_from(self.fields.len()).expect("FIELDS_MAX_EVER is below 65,536"));
        field.id = id;
        self.by_name.insert(field.name.clone(), id);
        self.fields.push(field);
        id
    }
}

/// Elasticsearch's simple pattern: `*` stands for any text, everything else for itself.
pub fn simple_match(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(head) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return name.ends_with(part);
        }
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    true
}

fn new_field(name: &str, kind: FieldType) -> MappedField {
    MappedField {
        id: FieldId(0),
        name: name.to_owned(),
        kind,
        // Numbers and dates are asked by ranges, which read the column; postings of their many values cost more than they pay.
        index: !matches!(kind, FieldType::Double | FieldType::Float | FieldType::Date | FieldType::Boolean),
        doc_values: !kind.is_text(),
        list: false,
        ignore_above: None,
        format: None,
        ignore_malformed: false,
        multi_field_of: None,
        shown_as: None,
        analysis: None,
    }
}

/// Keywords: one raw token, no frequencies, no norms (constant score, as Elasticsearch scores keyword terms by IDF alone).
fn keyword_indexing() -> TextFieldIndexing {
    TextFieldIndexing::default().set_tokenizer("raw").set_fieldnorms(false).set_index_option(IndexRecordOption::Basic)
}

fn as_object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, MappingError> {
    value.as_object().ok_or_else(|| MappingError::Parse(format!("Expected map for property [{at}] but got [{value}]")))
}

fn parse_dynamic(value: &Value) -> Result<Dynamic, MappingError> {
    match value {
        Value::Bool(true) => Ok(Dynamic::True),
        Value::Bool(false) => Ok(Dynamic::False),
        Value::String(it) if it == "true" => Ok(Dynamic::True),
        Value::String(it) if it == "false" => Ok(Dynamic::False),
        Value::String(it) if it == "strict" => Ok(Dynamic::Strict),
        _ => Err(MappingError::Parse(format!("dynamic [{value}] is not supported; use true, false or strict"))),
    }
}

fn parse_type(path: &str, kind: &str) -> Result<FieldType, MappingError> {
    FIELD_TYPES
        .iter()
        .chain(VARIANTS)
        .find(|it| it.0 == kind)
        .map(|it| it.1)
        .ok_or_else(|| MappingError::Parse(format!("No handler for type [{kind}] declared on field [{}]", path.rsplit('.').next().unwrap_or(path))))
}

/// Root options that we accept where they ask for what happens anyway.
fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "_data_stream_timestamp" => true,
        "_source" => value == &json!({ "enabled": true }) || value == &json!({}),
        _ => false,
    }
}

fn field_json(field: &MappedField) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("type".to_owned(), field.shown_as.clone().unwrap_or_else(|| field.kind.name().to_owned()).into());
    let default = new_field(&field.name, field.kind);
    if !field.index && default.index {
        body.insert("index".to_owned(), false.into());
    }
    if !field.doc_values && default.doc_values {
        body.insert("doc_values".to_owned(), false.into());
    }
    if let Some(it) = field.ignore_above {
        body.insert("ignore_above".to_owned(), it.into());
    }
    if let Some(it) = &field.format {
        body.insert("format".to_owned(), it.clone().into());
    }
    if let Some(analysis) = &field.analysis {
        let key = if field.kind.is_text() { "analyzer" } else { "normalizer" };
        if !analysis.name.is_empty() {
            body.insert(key.to_owned(), analysis.name.clone().into());
        }
        if let Some((name, _)) = &analysis.search {
            body.insert("search_analyzer".to_owned(), name.clone().into());
        }
    }
    if field.ignore_malformed {
        body.insert("ignore_malformed".to_owned(), true.into());
    }
    body
}

/// Adds what an object says of itself to its property.
fn insert_object(properties: &mut Map<String, Value>, path: &str, said: Map<String, Value>) {
    let (head, rest) = path.split_once('.').map_or((path, None), |it| (it.0, Some(it.1)));
    let Some(object) = properties.entry(head).or_insert_with(|| json!({})).as_object_mut() else { return };
    match rest {
        None => object.extend(said),
        Some(rest) => {
            if let Some(inner) = object.entry("properties").or_insert_with(|| json!({})).as_object_mut() {
                insert_object(inner, rest, said);
            }
        }
    }
}

fn insert_property(properties: &mut Map<String, Value>, path: &str, body: Map<String, Value>) {
    match path.split_once('.') {
        None => {
            properties.insert(path.to_owned(), Value::Object(body));
        }
        Some((head, rest)) => {
            let object = properties.entry(head).or_insert_with(|| json!({ "properties": {} }));
            if let Some(inner) = object.as_object_mut().and_then(|it| it.entry("properties").or_insert_with(|| json!({})).as_object_mut()) {
                insert_property(inner, rest, body);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_reads_what_it_writes() {
        let body = json!({ "properties": { "a": { "properties": { "b": { "type": "ip" }, "c": { "type": "date", "format": "epoch_second" } } },
            "m": { "type": "text", "fields": { "keyword": { "type": "keyword", "ignore_above": 256 } } } } });
        let mapping = Mapping::from_json(&body).unwrap();
        assert_eq!(mapping.to_json(), body);
        assert_eq!(mapping.field("m.keyword").unwrap().multi_field_of, Some(mapping.field("m").unwrap().id));
    }

    #[test]
    fn a_changed_type_is_a_conflict_and_changes_nothing() {
        let mut mapping = Mapping::from_json(&json!({ "properties": { "a": { "type": "long" } } })).unwrap();
        let error = mapping.merge_json(&json!({ "properties": { "z": { "type": "ip" }, "a": { "type": "keyword" } } })).unwrap_err();
        assert_eq!(error.to_string(), "mapper [a] cannot be changed from type [long] to [keyword]");
        assert!(mapping.field("z").is_none());
    }

    #[test]
    fn a_value_and_an_object_of_one_name_are_refused() {
        let mut mapping = Mapping::dynamic();
        mapping.add("a.b", FieldType::Long).unwrap();
        assert!(mapping.add("a", FieldType::Long).is_err());
        assert!(mapping.add("a.b.c", FieldType::Long).is_err());
    }

    #[test]
    fn tantivy_fields_stand_where_their_ids_say() {
        let mapping = Mapping::builtin();
        let schema = mapping.tantivy_schema();
        for field in mapping.fields() {
            assert_eq!(schema.get_field(&field.tantivy_name()).unwrap(), field.tantivy_field());
        }
        assert_eq!(schema.get_field("_field_names").unwrap(), internal::FIELD_NAMES);
    }

    #[test]
    fn simple_patterns() {
        for (pattern, name, expected) in [
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abc", true),
            ("a*d", "abc", false),
            ("*", "", true),
            ("abc", "abc", true),
            ("*b*", "abc", true),
            ("a**c", "ac", true),
            ("ab*bc", "abc", false),
        ] {
            assert_eq!(simple_match(pattern, name), expected, "{pattern} {name}");
        }
    }
}
