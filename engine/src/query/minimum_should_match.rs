//! `minimum_should_match`: how many optional clauses a document must fit, as a number, a percentage or by cases
//! (`"2<75% 9<-3"`).

use serde_json::Value;

use crate::error::QueryError;

/// A parsed specification; keeps its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MinimumShouldMatch {
    text: String,
    /// Up to this many clauses all are required; above, the amount holds unless a later case does.
    cases: Vec<(Option<usize>, Amount)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    Count(i64),
    Percent(i64),
}

impl MinimumShouldMatch {
    /// Reads a JSON number or text.
    pub(crate) fn from_json(value: &Value) -> Result<Self, QueryError> {
        let text = super::body::scalar_text(value);
        Self::parse(&text).ok_or_else(|| QueryError::IllegalArgument(format!("invalid [minimum_should_match]: For input string: \"{text}\"")))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        // Blanks around `<` belong to the case, blanks elsewhere part cases.
        let text = text.split('<').map(str::trim).collect::<Vec<_>>().join("<");
        let mut cases = Vec::new();
        for part in text.split_whitespace() {
            match part.split_once('<') {
                Some((above, amount)) => cases.push((Some(above.parse().ok()?), Amount::parse(amount)?)),
                None => cases.push((None, Amount::parse(part)?)),
            }
        }
        let plain = cases.iter().filter(|it| it.0.is_none()).count();
        // A plain amount stands alone.
        (!cases.is_empty() && (plain == 0 || cases.len() == 1)).then_some(Self { text, cases })
    }

    /// The specification as given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// How many of `clauses` must match; may be more than there are.
    pub(crate) fn required(&self, clauses: usize) -> usize {
        let mut required = clauses;
        for (above, amount) in &self.cases {
            if above.is_some_and(|it| clauses <= it) {
                return required;
            }
            required = amount.of(clauses);
        }
        required
    }
}

impl Amount {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix('%') {
            Some(number) => Some(Amount::Percent(number.parse::<i32>().ok()?.into())),
            None => Some(Amount::Count(text.parse::<i32>().ok()?.into())),
        }
    }

    fn of(self, clauses: usize) -> usize {
        let clauses = clauses as i64;
        let amount = match self {
            Amount::Count(it) => it,
            // Rounded towards zero, so that a negative percentage lets fewer clauses be missing.
            Amount::Percent(it) => clauses * it / 100,
        };
        let negative = matches!(self, Amount::Count(it) | Amount::Percent(it) if it < 0);
        usize::try_from(if negative { clauses + amount } else { amount }).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_percentages_and_cases() {
        for (spec, clauses, required) in [
            ("2", 5, 2),
            ("-1", 5, 4),
            ("-9", 5, 0),
            ("9", 5, 9),
            ("75%", 5, 3),
            ("-25%", 5, 4),
            ("100%", 3, 3),
            ("3<90%", 3, 3),
            ("3<90%", 10, 9),
            ("2<-25% 9<-3", 2, 2),
            ("2 < -25%  9 < -3", 4, 3),
            ("2<-25% 9<-3", 12, 9),
        ] {
            assert_eq!(MinimumShouldMatch::parse(spec).unwrap().required(clauses), required, "{spec} of {clauses}");
        }
        for spec in ["", "x", "%", "1 2", "2<", "99999999999"] {
            assert!(MinimumShouldMatch::parse(spec).is_none(), "{spec}");
        }
    }
}
