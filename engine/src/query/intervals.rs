//! `intervals`: words of a text by their order and distance, with rules that nest: `match`, `prefix`, `wildcard`, `regexp`, `fuzzy`, `all_of`,
//! `any_of`, and filters by what stands inside, around, before or behind.

use serde_json::{Map, Value};

use super::context::{Target, nothing};
use super::fuzzy::{Fuzziness, Similar};
use super::pattern::{Flags, Pattern};
use super::places::{Places, Relation};
use super::value::misfit;
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::analysis;
use crate::error::QueryError;
use crate::limits::QUERY_DEPTH_MAX;
use crate::mapping::MappedField;

/// The kind.
pub(crate) struct Intervals;

#[derive(Debug)]
struct IntervalsClause {
    field: String,
    /// The rule as given, read again with the analyser of each index's field.
    rule: Map<String, Value>,
    rules: usize,
}

/// Rules by name.
const RULES: [&str; 7] = ["match", "prefix", "wildcard", "regexp", "fuzzy", "all_of", "any_of"];

impl ClauseKind for Intervals {
    fn name(&self) -> &'static str {
        "intervals"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let (field, mut body) = Body::of_field(self.name(), body, "rule")?;
        let rule: Map<String, Value> = body.rest().into_iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
        let options = body.finish()?;
        let mut reader = Reader { field: None, rules: 0 };
        reader.rule(&rule, 0)?;
        Ok(Query::new(IntervalsClause { field: field.to_owned(), rule, rules: reader.rules }).with_options(&options))
    }
}

impl Clause for IntervalsClause {
    fn name(&self) -> &'static str {
        Intervals.name()
    }

    fn body(&self) -> Map<String, Value> {
        Map::from_iter([(self.field.clone(), Value::Object(self.rule.clone()))])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let Target::Field(field) = compiler.target(&self.field) else { return Ok(nothing()) };
        if !field.kind.is_text() {
            return Err(misfit(format_args!(
                "Can only use interval queries on text fields - not on [{}] which is of type [{}]",
                self.field,
                field.kind.name()
            )));
        }
        let places = Reader { field: Some(field), rules: 0 }.rule(&self.rule, 0)?;
        compiler.places(field, places)
    }

    fn weight(&self) -> usize {
        self.rules
    }
}

/// Reads rules.
struct Reader<'f> {
    /// Whose analyser cuts texts; none where a rule is only checked.
    field: Option<&'f MappedField>,
    /// Rules read so far.
    rules: usize,
}

