//! `handloom timeline`: one workload in every model, on one time scale.

use std::fs;
use std::io::{self, Write};
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::command_line::{Args, Subcommand};
use super::interrupt::end_at_once;
use super::output::{Doing, Failure, Output, make_directory, open_early, write_into};
use super::values::{path, whole};
use crate::os::signal::{self, Signal};
use crate::rt::watch_loops;
use crate::timeline::{
    LoopObserver, Recorder, Trace, figures_table, page, picture, run_all, trace_json, watch_workers,
};

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
    let ms = |option| args.value(option, whole("milliseconds", 1..=60_000)).map(|ms| ms as u64);
    let jobs = |option| args.value(option, whole("jobs", 0..=100));
    let [wait, computing] = [ms("wait-ms")?, ms("compute-ms")?].map(Duration::from_millis);
    let [requests, factorials] = [jobs("requests")?, jobs("factorials")?];
    if requests + factorials == 0 {
        return Err(Failure::Usage("--requests, --factorials: expected at least one job".into()));
    }
    let out = args.value("out", path("a directory"))?;
    make_directory(&out)?;
    open_early(&out.join("timeline.svg"))?;
    // The kernel kills the processes of the workload when this one ends.
    end_at_once()?;
    let all = run_all((requests, wait), (factorials, computing), |way| output.progress(way));
    let strips = all.doing("timeline")?;
    output.clear_progress();
    let [waits, computes] = [wait, computing].map(|span| span.as_millis());
    let title = format!(
        "{requests} requests of {waits} ms and {factorials} factorials of {computes} ms, in every way"
    );
    write_into(&out, "timeline.svg", &picture(&title, &strips))?;
    write_into(&out, "timeline.html", &page(&title, &strips))?;
    write_into(&out, "timeline.json", &trace_json(&strips))?;
    output.bytes(figures_table(&strips).as_bytes())?;
    output.note(format_args!("The picture: {}", out.join("timeline.html").display()));
    Ok(())
}

/// The option of every subcommand whose work may run on an event loop.
pub(crate) const TRACE: &str = "--trace FILE: what ran when, as JSON for ui.perfetto.dev";

/// Runs a subcommand. Its loops answer SIGUSR1, which does nothing while there is no loop. `--trace`, if it is declared,
/// writes what loops and pools did, also after a failure or at ctrl-c. Its file is opened before the run.
pub(crate) fn traced(
    mut args: Args,
    output: &mut Output,
    run: fn(&Args, &mut Output) -> Result<(), Failure>,
) -> Result<(), Failure> {
    signal::ignore(Signal::User1).doing("SIGUSR1")?;
    if !args.is_given("trace") {
        watch_loops(|| None);
        return run(&args, output);
    }
    let file = args.value("trace", path("a file"))?;
    let (name, is_new) = (file.display().to_string(), file.symlink_metadata().is_err());
    let made = Mutex::new(Some(open_early(&file)?));
    let recorder = Arc::new(Recorder::new(500_000).doing("trace")?);
    let of_loops = Arc::clone(&recorder);
    watch_loops(move || Some(Box::new(LoopObserver::new(Arc::clone(&of_loops)))));
    args.watch = Some(watch_workers(Arc::clone(&recorder)));
    let write = Arc::new(move || {
        // Ctrl-c may come at the end: then the second of two threads waits for the first, and writes nothing.
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut file) = made.take() else { return Ok(()) };
        let trace = Trace::new("handloom", &recorder);
        let json = trace_json(slice::from_ref(&trace));
        // A pipe refuses this, and needs it not.
        drop(file.set_len(0));
        file.write_all(json.as_bytes()).doing(format_args!("write {name}"))?;
        let (lanes, dropped) = (trace.rows.len(), trace.dropped);
        let told = format!("The trace: {name}, {lanes} lanes; {dropped} older events were dropped");
        // A closed stderr is no failure.
        drop(writeln!(io::stderr(), "{told}"));
        Ok(())
    });
    args.write_trace = Some(write.clone());
    let done = run(&args, output);
    if matches!(done, Err(Failure::Usage(_))) {
        // Nothing ran.
        drop(is_new.then(|| fs::remove_file(&file)));
        return done;
    }
    done.and(write())
}
