//! `ip_prefix`: a bucket per network of one prefix length, for addresses of version 4 or 6.
//!
//! The dictionary of a segment is in address order, so networks are runs of ordinals: each entry is masked once, not each document.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value};
use tantivy::DocId;

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::grouping::{Group, Grouping};
use crate::aggs::partial::{Bucket, Keyed, Partial, ValueKind};
use crate::aggs::render::{Renderer, check_kind};
use crate::aggs::source::{Accepts, Source, SourcePlan, Values};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext};
use crate::columns::{Key, Repeats, bytes_text};
use crate::error::QueryError;
use crate::mapping::FieldType;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct IpPrefix {
    source: Source,
    prefix_length: u32,
    is_ipv6: bool,
    append_prefix_length: bool,
    keyed: bool,
    min_doc_count: u64,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "ip_prefix"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "prefix_length", "is_ipv6", "append_prefix_length", "keyed", "min_doc_count"])?;
        let is_ipv6 = body.bool("is_ipv6")?.unwrap_or(false);
        let most = if is_ipv6 { 128 } else { 32 };
        let prefix_length = body.u64("prefix_length")?.ok_or_else(|| body.lacks("prefix_length"))?;
        if prefix_length > most {
            return Err(QueryError::IllegalArgument(format!(
                "[prefix_length] must be in range [0, {most}] while value is [{prefix_length}] in [{}]",
                body.name
            )));
        }
        Ok(Box::new(IpPrefix {
            source: Source::parse(body)?,
            prefix_length: prefix_length as u32,
            is_ipv6,
            append_prefix_length: body.bool("append_prefix_length")?.unwrap_or(false),
            keyed: body.bool("keyed")?.unwrap_or(false),
            min_doc_count: body.u64("min_doc_count")?.unwrap_or(1),
        }))
    }
}

impl Aggregation for IpPrefix {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let bits = if self.is_ipv6 { self.prefix_length } else { self.prefix_length + 96 };
        Ok(Box::new(IpPrefixPlan { source: self.source.plan(Accepts::Addresses, ctx)?, mask: mask(bits), is_ipv6: self.is_ipv6 }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let mut keyed = if let Partial::Keyed(it) = partial { it } else { Keyed::default() };
        check_kind(&keyed.kind, &self.source.field)?;
        keyed.buckets.retain(|it| it.count >= self.min_doc_count);
        renderer.take_buckets(keyed.buckets.len())?;
        let (mut list, mut named) = (Vec::new(), Map::new());
        for bucket in keyed.buckets {
            let mut key = if let Key::Bytes(it) = &bucket.key { bytes_text(FieldType::Ip, it) } else { String::new() };
            if self.append_prefix_length {
                key = format!("{key}/{}", self.prefix_length);
            }
            let mut row = Map::new();
            if !self.keyed {
                row.insert("key".to_owned(), key.clone().into());
            }
            row.insert("is_ipv6".to_owned(), self.is_ipv6.into());
            row.insert("doc_count".to_owned(), bucket.count.into());
            row.insert("prefix_length".to_owned(), self.prefix_length.into());
            if !self.is_ipv6 {
                let netmask = Ipv4Addr::from(mask(self.prefix_length + 96) as u32);
                row.insert("netmask".to_owned(), netmask.to_string().into());
            }
            subs.render_into(bucket.subs, &mut row, renderer)?;
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
        "ip_prefix"
    }
}

/// The first `bits` of an address.
fn mask(bits: u32) -> u128 {
    u128::MAX.checked_shl(128 - bits).unwrap_or(0)
}

struct IpPrefixPlan {
    source: SourcePlan,
    mask: u128,
    is_ipv6: bool,
}

impl Plan for IpPrefixPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let values = self.source.open(segment)?;
        let mut addresses = Vec::new();
        values.column.each_dictionary_entry(|_, bytes| addresses.push(<[u8; 16]>::try_from(bytes).map_or(0, u128::from_be_bytes)))?;
        if let Some((_, Key::Bytes(it))) = values.foreign_stand_in() {
            addresses.push(<[u8; 16]>::try_from(&**it).map_or(0, u128::from_be_bytes));
        }
        let is_wanted = |it: u128| matches!(Ipv6Addr::from(it).to_canonical(), IpAddr::V6(_)) == self.is_ipv6;
        let masked = |it: u128| is_wanted(it).then_some(it & self.mask);
        let mut networks: Vec<u128> = addresses.iter().filter_map(|it| masked(*it)).collect();
        networks.sort_unstable();
        networks.dedup();
        let number = |it: u128| masked(it).map(|it| networks.partition_point(|network| *network < it) as u64);
        let numbers = addresses.into_iter().map(number).collect();
        let bounds = networks.len().checked_sub(1).map(|last| (0, last as u64));
        Ok(Box::new(IpPrefixCollector { values, numbers, networks, grouping: Grouping::new(segment, parents, bounds, subs)? }))
    }
}

struct IpPrefixCollector {
    values: Values,
    /// By ordinal the number of the network; `None`: an address of the other version.
    numbers: Vec<Option<u64>>,
    networks: Vec<u128>,
    grouping: Grouping,
}

impl Collector for IpPrefixCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let Self { values, numbers, grouping, .. } = self;
        grouping.begin(docs.len());
        // A document with several addresses in one network counts once there; its values come sorted.
        let mut last = (usize::MAX, 0);
        values.each(docs, Repeats::Drop, |at, raw| {
            if let Some(number) = numbers[raw as usize]
                && std::mem::replace(&mut last, (at, number)) != (at, number)
            {
                grouping.add(buckets[at], number, docs[at]);
            }
        });
        grouping.end(budget)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let Self { networks, grouping, .. } = *self;
        let bucket = |it: Group| Bucket { key: Key::Bytes(networks[it.key as usize].to_be_bytes().into()), count: it.count, subs: it.subs };
        let rows = grouping.finish(buckets)?.into_iter();
        Ok(rows.map(|row| Partial::Keyed(Keyed { kind: ValueKind::Ip, buckets: row.into_iter().map(bucket).collect() })).collect())
    }
}
