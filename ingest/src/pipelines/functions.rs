//! The functions that programs may call: VRL's own without those that reach outside the event, and ours that ask the lists.
//!
//! `in_list(list, value)` says whether a value is on a list; `list_row(list, value)` gives the columns of its row, or null. The list is
//! named by a literal, so that a name that is no list is found when the program is compiled.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use vrl::compiler::prelude::*;
use vrl::diagnostic::Label;

use super::list::{List, RowNumber};
use super::lists::Shared;

/// Functions that VRL has and programs here have not.
const LEFT_OUT: &[&str] = &[
    // It writes to our own log, where contents of lines never go.
    "log",
    // It reads files that the program names.
    "parse_groks",
    // A kilobyte of a log line can unpack to gigabytes.
    "decode_gzip",
    "decode_lz4",
    "decode_snappy",
    "decode_zlib",
    "decode_zstd",
];

/// Every function that a program may call.
pub(super) fn all() -> Vec<Box<dyn Function>> {
    let mut functions = vrl::stdlib::all();
    functions.retain(|it| !LEFT_OUT.contains(&it.identifier()));
    functions.push(Box::new(InList));
    functions.push(Box::new(ListRow));
    functions
}

const PARAMETERS: &[Parameter] = &[
    Parameter::required("list", kind::BYTES, "Name of the list: its file's name without extension."),
    Parameter::required("value", kind::ANY, "Address, domain or text. Null and what is no text is on no list; of an array one value is enough."),
];

#[derive(Clone, Copy, Debug)]
struct InList;

impl Function for InList {
    fn identifier(&self) -> &'static str {
        "in_list"
    }

    fn usage(&self) -> &'static str {
        "Whether a value is on an enrichment list."
    }

    fn category(&self) -> &'static str {
        Category::Enumerate.as_ref()
    }

    fn return_kind(&self) -> u16 {
        kind::BOOLEAN
    }

    fn pure(&self) -> bool {
        false
    }

    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    fn examples(&self) -> &'static [Example] {
        &[]
    }

    fn compile(&self, state: &TypeState, ctx: &mut FunctionCompileContext, arguments: ArgumentList) -> Compiled {
        Ok(InListCall(Call::compile(state, ctx, &arguments)?).as_expr())
    }
}

#[derive(Clone, Debug)]
struct InListCall(Call);

impl FunctionExpression for InListCall {
    fn resolve(&self, ctx: &mut Context) -> Resolved {
        Ok(self.0.find(ctx)?.is_some().into())
    }

    fn type_def(&self, _: &TypeState) -> TypeDef {
        TypeDef::boolean().infallible().impure()
    }
}

#[derive(Clone, Copy, Debug)]
struct ListRow;

impl Function for ListRow {
    fn identifier(&self) -> &'static str {
        "list_row"
    }

    fn usage(&self) -> &'static str {
        "The columns that stand beside a value in an enrichment list, as an object of strings; null for a value that is not on it."
    }

    fn category(&self) -> &'static str {
        Category::Enumerate.as_ref()
    }

    fn return_kind(&self) -> u16 {
        kind::OBJECT | kind::NULL
    }

    fn pure(&self) -> bool {
        false
    }

    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    fn examples(&self) -> &'static [Example] {
        &[]
    }

    fn compile(&self, state: &TypeState, ctx: &mut FunctionCompileContext, arguments: ArgumentList) -> Compiled {
        Ok(ListRowCall(Call::compile(state, ctx, &arguments)?).as_expr())
    }
}

#[derive(Clone, Debug)]
struct ListRowCall(Call);

impl FunctionExpression for ListRowCall {
    fn resolve(&self, ctx: &mut Context) -> Resolved {
        let Some((list, row)) = self.0.find(ctx)? else { return Ok(Value::Null) };
        let columns: BTreeMap<KeyString, Value> = list.row(row).map(|(name, value)| (name.into(), value.into())).collect();
        Ok(Value::Object(columns))
    }

    fn type_def(&self, _: &TypeState) -> TypeDef {
        TypeDef::object(Collection::from_unknown(Kind::bytes())).add_null().infallible().impure()
    }
}

/// What both functions are given.
#[derive(Clone, Debug)]
struct Call {
    name: String,
    value: Box<dyn Expression>,
    lists: Shared,
}

impl Call {
    fn compile(state: &TypeState, ctx: &FunctionCompileContext, arguments: &ArgumentList) -> Result<Self, Box<dyn DiagnosticMessage>> {
        let literal = arguments.required_literal("list", state)?;
        let name = literal.to_str_lossy().unwrap_or_default().into_owned();
        let lists = ctx.get_external_context::<Shared>().cloned().unwrap_or_default();
        let known = lists.now();
        if !known.contains_key(&name) {
            return Err(Box::new(UnknownList { name, known: known.keys().cloned().collect(), span: ctx.span() }));
        }
        Ok(Self { name, value: arguments.required("value"), lists })
    }

    /// The list and the row of the value; of an array, of its first value that is on the list.
    fn find(&self, ctx: &mut Context) -> Result<Option<(Arc<List>, RowNumber)>, ExpressionError> {
        let value = self.value.resolve(ctx)?;
        // The list was there when the program was compiled; its file may have gone since.
        let list =
            self.lists.now().get(&self.name).cloned().ok_or_else(|| ExpressionError::from(format!("there is no list [{}] any more", self.name)))?;
        let find =
            |value: &Value| value.to_str_lossy().and_then(|it| it.parse::<IpAddr>().map_or_else(|_| list.find(&it), |it| list.find_address(it)));
        let row = match &value {
            Value::Array(values) => values.iter().find_map(find),
            one => find(one),
        };
        Ok(row.map(|it| (list, it)))
    }
}

/// A program names a list that is not there.
#[derive(Debug)]
struct UnknownList {
    name: String,
    known: Vec<String>,
    span: Span,
}

impl fmt::Display for UnknownList {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "there is no list [{}]", self.name)
    }
}

impl std::error::Error for UnknownList {}

impl DiagnosticMessage for UnknownList {
    /// Beyond the numbers of VRL's own messages.
    fn code(&self) -> usize {
        900
    }

    fn labels(&self) -> Vec<Label> {
        let known = if self.known.is_empty() { "no list could be read".to_owned() } else { format!("there are: {}", self.known.join(", ")) };
        vec![Label::primary(known, self.span)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_function_reaches_outside_the_event() {
        let names: Vec<_> = all().iter().map(|it| it.identifier()).collect();
        let outside =
            ["http_request", "dns_lookup", "reverse_dns", "get_env_var", "get_hostname", "get_timezone_name", "parse_proto", "encode_proto"];
        for name in outside.iter().chain(LEFT_OUT).chain(&["validate_json_schema", "parse_etld"]) {
            assert!(!names.contains(name), "{name}");
        }
        let own = vrl::stdlib::all();
        assert!(LEFT_OUT.iter().all(|name| own.iter().any(|it| it.identifier() == *name)), "a name that VRL does not have");
        assert!(["in_list", "list_row", "parse_grok", "ip_cidr_contains"].iter().all(|it| names.contains(it)));
    }
}
