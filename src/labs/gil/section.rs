//! One experiment as the lab prints it: its rows, and how their numbers are put into words.
//!
//! **Invariants**
//! - `SECTION-1`: both columns come out of one and the same function, so they can be compared.
//! - `SECTION-2`: a row that `CPython` has no figures for has a dash there.

use std::fmt::Write as _;

/// What was measured in one setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The setting, in words.
    pub what: String,
    /// The figures, in the order that the experiment's file tells. Times are in seconds.
    pub figures: Vec<f64>,
}

/// One experiment of the lab.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    /// Its name in the Python script.
    pub(super) name: &'static str,
    /// What is measured, in one line.
    pub(super) title: &'static str,
    /// Measures it in the model.
    pub(super) measure: fn() -> Vec<Row>,
    /// Puts the figures of a row into words.
    pub(super) words: fn(&[f64]) -> String,
    /// What to notice in it.
    pub(super) notice: &'static str,
}

/// How wide the column of settings is: as its longest one.
const SETTING_WIDTH: usize = 41;
/// How wide each column of figures is: as the longest words of any section.
const FIGURES_WIDTH: usize = 38;

impl Section {
    /// Lays out the rows; `python` has the figures of the first ones, as far as there are any.
    pub(super) fn table(&self, rows: &[Row], python: &[Vec<f64>]) -> String {
        let mut text = format!(
            "{}\n  {:SETTING_WIDTH$}  {:FIGURES_WIDTH$}  CPython\n",
            self.title, "", "the model"
        );
        for (index, row) in rows.iter().enumerate() {
            // SECTION-2. A line with other figures than ours is not one of ours.
            let theirs = python.get(index).filter(|theirs| theirs.len() == row.figures.len());
            let theirs = theirs.map_or_else(|| "-".to_owned(), |theirs| (self.words)(theirs));
            let ours = (self.words)(&row.figures);
            // Writing to a String cannot fail.
            let _ =
                writeln!(text, "  {:SETTING_WIDTH$}  {ours:FIGURES_WIDTH$}  {theirs}", row.what);
        }
        text
    }
}

/// A time in milliseconds, with as many places as are of interest.
pub(super) fn milliseconds(seconds: f64) -> String {
    let places = if seconds < 0.001 { 3 } else { 2 };
    format!("{:.places$} ms", seconds * 1e3)
}
