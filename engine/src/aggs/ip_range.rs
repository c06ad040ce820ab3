//! `ip_range`: a bucket per range of addresses or CIDR block; ranges may overlap.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Map, Value};

use crate::aggs::body::Body;
use crate::aggs::partial::Partial;
use crate::aggs::ranges::{self, Range, RangeRequest, RangesPlan};
use crate::aggs::render::Renderer;
use crate::aggs::source::{Accepts, Source};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::columns::{Key, bytes_text};
use crate::error::QueryError;
use crate::mapping::FieldType;
use crate::row::ip_bytes;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct IpRange {
    source: Source,
    ranges: Vec<(RangeRequest, Range)>,
    keyed: bool,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "ip_range"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "ranges", "keyed"])?;
        let address = |it: &Option<Value>| {
            it.as_ref()
                .map(|it| {
                    let parsed = it.as_str().and_then(|it| it.parse::<IpAddr>().ok());
                    parsed.map(|it| key(ip_bytes(it))).ok_or_else(|| QueryError::IllegalArgument(format!("{it} is not an IP string literal.")))
                })
                .transpose()
        };
        let ranges = ranges::parse(body, true)?
            .into_iter()
            .map(|it| {
                let range = match &it.mask {
                    Some(_) if it.from.is_some() || it.to.is_some() => {
                        return Err(QueryError::IllegalArgument(format!("a range of [{}] has [mask] beside [from] or [to]", body.name)));
                    }
                    Some(mask) => block(mask)
                        .ok_or_else(|| QueryError::IllegalArgument(format!("'{mask}' is not an IP string literal with a prefix length.")))?,
                    None => Range { from: address(&it.from)?, to: address(&it.to)? },
                };
                Ok((it, range))
            })
            .collect::<Result<_, QueryError>>()?;
        Ok(Box::new(IpRange { source: Source::parse(body)?, ranges, keyed: body.bool("keyed")?.unwrap_or(false) }))
    }
}

fn key(octets: [u8; 16]) -> Key {
    Key::Bytes(octets.into())
}

/// The addresses of a CIDR block.
fn block(text: &str) -> Option<Range> {
    let (address, length) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let length: u32 = length.parse().ok()?;
    let (bits, length) = if address.is_ipv4() { (32, length.checked_add(96)?) } else { (128, length) };
    if length > 128 || length < 128 - bits {
        return None;
    }
    let host_bits = 128 - length;
    let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
    let first = u128::from(Ipv6Addr::from(ip_bytes(address))) & mask;
    let after = 1u128.checked_shl(host_bits).and_then(|it| first.checked_add(it));
    Some(Range { from: Some(key(first.to_be_bytes())), to: after.map(|it| key(it.to_be_bytes())) })
}

impl Aggregation for IpRange {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let source = self.source.plan(Accepts::Addresses, ctx)?;
        Ok(Box::new(RangesPlan { source, ranges: self.ranges.iter().map(|it| it.1.clone()).collect() }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        renderer.take_buckets(self.ranges.len())?;
        let (mut list, mut named) = (Vec::new(), Map::new());
        for (request, range, slot) in ranges::in_answer_order(partial, self.ranges.clone()) {
            let text = |it: &Option<Key>| match it {
                Some(Key::Bytes(it)) => Some(bytes_text(FieldType::Ip, it)),
                _ => None,
            };
            let (from, to) = (text(&range.from), text(&range.to));
            let open = || "*".to_owned();
            let plain = || format!("{}-{}", from.clone().unwrap_or_else(open), to.clone().unwrap_or_else(open));
            let key = request.key.or(request.mask).unwrap_or_else(plain);
            let mut row = Map::new();
            if !self.keyed {
                row.insert("key".to_owned(), key.clone().into());
            }
            from.into_iter().for_each(|it| drop(row.insert("from".to_owned(), it.into())));
            to.into_iter().for_each(|it| drop(row.insert("to".to_owned(), it.into())));
            row.insert("doc_count".to_owned(), slot.count.into());
            subs.render_into(slot.subs, &mut row, renderer)?;
            if self.keyed {
                named.insert(key, Value::Object(row));
            } else {
                list.push(Value::Object(row));
            }
        }
        let buckets = if self.keyed { Value::Object(named) } else { Value::Array(list) };
        Ok(Map::from_iter([("buckets".to_owned(), buckets)]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "ip_range"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_ranges() {
        let ends = |text: &str| {
            let range = block(text)?;
            let text = |it: Option<Key>| if let Some(Key::Bytes(it)) = it { bytes_text(FieldType::Ip, &it) } else { "*".to_owned() };
            Some((text(range.from), text(range.to)))
        };
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(ends("10.0.0.7/25"), pair("10.0.0.0", "10.0.0.128"));
        assert_eq!(ends("10.0.0.7/32"), pair("10.0.0.7", "10.0.0.8"));
        assert_eq!(ends("0.0.0.0/0"), pair("0.0.0.0", "::1:0:0:0"));
        assert_eq!(ends("2001:db8::/32"), pair("2001:db8::", "2001:db9::"));
        assert_eq!(ends("::/0"), pair("::", "*"));
        assert_eq!(ends("10.0.0.0/33"), None);
        assert_eq!(ends("10.0.0.0"), None);
    }
}
