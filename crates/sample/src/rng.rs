//! Counter-based random numbers: every entity, month or chunk opens its own stream, so the order
//! in which threads reach them cannot change a single byte.

/// The part of the world a stream belongs to; two purposes never share numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    Account = 1,
    Contact,
    Owner,
    Campaign,
    Content,
    Targeting,
    Deals,
    Dormancy,
    Touches,
    Fx,
    Revenue,
    Spend,
    Staff,
    Survey,
    Health,
    FollowUp,
    Ads,
}

/// A `SplitMix64` generator seeded by (seed, stream, two counters).
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64, stream: Stream, a: usize, b: usize) -> Self {
        let mut state = mix(seed ^ mix(stream as u64));
        state = mix(state ^ mix(a as u64 + 1));
        state = mix(state ^ mix((b as u64 + 1) << 20));
        Self(state)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in `0..n`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// Uniform in `low..=high`.
    pub(crate) fn int(&mut self, low: i32, high: i32) -> i32 {
        low + self.below((high - low).max(0) as usize + 1) as i32
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// An item drawn in proportion to its weight.
    pub(crate) fn weighted<T: Copy>(&mut self, items: &[(T, f64)]) -> T {
        let total: f64 = items.iter().map(|(_, weight)| weight).sum();
        let mut left = self.unit() * total;
        for (item, weight) in items {
            left -= weight;
            if left < 0.0 {
                return *item;
            }
        }
        items[items.len() - 1].0
    }

    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub(crate) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

/// Draws an index in proportion to its weight in constant time (Vose's alias method).
#[derive(Debug)]
pub(crate) struct Alias {
    keep: Vec<f32>,
    other: Vec<u32>,
}

impl Alias {
    pub(crate) fn new(weights: &[f64]) -> Self {
        let n = weights.len();
        let total: f64 = weights.iter().sum();
        let mut share: Vec<f64> = weights.iter().map(|w| w * n as f64 / total).collect();
        let mut other: Vec<u32> = (0..n as u32).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..n).partition(|&i| share[i] < 1.0);
        while let (Some(s), Some(&l)) = (small.pop(), large.last()) {
            other[s] = l as u32;
            share[l] -= 1.0 - share[s];
            if share[l] < 1.0 {
                large.pop();
                small.push(l);
            }
        }
        // Rounding can leave a weight of zero behind as its own alias: send it to a real one.
        let heaviest = (0..n).max_by(|&a, &b| weights[a].total_cmp(&weights[b])).unwrap_or(0);
        for i in 0..n {
            if weights[i] <= 0.0 && other[i] as usize == i {
                other[i] = heaviest as u32;
                share[i] = 0.0;
            }
        }
        Self { keep: share.iter().map(|&s| s as f32).collect(), other }
    }

    pub(crate) fn draw(&self, rng: &mut Rng) -> usize {
        let slot = rng.below(self.keep.len());
        if rng.unit() < f64::from(self.keep[slot]) { slot } else { self.other[slot] as usize }
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)).wrapping_add(GOLDEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |stream, a, b| Rng::new(7, stream, a, b).next();
        assert_eq!(draw(Stream::Deals, 1, 2), draw(Stream::Deals, 1, 2));
        assert_ne!(draw(Stream::Deals, 1, 2), draw(Stream::Deals, 2, 1));
        assert_ne!(draw(Stream::Deals, 1, 2), draw(Stream::Survey, 1, 2));
    }

    #[test]
    fn alias_follows_the_weights_and_never_draws_a_zero() {
        let alias = Alias::new(&[1.0, 0.0, 3.0]);
        let mut rng = Rng::new(1, Stream::Touches, 0, 0);
        let mut seen = [0_u32; 3];
        for _ in 0..40_000 {
            seen[alias.draw(&mut rng)] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!((f64::from(seen[2]) / f64::from(seen[0]) - 3.0).abs() < 0.2);
    }

    #[test]
    fn normal_is_centred() {
        let mut rng = Rng::new(3, Stream::Fx, 0, 0);
        let mean: f64 = (0..20_000).map(|_| rng.normal()).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03);
    }
}
