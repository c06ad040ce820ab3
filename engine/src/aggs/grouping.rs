//! What `terms` and the histograms share in a segment: documents fall into cells of (parent, key), and on into the aggregations below.

use tantivy::DocId;

use crate::aggs::cells::{Budget, Cells};
use crate::aggs::partial::Partial;
use crate::aggs::{AggPlan, Collectors, SegmentContext};
use crate::error::QueryError;

/// Cells and the collectors below them.
pub(crate) struct Grouping {
    pub(crate) cells: Cells,
    subs: Collectors,
    /// The block for the collectors below: documents and their cells.
    docs: Vec<DocId>,
    buckets: Vec<u32>,
}

/// A filled cell of a finished grouping.
pub(crate) struct Group {
    pub(crate) key: u64,
    pub(crate) count: u64,
    pub(crate) subs: Vec<Partial>,
}

impl Grouping {
    /// Cells for `parents` × the keys within `bounds`.
    pub(crate) fn new(segment: &SegmentContext<'_>, parents: usize, bounds: Option<(u64, u64)>, subs: &AggPlan) -> Result<Self, QueryError> {
        let subs = subs.collectors(segment, Cells::bound(parents, bounds))?;
        Ok(Self { cells: Cells::new(parents, bounds, segment.reader.max_doc()), subs, docs: Vec::new(), buckets: Vec::new() })
    }

    /// Whether documents are only counted.
    pub(crate) fn is_leaf(&self) -> bool {
        self.subs.is_empty()
    }

    /// Makes room for a block of documents, so that adding them does not look at the capacity's growth.
    pub(crate) fn begin(&mut self, docs: usize) {
        self.docs.clear();
        self.buckets.clear();
        if !self.is_leaf() {
            self.docs.reserve(docs);
            self.buckets.reserve(docs);
        }
    }

    /// Adds a document to a cell.
    #[inline]
    pub(crate) fn add(&mut self, parent: u32, key: u64, doc: DocId) {
        let cell = self.cells.add(parent, key);
        self.docs.push(doc);
        self.buckets.push(cell);
    }

    /// Adds a document to a cell where there is nothing below.
    #[inline]
    pub(crate) fn count(&mut self, parent: u32, key: u64) {
        self.cells.add(parent, key);
    }

    /// Counts a block of documents with one key each in plain cells, and hands it down. The hot path of terms below terms: no
    /// document is copied and no list grows.
    pub(crate) fn add_full(&mut self, docs: &[DocId], parents: &[u32], keys: &[u64], budget: &Budget) -> Result<(), QueryError> {
        let Cells::Dense { base, width, counts } = &mut self.cells else {
            self.buckets.extend(parents.iter().zip(keys).map(|(parent, key)| self.cells.add(*parent, *key)));
            self.cells.charge(budget)?;
            return self.subs.collect(docs, &self.buckets, budget);
        };
        let cells = parents.iter().zip(keys).map(|(parent, key)| {
            let cell = *parent as usize * *width + (key - *base) as usize;
            counts[cell] += 1;
            cell as u32
        });
        if self.subs.is_empty() {
            cells.for_each(drop);
            return Ok(());
        }
        self.buckets.extend(cells);
        self.subs.collect(docs, &self.buckets, budget)
    }

    /// Hands the block down.
    pub(crate) fn end(&mut self, budget: &Budget) -> Result<(), QueryError> {
        self.cells.charge(budget)?;
        self.subs.collect(&self.docs, &self.buckets, budget)
    }

    /// The filled cells of the wanted parents, ascending by key.
    pub(crate) fn finish(self, parents: &[u32]) -> Result<Vec<Vec<Group>>, QueryError> {
        let filled = self.cells.filled(parents);
        let wanted: Vec<u32> = filled.iter().flatten().map(|it| it.cell).collect();
        let mut subs = self.subs.finish(&wanted)?.into_iter();
        let group = |it: crate::aggs::cells::Filled| Group { key: it.key, count: u64::from(it.count), subs: subs.next().unwrap_or_default() };
        let mut group = group;
        Ok(filled.into_iter().map(|row| row.into_iter().map(&mut group).collect()).collect())
    }
}
