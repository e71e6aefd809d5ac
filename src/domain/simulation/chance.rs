//! A seeded generator of chance: `SplitMix64` (G. L. Steele, D. Lea and C. H. Flood, "Fast
//! splittable pseudorandom number generators", OOPSLA 2014), written out here: a seed that stands
//! in a stored answer must give the same draws in every version, and a library's generator may
//! change.

/// A seeded generator of chance.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Of the future of this number, from this seed: no two numbers share a beginning.
    pub fn of(seed: u64, number: u64) -> Self {
        let mut chance = Self(seed);
        let start = chance.draw() ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03);
        Self(start)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `count`: the high half of a product, off by at most `count` in 2^64.
    pub(super) fn below(&mut self, count: usize) -> usize {
        let wide = u128::from(self.draw()) * count as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A time that is exponential with the mean 1.
    #[allow(clippy::cast_precision_loss, reason = "53 bits are taken")]
    pub fn gap(&mut self) -> f64 {
        let unit = ((self.draw() >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0;
        -unit.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers from the seed 1234567, as the authors' own program gives them.
    #[test]
    fn the_generator_is_the_one_it_says() {
        let mut chance = Chance(1_234_567);
        let told = [chance.draw(), chance.draw(), chance.draw()];
        assert_eq!(
            told,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn gaps_have_the_mean_one_and_places_are_alike() {
        let mut chance = Chance::of(5, 0);
        let mean = (0..20_000).map(|_| chance.gap()).sum::<f64>() / 20_000.0;
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
        let mut counts = [0; 7];
        (0..7_000).for_each(|_| counts[chance.below(7)] += 1);
        assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
    }
}
