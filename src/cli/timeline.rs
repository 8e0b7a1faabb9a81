//! `handloom timeline`: one workload in every model, on one time scale.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::command_line::{Args, Subcommand};
use super::interrupt::interruption;
use super::output::{Doing, Failure, Output, make_directory, write_into};
use super::values::{path, whole};
use crate::rt::watch_loops;
use crate::timeline::{
    LoopObserver, Recorder, Trace, Way, Workers, Workload, figures_table, page, picture, run_all,
    trace_json, traces_json,
};

/// The events of a trace that are kept: the last half a million.
const TRACED_EVENTS: u32 = 500_000;

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "timeline",
    summary: "One workload by one thread, threads, a GIL, processes and an event loop, as a picture",
    options: &[
        "--requests N [6]: requests, which wait for the embedded site",
        "--wait-ms MS [300]: how long the site takes over each",
        "--factorials N [4]: factorials, which compute",
        "--compute-ms MS [100]: about how long each takes on this machine",
        "--out DIR [handloom-timeline]: where timeline.svg, timeline.html and timeline.json are written",
    ],
    examples: &[
        "handloom timeline  # The picture; timeline.json is for ui.perfetto.dev and chrome://tracing.",
        "handloom timeline --requests 20 --factorials 0  # Only waits: what does a thread cost?",
    ],
    run,
};

/// Runs all ways, and writes the views.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let milliseconds = || whole("milliseconds", 1..=60_000);
    let jobs = |option| args.value(option, whole("jobs", 0..=100));
    let wait_ms = args.value("wait-ms", milliseconds())?;
    let computing = Duration::from_millis(args.value("compute-ms", milliseconds())? as u64);
    let (requests, factorials) = (jobs("requests")?, jobs("factorials")?);
    if requests + factorials == 0 {
        let none = "--requests, --factorials: expected at least one job";
        return Err(Failure::Usage(none.to_owned()));
    }
    let out = args.value("out", path("a directory"))?;
    make_directory(&out)?;
    let wait_ms = u32::try_from(wait_ms).expect("holds because it has a bound");
    let text = draw(&Workload::new(requests, wait_ms, factorials, computing), &out, output)?.0;
    output.bytes(text.as_bytes())?;
    output.note(format_args!("The picture: {}", out.join("timeline.html").display()));
    Ok(())
}

/// Runs all ways, writes the views into a directory, and returns the table and the picture.
pub(crate) fn draw(
    workload: &Workload,
    out: &Path,
    output: &mut Output,
) -> Result<(String, String), Failure> {
    let tell = |way: Way| output.progress(way.title());
    let strips = run_all(workload, interruption()?, tell).doing("timeline")?;
    output.clear_progress();
    let strips = strips.ok_or(Failure::Interrupted)?;
    let Workload { requests, wait_ms, factorials, computing, .. } = workload;
    let title = format!(
        "{requests} requests of {wait_ms} ms and {factorials} factorials of {} ms, in every way",
        computing.as_millis()
    );
    let svg = picture(&title, &strips);
    write_into(out, "timeline.svg", &svg)?;
    write_into(out, "timeline.html", &page(&title, &strips))?;
    write_into(out, "timeline.json", &traces_json(&strips).to_string())?;
    Ok((figures_table(&strips), svg))
}

/// The option of every subcommand whose work may run on an event loop.
pub(crate) const TRACE: &str = "--trace FILE: what ran when, as JSON for ui.perfetto.dev";

/// Runs a subcommand. Its loops answer SIGUSR1; `--trace` writes what they and the pools did, also after a failure.
pub(crate) fn traced(
    mut args: Args,
    output: &mut Output,
    run: fn(&Args, &mut Output) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if !args.is_given("trace") {
        watch_loops(|| None);
        return run(&args, output);
    }
    let file = args.value("trace", path("a file"))?;
    let recorder = Arc::new(Recorder::new(TRACED_EVENTS).doing("trace")?);
    let (of_loop, workers) = (Arc::clone(&recorder), Workers::new(Arc::clone(&recorder)));
    watch_loops(move || Some(Box::new(LoopObserver::new(Arc::clone(&of_loop), "event loop"))));
    args.watch = Some(Arc::new(move |task, since| workers.note(task, since)));
    let done = run(&args, output);
    let trace = Trace::whole(&recorder.recording());
    let json = trace_json("handloom", &trace).to_string();
    fs::write(&file, json).doing(format_args!("write {}", file.display()))?;
    let (name, dropped) = (file.display(), trace.dropped);
    output.note(format_args!("The trace: {name}, {dropped} older events were dropped"));
    done
}
