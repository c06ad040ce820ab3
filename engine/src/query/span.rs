//! `span_*`: words of one field by their places, in the older of Elasticsearch's two languages for it; what they mean is in `places.rs`.

use serde_json::{Map, Value};

use super::context::{Target, nothing};
use super::fuzzy::{Fuzziness, Similar};
use super::pattern::{Flags, Pattern};
use super::places::{Places, Relation};
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;
use crate::limits::QUERY_DEPTH_MAX;

/// The kinds: one language, one word of it each.
pub(crate) enum Span {
    Term,
    Multi,
    Or,
    Near,
    Not,
    First,
    Containing,
    Within,
}

const ALL: [Span; 8] = [Span::Term, Span::Multi, Span::Or, Span::Near, Span::Not, Span::First, Span::Containing, Span::Within];

#[derive(Debug)]
struct SpanClause {
    kind: &'static str,
    body: Map<String, Value>,
    field: String,
    places: Places,
    spans: usize,
}

impl ClauseKind for Span {
    fn name(&self) -> &'static str {
        match self {
            Span::Term => "span_term",
            Span::Multi => "span_multi",
            Span::Or => "span_or",
            Span::Near => "span_near",
            Span::Not => "span_not",
            Span::First => "span_first",
            Span::Containing => "span_containing",
            Span::Within => "span_within",
        }
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let mut reader = Reader { kind: self.name(), field: None, spans: 0 };
        let places = reader.span(self, body, 0)?;
        let Reader { field, spans, .. } = reader;
        let field = field.ok_or_else(|| QueryError::IllegalArgument(format!("[{}] must include [clauses]", self.name())))?;
        let mut body = Body::new(self.name(), body)?;
        let rest = body.rest().into_iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
        let options = body.finish()?;
        Ok(Query::new(SpanClause { kind: self.name(), body: rest, field, places, spans }).with_options(&options))
    }
}

impl Clause for SpanClause {
    fn name(&self) -> &'static str {
        self.kind
    }

    fn body(&self) -> Map<String, Value> {
        self.body.clone()
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        match compiler.target(&self.field) {
            Target::Field(field) => compiler.places(field, self.places.clone()),
            _ => Ok(nothing()),
        }
    }

    fn weight(&self) -> usize {
        self.spans
    }
}

/// Reads spans, which are all of one field.
struct Reader {
    /// The outermost, for messages.
    kind: &'static str,
    field: Option<String>,
    spans: usize,
}

impl Reader {
    /// Reads `{"span_…": {…}}`.
    fn named(&mut self, value: Option<&Value>, key: &str, depth: usize) -> Result<Places, QueryError> {
        let missing = || QueryError::Parsing(format!("[{}] must have [{key}] span query clause", self.kind));
        let object = value.ok_or_else(missing)?.as_object().ok_or_else(missing)?;
        let mut keys = object.iter();
        let (Some((name, body)), None) = (keys.next(), keys.next()) else { return Err(missing()) };
        let kind = ALL.iter().find(|it| it.name() == name);
        self.span(
            kind.ok_or_else(|| QueryError::Parsing(format!("[{}] [{key}] must be of type span query, found [{name}]", self.kind)))?,
            body,
            depth + 1,
        )
    }

    fn span(&mut self, kind: &Span, body: &Value, depth: usize) -> Result<Places, QueryError> {
        if depth > QUERY_DEPTH_MAX {
            return Err(QueryError::TooManyClauses(format!("Spans are nested deeper than [{QUERY_DEPTH_MAX}]")));
        }
        self.spans += 1;
        if let Span::Term = kind {
            let (field, mut body) = Body::of_field(kind.name(), body, "value")?;
            let word = match body.text("value")? {
                Some(it) => it,
                None => body.text("term")?.ok_or_else(|| QueryError::IllegalArgument("value cannot be null".to_owned()))?,
            };
            body.finish()?;
            self.of_field(field)?;
            return Ok(Places::Word(word));
        }
        let mut body = Body::new(kind.name(), body)?;
        let places = match kind {
            Span::Term | Span::Multi => self.multi(body.take("match"))?,
            Span::Or => Places::Any(self.clauses(&mut body, depth)?),
            Span::Near => {
                let parts = self.clauses(&mut body, depth)?;
                let in_order = body.flag("in_order")?.unwrap_or(true);
                let slop = body.count("slop")?.unwrap_or(0);
                match parts.len() {
                    1 => Places::Any(parts),
                    _ if in_order => Places::Gaps(Box::new(Places::Ordered(parts)), slop),
                    _ => Places::Gaps(Box::new(Places::Unordered(parts)), slop),
                }
            }
            Span::Not => {
                let (include, exclude) = (self.named(body.take("include"), "include", depth)?, self.named(body.take("exclude"), "exclude", depth)?);
                let around = body.count("dist")?;
                let (before, after) = (body.count("pre")?.or(around).unwrap_or(0), body.count("post")?.or(around).unwrap_or(0));
                Places::Beside(Box::new(include), Relation::NotOverlapping { before, after }, Box::new(exclude))
            }
            Span::First => {
                let inner = self.named(body.take("match"), "match", depth)?;
                let end = body.count("end")?.ok_or_else(|| QueryError::Parsing("[span_first] must have [end] set".to_owned()))?;
                Places::First(Box::new(inner), end)
            }
            Span::Containing | Span::Within => {
                let (big, little) = (self.named(body.take("big"), "big", depth)?, self.named(body.take("little"), "little", depth)?);
                match kind {
                    Span::Containing => Places::Beside(Box::new(big), Relation::Containing, Box::new(little)),
                    _ => Places::Beside(Box::new(little), Relation::ContainedBy, Box::new(big)),
                }
            }
        };
        body.finish()?;
        Ok(places)
    }

