//! The fourth task: a file is watched until it holds a string, and is deleted.

use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use super::super::failure::{Doing, Failure};
use super::super::output::Output;
use super::part::{Part, Shown, Tour};
use crate::http::date::log_stamp;
use crate::os::wait_readable;

/// The part.
pub(super) const PART: Part = Part {
    title: "the file that says Wow! (task 4)",
    introduction: "One thread looks for a file and for \"Wow!\" in it, and sleeps between two looks; another waits for an \
        event. The tour makes the file, first without the string, then with it. The interval is 0.2 s here; the course's \
        is 5 s.",
    run,
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
fn run(tour: &Tour<'_>, output: &mut Output) -> Result<Shown, Failure> {
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
