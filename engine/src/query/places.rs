//! Where in a text words stand to each other: what `intervals` and the `span_*` queries ask, decided on the words of the stored text.
//!
//! A [`Places`] is an expression over the positions of one text's words; evaluated, it is the list of stretches that fit, and a document
//! matches where the list is not empty. Postings find the candidates ([`Places::candidates`]), since positions are not kept for every field.
//! Each value of a field is a text of its own: no stretch goes from one to the next.

use tantivy::query::{BooleanQuery, Occur};

use super::TantivyQuery;
use super::context;
use super::dictionary::{self, Terms};
use super::field::keyword;
use super::pattern::Pattern;
use crate::mapping::MappedField;

/// Stretches of one text that fit an expression.
#[derive(Clone, Debug)]
pub(crate) enum Places {
    /// No stretch.
    Nothing,
    /// A word.
    Word(String),
    /// A word that fits.
    Fitting(Pattern),
    /// Any of these.
    Any(Vec<Places>),
    /// One stretch of each, in this order, none over another.
    Ordered(Vec<Places>),
    /// One stretch of each, in any order.
    Unordered(Vec<Places>),
    /// One stretch of each, in any order, none over another.
    Apart(Vec<Places>),
    /// Those with at most that many words between their parts.
    Gaps(Box<Places>, usize),
    /// Those that end within so many words of the beginning.
    First(Box<Places>, usize),
    /// Those that stand so to the others.
    Beside(Box<Places>, Relation, Box<Places>),
}

/// How a stretch stands to another expression's stretches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Containing,
    NotContaining,
    ContainedBy,
    NotContainedBy,
    Overlapping,
    /// No other overlaps it, even where it is so much longer at both ends.
    NotOverlapping {
        before: usize,
        after: usize,
    },
    Before,
    After,
}

/// A stretch of words, and how many of them its parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    first: usize,
    last: usize,
    words: usize,
}

impl Stretch {
    fn gaps(&self) -> usize {
        (self.last + 1 - self.first).saturating_sub(self.words)
    }

    fn over(parts: &[Stretch]) -> Self {
        let first = parts.iter().map(|it| it.first).min().unwrap_or(0);
        let last = parts.iter().map(|it| it.last).max().unwrap_or(0);
        Self { first, last, words: parts.iter().map(|it| it.words).sum() }
    }

    fn contains(&self, other: &Stretch) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

impl Places {
    /// Whether a text with these words has a stretch that fits.
    pub(crate) fn fit(&self, words: &[String]) -> bool {
        !self.stretches(words).is_empty()
    }

    /// Documents that have the words that every match has, and perhaps no match.
    pub(crate) fn candidates(&self, field: &MappedField) -> TantivyQuery {
        let joined = |parts: &[Places], occur: Occur| -> TantivyQuery {
            let parts: Vec<TantivyQuery> = parts.iter().map(|it| it.candidates(field)).collect();
            if occur == Occur::Must && parts.iter().any(context::is_empty) {
                return context::nothing();
            }
            let parts: Vec<_> = parts.into_iter().filter(|it| !context::is_empty(it)).map(|it| (occur, it)).collect();
            if parts.is_empty() { context::nothing() } else { Box::new(BooleanQuery::new(parts)) }
        };
        match self {
            Places::Nothing => context::nothing(),
            Places::Word(word) => keyword(field, word),
            Places::Fitting(pattern) => dictionary::matching(field, Terms::Fitting(pattern.clone())),
            Places::Any(parts) => joined(parts, Occur::Should),
            Places::Ordered(parts) | Places::Unordered(parts) | Places::Apart(parts) => joined(parts, Occur::Must),
            Places::Gaps(inner, _) | Places::First(inner, _) => inner.candidates(field),
            Places::Beside(inner, relation, other) => match relation {
                Relation::NotContaining | Relation::NotContainedBy | Relation::NotOverlapping { .. } => inner.candidates(field),
                _ => {
                    let both = [inner.candidates(field), other.candidates(field)];
                    if both.iter().any(context::is_empty) {
                        return context::nothing();
                    }
                    Box::new(BooleanQuery::new(both.into_iter().map(|it| (Occur::Must, it)).collect()))
                }
            },
        }
    }

