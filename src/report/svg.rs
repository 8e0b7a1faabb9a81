//! The few shapes that the charts are made of, in SVG.
//!
//! **Invariants**
//! - `SVG-1` The picture stands alone: no script, no style sheet, nothing from the network. It brings its own
//!   background, so that it can be read on a dark page.
//! - `SVG-2` A text may hold anything: it is escaped.
//!
//! **Source**: SVG 2, basic shapes and text.

use std::fmt::Write as _;

/// Why writing into a text never fails.
pub(super) const TAKES_ALL: &str = "holds because a String takes all";

/// Where a text stands about its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// The text begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// A picture that is being drawn. Lengths are in the picture's own units, from the top left corner.
pub(super) struct Picture {
    /// What was drawn so far.
    svg: String,
}

impl Picture {
    /// Begins a picture; its title is what a reader hears who cannot see it.
    pub(super) fn new(title: &str, width: f64, height: f64) -> Self {
        let title = escaped(title);
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"sans-serif\" font-size=\"14\" role=\"img\">\n\
             <title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
        );
        Self { svg }
    }

    /// Draws a filled rectangle.
    pub(super) fn rect(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], colour: &str) {
        writeln!(
            self.svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
        )
        .expect(TAKES_ALL);
    }

    /// Draws a line through the points.
    pub(super) fn line(&mut self, points: &[[f64; 2]], colour: &str, width: f64) {
        let points: Vec<_> = points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        writeln!(
            self.svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>",
            points.join(" ")
        )
        .expect(TAKES_ALL);
    }

    /// Draws a dot.
    pub(super) fn dot(&mut self, [x, y]: [f64; 2], colour: &str) {
        writeln!(self.svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>")
            .expect(TAKES_ALL);
    }

    /// Writes a piece of text on the base line `y`.
    pub(super) fn text(&mut self, [x, y]: [f64; 2], anchor: Anchor, words: &str) {
        self.write(x, y, anchor, "", words);
    }

    /// Writes the heading of the picture.
    pub(super) fn heading(&mut self, [x, y]: [f64; 2], words: &str) {
        self.write(x, y, Anchor::Start, " font-weight=\"bold\"", words);
    }

    /// Writes text with further attributes.
    fn write(&mut self, x: f64, y: f64, anchor: Anchor, more: &str, words: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let words = escaped(words);
        writeln!(
            self.svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"#222222\" text-anchor=\"{anchor}\"{more}>{words}</text>"
        )
        .expect(TAKES_ALL);
    }

    /// Ends the picture.
    pub(super) fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}

/// Replaces the characters that XML and HTML take for their own (`SVG-2`).
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
