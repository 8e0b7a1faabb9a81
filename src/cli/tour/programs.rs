//! The parts that are subcommands of this program: the timeline, the models under load, the fetch, the factorials, and the
//! watch of a file.

use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, SystemTime};
use std::{fs, io, thread};

use super::super::output::{Doing, Failure, Output};
use super::part::{Part, Shown, Tour};
use crate::fetch::{Log, Mode};
use crate::http::date::log_stamp;
use crate::os::wait_readable;

/// One workload in every model, as a picture: what the other parts measure.
pub(super) const TIMELINE: Part = Part {
    title: "one workload on one time scale, in every model",
    introduction: "Six requests of 300 ms, which wait, and four factorials, which compute: by one thread, by threads, by \
        threads under a GIL, by processes, and by an event loop.",
    run: |tour, _| {
        let shown = tour.program(&["timeline", "--out"])?;
        let files = ["timeline.html", "timeline.json"].map(str::to_owned).to_vec();
        Ok(Shown { picture: Some("timeline"), files, ..shown })
    },
    notices: &[
        "sequential: one lane, end to end. threads: the lanes overlap, and each that waits holds a thread.",
        "Under the GIL never two lanes compute at once; processes are forked at the left and send results at the right.",
        "event loop: all tasks wait at once on one thread. A factorial in it is one wide poll: every timer and answer is \
         late until it ends. With run_blocking the loop is free.",
    ],
};

/// The first and the fifth task once more: the calculator in every model, under the same load.
pub(super) const MODELS: Part = Part {
    title: "seven models of one server under load (tasks 1 and 5)",
    introduction: "The same server in every way a program can wait for many clients, each in a process of its own. All \
        get the same load, one after another, and every reply is checked.\n\
        - sequential: one client at a time; the others wait in the kernel's backlog\n\
        - threads: a thread for each client; the kernel switches between them\n\
        - pool: a fixed number of threads; a client more than that waits\n\
        - prefork: a fixed number of processes that share the listener\n\
        - callbacks: one thread and a selector; a closure for what happens next\n\
        - generators: one thread and a selector; generators, as in the course's server\n\
        - async: one thread and a selector; futures on Handloom's event loop",
    run: |tour, _| {
        let words = ["compare"].into_iter().chain(tour.load.iter().map(String::as_str));
        let shown = tour.program(&words.chain(["--out"]).collect::<Vec<_>>())?;
        Ok(Shown { picture: Some("compare"), ..shown })
    },
    notices: &[
        "sequential: p50 against max. One client is served at once; each other client waits for the end of all \
         conversations before its own. Between two requests of the one client the server blocks and is woken each time, \
         which costs more than the answer does.",
        "threads and pool: a thread for each client, most of them asleep. Look at the threads and at the peak memory; a \
         switch between threads is in each request's processor time.",
        "prefork: the same with processes. Pages that all share are counted in each. What it buys is that the others \
         survive when a worker dies.",
        "callbacks, generators, async: one thread, one selector. The third reads like sequential code and waits like the \
         other two; async against callbacks is the price of futures, in processor time per request.",
        "busy: near to 100 % the server was the limit, and its requests per second are what it can do. Where it is far \
         from that, the client was, or another program (see others); then trust the processor time per request.",
    ],
};

/// The second task: the same links one after another, on threads, and on the event loop.
pub(super) const FETCHING: Part = Part {
    title: "many pages, one after another and at once (task 2)",
    introduction: "A dozen slow pages, a redirect and a 404 of a site that is started for this, fetched in three ways. \
        Each way logs every start and every answer to a file of its own, so that the orders can be compared.",
    run: |tour, _| {
        let shown = tour.program(&["fetch", "--log-dir"])?;
        Ok(Shown { files: Mode::ALL.map(Log::name).to_vec(), ..shown })
    },
    notices: &[
        "sequential: start, answer, start, answer. The time is the sum of all pages' times.",
        "threads: as many at once as there are threads; each waits for its own page.",
        "async: all are started before the first answer comes, on one thread. The time is that of the slowest page.",
        "The answers come in the order in which the pages are ready, not in that of their starts.",
        "A 404 is an answer like any other; only a link without an answer has failed.",
    ],
};

