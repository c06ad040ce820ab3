//! How much more frequent a value is among the documents found than among all: Elasticsearch's heuristics.

use serde_json::Value;

use crate::aggs::body::Body;
use crate::error::QueryError;

/// How many documents have a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frequencies {
    /// Of those found.
    pub(crate) found: u64,
    /// Those found.
    pub(crate) found_of: u64,
    /// Of the background.
    pub(crate) all: u64,
    /// The background.
    pub(crate) all_of: u64,
}

/// A way to score frequencies; what is not over zero is not significant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heuristic {
    /// The change of frequency, absolute times relative.
    Jlh,
    MutualInformation {
        include_negatives: bool,
        is_superset: bool,
    },
    ChiSquare {
        include_negatives: bool,
        is_superset: bool,
    },
    /// Google's normalised distance.
    Gnd {
        is_superset: bool,
    },
    Percentage,
}

impl Heuristic {
    /// The keys of a request that name one.
    pub(crate) const NAMES: [&'static str; 6] = ["jlh", "mutual_information", "chi_square", "gnd", "percentage", "script_heuristic"];

    /// Reads the heuristic of a request.
    pub(crate) fn parse(body: &Body<'_>) -> Result<Self, QueryError> {
        let given: Vec<(&str, &Value)> = Self::NAMES.iter().filter_map(|it| Some((*it, body.get(it)?))).collect();
        let (name, options) = match given.as_slice() {
            [] => return Ok(Self::Jlh),
            [one] => *one,
            [_, (other, _), ..] => {
                return Err(QueryError::Parsing(format!("[{}] has more than one heuristic; the second is [{other}]", body.name)));
            }
        };
        let options = Body::new(body.kind, body.name, options)?;
        let is_superset = || Ok::<_, QueryError>(options.bool("background_is_superset")?.unwrap_or(true));
        let include_negatives = || Ok::<_, QueryError>(options.bool("include_negatives")?.unwrap_or(false));
        match name {
            "mutual_information" => {
                options.only(&["include_negatives", "background_is_superset"])?;
                Ok(Self::MutualInformation { include_negatives: include_negatives()?, is_superset: is_superset()? })
            }
            "chi_square" => {
                options.only(&["include_negatives", "background_is_superset"])?;
                Ok(Self::ChiSquare { include_negatives: include_negatives()?, is_superset: is_superset()? })
            }
            "gnd" => {
                options.only(&["background_is_superset"])?;
                Ok(Self::Gnd { is_superset: is_superset()? })
            }
            "jlh" | "percentage" => {
                options.only(&[])?;
                Ok(if name == "jlh" { Self::Jlh } else { Self::Percentage })
            }
            _ => Err(QueryError::IllegalArgument("[script_heuristic] is not supported: there are no scripts".to_owned())),
        }
    }

    /// The score.
    pub(crate) fn score(self, it: &Frequencies) -> f64 {
        let (found, found_of, all, all_of) = (it.found as f64, it.found_of as f64, it.all as f64, it.all_of as f64);
        if it.found_of == 0 || it.all_of == 0 {
            return 0.0;
        }
        match self {
            Self::Jlh => {
                // Deleted documents and filters can leave a value without background; it then counts as being there once.
                let (here, everywhere) = (found / found_of, all.max(1.0) / all_of);
                let change = here - everywhere;
                if change <= 0.0 { 0.0 } else { change * (here / everywhere) }
            }
            Self::Percentage => {
                if it.all == 0 {
                    0.0
                } else {
                    found / all
                }
            }
            Self::MutualInformation { include_negatives, is_superset } => Table::new(it, is_superset).mutual_information(include_negatives),
            Self::ChiSquare { include_negatives, is_superset } => Table::new(it, is_superset).chi_square(include_negatives),
            Self::Gnd { is_superset } => Table::new(it, is_superset).distance(),
        }
    }
}

/// Documents by whether they have the value (first) and whether they were found (second).
struct Table {
    with_found: f64,
    without_found: f64,
    with_other: f64,
    without_other: f64,
}

impl Table {
    fn new(it: &Frequencies, is_superset: bool) -> Self {
        let (found, found_of, all, all_of) = (it.found as f64, it.found_of as f64, it.all as f64, it.all_of as f64);
        let taken = if is_superset { (found, found_of) } else { (0.0, 0.0) };
        let with_other = (all - taken.0).max(0.0);
        Self { with_found: found, without_found: found_of - found, with_other, without_other: (all_of - taken.1 - with_other).max(0.0) }
    }

