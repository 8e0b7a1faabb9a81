//! Bars over an axis, for pictures that compare a few things.

use super::figures::per_second;
use super::svg::Picture;

/// An axis from 0 to a round number, and the bars over it.
#[derive(Clone, Copy, Debug)]
pub struct BarAxis {
    /// Where it begins, and how long it is.
    place: [f64; 2],
    /// The value of the first mark, and how many marks follow that of 0.
    marks: [f64; 2],
}

impl BarAxis {
    /// Makes the axis for values up to `most`, with at most four steps.
    pub fn new(left: f64, length: f64, most: f64) -> Self {
        let power = 10_f64.powf((most / 4.0).max(1e-3).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|first| first * power);
        let step = steps.into_iter().find(|step| step * 4.0 >= most).unwrap_or(most);
        Self { place: [left, length], marks: [step, (most / step).ceil().max(1.0)] }
    }

    /// Where a value stands.
    fn at(&self, value: f64) -> f64 {
        self.place[0] + value / (self.marks[0] * self.marks[1]) * self.place[1]
    }

    /// Draws the marks, their numbers, and the name of the axis below.
    pub fn draw(&self, picture: &mut Picture, [top, bottom]: [f64; 2], name: &str) {
        let mut mark = 0.0;
        while mark <= self.marks[1] {
            let value = mark * self.marks[0];
            picture.rule([self.at(value), top], [self.at(value), bottom], "grid");
            let words = if value < 1000.0 { value.to_string() } else { per_second(value) };
            picture.text([self.at(value), bottom + 16.0], "middle", &words);
            mark += 1.0;
        }
        picture.text([self.place[0], bottom + 36.0], "start", name);
    }

    /// Draws a bar, and words behind it.
    pub fn bar(&self, picture: &mut Picture, top: f64, value: f64, colour: &str, words: &str) {
        let end = self.at(value);
        picture.rect([self.place[0], top], [end - self.place[0], 18.0], colour);
        picture.text([end + 6.0, top + 14.0], "start", words);
    }
}
