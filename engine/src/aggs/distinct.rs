//! How many distinct values: exact up to a threshold, then a HyperLogLog sketch.
//!
//! Values are 64-bit hashes of their bytes. Up to the threshold the set of hashes is kept; a larger set becomes 2^14 registers
//! (standard error 0.8 %). Which of the two it is depends on the number of distinct hashes alone, and registers merge by
//! maximum, so the answer has the same bits whatever was merged in which order. The estimator is Ertl's improved one ("New
//! cardinality estimation algorithms for HyperLogLog sketches", 2017), which needs no table of corrections.

use serde::{Deserialize, Serialize};

/// Registers: 2^14 bytes a sketch, as Elasticsearch's highest precision.
const PRECISION: u32 = 14;
const REGISTERS: usize = 1 << PRECISION;

/// The highest `precision_threshold`, as in Elasticsearch.
pub(crate) const THRESHOLD_MAX: usize = 40_000;

/// The default `precision_threshold`.
pub(crate) const THRESHOLD_DEFAULT: usize = 3_000;

/// A set of hashes, or a sketch of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Distinct {
    /// Sorted distinct hashes.
    Exact(Vec<u64>),
    /// Registers.
    Sketch(#[serde(with = "serde_bytes")] Vec<u8>),
}

impl Default for Distinct {
    fn default() -> Self {
        Distinct::Exact(Vec::new())
    }
}

impl Distinct {
    /// The set of `hashes`, which may repeat and be in any order.
    pub(crate) fn from_hashes(mut hashes: Vec<u64>, threshold: usize) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        let mut set = Distinct::Exact(hashes);
        set.shrink(threshold);
        set
    }

    /// Adds another set.
    pub(crate) fn merge(&mut self, other: Self, threshold: usize) {
        match (&mut *self, other) {
            (Distinct::Exact(mine), Distinct::Exact(theirs)) => {
                *mine = union(mine, &theirs);
                self.shrink(threshold);
            }
            (Distinct::Sketch(mine), Distinct::Exact(theirs)) => theirs.iter().for_each(|it| observe(mine, *it)),
            (Distinct::Sketch(mine), Distinct::Sketch(theirs)) => mine.iter_mut().zip(theirs).for_each(|(a, b)| *a = (*a).max(b)),
            (Distinct::Exact(mine), Distinct::Sketch(mut theirs)) => {
                mine.iter().for_each(|it| observe(&mut theirs, *it));
                *self = Distinct::Sketch(theirs);
            }
        }
    }

    /// The number of distinct values.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Distinct::Exact(hashes) => hashes.len() as u64,
            Distinct::Sketch(registers) => estimate(registers),
        }
    }

    fn shrink(&mut self, threshold: usize) {
        if let Distinct::Exact(hashes) = self
            && hashes.len() > threshold
        {
            let mut registers = vec![0; REGISTERS];
            hashes.iter().for_each(|it| observe(&mut registers, *it));
            *self = Distinct::Sketch(registers);
        }
    }
}

/// Collects hashes with repeats, in bounded memory.
#[derive(Debug, Default)]
pub(crate) struct DistinctBuilder {
    pending: Vec<u64>,
    set: Distinct,
}

/// Hashes that wait to be sorted in; large enough that sorting is cheap per hash, small against the registers.
const PENDING_MAX: usize = 8_192;

impl DistinctBuilder {
    /// Adds a hash; gives the bytes of memory that took.
    pub(crate) fn add(&mut self, hash: u64, threshold: usize) -> usize {
        if let Distinct::Sketch(registers) = &mut self.set {
            observe(registers, hash);
            return 0;
        }
        let before = self.pending.capacity();
        self.pending.push(hash);
        let grown = (self.pending.capacity() - before) * size_of::<u64>();
        if self.pending.len() >= PENDING_MAX {
            self.flush(threshold);
        }
        grown
    }

    /// The set.
    pub(crate) fn finish(mut self, threshold: usize) -> Distinct {
        self.flush(threshold);
        self.set
    }

    fn flush(&mut self, threshold: usize) {
        // The capacity goes as well: there may be a builder per bucket.
        let pending = std::mem::take(&mut self.pending);
        self.set.merge(Distinct::from_hashes(pending, threshold), threshold);
    }
}

