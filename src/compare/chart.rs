//! A contest as a picture and as a page.
//!
//! **Invariants**
//! - `CHART-1` One bar for each entrant, also for one that failed: that one has no length, and says so.

use super::contest::{Contest, Entry, Outcome};
use super::table::table;
use crate::report::{Bar, Bars, Page, known, per_second};

/// Draws requests per second as bars, with the server's processor time behind each.
pub fn chart(contest: &Contest, outcome: &Outcome) -> String {
    let conditions = format!(
        "{} connections, depth {}, {} processors",
        contest.connections, contest.depth, outcome.machine.cpus
    );
    Bars {
        title: "Requests per second, and the server's processor time for each",
        conditions: &conditions,
        rows: outcome.entries.iter().map(bar).collect(),
    }
    .svg()
}

/// The bar of one entrant (`CHART-1`).
fn bar(entry: &Entry) -> Bar {
    let name = entry.entrant.name.clone();
    let is_marked = entry.entrant.model == Some(crate::calc::Model::Async);
    let Ok(row) = &entry.result else {
        return Bar { name, length: None, words: "failed".to_owned(), is_marked };
    };
    let speed = row.report.per_second();
    let wrong = if entry.is_right() { "" } else { "; not all was right" };
    let cpu = known(row.cpu_micros(), |micros| format!("{micros:.2} µs"));
    let words = format!("{}  ({cpu}{wrong})", per_second(speed));
    Bar { name, length: Some(speed), words, is_marked }
}

/// Writes the page: a title, a line for each model, the picture, the table, and what to notice.
pub fn page(
    title: &str,
    introductions: &[(&str, &str)],
    contest: &Contest,
    outcome: &Outcome,
    notices: &[&str],
) -> String {
    let mut page = Page::new(title);
    page.definitions(introductions);
    page.picture(&chart(contest, outcome));
    page.verbatim(&table(contest, outcome));
    page.heading("What to notice");
    page.list(notices);
    page.finish()
}
