//! Sums of doubles that do not depend on the order of the values, so that an answer has the same bits however the documents are
//! spread over segments, shards and nodes.
//!
//! The sum is held exactly, as a fixed-point number of 32-bit digits that covers the whole range of doubles; only the digits
//! in use are stored (values of one field have similar magnitude: a handful). Rounded once, when it is read.

use serde::{Deserialize, Serialize};

/// The weight of digit 0's lowest bit is 2^-1074, the smallest double.
const LOWEST_EXPONENT: i32 = -1074;

/// Additions between two carries: digits are below 2^32 and a sum of 2^30 of them fits an `i64`.
const ADDITIONS_MAX: u32 = 1 << 30;

/// An exact sum of doubles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExactSum {
    /// Position of the first stored digit.
    start: u16,
    /// Digits to base 2^32, lowest first; between carries they may be negative or large.
    digits: Vec<i64>,
    /// Additions since the last carry.
    additions: u32,
    /// Sum of infinities and NaNs; 0 without them.
    special: f64,
}

impl ExactSum {
    /// Adds a value.
    pub(crate) fn add(&mut self, value: f64) {
        if value == 0.0 {
            return;
        }
        if !value.is_finite() {
            self.special += value;
            return;
        }
        let bits = value.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as u32;
        let fraction = bits & ((1 << 52) - 1);
        // A normal number is (2^52 + fraction) · 2^(exponent − 1075), a subnormal one fraction · 2^−1074.
        let (mantissa, shift) = if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) };
        let (digit, wide) = ((shift / 32) as u16, u128::from(mantissa) << (shift % 32));
        let sign = if value < 0.0 { -1 } else { 1 };
        let at = self.room_for(digit, 3);
        for (slot, part) in self.digits[at..at + 3].iter_mut().zip([wide, wide >> 32, wide >> 64]) {
            *slot += sign * i64::from(part as u32);
        }
        self.additions += 1;
        if self.additions >= ADDITIONS_MAX {
            self.carry();
        }
    }

    /// Adds another sum.
    pub(crate) fn merge(&mut self, mut other: Self) {
        self.special += other.special;
        if other.digits.is_empty() {
            return;
        }
        self.carry();
        other.carry();
        let at = self.room_for(other.start, other.digits.len());
        for (slot, digit) in self.digits[at..].iter_mut().zip(&other.digits) {
            *slot += digit;
        }
        self.carry();
    }

    /// The sum, rounded to the nearest double.
    pub(crate) fn value(&self) -> f64 {
        if self.special != 0.0 {
            return self.special;
        }
        let mut exact = self.clone();
        exact.carry();
        let negative = exact.digits.last().is_some_and(|it| *it < 0);
        if negative {
            exact.digits.iter_mut().for_each(|it| *it = -*it);
            exact.carry();
        }
        let magnitude = exact.round();
        if negative { -magnitude } else { magnitude }
    }

    /// Makes the sum canonical: digits in 0..2^32 but for the last, which carries the sign; no zeros at either end.
    pub(crate) fn carry(&mut self) {
        self.additions = 0;
        let mut carry = 0i64;
        for digit in &mut self.digits {
            let total = *digit + carry;
            *digit = total & 0xffff_ffff;
            carry = total >> 32;
        }
        // What is left of the carry is a digit of its own, −1 at the top of a negative sum.
        if carry != 0 {
            self.digits.push(carry);
        }
        // …unless the digit below can hold it: −1 · 2^32 + d is the one digit d − 2^32. A zero below is trimmed at the other end.
        while let [.., below, -1] = self.digits.as_mut_slice() {
            if *below == 0 {
                break;
            }
            *below -= 1 << 32;
            self.digits.pop();
        }
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        let zeros = self.digits.iter().take_while(|it| **it == 0).count();
        self.digits.drain(..zeros);
        self.start = if self.digits.is_empty() { 0 } else { self.start + zeros as u16 };
    }

    /// Index of the stored digit at `position`, with `len` digits from there on.
    fn room_for(&mut self, position: u16, len: usize) -> usize {
        if self.digits.is_empty() {
            self.start = position;
        }
        if position < self.start {
            let missing = usize::from(self.start - position);
            self.digits.splice(0..0, std::iter::repeat_n(0, missing));
            self.start = position;
        }
        let at = usize::from(position - self.start);
        if self.digits.len() < at + len {
            self.digits.resize(at + len, 0);
        }
        at
    }

    /// A canonical sum of at least 0 as the nearest double, ties to even.
    fn round(&self) -> f64 {
        let Some(&top) = self.digits.last() else { return 0.0 };
        // The highest set bit and the 64 bits from it down, with everything below squeezed into the lowest ("sticky") bit.
        let digit = |back: usize| self.digits.len().checked_sub(back + 1).map_or(0, |at| self.digits[at] as u128);
        let window = digit(0) << 64 | digit(1) << 32 | digit(2);
        let top_bits = 64 - (top as u64).leading_zeros();
        let highest = i64::from(self.start) * 32 + (self.digits.len() as i64 - 1) * 32 + i64::from(top_bits) - 1;
        let drop = top_bits as usize;
        let mut significant = (window >> drop) as u64;
        let lost = window & ((1u128 << drop) - 1) != 0 || self.digits.iter().rev().skip(3).any(|it| *it != 0);
        significant |= u64::from(lost);
        // `significant` has its highest bit at 63 and stands for significant · 2^(highest − 63) units of 2^−1074.
        let exponent = highest + i64::from(LOWEST_EXPONENT);
        if exponent > 1023 {
            return f64::INFINITY;
        }
        // Bits that a double of this magnitude can keep: 53, fewer below the normal range.
        let kept = 53.min(highest + 1);
        let cut = (64 - kept) as u32;
        let (mantissa, rest) = if cut >= 64 { (0, significant) } else { (significant >> cut, significant & ((1 << cut) - 1)) };
        let half = 1u64 << (cut - 1);
        let rounded = mantissa + u64::from(rest > half || rest == half && mantissa & 1 == 1);
        // Both factors are exact: the mantissa has at most 53 bits (or is a power of two), and the scale is applied in two steps
        // so that neither under- nor overflows on the way.
        let scale = exponent - (kept - 1);
        rounded as f64 * power_of_two(scale.max(-1000)) * power_of_two((scale + 1000).min(0))
    }
}

