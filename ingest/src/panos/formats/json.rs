//! JSON of the cloud log forwarder: one object a line, names such as `LogType` and `SourceAddress`.

use std::borrow::Cow;

use serde_json::Value;

use super::keys::Vocabulary;
use super::sheet::{Filled, Sheet};
use super::{Named, NamedFormat, log_type};
use crate::panos::layout::{self, Unparsed};
use crate::panos::log_type::LogType;

/// An object that names a log type. Only the name is looked for here: the object is read once, when the line is parsed, and may then
/// turn out to be broken.
pub(super) fn recognise(text: &str, body: usize) -> Option<Result<Named, Unparsed>> {
    let object = &text[body..];
    if !object.trim_ascii_start().starts_with('{') {
        return None;
    }
    let name = type_name(object)?;
    Some(match log_type(name) {
        Some(log_type) => Ok(Named { format: NamedFormat::Json, start: body, log_type }),
        None => Err(layout::unknown_type(name)),
    })
}

/// The text after `"LogType":`.
fn type_name(object: &str) -> Option<&str> {
    let at = memchr::memmem::find(object.as_bytes(), b"\"LogType\"")?;
    let rest = object[at + 9..].trim_ascii_start().strip_prefix(':')?.trim_ascii_start().strip_prefix('"')?;
    rest.split_once('"').map(|it| it.0)
}

pub(super) fn fill(text: &str, log_type: &'static LogType) -> Option<Filled> {
    let Ok(Value::Object(object)) = serde_json::from_str(text.trim_end_matches('\0')) else { return None };
    let mut sheet = Sheet::new(log_type, Vocabulary::Cloud);
    for (key, value) in &object {
        if let Some(text) = text_of(value) {
            sheet.put(key, text);
        }
    }
    Some(sheet.finish())
}

/// A value as the text that a column would hold: a list is written with commas, an enumeration (`{"value": …}`) is its value, another
/// object stays JSON.
fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(_) | Value::Number(_) => Some(Cow::Owned(value.to_string())),
        Value::Array(list) => {
            let texts: Vec<_> = list.iter().filter_map(text_of).collect();
            Some(Cow::Owned(texts.join(",")))
        }
        Value::Object(object) => object.get("value").map_or_else(|| Some(Cow::Owned(value.to_string())), text_of),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::{columns, filled};
    use super::*;

    #[test]
    fn an_object_becomes_columns() {
        let filled = filled(
            r#"{"TimeReceived":"2024-06-25T21:30:08.000000Z","DeviceSN":"no-serial","LogType":"THREAT","Subtype":"url","ConfigVersion":"10.2",
            "SourceAddress":"10.0.0.1","SourceUser":null,"SessionID":1787364,"Action":{"value":"alert"},"URL":"a.example/x","VendorSeverity":"Informational",
            "SequenceNo":7372845116442397960,"ParentStarttime":"1970-01-01T00:00:00.000000Z","URLCategoryList":["a","b"],"New":{"x":1},"IsDecrypted":true}"#,
        );
        let expected = [
            "0=1",
            "1=2024-06-25T21:30:08.000000Z",
            "2=no-serial",
            "3=THREAT",
            "4=url",
            "5=2562",
            "7=10.0.0.1",
            "22=1787364",
            "28=0x1000000",
            "30=alert",
            "31=a.example/x",
            "34=Informational",
            "36=7372845116442397960",
            "75=a,b",
        ];
        assert_eq!(columns(&filled), expected);
        assert_eq!(filled.extra, [r#"New={"x":1}"#]);
    }

    #[test]
    fn objects_of_others_are_none_and_broken_ones_fail_when_read() {
        assert!(recognise(r#"{"type":"x"}"#, 0).is_none() && recognise(r#"["LogType"]"#, 0).is_none());
        let broken = r#"{"LogType":"TRAFFIC","Bytes":}"#;
        assert!(recognise(broken, 0).unwrap().is_ok());
        assert!(fill(broken, &crate::panos::types::TRAFFIC).is_none());
    }
}
