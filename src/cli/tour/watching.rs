//! The fourth task: a file is watched until it holds a string, and is deleted.

use std::fs;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::super::failure::{Doing, Failure};
use super::super::output::Output;
use super::part::{Part, Shown, Tour};
use crate::watch::{Deletion, Needle, Order, Outcome, threads};

/// The part.
pub(super) const PART: Part = Part {
    title: "Task 4: the file that says Wow!",
    introduction: &[
        "One thread looks for a file and for \"Wow!\" in it, and sleeps between two looks; another waits for an event.",
        "The tour makes the file, first without the string, then with it. The interval is 0.2 s here; the course's is 5 s.",
    ],
    run,
    notices: &[
        "The second thread costs nothing while it waits: it sleeps on a condition variable until the event is set.",
        "The file is closed before the event is set, and deleted by the other thread: the event hands it over.",
        "Only the file that was seen to hold the string is deleted: device, inode and time of birth are compared.",
        "`handloom watch FILE` does it with your own file, `--mode async` on the event loop.",
    ],
};

/// The name of the file, in the tour's directory.
const FILE: &str = "wow.txt";
/// How long the watcher sleeps between two looks.
const INTERVAL: Duration = Duration::from_millis(200);
/// How long the writer sleeps before each change: longer than the interval, so that each state is seen.
const STEP: Duration = Duration::from_millis(250);

/// Watches the file while a second thread writes it.
fn run(tour: &Tour<'_>, output: &mut Output) -> Result<Shown, Failure> {
    output.progress("the watcher");
    let path = tour.directory.join(FILE);
    // A file that an earlier tour left behind would be found at once.
    if let Err(error) = fs::remove_file(&path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(Failure::while_doing(format_args!("remove {}", path.display()), error));
    }
    let needle = Needle::new("Wow!").expect("holds because the string is not empty");
    let order = Order { path: path.clone(), needle, interval: INTERVAL };
    let begun = Instant::now();
    let told = Mutex::new(String::new());
    let tell = |line: std::fmt::Arguments<'_>| {
        let line = format!("  {:.3} s  {line}\n", begun.elapsed().as_secs_f64());
        told.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
        Ok(())
    };
    let outcome = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for text in ["Nothing to see here.\n", "Nothing to see here.\nWow!\n"] {
                thread::sleep(STEP);
                tell(format_args!("(the tour writes {text:?})"))?;
                fs::write(&path, text)?;
            }
            Ok::<(), io::Error>(())
        });
        let outcome = threads::watch(&order, tour.stop, |news| tell(format_args!("{news}")));
        let written = writer.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
        written.map(|()| outcome)
    });
    let text = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    let outcome = outcome.doing(format_args!("write {}", path.display()))?;
    let verdict = match outcome {
        Ok(Outcome::Found(Deletion::Deleted)) if !path.exists() => Ok(()),
        Ok(Outcome::Found(_)) => {
            Err(Failure::Failed(format!("{} was not deleted", path.display())))
        }
        Ok(Outcome::Stopped) => {
            // The writer may have written it after the watcher was stopped.
            drop(fs::remove_file(&path));
            Err(Failure::Interrupted)
        }
        Err(error) => Err(Failure::Failed(error.to_string())),
    };
    Ok(Shown { text, chart: None, verdict })
}