    fn clauses(&mut self, body: &mut Body<'_>, depth: usize) -> Result<Vec<Places>, QueryError> {
        let list = body.take("clauses").and_then(Value::as_array).filter(|it| !it.is_empty());
        let list = list.ok_or_else(|| QueryError::Parsing(format!("[{}] must include [clauses]", self.kind)))?;
        list.iter().map(|it| self.named(Some(it), "clauses", depth)).collect()
    }

    /// The words that a query on terms accepts.
    fn multi(&mut self, value: Option<&Value>) -> Result<Places, QueryError> {
        let missing = || QueryError::Parsing("[span_multi] must have [match] multi term query clause".to_owned());
        let object = value.and_then(Value::as_object).ok_or_else(missing)?;
        let mut keys = object.iter();
        let (Some((name, value)), None) = (keys.next(), keys.next()) else { return Err(missing()) };
        let kind = ["prefix", "wildcard", "regexp", "fuzzy"].into_iter().find(|it| it == name);
        let kind = kind.ok_or_else(|| QueryError::Parsing(format!("[match] must be of type prefix, wildcard, regexp or fuzzy, was [{name}]")))?;
        let (field, mut body) = Body::of_field(kind, value, "value")?;
        let text = match body.text("value")? {
            Some(it) => it,
            None => body.text("wildcard")?.ok_or_else(|| QueryError::IllegalArgument("value cannot be null".to_owned()))?,
        };
        let folded = body.flag("case_insensitive")?.unwrap_or(false);
        let pattern = match kind {
            "prefix" => Pattern::prefix_of(&text, folded)?,
            "wildcard" => Pattern::wildcard(&text, folded)?,
            "regexp" => Pattern::regexp(&text, body.text("flags")?.map_or(Ok(Flags::ALL), |it| Flags::parse(&it))?, folded)?,
            _ => {
                let fuzziness = body.text("fuzziness")?.map_or(Ok(Fuzziness::AUTO), |it| Fuzziness::parse(&it))?;
                let (prefix, swaps) = (body.count("prefix_length")?.unwrap_or(0), body.flag("transpositions")?.unwrap_or(true));
                Pattern::similar(Similar::new(&text, fuzziness, prefix, swaps))
            }
        };
        body.ignore(&["rewrite", "max_expansions", "flags_value", "max_determinized_states"]);
        body.finish()?;
        self.of_field(field)?;
        Ok(Places::Fitting(pattern))
    }

    fn of_field(&mut self, field: &str) -> Result<(), QueryError> {
        match &self.field {
            Some(known) if known != field => Err(QueryError::IllegalArgument(format!("[{}] clauses must have same field", self.kind))),
            Some(_) => Ok(()),
            None => {
                self.field = Some(field.to_owned());
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_span_comes_back_as_it_was_read() {
        let query = json!({ "span_near": { "clauses": [{ "span_term": { "t": "a" } }, { "span_multi": { "match": { "prefix": { "t": "b" } } } }], "slop": 2, "boost": 2.0 } });
        let read = Query::from_json(&query).unwrap();
        assert_eq!(Query::from_json(&read.to_json()).unwrap(), read);
    }

    #[test]
    fn spans_are_of_one_field() {
        let query = json!({ "span_or": { "clauses": [{ "span_term": { "t": "a" } }, { "span_term": { "u": "b" } }] } });
        assert_eq!(Query::from_json(&query).unwrap_err().to_string(), "[span_or] clauses must have same field");
    }
}
