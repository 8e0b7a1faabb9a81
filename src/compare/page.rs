//! A contest as a page: picture, table, and what to look at.
//!
//! **Invariants**
//! - `PAGE-1` One file that needs nothing else: no script, no network, the picture inside.
//!
//! **Source**: the HTML Living Standard; `CHART-2` for the picture.

use super::chart::{chart, escaped};
use super::contest::{Contest, Outcome};
use super::table::table;

/// Everything before the title.
const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width\">\n";
/// The page's whole style: a column that can be read, and a table that may be wider.
const STYLE: &str = "<style>body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\
    pre{overflow-x:auto;background:#f4f4f4;color:#222;padding:1em}svg{max-width:100%;height:auto}</style>\n";

/// Writes the page: a title, a line for each model, the picture, the table, and what to notice.
pub fn page(
    title: &str,
    introductions: &[(&str, &str)],
    contest: &Contest,
    outcome: &Outcome,
    notices: &[&str],
) -> String {
    let title = escaped(title);
    let models = introductions.iter().map(|(name, line)| {
        format!("<dt><b>{}</b></dt>\n<dd>{}</dd>\n", escaped(name), escaped(line))
    });
    let notices = notices.iter().map(|notice| format!("<li>{}</li>\n", escaped(notice)));
    format!(
        "{HEAD}<title>{title}</title>\n{STYLE}</head>\n<body>\n<h1>{title}</h1>\n<dl>\n{}</dl>\n{}\
         <pre>{}</pre>\n<h2>What to notice</h2>\n<ul>\n{}</ul>\n</body>\n</html>\n",
        models.collect::<String>(),
        chart(contest, outcome),
        escaped(&table(contest, outcome)),
        notices.collect::<String>(),
    )
}
