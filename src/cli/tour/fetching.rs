//! The second task: the same links one after another, on threads, and on the event loop.

use super::super::failure::{Doing, Failure};
use super::super::fetch::{fetch_all, of_embedded_site, verdict};
use super::super::output::Output;
use super::part::{Part, Shown, Tour};
use crate::fetch::{Gate, Log, Mode, table};
use crate::web::client::Options;

/// The part.
pub(super) const PART: Part = Part {
    title: "Task 2: many pages, one after another and at once",
    introduction: &[
        "A dozen slow pages, a redirect and a 404 of a site that is started for this, fetched in three ways.",
        "Each way logs every start and every answer to a file of its own, so that the orders can be compared.",
    ],
    run,
    notices: &[
        "sequential: start, answer, start, answer. The time is the sum of all pages' times.",
        "threads: as many at once as there are threads; each waits for its own page.",
        "async: all are started before the first answer comes, on one thread. The time is that of the slowest page.",
        "The answers come in the order in which the pages are ready, not in that of their starts.",
        "A 404 is an answer like any other; only a link without an answer has failed.",
    ],
};

/// How many pages may be fetched at once: more than the site has.
const CONCURRENCY: usize = 100;

/// Starts the site, and fetches all of it in each mode.
fn run(tour: &Tour<'_>, output: &mut Output) -> Result<Shown, Failure> {
    let (site, plan) = of_embedded_site(CONCURRENCY, Options::default())?;
    let outcomes = fetch_all(&plan, &Mode::ALL, tour.directory, &Gate::default(), output)?;
    // PART-2: this waits for the site's thread.
    site.stop().doing("stop the embedded site")?;
    if tour.is_interrupted() {
        return Err(Failure::Interrupted);
    }
    let log = |mode| format!("log: {}\n", tour.directory.join(Log::name(mode)).display());
    let text = table(&plan.links, &outcomes) + &Mode::ALL.map(log).concat();
    Ok(Shown { text, chart: None, verdict: verdict(&plan.links, &outcomes) })
}
