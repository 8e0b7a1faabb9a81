//! Pictures in SVG: the few shapes that they are made of, and bars over an axis. Lengths are in the picture's own units,
//! from the top left corner.
//!
//! **Invariants**
//! - `SVG-1` A picture needs nothing else: no script, nothing from the network. It has a background and colours for a
//!   light page and for a dark one.
//! - `SVG-2` Text is escaped.
//!
//! **Source**: SVG 2, basic shapes and text; CSS `prefers-color-scheme`.

use std::fmt::{Arguments, Write as _};

use super::text::per_second;

/// Why writing into a text never fails.
pub(super) const TAKES_ALL: &str = "holds because a String takes all";

/// The colours that depend on the page: background, text, and lines of a grid.
const STYLE: &str = "<style>.ground{fill:#fff}.ink{fill:#222}.grid{stroke:#ddd}.limit{stroke:#777}\
    @media(prefers-color-scheme:dark){.ground{fill:#1b1e22}.ink{fill:#ddd}.grid{stroke:#444}.limit{stroke:#999}}\
    </style>";

/// A picture that is being drawn: its SVG so far.
#[derive(Debug)]
pub struct Picture(String);

impl Picture {
    /// Begins a picture with a heading and the line below it; `figures` is a description for programs and screen
    /// readers, which is not shown.
    pub fn new(title: &str, conditions: &str, figures: &str, [width, height]: [f64; 2]) -> Self {
        let [heading, figures] = [title, figures].map(escaped);
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"sans-serif\" font-size=\"14\" role=\"img\">\n\
             <title>{heading}</title>\n<desc>{figures}</desc>\n{STYLE}\n\
             <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n\
             <text class=\"ink\" x=\"12\" y=\"24\" font-weight=\"bold\">{heading}</text>\n"
        );
        let mut picture = Self(svg);
        picture.text([12.0, 44.0], "start", conditions);
        picture
    }

    /// Draws a filled rectangle.
    pub fn rect(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], colour: &str) {
        self.element(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
        ));
    }

    /// Draws a line through points, in a colour.
    pub fn line(&mut self, points: &[[f64; 2]], colour: &str) {
        let points: Vec<_> = points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        self.element(format_args!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        ));
    }

    /// Draws a thin line of a class of `STYLE`: `grid`, or `limit` for one that the reader shall find.
    pub fn rule(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], class: &str) {
        self.element(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    /// Draws a dot, with a label that is shown under the mouse.
    pub fn dot(&mut self, [x, y]: [f64; 2], colour: &str, label: &str) {
        let label = escaped(label);
        self.element(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"><title>{label}</title></circle>"
        ));
    }

    /// Writes text on the base line `y`; its "start", "middle" or "end" is at `x`.
    pub fn text(&mut self, [x, y]: [f64; 2], anchor: &str, words: &str) {
        let words = escaped(words);
        self.element(format_args!(
            "<text class=\"ink\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
        ));
    }

    /// Ends the picture.
    pub fn finish(self) -> String {
        self.0 + "</svg>\n"
    }

    /// Appends an element as it is.
    pub fn element(&mut self, element: Arguments<'_>) {
        writeln!(self.0, "{element}").expect(TAKES_ALL);
    }
}

/// An axis from 0 to a round number, and the bars over it.
#[derive(Clone, Debug)]
pub struct BarAxis {
    /// Where it begins.
    left: f64,
    /// How long a value of 1 is.
    scale: f64,
    /// The values of its marks.
    marks: Vec<f64>,
}

impl BarAxis {
    /// Makes the axis for values up to `most`, with at most so many steps.
    pub fn new(left: f64, length: f64, most: f64, steps: f64) -> Self {
        let power = 10_f64.powf((most / steps).max(1e-3).log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].map(|first| first * power);
        let step = round.into_iter().find(|step| step * steps >= most).unwrap_or(most);
        let count = (most / step).ceil().max(1.0);
        let marks = (0..).map(f64::from).take_while(|mark| *mark <= count).map(|mark| mark * step);
        Self { left, scale: length / (count * step), marks: marks.collect() }
    }

    /// Returns the place of a value.
    pub fn place(&self, value: f64) -> f64 {
        self.left + value * self.scale
    }

    /// Draws the marks, their numbers, and the name of the axis below.
    pub fn draw(&self, picture: &mut Picture, [top, bottom]: [f64; 2], name: &str) {
        for &value in &self.marks {
            let x = self.place(value);
            picture.rule([x, top], [x, bottom], "grid");
            let words = if value < 1000.0 { value.to_string() } else { per_second(value) };
            picture.text([x, bottom + 16.0], "middle", &words);
        }
        picture.text([self.left, bottom + 36.0], "start", name);
    }

    /// Draws a bar, and words behind it.
    pub fn bar(&self, picture: &mut Picture, top: f64, value: f64, colour: &str, words: &str) {
        let length = value * self.scale;
        picture.rect([self.left, top], [length, 18.0], colour);
        picture.text([self.left + length + 6.0, top + 14.0], "start", words);
    }
}

/// Replaces the characters that have a meaning in XML and HTML (`SVG-2`).
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