impl Reader<'_> {
    fn rule(&mut self, object: &Map<String, Value>, depth: usize) -> Result<Places, QueryError> {
        if depth > QUERY_DEPTH_MAX {
            return Err(QueryError::TooManyClauses(format!("The rules of [intervals] are nested deeper than [{QUERY_DEPTH_MAX}]")));
        }
        self.rules += 1;
        let mut keys = object.iter();
        let (Some((name, value)), None) = (keys.next(), keys.next()) else {
            return Err(QueryError::Parsing(format!("Only one interval rule can be specified, found {:?}", object.keys().collect::<Vec<_>>())));
        };
        let Some(rule) = RULES.iter().find(|it| *it == name) else {
            return Err(QueryError::Parsing(format!("Unknown query type [{name}], expecting one of [{}]", RULES.join(", "))));
        };
        let mut body = Body::new(rule, value)?;
        let required = |key: &str, value: Option<String>| value.ok_or_else(|| QueryError::IllegalArgument(format!("Required [{key}]")));
        let places = match *rule {
            "match" => {
                let text = required("query", body.text("query")?)?;
                let words =
                    self.field.and_then(|it| analysis::tokens_of(it, &text, true)).unwrap_or_else(|| analysis::tokens(analysis::STANDARD, &text));
                let words: Vec<Places> = words.into_iter().map(Places::Word).collect();
                combined(&mut body, words)?
            }
            "all_of" => {
                let parts = self.parts(&mut body, depth)?;
                combined(&mut body, parts)?
            }
            "any_of" => Places::Any(self.parts(&mut body, depth)?),
            "prefix" => Places::Fitting(Pattern::prefix_of(&required("prefix", body.text("prefix")?)?.to_lowercase(), false)?),
            "wildcard" => {
                let (pattern, folded) = (required("pattern", body.text("pattern")?)?, body.flag("case_insensitive")?.unwrap_or(false));
                Places::Fitting(Pattern::wildcard(&pattern, folded)?)
            }
            "regexp" => {
                let (pattern, folded) = (required("pattern", body.text("pattern")?)?, body.flag("case_insensitive")?.unwrap_or(false));
                let flags = body.text("flags")?.map_or(Ok(Flags::ALL), |it| Flags::parse(&it))?;
                Places::Fitting(Pattern::regexp(&pattern, flags, folded)?)
            }
            _ => {
                let word = required("term", body.text("term")?)?.to_lowercase();
                let fuzziness = body.text("fuzziness")?.map_or(Ok(Fuzziness::AUTO), |it| Fuzziness::parse(&it))?;
                let (prefix, swaps) = (body.count("prefix_length")?.unwrap_or(0), body.flag("transpositions")?.unwrap_or(true));
                Places::Fitting(Pattern::similar(Similar::new(&word, fuzziness, prefix, swaps)))
            }
        };
        // Every word that fits is looked at.
        body.ignore(&["max_expansions", "flags_value"]);
        if let Some(analyzer) = body.text("analyzer")?.filter(|it| it != "standard") {
            return Err(QueryError::IllegalArgument(format!("[{name}] analyzer [{analyzer}] not found")));
        }
        let filter = body.take("filter");
        body.finish()?;
        match filter {
            None => Ok(places),
            Some(filter) => self.filtered(places, filter, depth),
        }
    }

    fn parts(&mut self, body: &mut Body<'_>, depth: usize) -> Result<Vec<Places>, QueryError> {
        let list = body.take("intervals").and_then(Value::as_array);
        let list = list.ok_or_else(|| QueryError::IllegalArgument("Required [intervals]".to_owned()))?;
        let object = |it: &Value| it.as_object().cloned().ok_or_else(|| QueryError::Parsing("[intervals] must be a list of rules".to_owned()));
        list.iter().map(|it| self.rule(&object(it)?, depth + 1)).collect()
    }

    fn filtered(&mut self, places: Places, filter: &Value, depth: usize) -> Result<Places, QueryError> {
        let filter = filter.as_object().ok_or_else(|| QueryError::Parsing("[filter] of an interval rule must be an object".to_owned()))?;
        let mut keys = filter.iter();
        let (Some((name, rule)), None) = (keys.next(), keys.next()) else {
            return Err(QueryError::Parsing("Expected exactly one filter of an interval rule".to_owned()));
        };
        let relation = match name.as_str() {
            "containing" => Relation::Containing,
            "not_containing" => Relation::NotContaining,
            "contained_by" => Relation::ContainedBy,
            "not_contained_by" => Relation::NotContainedBy,
            "overlapping" => Relation::Overlapping,
            "not_overlapping" => Relation::NotOverlapping { before: 0, after: 0 },
            "before" => Relation::Before,
            "after" => Relation::After,
            "script" => return Err(QueryError::Parsing("[script] filters are not supported: there are no scripts".to_owned())),
            other => return Err(QueryError::Parsing(format!("Unknown filter type [{other}]"))),
        };
        let rule = rule.as_object().ok_or_else(|| QueryError::Parsing(format!("[{name}] of an interval rule must be a rule")))?;
        Ok(Places::Beside(Box::new(places), relation, Box::new(self.rule(rule, depth + 1)?)))
    }
}

/// Parts in the order and with the gaps that a rule asks for.
fn combined(body: &mut Body<'_>, mut parts: Vec<Places>) -> Result<Places, QueryError> {
    let ordered = body.flag("ordered")?.unwrap_or(false);
    let mode = body.text("mode")?.unwrap_or_else(|| if ordered { "ordered" } else { "unordered" }.to_owned());
    let gaps = body.float("max_gaps")?.filter(|it| *it >= 0.0).map(|it| it as usize);
    let places = match (parts.len(), mode.as_str()) {
        (_, mode) if !["ordered", "unordered", "unordered_no_overlap"].contains(&mode) => {
            return Err(QueryError::IllegalArgument(format!("No enum constant for interval mode [{mode}]")));
        }
        (0, _) => return Ok(Places::Nothing),
        (1, _) => return Ok(parts.remove(0)),
        (_, "ordered") => Places::Ordered(parts),
        (_, "unordered") => Places::Unordered(parts),
        _ => Places::Apart(parts),
    };
    Ok(match gaps {
        Some(most) => Places::Gaps(Box::new(places), most),
        None => places,
    })
}
