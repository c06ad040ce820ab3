//! The arithmetic that scripts of pipelines may be: numbers, `params.name`, `+ - * / %`, comparisons, `&& || !`, `? :`, parentheses and a few
//! functions of `Math`. It is read and computed here; there is no scripting language behind it, so a script can do nothing else.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::aggs::body::Body;
use crate::error::QueryError;

/// Characters of a script.
const CHARS_MAX: usize = 4_096;

/// Depth of parentheses and operators.
const DEPTH_MAX: usize = 64;

/// What names stand for.
pub(crate) type Scope<'a> = BTreeMap<&'a str, f64>;

/// A parsed script. Conditions are 1 and 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Number(f64),
    Name(String),
    Unary(Unary, Box<Expression>),
    Binary(Binary, Box<Expression>, Box<Expression>),
    Choice(Box<[Expression; 3]>),
    Call(Function, Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Minus,
    Not,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Times,
    Over,
    Modulo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Abs,
    Ceil,
    Exp,
    Floor,
    Log,
    Log10,
    Max,
    Min,
    Pow,
    Round,
    Sqrt,
}

const FUNCTIONS: [(&str, Function, usize); 11] = [
    ("abs", Function::Abs, 1),
    ("ceil", Function::Ceil, 1),
    ("exp", Function::Exp, 1),
    ("floor", Function::Floor, 1),
    ("log", Function::Log, 1),
    ("log10", Function::Log10, 1),
    ("max", Function::Max, 2),
    ("min", Function::Min, 2),
    ("pow", Function::Pow, 2),
    ("round", Function::Round, 1),
    ("sqrt", Function::Sqrt, 1),
];

/// Operators by how strongly they bind, the weakest first; the longer spelling before its beginning.
const OPERATORS: [&[(&str, Binary)]; 6] = [
    &[("||", Binary::Or)],
    &[("&&", Binary::And)],
    &[("==", Binary::Equal), ("!=", Binary::Unequal)],
    &[("<=", Binary::LessOrEqual), (">=", Binary::GreaterOrEqual), ("<", Binary::Less), (">", Binary::Greater)],
    &[("+", Binary::Plus), ("-", Binary::Minus)],
    &[("*", Binary::Times), ("/", Binary::Over), ("%", Binary::Modulo)],
];

/// A script's text and its `params`.
pub(crate) type Source<'a> = (&'a str, Vec<(String, f64)>);

/// The text of `script` and its numbers; `script` is text or `{"source", "params", "lang"}`.
pub(crate) fn source<'a>(body: &Body<'a>) -> Result<Source<'a>, QueryError> {
    match body.get("script") {
        Some(Value::String(text)) => Ok((text, Vec::new())),
        Some(value @ Value::Object(map)) => {
            if let Some(key) = map.keys().find(|it| !["source", "inline", "params", "lang"].contains(&it.as_str())) {
                return Err(QueryError::IllegalArgument(format!("[script] has an unknown field [{key}]; stored scripts are not supported")));
            }
            let text = map.get("source").or_else(|| map.get("inline")).and_then(Value::as_str).ok_or_else(|| body.bad("script", value))?;
            let number = |(name, value): (&String, &Value)| Some((name.clone(), value.as_f64()?));
            let params = match map.get("params") {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Object(params)) => params
                    .iter()
                    .map(number)
                    .collect::<Option<_>>()
                    .ok_or_else(|| QueryError::IllegalArgument("[params] of a script must be numbers".to_owned()))?,
                Some(other) => return Err(body.bad("params", other)),
            };
            Ok((text, params))
        }
        Some(other) => Err(body.bad("script", other)),
        None => Err(body.lacks("script")),
    }
}

impl Expression {
    /// Reads a script.
    ///
    /// # Errors
    /// [`QueryError::IllegalArgument`] says where it is not understood.
    pub(crate) fn parse(text: &str) -> Result<Self, QueryError> {
        let trimmed = text.trim();
        let trimmed = trimmed.strip_suffix(';').unwrap_or(trimmed);
        let trimmed = trimmed.strip_prefix("return ").unwrap_or(trimmed);
        let mut parser = Parser { rest: trimmed, whole: trimmed, depth: 0 };
        if text.len() > CHARS_MAX {
            return Err(parser.error("it is too long"));
        }
        let expression = parser.choice()?;
        parser.blanks();
        if parser.rest.is_empty() { Ok(expression) } else { Err(parser.error("only arithmetic is supported")) }
    }

