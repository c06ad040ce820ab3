//! `fuzzy`: a term differs from a word by at most two insertions, deletions, changes or swaps of letters.

use serde_json::{Map, Value, json};

use super::pattern::Pattern;
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;

/// The kind.
pub(crate) struct Fuzzy;

/// Characters of a word that is compared letter by letter; longer ones match exactly.
const WORD_CHARS_MAX: usize = 256;

/// How many edits a match may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fuzziness {
    /// None up to `low` characters, one below `high`, else two.
    Auto { low: usize, high: usize },
    /// This many, at most two.
    Edits(usize),
}

impl Fuzziness {
    /// `AUTO`.
    pub(crate) const AUTO: Self = Fuzziness::Auto { low: 3, high: 6 };

    /// Reads `AUTO`, `AUTO:3,6`, `0`, `1` or `2`.
    pub(crate) fn parse(text: &str) -> Result<Self, QueryError> {
        let wrong = || QueryError::IllegalArgument(format!("failed to parse [fuzziness]: [{text}] is not AUTO, 0, 1 or 2"));
        let upper = text.to_ascii_uppercase();
        if let Some(limits) = upper.strip_prefix("AUTO") {
            if limits.is_empty() {
                return Ok(Self::AUTO);
            }
            let (low, high) = limits.strip_prefix(':').and_then(|it| it.split_once(',')).ok_or_else(wrong)?;
            let (low, high) = (low.trim().parse().map_err(|_| wrong())?, high.trim().parse().map_err(|_| wrong())?);
            return if low <= high { Ok(Fuzziness::Auto { low, high }) } else { Err(wrong()) };
        }
        let edits: f64 = text.parse().map_err(|_| wrong())?;
        if (0.0..=2.0).contains(&edits) { Ok(Fuzziness::Edits(edits as usize)) } else { Err(wrong()) }
    }

    /// How it is written.
    pub(crate) fn text(self) -> String {
        match self {
            Self::AUTO => "AUTO".to_owned(),
            Fuzziness::Auto { low, high } => format!("AUTO:{low},{high}"),
            Fuzziness::Edits(it) => it.to_string(),
        }
    }

    fn edits(self, chars: usize) -> usize {
        match self {
            Fuzziness::Auto { low, .. } if chars < low => 0,
            Fuzziness::Auto { high, .. } if chars < high => 1,
            Fuzziness::Auto { .. } => 2,
            Fuzziness::Edits(it) => it,
        }
    }
}

/// Words that differ little from one.
#[derive(Clone, Debug)]
pub(crate) struct Similar {
    prefix: String,
    rest: Vec<char>,
    edits: usize,
    transpositions: bool,
}

impl Similar {
    /// Words similar to `word` that share its first `prefix_length` characters.
    pub(crate) fn new(word: &str, fuzziness: Fuzziness, prefix_length: usize, transpositions: bool) -> Self {
        let chars = word.chars().count();
        let edits = if chars > WORD_CHARS_MAX { 0 } else { fuzziness.edits(chars) };
        let at = word.char_indices().nth(prefix_length).map_or(word.len(), |it| it.0);
        // Without an edit the whole word is the prefix, which leaves one term to look at.
        let at = if edits == 0 { word.len() } else { at };
        Self { prefix: word[..at].to_owned(), rest: word[at..].chars().collect(), edits, transpositions }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn matches(&self, term: &str) -> bool {
        let Some(rest) = term.strip_prefix(&self.prefix) else { return false };
        // At most four bytes a character: a longer term cannot be within reach.
        if rest.len() > (self.rest.len() + self.edits) * 4 {
            return false;
        }
        let rest: Vec<char> = rest.chars().collect();
        rest.len().abs_diff(self.rest.len()) <= self.edits && edit_distance(&self.rest, &rest, self.transpositions) <= self.edits
    }
}

/// Insertions, deletions, changes and swaps of neighbours between two words.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    edit_distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>(), true)
}

fn edit_distance(a: &[char], b: &[char], transpositions: bool) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = change.min(last[j] + 1).min(row[j - 1] + 1);
            if transpositions && i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[derive(Debug)]
struct FuzzyClause {
    field: String,
    value: String,
    fuzziness: Fuzziness,
    prefix_length: usize,
    transpositions: bool,
}

impl ClauseKind for Fuzzy {
    fn name(&self) -> &'static str {
        "fuzzy"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let (field, mut body) = Body::of_field(self.name(), body, "value")?;
        let value = body.text("value")?.ok_or_else(|| QueryError::IllegalArgument("value cannot be null".to_owned()))?;
        let fuzziness = body.text("fuzziness")?.map_or(Ok(Fuzziness::AUTO), |it| Fuzziness::parse(&it))?;
        let prefix_length = body.count("prefix_length")?.unwrap_or(0);
        let transpositions = body.flag("transpositions")?.unwrap_or(true);
        // All similar terms are looked at, so that there is no number of expansions to limit.
        body.ignore(&["max_expansions", "rewrite"]);
        let options = body.finish()?;
        Ok(Query::new(FuzzyClause { field: field.to_owned(), value, fuzziness, prefix_length, transpositions }).with_options(&options))
    }
}

impl Clause for FuzzyClause {
    fn name(&self) -> &'static str {
        Fuzzy.name()
    }

    fn body(&self) -> Map<String, Value> {
        let inner = json!({ "value": self.value, "fuzziness": self.fuzziness.text(), "prefix_length": self.prefix_length, "transpositions": self.transpositions });
        Map::from_iter([(self.field.clone(), inner)])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let similar = Similar::new(&self.value, self.fuzziness, self.prefix_length, self.transpositions);
        compiler.pattern(&self.field, "fuzzy", &self.value, &Pattern::similar(similar))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (a, b, count) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("abc", "xbcd", 2), ("", "ab", 2), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a, b), count, "{a} {b}");
        }
    }

    #[test]
    fn short_words_match_exactly_under_auto() {
        let similar = |word| Similar::new(word, Fuzziness::AUTO, 0, true);
        assert!(!similar("ab").matches("ac"));
        assert!(similar("abc").matches("abd") && !similar("abc").matches("axd"));
        assert!(similar("firewall").matches("fierwal"));
        assert!(!Similar::new("deny", Fuzziness::Edits(1), 2, true).matches("xeny"));
    }

    #[test]
    fn fuzziness_is_auto_or_a_small_number() {
        assert_eq!(Fuzziness::parse("auto"), Ok(Fuzziness::AUTO));
        assert_eq!(Fuzziness::parse("AUTO:1,4"), Ok(Fuzziness::Auto { low: 1, high: 4 }));
        assert_eq!(Fuzziness::parse("2"), Ok(Fuzziness::Edits(2)));
        for wrong in ["3", "-1", "x", "AUTO:5", "AUTO:5,1", "NaN"] {
            assert!(Fuzziness::parse(wrong).is_err(), "{wrong}");
        }
    }
}
