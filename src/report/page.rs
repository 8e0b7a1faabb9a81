//! A report as a page.
//!
//! **Invariants**
//! - `PAGE-1` A page needs no other file: no script, nothing from the network, and it contains its pictures.
//! - `PAGE-2` Text is escaped; only a picture is written as it is.

use std::fmt::Write as _;

use super::picture::{TAKES_ALL, escaped};

/// Everything before the title.
const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width\">\n";
/// The style: for wide and narrow windows, light and dark ones, and paper.
const STYLE: &str = "<style>:root{color-scheme:light dark}body{font:16px/1.5 sans-serif;max-width:62em;margin:2em auto;\
    padding:0 1em}pre{white-space:pre-wrap;overflow-wrap:anywhere}div{overflow-x:auto}svg{min-width:40em;max-width:100%;\
    height:auto}table{display:block;overflow-x:auto;border-collapse:collapse;font-size:.9em;margin:1em 0}th,td{padding:\
    .1em .7em;text-align:right;border-bottom:1px solid #8886}td+td{white-space:nowrap}th:first-child,td:first-child{\
    text-align:left;padding-left:0}@media screen and (max-width:40em){ul{padding-left:1.2em}th{display:none}\
    tr{display:flex;flex-wrap:wrap;border-bottom:1px solid #8886;padding:.2em 0}td+td{white-space:normal}td{border:0}\
    td:first-child{flex-basis:100%;font-weight:bold}td+td::before{content:attr(data-name)\"\\a0\";font-size:.9em;opacity:.7}}\
    @media print{h2{break-after:avoid}pre,table{font-size:8pt}table{display:table}tr,svg{break-inside:avoid}}</style>\n";

/// A page that is being written: its HTML so far.
#[derive(Debug)]
pub struct Page(String);

impl Page {
    /// Begins a page.
    pub fn new(title: &str) -> Self {
        let title = escaped(title);
        Self(format!("{HEAD}<title>{title}</title>\n{STYLE}</head>\n<body>\n<h1>{title}</h1>\n"))
    }

    /// Writes a heading, to which a link to `#ID` leads.
    pub fn heading(&mut self, id: &str, words: &str) {
        writeln!(self.0, "<h2 id=\"{id}\">{}</h2>", escaped(words)).expect(TAKES_ALL);
    }

    /// Writes a paragraph.
    pub fn paragraph(&mut self, words: &str) {
        self.element("p", words);
    }

    /// Writes a text: what `columns` has made as tables, other lines as they are. An empty line ends a table.
    pub fn text(&mut self, text: &str) {
        let lines: Vec<_> = text.lines().collect();
        for block in lines.chunk_by(|a, b| is_row(a) == is_row(b)) {
            if !is_row(block[0]) {
                self.element("pre", block.join("\n").trim_matches('\n'));
                continue;
            }
            // In a narrow window each cell stands behind its column's name.
            let names: Vec<_> = cells(block[0]).map(escaped).collect();
            write!(self.0, "<table><tr><th>{}</th>", names.join("</th><th>")).expect(TAKES_ALL);
            for line in &block[1..] {
                self.0.push_str("<tr>");
                for (place, cell) in cells(line).map(escaped).enumerate() {
                    let name = names.get(place).map_or("", String::as_str);
                    write!(self.0, "<td data-name=\"{name}\">{cell}</td>").expect(TAKES_ALL);
                }
            }
            self.0.push_str("</table>\n");
        }
    }

    /// Writes a list of links: where each leads, and its words.
    pub fn links(&mut self, links: &[(String, String)]) {
        self.items(
            links
                .iter()
                .map(|(to, words)| format!("<a href=\"{}\">{}</a>", escaped(to), escaped(words))),
        );
    }

    /// Writes a list of points.
    pub fn list(&mut self, points: &[&str]) {
        self.items(points.iter().map(|point| escaped(point)));
    }

    /// Writes a list of HTML; without an item it writes nothing.
    fn items(&mut self, items: impl Iterator<Item = String>) {
        let items = items.collect::<Vec<_>>().join("</li>\n<li>");
        if !items.is_empty() {
            write!(self.0, "<ul>\n<li>{items}</li>\n</ul>\n").expect(TAKES_ALL);
        }
    }

    /// Puts a picture there, which is SVG. In a narrow window it is moved sideways, because its words would be too small.
    pub fn picture(&mut self, svg: &str) {
        writeln!(self.0, "<div>{svg}</div>").expect(TAKES_ALL);
    }

    /// Ends the page.
    pub fn finish(self) -> String {
        self.0 + "</body>\n</html>\n"
    }

    /// Writes one element with nothing but text in it (`PAGE-2`).
    fn element(&mut self, name: &str, words: &str) {
        writeln!(self.0, "<{name}>{}</{name}>", escaped(words)).expect(TAKES_ALL);
    }
}

/// The cells of a line that `columns` has made: two blanks or more part them.
fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty())
}

/// Whether a line is a row of a table.
fn is_row(line: &str) -> bool {
    !line.starts_with(' ') && cells(line).count() > 2
}
