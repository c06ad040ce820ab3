//! Numbers the buckets of one aggregation in one segment: (parent bucket, key) → cell, and counts documents per cell.
//!
//! Where parents × keys is small, cells are a plain array and the number of a cell is arithmetic; the zone matrix (terms below
//! terms) is then two multiplications and two increments per document. Otherwise cells are numbered as they appear, through a hash
//! map of integers. Keys here are raw column values or slots, never strings.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::error::QueryError;
use crate::limits;

/// Cells of a plain array: 4 MB of counters, and as much again in each metric below.
const DENSE_CELLS_MAX: usize = 1 << 20;

/// Below this many cells an array is always cheaper than a map.
const DENSE_CELLS_MIN: usize = 1 << 13;

/// Memory that the collectors of one segment may still take.
pub(crate) struct Budget {
    bytes_left: std::cell::Cell<usize>,
}

impl Budget {
    /// A full budget: [`limits::AGGS_MEMORY_BYTES_MAX`].
    pub(crate) fn new() -> Self {
        Self { bytes_left: limits::AGGS_MEMORY_BYTES_MAX.into() }
    }

    /// Takes a part of the budget.
    pub(crate) fn charge(&self, bytes: usize) -> Result<(), QueryError> {
        match self.bytes_left.get().checked_sub(bytes) {
            Some(left) => {
                self.bytes_left.set(left);
                Ok(())
            }
            None => Err(QueryError::TooManyBuckets { limit: limits::BUCKETS_MAX }),
        }
    }
}

/// The cells of one aggregation.
pub(crate) enum Cells {
    /// `cell = parent · width + (key − base)`.
    Dense { base: u64, width: usize, counts: Vec<u32> },
    /// Numbered by first appearance.
    Sparse { numbers: HashMap<(u32, u64), u32, BuildHasherDefault<CellHasher>>, keys: Vec<(u32, u64)>, counts: Vec<u32>, charged: usize },
}

/// Bytes of a sparse cell: map entry at its usual load, key, counter.
const SPARSE_CELL_BYTES: usize = 48;

impl Cells {
    /// Cells for at most `parents` parent buckets and keys within `bounds`, for a segment of `docs` documents.
    pub(crate) fn new(parents: usize, bounds: Option<(u64, u64)>, docs: u32) -> Self {
        let sparse = || Cells::Sparse { numbers: HashMap::default(), keys: Vec::new(), counts: Vec::new(), charged: 0 };
        let Some((base, last)) = bounds else { return Cells::Dense { base: 0, width: 0, counts: Vec::new() } };
        let width = usize::try_from(last - base).ok().and_then(|it| it.checked_add(1));
        let Some((width, cells)) = width.and_then(|it| Some((it, it.checked_mul(parents)?))) else { return sparse() };
        // Clearing an array that is much larger than the segment costs more than hashing the segment's few documents.
        if cells <= DENSE_CELLS_MAX && cells <= DENSE_CELLS_MIN.max(4 * docs as usize) {
            Cells::Dense { base, width, counts: vec![0; cells] }
        } else {
            sparse()
        }
    }

    /// How many cells there can be, for the aggregations below; saturates.
    pub(crate) fn bound(parents: usize, bounds: Option<(u64, u64)>) -> usize {
        match bounds {
            Some((base, last)) => usize::try_from(last - base).unwrap_or(usize::MAX).saturating_add(1).saturating_mul(parents),
            None => 0,
        }
    }

    /// Counts a document in a cell and gives the cell's number.
    #[inline]
    pub(crate) fn add(&mut self, parent: u32, key: u64) -> u32 {
        match self {
            Cells::Dense { base, width, counts } => {
                let cell = parent as usize * *width + (key - *base) as usize;
                counts[cell] += 1;
                cell as u32
            }
            Cells::Sparse { numbers, keys, counts, .. } => {
                let cell = *numbers.entry((parent, key)).or_insert_with(|| {
                    keys.push((parent, key));
                    counts.push(0);
                    (keys.len() - 1) as u32
                });
                counts[cell as usize] += 1;
                cell
            }
        }
    }

    /// Takes what a block has added from the budget.
    pub(crate) fn charge(&mut self, budget: &Budget) -> Result<(), QueryError> {
        if let Cells::Sparse { keys, charged, .. } = self
            && keys.len() > *charged
        {
            budget.charge((keys.len() - *charged) * SPARSE_CELL_BYTES)?;
            *charged = keys.len();
        }
        Ok(())
    }

    /// The filled cells of the wanted parents: per parent, in the order of `parents`, ascending by key.
    pub(crate) fn filled(&self, parents: &[u32]) -> Vec<Vec<Filled>> {
        match self {
            Cells::Dense { base, width, counts } => parents
                .iter()
                .map(|&parent| {
                    let first = parent as usize * width;
                    let row = counts.get(first..first + width).unwrap_or_default();
                    let filled = row.iter().enumerate().filter(|it| *it.1 > 0);
                    filled.map(|(at, &count)| Filled { key: base + at as u64, cell: (first + at) as u32, count }).collect()
                })
                .collect(),
            Cells::Sparse { keys, counts, .. } => {
                let position: HashMap<u32, usize> = parents.iter().enumerate().map(|(at, it)| (*it, at)).collect();
                let mut out = vec![Vec::new(); parents.len()];
                for (cell, (parent, key)) in keys.iter().enumerate() {
                    if let Some(at) = position.get(parent) {
                        out[*at].push(Filled { key: *key, cell: cell as u32, count: counts[cell] });
                    }
                }
                out.iter_mut().for_each(|it: &mut Vec<Filled>| it.sort_unstable_by_key(|it| it.key));
                out
            }
        }
    }
}

/// A cell with documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) key: u64,
    pub(crate) cell: u32,
    pub(crate) count: u32,
}

/// Hashes integers by folded multiplication: cheap, and good enough for keys that nobody outside can choose to collide within a
/// budgeted map.
#[derive(Default)]
pub(crate) struct CellHasher(u64);

impl Hasher for CellHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|it| self.write_u64(u64::from(*it)));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0.rotate_left(23) ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_and_sparse_cells_say_the_same() {
        let additions = [(0, 17), (1, 10), (0, 17), (2, 19), (0, 10), (1, 19)];
        let mut dense = Cells::new(3, Some((10, 19)), 100);
        let mut sparse = Cells::new(3, Some((0, u64::MAX)), 100);
        assert!(matches!((&dense, &sparse), (Cells::Dense { .. }, Cells::Sparse { .. })));
        for (parent, key) in additions {
            dense.add(parent, key);
            sparse.add(parent, key);
        }
        let view = |cells: &Cells| -> Vec<Vec<(u64, u32)>> {
            cells.filled(&[2, 0, 1]).iter().map(|it| it.iter().map(|it| (it.key, it.count)).collect()).collect()
        };
        assert_eq!(view(&dense), vec![vec![(19, 1)], vec![(10, 1), (17, 2)], vec![(10, 1), (19, 1)]]);
        assert_eq!(view(&dense), view(&sparse));
    }

    #[test]
    fn a_segment_without_values_has_no_cells() {
        let cells = Cells::new(4, None, 10);
        assert_eq!(cells.filled(&[0, 3]), vec![vec![], vec![]]);
    }

    #[test]
    fn the_budget_ends() {
        let budget = Budget::new();
        budget.charge(limits::AGGS_MEMORY_BYTES_MAX).unwrap();
        assert!(matches!(budget.charge(1), Err(QueryError::TooManyBuckets { .. })));
    }
}