fn power_of_two(exponent: i64) -> f64 {
    debug_assert!((-1022..=1023).contains(&exponent));
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> f64 {
        let mut exact = ExactSum::default();
        values.iter().for_each(|it| exact.add(*it));
        exact.value()
    }

    #[test]
    fn one_value_is_itself() {
        for value in
            [0.0, 1.0, -1.0, 0.1, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -5e-324, 1.5e-310, 123_456.789, -2f64.powi(32), 2f64.powi(-1060)]
        {
            assert_eq!(sum(&[value]), value, "{value:e}");
        }
    }

    #[test]
    fn nothing_is_lost_by_cancellation() {
        assert_eq!(sum(&[1e300, 1.0, -1e300]), 1.0);
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]), f64::MAX);
        assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(sum(&[1.0, 2f64.powi(-53), 2f64.powi(-100)]), 1.0 + f64::EPSILON);
        assert_eq!(sum(&[1.0, 2f64.powi(-53)]), 1.0);
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[-0.1; 10]), -1.0);
        assert_eq!(sum(&[f64::INFINITY, 3.0]), f64::INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }

    #[test]
    fn any_order_and_any_grouping_give_the_same_bytes() {
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        for _ in 0..500 {
            let values: Vec<f64> = (0..next() % 20).map(|_| f64::from_bits(next())).filter(|it| it.is_finite()).collect();
            let mut forward = ExactSum::default();
            values.iter().for_each(|it| forward.add(*it));
            forward.carry();
            let split = if values.is_empty() { 0 } else { next() as usize % values.len() };
            let (left, right) = values.split_at(split);
            let mut parts = ExactSum::default();
            right.iter().rev().for_each(|it| parts.add(*it));
            let mut rest = ExactSum::default();
            left.iter().rev().for_each(|it| rest.add(*it));
            parts.merge(rest);
            parts.carry();
            assert_eq!(forward, parts, "{values:?}");
        }
    }

    #[test]
    fn agrees_with_whole_number_arithmetic() {
        let mut seed = 42u64;
        for _ in 0..200 {
            let mut exact = ExactSum::default();
            let mut expected = 0i128;
            for _ in 0..50 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let value = (seed as i64) >> (seed % 60);
                // Only whole numbers that a double holds exactly.
                let value = value & !0x7ff;
                exact.add(value as f64);
                expected += i128::from(value);
            }
            assert_eq!(exact.value(), expected as f64);
        }
    }
}
