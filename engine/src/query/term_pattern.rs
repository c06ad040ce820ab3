//! Which words a query accepts without naming them (`prefix`, `wildcard`) or in numbers (`terms`): for whoever marks them in a text.

use serde_json::Value;

use super::Query;
use super::body::scalar_text;
use crate::mapping::simple_match;

/// A condition on one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TermPattern {
    /// With `*` for any characters; lower case where case does not matter.
    text: String,
    is_folded: bool,
}

impl TermPattern {
    pub(crate) fn matches(&self, word: &str) -> bool {
        if self.is_folded { simple_match(&self.text, &word.to_lowercase()) } else { simple_match(&self.text, word) }
    }
}

impl Query {
    /// The conditions on words in this tree, by field, leaving out what must not match.
    pub(crate) fn term_patterns(&self) -> Vec<(String, TermPattern)> {
        let mut found = Vec::new();
        collect(&self.to_json(), &mut found);
        found
    }
}

fn collect(query: &Value, found: &mut Vec<(String, TermPattern)>) {
    match query {
        Value::Array(items) => items.iter().for_each(|it| collect(it, found)),
        Value::Object(clauses) => {
            for (name, body) in clauses {
                match (name.as_str(), body) {
                    ("prefix" | "wildcard", Value::Object(fields)) => {
                        for (field, options) in fields {
                            let Some(value) = options.get("value").and_then(Value::as_str) else { continue };
                            // A question mark is one character; as any characters it marks a little more.
                            let text = if name == "prefix" { format!("{value}*") } else { value.replace('?', "*") };
                            let is_folded = options.get("case_insensitive") == Some(&Value::Bool(true));
                            let text = if is_folded { text.to_lowercase() } else { text };
                            found.push((field.clone(), TermPattern { text, is_folded }));
                        }
                    }
                    ("terms", Value::Object(fields)) => {
                        for (field, values) in fields {
                            for value in values.as_array().into_iter().flatten() {
                                found.push((field.clone(), TermPattern { text: scalar_text(value), is_folded: false }));
                            }
                        }
                    }
                    ("must_not", _) => {}
                    (_, inner) => collect(inner, found),
                }
            }
        }
        _ => {}
    }
}