    /// The names in it.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Number(_) => Vec::new(),
            Self::Name(name) => vec![name],
            Self::Unary(_, it) => it.names(),
            Self::Binary(_, a, b) => [a.names(), b.names()].concat(),
            Self::Choice(parts) => parts.iter().flat_map(Self::names).collect(),
            Self::Call(_, arguments) => arguments.iter().flat_map(Self::names).collect(),
        }
    }

    /// Its value; NaN where a name has none.
    pub(crate) fn value(&self, scope: &Scope<'_>) -> f64 {
        match self {
            Self::Number(it) => *it,
            Self::Name(name) => scope.get(name.as_str()).copied().unwrap_or(f64::NAN),
            Self::Unary(Unary::Minus, it) => -it.value(scope),
            Self::Unary(Unary::Not, it) => truth(it.value(scope) != 1.0),
            Self::Binary(Binary::And, a, b) => truth(a.value(scope) == 1.0 && b.value(scope) == 1.0),
            Self::Binary(Binary::Or, a, b) => truth(a.value(scope) == 1.0 || b.value(scope) == 1.0),
            Self::Binary(operator, a, b) => binary(*operator, a.value(scope), b.value(scope)),
            Self::Choice(parts) => parts[if parts[0].value(scope) == 1.0 { 1 } else { 2 }].value(scope),
            Self::Call(function, arguments) => {
                let at = |at: usize| arguments[at].value(scope);
                match function {
                    Function::Abs => at(0).abs(),
                    Function::Ceil => at(0).ceil(),
                    Function::Exp => at(0).exp(),
                    Function::Floor => at(0).floor(),
                    Function::Log => at(0).ln(),
                    Function::Log10 => at(0).log10(),
                    Function::Max => at(0).max(at(1)),
                    Function::Min => at(0).min(at(1)),
                    Function::Pow => at(0).powf(at(1)),
                    // Java rounds halves up.
                    Function::Round => (at(0) + 0.5).floor(),
                    Function::Sqrt => at(0).sqrt(),
                }
            }
        }
    }
}

