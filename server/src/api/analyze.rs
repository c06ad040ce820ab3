//! `_analyze`: the tokens of a text, as a field or an analyser makes them.

use std::sync::Arc;

use sekisho_engine::ResolveOptions;
use sekisho_engine::analysis::{LINE, STANDARD, words, words_of};
use sekisho_engine::mapping::{FieldType, MappedField, Mapping};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::condition::invalid;
use super::error::ApiError;
use super::index::infos;
use crate::security::Scope;

/// Tokens of one answer, as Elasticsearch's `index.analyze.max_token_count`; refused beyond it.
pub const TOKENS_MAX: usize = 10_000;

/// Positions between two values of a field, so that no phrase matches over both.
const POSITION_GAP: usize = 100;

/// How a text becomes tokens.
#[derive(Clone, Debug)]
enum Analyser {
    Words(&'static str),
    /// As the text of that field.
    Field(Box<MappedField>),
    /// As an analyser of that index.
    OfIndex(Arc<Mapping>, String),
    /// The text is the token.
    Keyword,
}

/// Answers `_analyze`.
///
/// # Errors
/// 400 for an analyser that there is none of, 404 for an index that does not exist.
pub async fn handle(mut call: Call) -> Outcome {
    let mut body = call.object()?;
    for name in ["analyzer", "field", "text"] {
        if let Some(value) = call.params.take(name) {
            body.insert(name.to_owned(), value.into());
        }
    }
    call.params.ignore(&["prefer_local"]);
    call.params.finish(&call.path)?;
    let index = call.part("index").to_owned();
    call.app.blocking(move |engine| answer(engine, &index, &body)).await
}

fn answer(engine: &Scope, index: &str, body: &Map<String, Value>) -> Outcome {
    let (mut analyser, mut texts) = (None, Vec::new());
    for (key, value) in body {
        match (key.as_str(), value) {
            ("text", Value::String(it)) => texts.push(it.as_str()),
            ("text", Value::Array(items)) if items.iter().all(Value::is_string) => texts.extend(items.iter().filter_map(Value::as_str)),
            ("analyzer", Value::String(name)) => analyser = Some(named(engine, index, name)?),
            ("field", Value::String(field)) => analyser = Some(of_field(engine, index, field)?),
            ("explain", Value::Bool(false)) => {}
            ("analyzer" | "field" | "text", _) => return Err(ApiError::illegal_argument(format!("[{key}] must be text"))),
            _ => {
                return Err(ApiError::illegal_argument(format!("[{key}] is not supported; there are analyzers, by name, and fields")));
            }
        }
    }
    if texts.is_empty() {
        return invalid("text is missing");
    }
    let analyser = analyser.unwrap_or(Analyser::Words(STANDARD));
    let (mut tokens, mut position, mut offset) = (Vec::new(), 0, 0);
    for text in texts {
        let (mut at, mut units) = (0, 0);
        let lower = |(start, end): (usize, usize)| (start, end, text[start..end].to_lowercase());
        let found = match &analyser {
            Analyser::Words(name) => words(name, text).into_iter().map(lower).collect(),
            Analyser::Field(field) => words_of(field, text),
            Analyser::OfIndex(mapping, name) => mapping.words(name, text).map_err(|error| ApiError::illegal_argument(error.to_string()))?,
            Analyser::Keyword => vec![(0, text.len(), text.to_owned())],
        };
        for (start, end, token) in found {
            if tokens.len() >= TOKENS_MAX {
                return Err(ApiError::illegal_argument(format!(
                    "The number of tokens produced by calling _analyze has exceeded the allowed maximum of [{TOKENS_MAX}]."
                )));
            }
            let word = &text[start..end];
            // Offsets count UTF-16 units, as Elasticsearch's do.
            units += utf16_len(&text[at..start]);
            let (from, len) = (offset + units, utf16_len(word));
            units += len;
            at = end;
            let kind = match &analyser {
                Analyser::Keyword | Analyser::Field(_) | Analyser::OfIndex(..) => "word",
                Analyser::Words(_) if word.bytes().all(|it| it.is_ascii_digit()) => "<NUM>",
                Analyser::Words(_) => "<ALPHANUM>",
            };
            tokens.push(json!({ "token": token, "start_offset": from, "end_offset": from + len, "type": kind, "position": position }));
            position += 1;
        }
        offset += utf16_len(text) + 1;
        position += POSITION_GAP;
    }
    Ok(Reply::Json(json!({ "tokens": tokens })))
}

fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

fn named(engine: &Scope, index: &str, name: &str) -> Result<Analyser, ApiError> {
    if !index.is_empty() {
        let found = engine.resolve(index, ResolveOptions { allow_no_indices: false, ..ResolveOptions::default() })?;
        let mapping = infos(engine, &found).into_iter().map(|it| it.mapping).find(|it| it.words(name, "").is_ok());
        if let Some(mapping) = mapping.filter(|_| !matches!(name, "standard" | "keyword")) {
            return Ok(Analyser::OfIndex(mapping, name.to_owned()));
        }
    }
    match name {
        "standard" | "default" => Ok(Analyser::Words(STANDARD)),
        "line" => Ok(Analyser::Words(LINE)),
        "keyword" => Ok(Analyser::Keyword),
        "simple" | "whitespace" | "pattern" => Ok(Analyser::OfIndex(Arc::new(Mapping::dynamic()), name.to_owned())),
        other => Err(ApiError::illegal_argument(format!("failed to find global analyzer [{other}]"))),
    }
}

fn of_field(engine: &Scope, index: &str, field: &str) -> Result<Analyser, ApiError> {
    if index.is_empty() {
        return Err(ApiError::illegal_argument("analysis based on a specific field requires an index"));
    }
    let found = engine.resolve(index, ResolveOptions { allow_no_indices: false, ..ResolveOptions::default() })?;
    let mapped = infos(engine, &found).iter().find_map(|it| it.mapping.field(field).cloned());
    match mapped.as_ref().map(|it| it.kind) {
        Some(_) if mapped.as_ref().is_some_and(|it| it.analysis.is_some()) => {
            Ok(mapped.map_or(Analyser::Keyword, |it| Analyser::Field(Box::new(it))))
        }
        Some(FieldType::MatchOnlyText) => Ok(Analyser::Words(LINE)),
        // A field that is not mapped would become text.
        Some(FieldType::Text) | None => Ok(Analyser::Words(STANDARD)),
        Some(FieldType::Keyword | FieldType::Wildcard) => Ok(Analyser::Keyword),
        Some(other) => Err(ApiError::illegal_argument(format!(
            "Can't process field [{field}], Analysis requests are only supported on tokenized fields, not [{}]",
            other.name()
        ))),
    }
}