/// The hash of a value's bytes. Part of the format of partial results: it never changes.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = bytes.len() as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = mix(hash ^ u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(hash ^ u64::from_le_bytes(last))
}

/// The hash of a number, by its bits.
pub(crate) fn hash_number(bits: u64) -> u64 {
    mix(bits ^ 0x2545_f491_4f6c_dd1d)
}

/// A permutation of 64-bit words in which every input bit moves every output bit (the finaliser of MurmurHash3, after a rotation
/// that keeps zero from being fixed).
fn mix(word: u64) -> u64 {
    let mut it = word.rotate_left(29).wrapping_add(0x9e37_79b9_7f4a_7c15);
    it = (it ^ (it >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    it = (it ^ (it >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    it ^ (it >> 33)
}

fn union(a: &[u64], b: &[u64]) -> Vec<u64> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        let (x, y) = (a[i], b[j]);
        out.push(x.min(y));
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    out.extend_from_slice(&a[i..]);
    out.extend_from_slice(&b[j..]);
    out
}

fn observe(registers: &mut [u8], hash: u64) {
    let register = (hash >> (64 - PRECISION)) as usize;
    // The guard bit bounds the rank where all remaining bits are zero.
    let rank = ((hash << PRECISION) | 1 << (PRECISION - 1)).leading_zeros() as u8 + 1;
    registers[register] = registers[register].max(rank);
}

/// Ertl's improved raw estimator (algorithm 6 of the paper).
fn estimate(registers: &[u8]) -> u64 {
    const RANKS: usize = (64 - PRECISION) as usize;
    let m = REGISTERS as f64;
    let mut counts = [0u32; RANKS + 2];
    registers.iter().for_each(|it| counts[usize::from(*it).min(RANKS + 1)] += 1);
    let mut z = m * tau(1.0 - f64::from(counts[RANKS + 1]) / m);
    for &count in counts[1..=RANKS].iter().rev() {
        z = 0.5 * (z + f64::from(count));
    }
    z += m * sigma(f64::from(counts[0]) / m);
    (m * m / (2.0 * std::f64::consts::LN_2) / z).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_below_the_threshold_and_near_above_it() {
        for count in [0u64, 1, 100, 3_000, 3_001, 10_000, 100_000, 1_000_000] {
            let mut builder = DistinctBuilder::default();
            for at in (0..count).chain(0..count / 2) {
                builder.add(hash_bytes(at.to_string().as_bytes()), THRESHOLD_DEFAULT);
            }
            let found = builder.finish(THRESHOLD_DEFAULT).count();
            let error = (found as f64 - count as f64).abs() / (count as f64).max(1.0);
            assert!(if count <= 3_000 { found == count } else { error < 0.025 }, "{count}: {found}");
        }
    }

    #[test]
    fn numbers_in_sequence_are_spread_too() {
        let hashes = (0..200_000).map(hash_number).collect();
        let found = Distinct::from_hashes(hashes, 100).count();
        assert!((found as f64 / 200_000.0 - 1.0).abs() < 0.025, "{found}");
    }

    #[test]
    fn merging_in_any_grouping_gives_the_same_bytes() {
        let hashes: Vec<u64> = (0..9_000).map(|it| hash_number(it % 5_000)).collect();
        for threshold in [10, 4_999, 5_000, 40_000] {
            let whole = Distinct::from_hashes(hashes.clone(), threshold);
            for parts in [2, 3, 7] {
                let mut merged = Distinct::default();
                for part in hashes.chunks(hashes.len() / parts).rev() {
                    merged.merge(Distinct::from_hashes(part.to_vec(), threshold), threshold);
                }
                assert_eq!(merged, whole, "{threshold} {parts}");
            }
        }
    }

    #[test]
    fn the_hash_is_part_of_the_format() {
        let hashes = [hash_bytes(b""), hash_bytes(b"Untrust"), hash_number(443)];
        assert_eq!(hashes, [17_105_268_902_020_576_724, 14_775_402_191_719_331_769, 17_166_007_858_333_429_535]);
        assert_ne!(hash_bytes(b"a"), hash_bytes(b"a\0"));
        assert_ne!(hash_bytes(b"12345678"), hash_bytes(b"12345678\0"));
    }
}