fn truth(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn binary(operator: Binary, a: f64, b: f64) -> f64 {
    match operator {
        Binary::Equal => truth(a == b),
        Binary::Unequal => truth(a != b),
        Binary::Less => truth(a < b),
        Binary::LessOrEqual => truth(a <= b),
        Binary::Greater => truth(a > b),
        Binary::GreaterOrEqual => truth(a >= b),
        Binary::Plus => a + b,
        Binary::Minus => a - b,
        Binary::Times => a * b,
        Binary::Over => a / b,
        Binary::Modulo => a % b,
        Binary::And | Binary::Or => f64::NAN,
    }
}

struct Parser<'a> {
    rest: &'a str,
    whole: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn error(&self, what: &str) -> QueryError {
        let at = self.whole.len() - self.rest.len();
        QueryError::IllegalArgument(format!(
            "compile error in script [{}] at character [{at}]: {what}",
            self.whole.chars().take(200).collect::<String>()
        ))
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, text: &str) -> bool {
        self.blanks();
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, text: &str) -> Result<(), QueryError> {
        if self.take(text) { Ok(()) } else { Err(self.error(&format!("[{text}] is expected"))) }
    }

    fn choice(&mut self) -> Result<Expression, QueryError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("it is nested too deeply"));
        }
        let condition = self.binary(0)?;
        let expression = if self.take("?") {
            let then = self.choice()?;
            self.expect(":")?;
            Expression::Choice(Box::new([condition, then, self.choice()?]))
        } else {
            condition
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn binary(&mut self, level: usize) -> Result<Expression, QueryError> {
        let Some(operators) = OPERATORS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        let mut length = 0;
        while let Some((_, operator)) = operators.iter().find(|it| self.take(it.0)) {
            length += 1;
            if length > CHARS_MAX / 16 {
                return Err(self.error("it has too many terms"));
            }
            left = Expression::Binary(*operator, Box::new(left), Box::new(self.binary(level + 1)?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, QueryError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("it is nested too deeply"));
        }
        let expression = if self.take("-") {
            Expression::Unary(Unary::Minus, Box::new(self.unary()?))
        } else if self.take("!") {
            Expression::Unary(Unary::Not, Box::new(self.unary()?))
        } else if self.take("(") {
            let inner = self.choice()?;
            self.expect(")")?;
            inner
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn primary(&mut self) -> Result<Expression, QueryError> {
        self.blanks();
        let number = self.rest.len() - self.rest.trim_start_matches(|it: char| it.is_ascii_digit() || it == '.').len();
        if number > 0 {
            let (text, after) = self.rest.split_at(number);
            let value = text.parse().map_err(|_| self.error("it is no number"))?;
            self.rest = after.strip_prefix(['d', 'D', 'f', 'F', 'L']).unwrap_or(after);
            return Ok(Expression::Number(value));
        }
        let word = self.word();
        match word {
            "" => Err(self.error("a value is expected")),
            "true" => Ok(Expression::Number(1.0)),
            "false" => Ok(Expression::Number(0.0)),
            "params" if self.take("[") => {
                self.blanks();
                let quote = self.rest.chars().next().filter(|it| ['\'', '"'].contains(it)).ok_or_else(|| self.error("a quoted name is expected"))?;
                let (name, after) = self.rest[1..].split_once(quote).ok_or_else(|| self.error("a quote is not closed"))?;
                self.rest = after;
                self.expect("]")?;
                Ok(Expression::Name(name.to_owned()))
            }
            "params" => {
                self.expect(".")?;
                match self.word() {
                    "" => Err(self.error("a name is expected")),
                    name => Ok(Expression::Name(name.to_owned())),
                }
            }
            "Math" => {
                self.expect(".")?;
                let name = self.word();
                let (_, function, count) = FUNCTIONS.iter().find(|it| it.0 == name).ok_or_else(|| self.error("there is no such function"))?;
                self.expect("(")?;
                let mut arguments = vec![self.choice()?];
                while self.take(",") {
                    arguments.push(self.choice()?);
                }
                self.expect(")")?;
                if arguments.len() == *count {
                    Ok(Expression::Call(*function, arguments))
                } else {
                    Err(self.error("the number of arguments is wrong"))
                }
            }
            // The language `expression` names its variables plainly.
            name => Ok(Expression::Name(name.to_owned())),
        }
    }

    fn word(&mut self) -> &'a str {
        self.blanks();
        let length = self.rest.len() - self.rest.trim_start_matches(|it: char| it.is_ascii_alphanumeric() || it == '_').len();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> f64 {
        Expression::parse(text).unwrap().value(&Scope::from([("a", 6.0), ("b", 4.0), ("gap", f64::NAN)]))
    }

    #[test]
    fn arithmetic_is_that_of_the_school() {
        for (text, expected) in [
            ("params.a / params.b * 100", 150.0),
            ("a - b - 1", 1.0),
            ("2 + 3 * 4 - -1", 15.0),
            ("(2 + 3) * 4", 20.0),
            ("params['a'] % 4", 2.0),
            ("return a > b ? a : b;", 6.0),
            ("a > b && !(b >= 5) || false", 1.0),
            ("a == 6 ? b != 4 ? 1 : 2 : 3", 2.0),
            ("Math.max(a, b) + Math.round(2.5) + Math.abs(-1.5d)", 10.5),
            ("gap > 0 ? 1 : 2", 2.0),
            ("1.5f+.5", 2.0),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
        assert!(value("gap + 1").is_nan() && value("a / 0").is_infinite());
    }

    #[test]
    fn whatever_else_is_refused_with_its_place() {
        for text in
            ["", "a +", "(a", "a b", "doc['x'].value", "Math.exit(1)", "Math.max(1)", "params.", "1.2.3", "a ? b", "for (;;) {}", "a; b", "\"x\""]
        {
            let error = Expression::parse(text).unwrap_err().to_string();
            assert!(error.contains("compile error in script"), "{text}: {error}");
        }
        assert!(Expression::parse(&"(".repeat(3_000)).is_err());
        assert!(Expression::parse(&"-".repeat(3_000)).is_err());
        assert!(Expression::parse(&"1+".repeat(1_500)).is_err());
        assert_eq!(Expression::parse("params.a + b").unwrap().names(), ["a", "b"]);
    }
}
