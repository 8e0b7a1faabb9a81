//! A picture of curves over a logarithmic axis each way: what grows with what.
//!
//! **Invariants**
//! - `LINES-1` Both axes are logarithmic, with a line at each power of ten: equal ratios have equal lengths, and a
//!   power law is a straight line.
//! - `LINES-2` A point that has no logarithm (nought, or less, or no number) is left out.

use super::svg::{Anchor, Picture};

/// The picture's width, in its own units.
const WIDTH: f64 = 760.0;
/// Its height.
const HEIGHT: f64 = 420.0;
/// The room before the plot, for the numbers of the upright axis.
const LEFT: f64 = 80.0;
/// The room above the plot, for the heading.
const TOP: f64 = 58.0;
/// The room behind the plot, for the names.
const RIGHT: f64 = 150.0;
/// The room below the plot, for the numbers of the other axis.
const BOTTOM: f64 = 56.0;
/// The colours of the curves, in their order; a fifth begins anew.
const COLOURS: [&str; 4] = ["#5b8db8", "#c26a3d", "#5f9e5b", "#8c6bb1"];
/// The colour of the lines at the powers of ten.
const GRID: &str = "#dddddd";

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    /// The picture's title.
    pub title: &'a str,
    /// The line below it: under which conditions.
    pub conditions: &'a str,
    /// What the horizontal axis shows.
    pub across: &'a str,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// One curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name, which stands at its end.
    pub name: String,
    /// Its points, from the left.
    pub points: Vec<[f64; 2]>,
}

/// One axis: which powers of ten it shows, and where.
#[derive(Clone, Copy)]
struct Axis {
    /// The exponent at its beginning and at its end.
    exponents: [f64; 2],
    /// The places of these two in the picture.
    places: [f64; 2],
}

impl Lines<'_> {
    /// Draws the picture.
    pub fn svg(&self) -> String {
        let mut picture = Picture::new(self.title, WIDTH, HEIGHT);
        picture.heading([12.0, 24.0], self.title);
        picture.text([12.0, 44.0], Anchor::Start, self.conditions);
        let [across, up] = [0, 1].map(|axis| self.axis(axis));
        grid(&mut picture, across, up);
        picture.text([(LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12.0], Anchor::Middle, self.across);
        let colours = COLOURS.iter().cycle();
        for (row, (curve, colour)) in (0_u8..).zip(self.curves.iter().zip(colours)) {
            let points: Vec<_> =
                curve.drawn().map(|[x, y]| [across.place(x), up.place(y)]).collect();
            picture.line(&points, colour, 2.0);
            for point in points {
                picture.dot(point, colour);
            }
            // The names stand in a column of their own: at the curves' ends they would lie upon each other.
            let top = TOP + 20.0 * f64::from(row);
            picture.rect([WIDTH - RIGHT + 14.0, top], [12.0, 12.0], colour);
            picture.text([WIDTH - RIGHT + 32.0, top + 11.0], Anchor::Start, &curve.name);
        }
        picture.finish()
    }

    /// The axis that holds all values of one coordinate.
    fn axis(&self, coordinate: usize) -> Axis {
        let places = [[LEFT, WIDTH - RIGHT], [HEIGHT - BOTTOM, TOP]][coordinate];
        let values =
            || self.curves.iter().flat_map(Curve::drawn).map(|point| point[coordinate].log10());
        let [low, high] = [
            values().fold(f64::INFINITY, f64::min).floor(),
            values().fold(f64::NEG_INFINITY, f64::max).ceil(),
        ];
        // Without a point, or with all in one place, an axis of one power still has a length.
        let low = if low.is_finite() { low } else { 0.0 };
        Axis { exponents: [low, high.max(low + 1.0)], places }
    }
}

impl Curve {
    /// Its points that have a logarithm (`LINES-2`).
    fn drawn(&self) -> impl Iterator<Item = [f64; 2]> {
        self.points
            .iter()
            .copied()
            .filter(|point| point.iter().all(|value| value.is_finite() && *value > 0.0))
    }
}

impl Axis {
    /// Where a value stands.
    fn place(self, value: f64) -> f64 {
        let [low, high] = self.exponents;
        let [first, last] = self.places;
        first + (value.log10() - low) / (high - low) * (last - first)
    }

    /// The powers of ten on it (`LINES-1`).
    fn powers(self) -> impl Iterator<Item = f64> {
        let [low, high] = self.exponents;
        std::iter::successors(Some(low), |exponent| Some(exponent + 1.0))
            .take_while(move |exponent| *exponent <= high)
            .map(|exponent| 10.0_f64.powf(exponent))
    }
}

/// Draws the lines at the powers of ten, with what they stand for.
fn grid(picture: &mut Picture, across: Axis, up: Axis) {
    for power in across.powers() {
        let x = across.place(power);
        picture.line(&[[x, TOP], [x, HEIGHT - BOTTOM]], GRID, 1.0);
        picture.text([x, HEIGHT - BOTTOM + 18.0], Anchor::Middle, &power_text(power));
    }
    for power in up.powers() {
        let y = up.place(power);
        picture.line(&[[LEFT, y], [WIDTH - RIGHT, y]], GRID, 1.0);
        picture.text([LEFT - 8.0, y + 5.0], Anchor::End, &power_text(power));
    }
}

/// Writes a power of ten: in full while it is short.
fn power_text(power: f64) -> String {
    if (1e-3..1e6).contains(&power) { format!("{power}") } else { format!("{power:e}") }
}
