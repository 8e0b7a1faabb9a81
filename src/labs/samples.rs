//! Several samples of several things, taken in turns: what a lab needs before it shows a ratio.
//!
//! Other work on the machine makes samples longer, never shorter. So the smallest of several is close to the true value,
//! and its distance to the largest shows how disturbed the machine was.

use std::fmt;

use crate::report::seconds;

/// The samples of one thing, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Samples {
    /// The smallest.
    pub best: f64,
    /// The largest.
    pub worst: f64,
}

impl Samples {
    /// Measures each thing `rounds` times, in turns.
    pub(super) fn in_turns<const N: usize, E>(
        rounds: usize,
        mut measure: [&mut dyn FnMut() -> Result<f64, E>; N],
    ) -> Result<[Self; N], E> {
        let mut all = [Self { best: f64::INFINITY, worst: 0.0 }; N];
        for _ in 0..rounds {
            for (samples, measure) in all.iter_mut().zip(&mut measure) {
                let sample = measure()?;
                samples.best = samples.best.min(sample);
                samples.worst = samples.worst.max(sample);
            }
        }
        Ok(all)
    }

    /// How many times as long as another thing's the best sample is.
    pub fn over(self, other: Self) -> f64 {
        self.best / other.best.max(f64::MIN_POSITIVE)
    }
}

impl fmt::Display for Samples {
    /// Shows the best sample and the worst: "5.21 ns (to 6.30 ns)".
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{} (to {})", seconds(self.best), seconds(self.worst));
        // Padded as `{:>20}` asks.
        out.pad(&text)
    }
}

/// What was measured in one setting: the setting, in words, and the figures, in the order of the headings. Times are in
/// seconds.
pub type Row = (String, Vec<f64>);
