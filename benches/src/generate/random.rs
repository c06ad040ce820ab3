//! Randomness that never changes: xoshiro256++ seeded by splitmix64, and weighted choice in whole numbers.
//!
//! Own code instead of the `rand` crate because a dependency may change its streams between versions, and whole numbers
//! because `ln` and `powf` differ between C libraries. Algorithms: Blackman and Vigna, public domain.

/// A stream of pseudo-random numbers, the same for the same seed on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: [u64; 4],
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut word = seed;
        Self { state: std::array::from_fn(|_| splitmix64(&mut word)) }
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    pub(crate) fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// Uniform in `0..limit`; 0 for limit 0. The bias of at most `limit`/2³² does not matter for a scenario.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(limit)) >> 32) as u32
    }

    /// Uniform in `low..=high`.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// True `parts` times in `whole`.
    pub(crate) fn chance(&mut self, parts: u32, whole: u32) -> bool {
        self.below(whole) < parts
    }

    /// One element, each as likely as the others.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize]
    }

    /// An index below `count`, low ones more often: the first of a table ordered by frequency leads.
    pub(crate) fn early(&mut self, count: usize) -> usize {
        let count = count as u32;
        let product = (self.below(count) + 1) * (self.below(count) + 1);
        ((product - 1) / count) as usize
    }

    /// Heavy-tailed: half of the values lie around `median`, each doubling is half as likely, at most 2¹² × median.
    pub(crate) fn heavy(&mut self, median: u32) -> u64 {
        let doublings = self.next_u64().trailing_zeros().min(12);
        let scale = u64::from(median.max(1)) << doublings;
        scale / 2 + ((scale * u64::from(self.next_u32())) >> 32)
    }
}

/// One step of splitmix64; also used to hash small indices into fixed attributes (a host's country, its address).
pub(crate) fn splitmix64(word: &mut u64) -> u64 {
    *word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut it = *word;
    it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    it ^ (it >> 31)
}

/// A fixed attribute of a thing: the same for the same two numbers, unrelated to the scenario's seed.
pub(crate) fn trait_of(kind: u64, index: u64) -> u64 {
    splitmix64(&mut (kind.wrapping_mul(0xA076_1D64_78BD_642F) ^ index))
}

/// Choice among indices by weight.
#[derive(Debug, Clone)]
pub(crate) struct Weighted {
    cumulative: Vec<u32>,
}

impl Weighted {
    /// Weights must sum to less than 2³² and not all be zero.
    pub(crate) fn new(weights: impl IntoIterator<Item = u32>) -> Self {
        let cumulative: Vec<u32> = weights
            .into_iter()
            .scan(0u32, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        assert!(cumulative.last().is_some_and(|&it| it > 0), "a choice needs a weight");
        Self { cumulative }
    }

    /// Zipf's law over `count` ranks: rank r is chosen about in proportion to 1/(r + `flatten`).
    pub(crate) fn zipf(count: u32, flatten: u32) -> Self {
        Self::new((0..count).map(|rank| 40_000_000 / (rank + flatten) + 1))
    }

    pub(crate) fn pick(&self, random: &mut Random) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(1);
        let point = random.below(total);
        self.cumulative.partition_point(|&it| it <= point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xoshiro_follows_the_published_recurrence() {
        // First outputs of xoshiro256++ from state 1, 2, 3, 4 (as in the reference C code and the rand_xoshiro crate).
        let mut random = Random { state: [1, 2, 3, 4] };
        let got: Vec<u64> = (0..4).map(|_| random.next_u64()).collect();
        assert_eq!(got, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
    }

    #[test]
    fn weights_decide_the_choice() {
        let weighted = Weighted::new([0, 3, 0, 1]);
        let mut random = Random::new(9);
        let mut counts = [0; 4];
        for _ in 0..4000 {
            counts[weighted.pick(&mut random)] += 1;
        }
        assert_eq!((counts[0], counts[2]), (0, 0));
        assert!((2850..3150).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn zipf_prefers_low_ranks() {
        let zipf = Weighted::zipf(1000, 2);
        let mut random = Random::new(3);
        let low = (0..10_000).filter(|_| zipf.pick(&mut random) < 10).count();
        assert!((2000..5000).contains(&low), "{low} of 10000 among the first ten ranks");
    }

    #[test]
    fn zipf_weights_stay_below_the_limit_of_the_sum() {
        let zipf = Weighted::zipf(100_000, 1);
        assert!(zipf.pick(&mut Random::new(1)) < 100_000);
    }
}
