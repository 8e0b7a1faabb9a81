//! A report as a page.
//!
//! **Invariants**
//! - `PAGE-1` A page needs no other file: no script, nothing from the network, and it contains its pictures.
//! - `PAGE-2` Text is escaped; only a picture is written as it is.
//!
//! **Source**: the HTML Living Standard.

use std::fmt::Write as _;

use super::svg::{TAKES_ALL, escaped};

/// Everything before the title.
const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width\">\n";
/// The style: a column of text; tables may be wider.
const STYLE: &str = "<style>body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\
    pre{overflow-x:auto;background:#f4f4f4;color:#222;padding:1em}svg{max-width:100%;height:auto}</style>\n";

/// A page that is being written, from the top.
#[derive(Debug)]
pub struct Page {
    /// What was written so far.
    html: String,
}

impl Page {
    /// Begins a page.
    pub fn new(title: &str) -> Self {
        let title = escaped(title);
        Self {
            html: format!(
                "{HEAD}<title>{title}</title>\n{STYLE}</head>\n<body>\n<h1>{title}</h1>\n"
            ),
        }
    }

    /// Writes a heading within the page.
    pub fn heading(&mut self, words: &str) {
        self.element("h2", words);
    }

    /// Writes a paragraph.
    pub fn paragraph(&mut self, words: &str) {
        self.element("p", words);
    }

    /// Writes a text whose lines and columns stay as they are.
    pub fn verbatim(&mut self, text: &str) {
        self.element("pre", text);
    }

    /// Writes a list of points.
    pub fn list<T: AsRef<str>>(&mut self, points: &[T]) {
        self.html.push_str("<ul>\n");
        for point in points {
            self.element("li", point.as_ref());
        }
        self.html.push_str("</ul>\n");
    }

    /// Puts a picture there, which is SVG.
    pub fn picture(&mut self, svg: &str) {
        self.html.push_str(svg);
    }

    /// Ends the page.
    pub fn finish(mut self) -> String {
        self.html.push_str("</body>\n</html>\n");
        self.html
    }

    /// Writes one element with nothing but text in it (`PAGE-2`).
    fn element(&mut self, name: &str, words: &str) {
        let words = escaped(words);
        writeln!(self.html, "<{name}>{words}</{name}>").expect(TAKES_ALL);
    }
}
