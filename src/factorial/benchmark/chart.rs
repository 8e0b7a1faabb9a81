//! The picture of the benchmark: how many times as fast as the sequential run each pool is, over how long a task computes.
//!
//! **Invariants**
//! - `CHART-1`: both axes are logarithmic, with a line at each power of ten: equal ratios have equal lengths.
//! - `CHART-2`: the figures stand in the picture's `<desc>`, as the JSON of the outcome, so that a test can read them.
//! - `CHART-3`: two labels never touch: a label for which there is no room is left out.

use std::iter;

use super::outcome::{BenchmarkOutcome, Row};
use super::pool::PoolKind;
use super::show::to_json;
use crate::report::{Picture, seconds, text_width};

/// The picture's size, in its own units.
const SIZE: [f64; 2] = [800.0, 480.0];
/// The left and the right end of the plot.
const ACROSS: [f64; 2] = [64.0, 660.0];
/// The lower and the upper end of the plot.
const UP: [f64; 2] = [420.0, 104.0];
/// The colours of the pools.
const COLOURS: [&str; 4] = ["#4a90c4", "#d07a45", "#5f9e5b", "#9a7bc4"];

/// One axis: the powers of ten at its ends, and their places in the picture.
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
        // Without a point, or with all in one place, the axis still has a length.
        let low = logarithms.iter().copied().reduce(f64::min).unwrap_or(0.0).floor();
        let high = logarithms.iter().copied().fold(low + 1.0, f64::max).ceil();
        Self { exponents: [low, high], places }
    }

    /// Where a value stands.
    fn place(&self, value: f64) -> f64 {
        let ([low, high], [first, last]) = (self.exponents, self.places);
        first + (value.log10() - low) / (high - low) * (last - first)
    }

    /// The powers of ten on it (`CHART-1`).
    fn powers(&self) -> impl Iterator<Item = f64> {
        let [low, high] = self.exponents;
        let exponents = iter::successors(Some(low), |exponent| Some(exponent + 1.0));
        exponents.take_while(move |it| *it <= high).map(|it| 10.0_f64.powf(it))
    }
}

/// Draws the picture.
pub fn chart(outcome: &BenchmarkOutcome) -> String {
    let BenchmarkOutcome { cpus, workers, other_work, .. } = outcome;
    let conditions = format!("{cpus} processors, {workers} workers in a pool; {other_work}");
    let title = "Factorials in pools: how many times as fast as one after another";
    let mut picture = Picture::new(title, &conditions, &to_json(outcome).to_string(), SIZE);
    let is_pool = |kind: &PoolKind| *kind != PoolKind::Sequential;
    let curve = |kind| {
        let point = |row| Some((Row::computing(row)?, Row::speed_up(row, kind)?, &row.size.label));
        let points = outcome.rows.iter().filter_map(point);
        (kind, points.filter(|(x, y, _)| *x > 0.0 && *y > 0.0).collect::<Vec<_>>())
    };
    let curves: Vec<_> = outcome.kinds().into_iter().filter(is_pool).map(curve).collect();
    let points = || curves.iter().flat_map(|(_, points)| points);
    let processors = u32::try_from(*cpus).map_or(f64::MAX, f64::from);
    let across = Axis::of(points().map(|(x, ..)| *x), ACROSS);
    let up = Axis::of(points().map(|(_, y, _)| *y).chain([1.0, processors]), UP);
    grid(&mut picture, &across, &up);
    let limits =
        [(1.0, "1: as fast as one".to_owned()), (processors, format!("{cpus} processors"))];
    for (limit, name) in limits.into_iter().take(*cpus) {
        let y = up.place(limit);
        picture.rule([ACROSS[0], y], [ACROSS[1], y], "limit");
        picture.text([ACROSS[1] + 6.0, y + 5.0], "start", &name);
    }
    let mut legend = ACROSS[0];
    for ((kind, points), colour) in curves.iter().zip(COLOURS) {
        picture.rect([legend, 58.0], [12.0, 12.0], colour);
        picture.text([legend + 18.0, 69.0], "start", kind.name());
        legend += 130.0;
        let place = |(x, y, _): &(f64, f64, _)| [across.place(*x), up.place(*y)];
        picture.line(&points.iter().map(place).collect::<Vec<_>>(), colour);
        for point in points {
            let (x, y, label) = (seconds(point.0), point.1, point.2);
            let words = format!("{kind}, {label}!: {y:.2} times as fast; a task computes {x}");
            picture.dot(place(point), colour, &words);
        }
    }
    labels(&mut picture, outcome, &across);
    picture.finish()
}

/// Draws the lines at the powers of ten, and names the axes.
fn grid(picture: &mut Picture, across: &Axis, up: &Axis) {
    for power in across.powers() {
        let x = across.place(power);
        picture.rule([x, UP[0]], [x, UP[1]], "grid");
        // A power of ten has no digits behind the point: "10 µs", not "10.0 µs".
        let words = seconds(power).replace(".00 ", " ").replace(".0 ", " ");
        picture.text([x, UP[0] + 20.0], "middle", &words);
    }
    for power in up.powers() {
        let y = up.place(power);
        picture.rule([ACROSS[0], y], [ACROSS[1], y], "grid");
        picture.text([ACROSS[0] - 8.0, y + 5.0], "end", &format!("{power}"));
    }
    picture.text([12.0, UP[1] - 26.0], "start", "times");
    let middle = f64::midpoint(ACROSS[0], ACROSS[1]);
    picture.text([middle, SIZE[1] - 14.0], "middle", "computing time of one task");
}

/// Writes above the plot which factorial stands where, from the right (`CHART-3`).
fn labels(picture: &mut Picture, outcome: &BenchmarkOutcome, across: &Axis) {
    let mut free_to = SIZE[0];
    for row in outcome.rows.iter().rev() {
        let label = format!("{}!", row.size.label);
        // A character is at most 8 wide, and 12 are left between two labels.
        let half = (0..text_width(&label)).fold(0.0, |half, _| half + 4.0);
        let place = row.computing().filter(|computing| *computing > 0.0);
        let place = place.map(|computing| across.place(computing));
        if let Some(x) = place.filter(|x| x + half <= free_to) {
            picture.text([x, UP[1] - 8.0], "middle", &label);
            free_to = x - half - 12.0;
        }
    }
}