    /// The stretches that fit, by their first word.
    fn stretches(&self, words: &[String]) -> Vec<Stretch> {
        let single = |fits: &dyn Fn(&[u8]) -> bool| {
            let at = words.iter().enumerate().filter(|it| fits(it.1.as_bytes())).map(|it| it.0);
            at.map(|at| Stretch { first: at, last: at, words: 1 }).collect()
        };
        let each = |parts: &[Places]| parts.iter().map(|it| it.stretches(words)).collect::<Vec<_>>();
        match self {
            Places::Nothing => Vec::new(),
            Places::Word(word) => single(&|it| it == word.as_bytes()),
            Places::Fitting(pattern) => single(&|it| it.starts_with(pattern.prefix()) && pattern.matches(it)),
            Places::Any(parts) => sorted(each(parts).into_iter().flatten().collect()),
            Places::Ordered(parts) => ordered(&each(parts)),
            Places::Unordered(parts) => unordered(&each(parts)),
            Places::Apart(parts) => {
                let mut lists = each(parts).into_iter();
                let first = lists.next().unwrap_or_default();
                lists.fold(first, |all, next| {
                    let pair = [all, next];
                    let turned = [pair[1].clone(), pair[0].clone()];
                    sorted([ordered(&pair), ordered(&turned)].concat())
                })
            }
            Places::Gaps(inner, most) => kept(inner.stretches(words), |it| it.gaps() <= *most),
            Places::First(inner, end) => kept(inner.stretches(words), |it| it.last < *end),
            Places::Beside(inner, relation, other) => {
                let others = other.stretches(words);
                kept(inner.stretches(words), |it| relation.holds(it, &others))
            }
        }
    }
}

impl Relation {
    fn holds(self, it: &Stretch, others: &[Stretch]) -> bool {
        match self {
            Relation::Containing => others.iter().any(|other| it.contains(other)),
            Relation::NotContaining => !others.iter().any(|other| it.contains(other)),
            Relation::ContainedBy => others.iter().any(|other| other.contains(it)),
            Relation::NotContainedBy => !others.iter().any(|other| other.contains(it)),
            Relation::Overlapping => others.iter().any(|other| it.first <= other.last && other.first <= it.last),
            Relation::NotOverlapping { before, after } => {
                !others.iter().any(|other| it.first.saturating_sub(before) <= other.last && other.first <= it.last.saturating_add(after))
            }
            Relation::Before => others.iter().any(|other| it.last < other.first),
            Relation::After => others.iter().any(|other| it.first > other.last),
        }
    }
}

fn kept(list: Vec<Stretch>, keep: impl Fn(&Stretch) -> bool) -> Vec<Stretch> {
    list.into_iter().filter(keep).collect()
}

fn sorted(mut list: Vec<Stretch>) -> Vec<Stretch> {
    list.sort_unstable_by_key(|it| (it.first, it.last, it.words));
    list.dedup();
    list
}

/// For each stretch of the first list, the shortest that goes on with one of each other list, in their order.
fn ordered(lists: &[Vec<Stretch>]) -> Vec<Stretch> {
    let Some((starts, rest)) = lists.split_first() else { return Vec::new() };
    let mut found = Vec::new();
    for start in starts {
        let mut parts = vec![*start];
        for list in rest {
            let end = parts[parts.len() - 1].last;
            match list.iter().filter(|it| it.first > end).min_by_key(|it| (it.last, std::cmp::Reverse(it.first))) {
                Some(next) => parts.push(*next),
                None => break,
            }
        }
        if parts.len() == lists.len() {
            found.push(Stretch::over(&parts));
        }
    }
    sorted(found)
}

/// The shortest stretches that have one of each list; one word may stand for several.
fn unordered(lists: &[Vec<Stretch>]) -> Vec<Stretch> {
    if lists.is_empty() || lists.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let mut at = vec![0; lists.len()];
    let mut found = Vec::new();
    loop {
        let parts: Vec<Stretch> = lists.iter().zip(&at).map(|(list, at)| list[*at]).collect();
        found.push(Stretch::over(&parts));
        // Only moving the one that begins first can make it shorter.
        let first = parts.iter().enumerate().min_by_key(|it| it.1.first).map_or(0, |it| it.0);
        at[first] += 1;
        if at[first] == lists[first].len() {
            return sorted(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(it: &str) -> Places {
        Places::Word(it.to_owned())
    }

    fn words(list: &str) -> Vec<Places> {
        list.split(' ').map(word).collect()
    }

    fn fit(places: &Places, text: &str) -> bool {
        places.fit(&text.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn order_and_gaps_are_looked_at() {
        let near = |list: &str, gaps| Places::Gaps(Box::new(Places::Ordered(words(list))), gaps);
        assert!(fit(&near("a b", 0), "x a b"));
        assert!(!fit(&near("a b", 0), "a x b"));
        assert!(fit(&near("a b", 1), "a x b"));
        assert!(!fit(&near("b a", 5), "a x b"));
        // The nearer of two beginnings counts.
        assert!(fit(&near("a b", 0), "a x a b"));
        assert!(fit(&near("a b c", 1), "a a b x c"));
        let any = |list: &str, gaps| Places::Gaps(Box::new(Places::Unordered(words(list))), gaps);
        assert!(fit(&any("b a", 1), "a x b"));
        assert!(!fit(&any("b a", 0), "a x b"));
    }

    #[test]
    fn one_word_stands_for_two_unless_they_are_apart() {
        assert!(fit(&Places::Unordered(words("a a")), "x a"));
        assert!(!fit(&Places::Apart(words("a a")), "x a"));
        assert!(fit(&Places::Apart(words("a b a")), "a x a b"));
        let either = Places::Any(words("a b"));
        assert!(fit(&Places::Unordered(vec![either.clone(), word("a")]), "a"));
        assert!(!fit(&Places::Apart(vec![either, word("a")]), "a"));
    }

    #[test]
    fn stretches_stand_to_each_other() {
        let pair = Places::Unordered(words("a z"));
        let beside = |relation, other: &str| Places::Beside(Box::new(pair.clone()), relation, Box::new(word(other)));
        for (relation, text, expected) in [
            (Relation::Containing, "a m z", true),
            (Relation::Containing, "m a z", false),
            (Relation::NotContaining, "m a z", true),
            (Relation::NotContaining, "a m z", false),
            (Relation::Overlapping, "a m z", true),
            (Relation::NotOverlapping { before: 0, after: 0 }, "m a z", true),
            (Relation::NotOverlapping { before: 1, after: 0 }, "m a z", false),
            (Relation::NotOverlapping { before: 0, after: 1 }, "a z m", false),
            (Relation::Before, "a z m", true),
            (Relation::Before, "m a z", false),
            (Relation::After, "m a z", true),
            (Relation::ContainedBy, "a m z", false),
            (Relation::NotContainedBy, "a m z", true),
        ] {
            assert_eq!(fit(&beside(relation, "m"), text), expected, "{relation:?} {text}");
        }
        assert!(fit(&Places::First(Box::new(word("a")), 2), "x a"));
        assert!(!fit(&Places::First(Box::new(word("a")), 1), "x a"));
    }
}