/// The third task: the same factorials in every pool.
pub(super) const FACTORIALS: Part = Part {
    title: "factorials on threads, on processes, and under a GIL (task 3)",
    introduction: "The same tasks one after another, on a pool of threads, on a pool of processes, and on threads that \
        take turns with one lock as CPython's do; from 0!, which is nothing to do, to what the time allows.",
    run: |tour, _| {
        let shown = tour.program(&["factorial", "--time", "5", "--out"])?;
        Ok(Shown { picture: Some("factorial"), ..shown })
    },
    notices: &[
        "The smallest tasks: every pool loses. To hand a job over costs more than to do it, and to another process most.",
        "The largest: on two idle processors two workers need half the time, threads and processes alike. Rust has no GIL.",
        "gil: however many threads, the time is that of one. That is why Python computes with processes.",
        "In between lies the crossover: how long a task must compute before it is worth handing over.",
        "What a process adds grows with the result: its limbs travel from one memory to another.",
    ],
};

/// The fourth task: a file is watched until it holds a string, and is deleted.
pub(super) const WATCHING: Part = Part {
    title: "the file that says Wow! (task 4)",
    introduction: "One thread looks for a file and for \"Wow!\" in it, and sleeps between two looks; another waits for an \
        event. The tour makes the file, first without the string, then with it. The interval is 0.2 s here; the course's \
        is 5 s.",
    run: watch,
    notices: &[
        "The second thread costs nothing while it waits: it sleeps on a condition variable until the event is set.",
        "The file is closed before the event is set, and deleted by the other thread: the event hands it over.",
        "Only the file that was seen to hold the string is deleted: device, inode and time of birth are compared.",
        "`handloom watch FILE` does it with your own file, `--mode async` on the event loop.",
    ],
};

/// The name of the file.
const FILE: &str = "wow.txt";
/// How long the writer sleeps before each change: longer than the interval, so that each state is seen.
const STEP: Duration = Duration::from_millis(250);

/// Watches the file while a second thread writes it.
fn watch(tour: &Tour<'_>, output: &mut Output) -> Result<Shown, Failure> {
    output.progress("the watcher");
    let file = tour.directory.join(FILE);
    // A file that an earlier tour left behind would be found at once.
    drop(fs::remove_file(&file));
    let watched = Tour { directory: &file, stop: tour.stop, load: Vec::new() };
    let (written, shown) = thread::scope(|scope| {
        let writer = scope.spawn(|| write(&file, tour.stop));
        let shown = watched.program(&["watch", "--interval", "0.2"]);
        (writer.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload)), shown)
    });
    let (written, mut shown) = (written.doing(format_args!("write {}", file.display()))?, shown?);
    // Both begin their lines with the time, so sorting brings them into one order.
    let mut lines: Vec<_> = shown.text.lines().map(str::to_owned).chain(written).collect();
    lines.sort();
    shown.text = lines.join("\n") + "\n";
    if shown.failure.is_none() && file.exists() {
        shown.failure = Some(Failure::Failed(format!("{} was not deleted", file.display())));
    }
    Ok(shown)
}

/// Writes the file twice, unless ctrl-c comes before; returns what it did, line by line.
fn write(file: &Path, stop: BorrowedFd<'_>) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for text in ["Nothing to see here.\n", "Nothing to see here.\nWow!\n"] {
        if !wait_readable(stop, STEP)? {
            lines.push(format!("{} the tour writes {text:?}", log_stamp(SystemTime::now())));
            fs::write(file, text)?;
        }
    }
    Ok(lines)
}
