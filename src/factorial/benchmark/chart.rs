//! The picture of the benchmark: how many times as fast as the sequential run each pool is, over how long a task computes.
//!
//! **Invariants**
//! - `CHART-1`: both axes are logarithmic, with a line at each power of ten: equal ratios have equal lengths.
//! - `CHART-2`: the figures stand in the picture's `<desc>`, as the JSON of the outcome, so that a test can read them.

use super::outcome::BenchmarkOutcome;
use super::pool_kind::PoolKind;
use super::show::to_json;
use crate::report::{Picture, seconds};

/// The picture's size, in its own units.
const SIZE: [f64; 2] = [800.0, 480.0];
/// The left and the right end of the plot.
const ACROSS: [f64; 2] = [64.0, 660.0];
/// The lower and the upper end of the plot.
const UP: [f64; 2] = [420.0, 104.0];
/// The colours of the pools.
const COLOURS: [&str; 4] = ["#4a90c4", "#d07a45", "#5f9e5b", "#9a7bc4"];
/// A label above a point needs this room.
const LABEL_WIDTH: f64 = 70.0;

/// One axis: the powers of ten at its ends, and their places in the picture.
#[derive(Clone, Copy)]
struct Axis {
    /// The exponents.
    exponents: [f64; 2],
    /// The places.
    places: [f64; 2],
}

impl Axis {
    /// The axis that shows all these positive values.
    fn of(values: impl Iterator<Item = f64>, places: [f64; 2]) -> Self {
        let logarithms: Vec<f64> = values.map(f64::log10).collect();
        let low = logarithms.iter().copied().fold(f64::INFINITY, f64::min).floor();
        let high = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil();
        // Without a point, or with all in one place, the axis still has a length.
        let low = if low.is_finite() { low } else { 0.0 };
        Self { exponents: [low, high.max(low + 1.0)], places }
    }

    /// Where a value stands.
    fn place(self, value: f64) -> f64 {
        let ([low, high], [first, last]) = (self.exponents, self.places);
        first + (value.log10() - low) / (high - low) * (last - first)
    }

    /// The powers of ten on it (`CHART-1`).
    fn powers(self) -> impl Iterator<Item = f64> {
        let [low, high] = self.exponents;
        std::iter::successors(Some(low), |exponent| Some(exponent + 1.0))
            .take_while(move |exponent| *exponent <= high)
            .map(|exponent| 10.0_f64.powf(exponent))
    }
}

/// Draws the picture.
pub fn chart(outcome: &BenchmarkOutcome) -> String {
    let (cpus, workers) = (outcome.cpus, outcome.workers);
    let conditions =
        format!("{cpus} processors, {workers} workers in a pool; {}", outcome.other_work);
    let title = "Factorials in pools: how many times as fast as one after another";
    let figures = to_json(outcome).to_string();
    let mut picture = Picture::new(title, &conditions, &figures, SIZE);
    let pools: Vec<_> =
        outcome.kinds().into_iter().filter(|kind| *kind != PoolKind::Sequential).collect();
    let curve = |kind: PoolKind| {
        let point = move |row: &super::Row| {
            Some((row.computing()?, row.speed_up(kind)?, row.size.label.clone()))
        };
        outcome.rows.iter().filter_map(point).filter(|(x, y, _)| *x > 0.0 && *y > 0.0)
    };
    let points = || pools.iter().flat_map(|kind| curve(*kind));
    let processors = u32::try_from(cpus).map_or(f64::MAX, f64::from);
    let across = Axis::of(points().map(|(x, ..)| x), ACROSS);
    let up = Axis::of(points().map(|(_, y, _)| y).chain([1.0, processors]), UP);
    grid(&mut picture, across, up);
    for (limit, name) in
        [(1.0, "1: as fast as one".to_owned()), (processors, format!("{cpus} processors"))]
    {
        let y = up.place(limit);
        picture.rule([ACROSS[0], y], [ACROSS[1], y], "limit");
        picture.text([ACROSS[1] + 6.0, y + 5.0], "start", &name);
    }
    let mut legend = ACROSS[0];
    for (kind, colour) in pools.iter().zip(COLOURS) {
        picture.rect([legend, 58.0], [12.0, 12.0], colour);
        picture.text([legend + 18.0, 69.0], "start", kind.name());
        legend += 130.0;
        let places: Vec<_> = curve(*kind).map(|(x, y, _)| [across.place(x), up.place(y)]).collect();
        picture.line(&places, colour);
        for (place, (x, y, label)) in places.iter().zip(curve(*kind)) {
            let words =
                format!("{kind}, {label}!: {y:.2} times as fast; a task computes {}", seconds(x));
            picture.dot(*place, colour, &words);
        }
    }
    labels(&mut picture, outcome, across);
    picture.finish()
}

/// Draws the lines at the powers of ten, and names the axes.
fn grid(picture: &mut Picture, across: Axis, up: Axis) {
    for power in across.powers() {
        let x = across.place(power);
        picture.rule([x, UP[0]], [x, UP[1]], "grid");
        picture.text([x, UP[0] + 20.0], "middle", &whole_unit(power));
    }
    for power in up.powers() {
        let y = up.place(power);
        picture.rule([ACROSS[0], y], [ACROSS[1], y], "grid");
        picture.text([ACROSS[0] - 8.0, y + 5.0], "end", &format!("{power}"));
    }
    picture.text([12.0, UP[1] - 10.0], "start", "times");
    let middle = f64::midpoint(ACROSS[0], ACROSS[1]);
    picture.text([middle, SIZE[1] - 14.0], "middle", "computing time of one task");
}

/// Writes above the plot which factorial stands where, as far as there is room.
fn labels(picture: &mut Picture, outcome: &BenchmarkOutcome, across: Axis) {
    let mut free_to = f64::INFINITY;
    for row in outcome.rows.iter().rev() {
        let Some(computing) = row.computing().filter(|computing| *computing > 0.0) else {
            continue;
        };
        let x = across.place(computing);
        if x < free_to {
            picture.text([x, UP[1] - 8.0], "middle", &format!("{}!", row.size.label));
            free_to = x - LABEL_WIDTH;
        }
    }
}

/// A power of ten seconds, in its unit: "10 µs".
fn whole_unit(power: f64) -> String {
    let (factor, unit) = match power {
        ..9e-7 => (1e9, "ns"),
        ..9e-4 => (1e6, "µs"),
        ..0.9 => (1e3, "ms"),
        _ => (1.0, "s"),
    };
    format!("{} {unit}", (power * factor * 1e3).round() / 1e3)
}
