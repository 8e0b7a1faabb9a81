//! A picture of bars: one for each thing that is compared.
//!
//! **Invariants**
//! - `BARS-1` Each row has its name and its words, also a row without a figure, which has no bar.

use super::svg::Picture;

/// The picture's width, in its own units.
const WIDTH: f64 = 760.0;
/// Where the bars begin; the names stand before it.
const LEFT: f64 = 150.0;
/// The longest bar; the words stand behind it.
const LONGEST: f64 = 330.0;
/// The height of a row.
const ROW: f64 = 30.0;
/// The height of its bar.
const BAR: f64 = 20.0;
/// The room of the heading.
const TOP: f64 = 58.0;

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Bars<'a> {
    /// The picture's title.
    pub title: &'a str,
    /// The line below it: under which conditions.
    pub conditions: &'a str,
    /// The bars, from the top.
    pub rows: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What it stands for.
    pub name: String,
    /// How long it is, in any unit; `None` when it was not measured.
    pub length: Option<f64>,
    /// What stands behind it.
    pub words: String,
    /// Whether it is drawn in the other colour.
    pub is_marked: bool,
}

impl Bars<'_> {
    /// Draws the picture; the longest bar fills its room.
    pub fn svg(&self) -> String {
        let rows = self.rows.iter().fold(0.0, |rows: f64, _| rows + 1.0);
        let size = [WIDTH, TOP + rows * ROW + 16.0];
        let figures = self.rows.iter().map(|bar| format!("{}: {}", bar.name, bar.words));
        let figures = figures.collect::<Vec<_>>().join("; ");
        let mut picture = Picture::new(self.title, self.conditions, &figures, size);
        let longest =
            self.rows.iter().filter_map(|bar| bar.length).fold(f64::MIN_POSITIVE, f64::max);
        let mut top = TOP;
        for Bar { name, length, words, is_marked } in &self.rows {
            let base = top + 15.0;
            picture.text([LEFT - 10.0, base], "end", name);
            let end = LEFT + length.map_or(-8.0, |length| length / longest * LONGEST);
            if length.is_some() {
                let colour = if *is_marked { "#c26a3d" } else { "#5b8db8" };
                picture.rect([LEFT, top], [end - LEFT, BAR], colour);
            }
            picture.text([end + 8.0, base], "start", words);
            top += ROW;
        }
        picture.finish()
    }
}