    fn total(&self) -> f64 {
        self.with_found + self.without_found + self.with_other + self.without_other
    }

    /// Whether the value is rarer among those found than among the others.
    fn is_negative(&self) -> bool {
        let share = |with: f64, without: f64| if with + without == 0.0 { 0.0 } else { with / (with + without) };
        share(self.with_found, self.without_found) < share(self.with_other, self.without_other)
    }

    fn mutual_information(&self, include_negatives: bool) -> f64 {
        if !include_negatives && self.is_negative() {
            return f64::NEG_INFINITY;
        }
        let total = self.total();
        let (with, without) = (self.with_found + self.with_other, self.without_found + self.without_other);
        let (found, other) = (self.with_found + self.without_found, self.with_other + self.without_other);
        let term = |cell: f64, row: f64, column: f64| {
            if cell == 0.0 || row == 0.0 || column == 0.0 { 0.0 } else { cell / total * (total * cell / (row * column)).log2() }
        };
        term(self.without_other, without, other)
            + term(self.without_found, without, found)
            + term(self.with_other, with, other)
            + term(self.with_found, with, found)
    }

    fn chi_square(&self, include_negatives: bool) -> f64 {
        if !include_negatives && self.is_negative() {
            return f64::NEG_INFINITY;
        }
        let (with, without) = (self.with_found + self.with_other, self.without_found + self.without_other);
        let (found, other) = (self.with_found + self.without_found, self.with_other + self.without_other);
        let difference = self.with_found * self.without_other - self.without_found * self.with_other;
        let below = with * without * found * other;
        if below == 0.0 { 0.0 } else { self.total() * difference * difference / below }
    }

    fn distance(&self) -> f64 {
        let (with, found, both) = (self.with_found + self.with_other, self.with_found + self.without_found, self.with_found);
        if both == 0.0 {
            return 0.0;
        }
        if with == found && with == both {
            return 1.0;
        }
        let score = (with.ln().max(found.ln()) - both.ln()) / (self.total().ln() - with.ln().min(found.ln()));
        (-score).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of Manning, Raghavan and Schütze, "Introduction to Information Retrieval", example 13.3: "export" and "poultry".
    const BOOK: Frequencies = Frequencies { found: 49, found_of: 190, all: 27_701, all_of: 801_948 };

    #[test]
    fn the_books_examples_come_out() {
        let mutual = Heuristic::MutualInformation { include_negatives: false, is_superset: true }.score(&BOOK);
        assert!((mutual - 0.000_110_5).abs() < 0.000_000_1, "{mutual}");
        let chi = Heuristic::ChiSquare { include_negatives: false, is_superset: true }.score(&BOOK);
        assert!((chi - 284.0).abs() < 1.0, "{chi}");
    }

    #[test]
    fn what_is_no_more_frequent_than_everywhere_scores_nothing() {
        let same = Frequencies { found: 10, found_of: 100, all: 100, all_of: 1_000 };
        assert_eq!(Heuristic::Jlh.score(&same), 0.0);
        let rarer = Frequencies { found: 1, ..same };
        assert!(Heuristic::ChiSquare { include_negatives: false, is_superset: true }.score(&rarer) < 0.0);
        assert!(Heuristic::ChiSquare { include_negatives: true, is_superset: true }.score(&rarer) > 0.0);
        assert_eq!(Heuristic::Percentage.score(&same), 0.1);
    }

    #[test]
    fn a_value_that_is_the_same_as_being_found_is_at_no_distance() {
        let only = Frequencies { found: 5, found_of: 5, all: 5, all_of: 50 };
        assert_eq!(Heuristic::Gnd { is_superset: true }.score(&only), 1.0);
    }
}
