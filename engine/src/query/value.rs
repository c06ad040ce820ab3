//! Values in queries, read by the type of the field they are asked of.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;

use super::body::scalar_text;
use crate::error::QueryError;
use crate::row::ip_bytes;

/// What a number in a query can be to a field of whole numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Whole(i64),
    /// Has a fraction, or is too large: equal to no whole number, but it has a place among them.
    Other(f64),
}

/// Wraps the reason in Elasticsearch's sentence for values that do not fit a field.
pub(crate) fn misfit(why: impl std::fmt::Display) -> QueryError {
    QueryError::QueryShard(format!("failed to create query: {why}"))
}

/// A number, or text that is one.
pub(crate) fn number(value: &Value) -> Result<Number, QueryError> {
    if let Some(it) = value.as_i64() {
        return Ok(Number::Whole(it));
    }
    let text = scalar_text(value);
    if let Ok(it) = text.parse::<i64>() {
        return Ok(Number::Whole(it));
    }
    let it = float(value)?;
    // 2^63 as a float is one too large; below it every float without a fraction is an i64.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if it.fract() == 0.0 && (-LIMIT..LIMIT).contains(&it) { Ok(Number::Whole(it as i64)) } else { Ok(Number::Other(it)) }
}

/// A floating-point number, or text that is one.
pub(crate) fn float(value: &Value) -> Result<f64, QueryError> {
    let text = scalar_text(value);
    let number = match value {
        Value::Number(it) => it.as_f64(),
        Value::String(it) => it.trim().parse().ok(),
        _ => None,
    };
    number.filter(|it| it.is_finite()).ok_or_else(|| misfit(format_args!("For input string: \"{text}\"")))
}

/// A boolean, or text that is one; the empty text is false.
pub(crate) fn boolean(value: &Value) -> Result<bool, QueryError> {
    match value {
        Value::Bool(it) => Ok(*it),
        Value::String(it) if it == "true" => Ok(true),
        Value::String(it) if it == "false" || it.is_empty() => Ok(false),
        other => Err(misfit(format_args!("Can't parse boolean value [{}], expected [true] or [false]", scalar_text(other)))),
    }
}

/// An address as the bytes that are indexed.
pub(crate) fn address(value: &Value) -> Result<[u8; 16], QueryError> {
    let text = scalar_text(value);
    text.parse::<IpAddr>().map(ip_bytes).map_err(|_| misfit(format_args!("'{text}' is not an IP string literal.")))
}

/// A single address or a block (`10.0.0.0/8`), as first and last address.
pub(crate) fn address_block(value: &Value) -> Result<([u8; 16], [u8; 16]), QueryError> {
    let text = scalar_text(value);
    let Some((base, length)) = text.split_once('/') else {
        let it = address(value)?;
        return Ok((it, it));
    };
    let base: IpAddr = base.parse().map_err(|_| misfit(format_args!("'{base}' is not an IP string literal.")))?;
    let width = if base.is_ipv4() { 32 } else { 128 };
    let length: u32 = length
        .parse()
        .ok()
        .filter(|it| *it <= width)
        .ok_or_else(|| misfit(format_args!("invalid cidr prefix in [{text}]: expected a number from 0 to {width}")))?;
    let free = width - length;
    let mask = if free == 128 { u128::MAX } else { (1_u128 << free) - 1 };
    let first = u128::from_be_bytes(ip_bytes(base)) & !mask;
    Ok((first.to_be_bytes(), (first | mask).to_be_bytes()))
}

/// The next higher (`up`) or lower address.
pub(crate) fn neighbour(address: [u8; 16], up: bool) -> Option<[u8; 16]> {
    let number = u128::from_be_bytes(address);
    if up { number.checked_add(1) } else { number.checked_sub(1) }.map(u128::to_be_bytes)
}

/// The lowest and highest address.
pub(crate) const ADDRESSES: ([u8; 16], [u8; 16]) = (Ipv6Addr::UNSPECIFIED.octets(), [0xff; 16]);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_may_be_text() {
        for (value, expected) in [
            (json!(80), Number::Whole(80)),
            (json!("80"), Number::Whole(80)),
            (json!("80.0"), Number::Whole(80)),
            (json!(-1e3), Number::Whole(-1000)),
            (json!(1.5), Number::Other(1.5)),
            (json!(u64::MAX), Number::Other(u64::MAX as f64)),
            (json!(i64::MIN), Number::Whole(i64::MIN)),
        ] {
            assert_eq!(number(&value), Ok(expected), "{value}");
        }
        for value in [json!("x"), json!(""), json!("NaN"), json!("inf"), json!(true)] {
            assert!(number(&value).is_err(), "{value}");
        }
        assert_eq!(number(&json!("abc")).unwrap_err().to_string(), "failed to create query: For input string: \"abc\"");
    }

    #[test]
    fn blocks_of_addresses() {
        let text = |bytes: [u8; 16]| crate::row::ip_text(bytes.into());
        for (block, first, last) in [
            ("10.1.2.3", "10.1.2.3", "10.1.2.3"),
            ("10.1.2.3/8", "10.0.0.0", "10.255.255.255"),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.3"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("2001:db8::1/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.1"),
        ] {
            let (a, b) = address_block(&json!(block)).unwrap();
            assert_eq!((text(a).as_str(), text(b).as_str()), (first, last), "{block}");
        }
        assert_eq!(address_block(&json!("::/0")).unwrap(), ADDRESSES);
        for wrong in ["10.0.0.0/33", "10.0.0.0/", "/8", "10.0.0", "10.0.0.0/-1", "::/129", ""] {
            assert!(address_block(&json!(wrong)).is_err(), "{wrong}");
        }
    }
}
