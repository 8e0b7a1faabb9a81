//! A picture of bars: one for each thing that was compared.
//!
//! **Invariants**
//! - `BARS-1` One bar for each row, also for one that has no figure: that one has no length, and its words say why.

use super::svg::{Anchor, Picture};

/// The picture's width, in its own units.
const WIDTH: f64 = 760.0;
/// Where the bars begin; the names stand before it.
const BARS_LEFT: f64 = 150.0;
/// The longest bar; the words stand behind it.
const BAR_MOST: f64 = 330.0;
/// From one bar to the next.
const ROW_HEIGHT: f64 = 30.0;
/// The height of a bar.
const BAR_HEIGHT: f64 = 20.0;
/// The room of the heading.
const TOP: f64 = 58.0;
/// The room below the last bar.
const BOTTOM: f64 = 16.0;
/// From a row's top to its text's base line.
const BASE_LINE: f64 = 15.0;
/// The colour of a bar.
const PLAIN: &str = "#5b8db8";
/// The colour of the bar that the reader shall find first.
const MARKED: &str = "#c26a3d";

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
        let mut picture = Picture::new(self.title, WIDTH, TOP + rows * ROW_HEIGHT + BOTTOM);
        picture.heading([12.0, 24.0], self.title);
        picture.text([12.0, 44.0], Anchor::Start, self.conditions);
        let longest = self.rows.iter().filter_map(|bar| bar.length).fold(0.0, f64::max);
        let mut top = TOP;
        for bar in &self.rows {
            bar.draw(&mut picture, top, longest);
            top += ROW_HEIGHT;
        }
        picture.finish()
    }
}

impl Bar {
    /// Draws name, bar and words.
    fn draw(&self, picture: &mut Picture, top: f64, longest: f64) {
        let base = top + BASE_LINE;
        picture.text([BARS_LEFT - 10.0, base], Anchor::End, &self.name);
        let Some(length) = self.length else {
            picture.text([BARS_LEFT, base], Anchor::Start, &self.words);
            return;
        };
        let length = if longest > 0.0 { length / longest * BAR_MOST } else { 0.0 };
        let colour = if self.is_marked { MARKED } else { PLAIN };
        picture.rect([BARS_LEFT, top], [length, BAR_HEIGHT], colour);
        picture.text([BARS_LEFT + length + 8.0, base], Anchor::Start, &self.words);
    }
}
