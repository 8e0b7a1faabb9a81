//! A benchmark as a picture: for each server a bar of its requests per second, and one of the processor time that it
//! used for each of them. The second one stays right beside other work.
//!
//! **Invariants**
//! - `PICTURE-1` The figures are in the picture's description too, where a test reads them.

use super::benchmark::{Benchmark, BenchmarkReport, Measurement, ServerResult};
use super::present::conditions;
use crate::report::{BarAxis, Picture, known, per_second, text_width};

/// Where the rows begin.
const TOP: f64 = 58.0;
/// Their height.
const ROW: f64 = 28.0;
/// The lengths of the two axes.
const AXES: [f64; 2] = [240.0, 150.0];
/// The room for words behind the bars.
const WORDS: f64 = 110.0;
/// The colour of a rate beside other work.
const GREY: &str = "#9a9a9a";

/// Draws a benchmark. A server that failed has no bars, and says so.
pub fn chart(benchmark: &Benchmark, report: &BenchmarkReport) -> String {
    let conditions = conditions(benchmark, report).replace('\n', "; ");
    // A character is about 7.5 wide.
    let width = |text: &str| (0..text_width(text)).fold(20.0, |width, _| width + 7.5);
    let left = report.results.iter().map(|result| width(&result.server.name)).fold(60.0, f64::max);
    let bottom = report.results.iter().fold(TOP, |bottom, _| bottom + ROW);
    let size = [(left + AXES[0] + AXES[1] + 2.0 * WORDS).max(width(&conditions)), bottom + 72.0];
    let figures: Vec<_> = report.results.iter().map(figures).collect();
    let title = "Requests per second, and the server's processor time for each";
    let mut picture = Picture::new(title, &conditions, &figures.join("; "), size);
    let measured = || report.results.iter().filter_map(|result| result.result.as_ref().ok());
    let most_time = measured().filter_map(Measurement::cpu_micros).fold(0.0, f64::max);
    let rates = BarAxis::new(left, AXES[0], report.best(), 3.0);
    let times = BarAxis::new(left + AXES[0] + WORDS, AXES[1], most_time, 4.0);
    rates.draw(&mut picture, [TOP - 4.0, bottom], "requests per second");
    times.draw(&mut picture, [TOP - 4.0, bottom], "processor time for each, in µs");
    let mut top = TOP;
    for result in &report.results {
        picture.text([left - 8.0, top + 14.0], "end", &result.server.name);
        match &result.result {
            Err(_) => picture.text([left + 6.0, top + 14.0], "start", "failed"),
            Ok(measured) => {
                let colour = if measured.is_disturbed() { GREY } else { "#5b8db8" };
                let speed = measured.load.per_second();
                let wrong = if result.is_right() { "" } else { " (wrong)" };
                rates.bar(&mut picture, top, speed, colour, &(per_second(speed) + wrong));
                let micros = measured.cpu_micros();
                let words = known(micros, |micros| format!("{micros:.2} µs"));
                times.bar(&mut picture, top, micros.unwrap_or(0.0), "#c26a3d", &words);
            }
        }
        top += ROW;
    }
    if measured().any(Measurement::is_disturbed) {
        picture.rect([left, bottom + 48.0], [12.0, 12.0], GREY);
        let words = "too low: other programs had more than a tenth of the processors";
        picture.text([left + 18.0, bottom + 59.0], "start", words);
    }
    picture.finish()
}

/// The figures of a server in words (`PICTURE-1`).
fn figures(result: &ServerResult) -> String {
    let name = &result.server.name;
    let Ok(measured) = &result.result else { return format!("{name}: failed") };
    let speed = measured.load.per_second();
    let micros = known(measured.cpu_micros(), |micros| format!("{micros:.3}"));
    let others = known(measured.others.share(), |share| format!("{:.0}", 100.0 * share));
    format!("{name}: {speed:.0} requests/s, {micros} µs each, {others} % other work")
}
