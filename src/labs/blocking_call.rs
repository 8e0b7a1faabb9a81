//! A call that blocks: in a task, and on a thread of its own. A heartbeat task shows when the loop runs.
//!
//! **Invariants**
//! - `LAB-BLOCKING-1`: while a task blocks, the heart does not beat, however long it takes.
//! - `LAB-BLOCKING-2`: with `run_blocking` the heart beats on, and the same call gets what it waits for.
//! - `LAB-BLOCKING-3`: the loop's check for slow polls reports the first, with the task's name.
//!
//! **Source**: asyncio's documentation, "Running Blocking Code", and its debug mode.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::Journal;
use crate::aio::{MissedTicks, interval, run_blocking};
use crate::rt::{EventLoop, Observer, spawn_named};

/// The time between two beats.
const BEAT: Duration = Duration::from_millis(50);
/// How many beats the call waits for.
pub const WANTED: usize = 10;
/// How long the call waits for a beat when it blocks the loop, and none can come.
pub const PATIENCE: Duration = Duration::from_millis(500);
/// The same when it runs on a thread: longer than any heart stands still.
const LONG_PATIENCE: Duration = Duration::from_secs(20);
/// A poll that is longer is reported: asyncio's `slow_callback_duration`.
const SLOW_POLL: Duration = Duration::from_millis(100);

/// What the lab has found; of each pair the first was in a task, the second on a thread.
#[derive(Clone, Debug)]
pub struct BlockingCallReport {
    /// The beats that came during the call.
    pub heard: [usize; 2],
    /// The longest time between two beats.
    pub longest_gap: [Duration; 2],
    /// What the loop reported.
    pub reports: Vec<String>,
}

/// Keeps what the loop reports.
struct Reports(Rc<RefCell<Vec<String>>>);

impl Observer for Reports {
    fn report(&self, text: &str) {
        self.0.borrow_mut().push(text.to_owned());
    }
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    let BlockingCallReport { heard, longest_gap, reports } = experiment(journal)?;
    for report in reports {
        journal.line(format_args!("The loop reports:\n  {report}"))?;
    }
    journal.line(format_args!(
        "\nIn a task, the call heard {} of {WANTED} beats in {PATIENCE:?}; the longest time between two was {:.0?}.\n\
         With run_blocking it heard {}; the longest time between two was {:.0?}.",
        heard[0], longest_gap[0], heard[1], longest_gap[1],
    ))?;
    journal.notices(&[
        "In a task, the call stops the whole loop: no task runs, no timer fires, no socket is read.",
        "The call is the same with `run_blocking`. What matters is which thread it runs on. Python: \
         `asyncio.to_thread`.",
    ])
}

/// The experiment itself, on a loop of its own, in real time: a call that blocks knows no other.
///
/// # Errors
/// As `run`.
pub fn experiment(journal: &Journal) -> io::Result<BlockingCallReport> {
    let reports = Rc::default();
    let builder = EventLoop::builder().observer(Reports(Rc::clone(&reports)));
    let event_loop = builder.slow_poll(Some(SLOW_POLL)).build()?;
    let parts = event_loop.block_on(async {
        journal.line("The call blocks in a task")?;
        let in_task =
            with_heart(journal, async |beats| Ok(blocking_call(&beats, PATIENCE))).await?;
        journal.line("\nThe same call, by run_blocking")?;
        let on_thread = with_heart(journal, async |beats| {
            let heard = run_blocking(move || blocking_call(&beats, LONG_PATIENCE)).await;
            heard.map_err(|error| io::Error::other(error.to_string()))
        })
        .await?;
        io::Result::Ok([in_task, on_thread])
    });
    let [(heard_in_task, task_gap), (heard_on_thread, thread_gap)] = parts?;
    let reports = reports.take();
    let (heard, longest_gap) = ([heard_in_task, heard_on_thread], [task_gap, thread_gap]);
    Ok(BlockingCallReport { heard, longest_gap, reports })
}

/// The call: waits for beats on a channel of std, which knows nothing of an event loop. Tells how many came.
fn blocking_call(beats: &Receiver<()>, patience: Duration) -> usize {
    // What the heart beat before does not count.
    beats.try_iter().for_each(drop);
    (0..WANTED).take_while(|_| beats.recv_timeout(patience).is_ok()).count()
}

/// Runs a task beside a beating heart; tells how many beats it heard, and the longest gap.
async fn with_heart(
    journal: &Journal,
    call: impl AsyncFnOnce(Receiver<()>) -> io::Result<usize> + 'static,
) -> io::Result<(usize, Duration)> {
    let (sender, beats) = channel();
    let (longest, mut begun) = (Rc::default(), interval(BEAT).missed_ticks(MissedTicks::Delay));
    let beating = spawn_named("heart", beat(sender, Rc::clone(&longest)));
    // The first tick comes at once, the second when the heart has begun to beat.
    begun.tick().await;
    begun.tick().await;
    journal.start_clock();
    journal.event("the call begins")?;
    let caller = spawn_named("caller", async move { call(beats).await });
    let heard = caller.await.expect("holds because it is not cancelled, and it does not panic")?;
    journal.event(format_args!("the call ends: it heard {heard} beats"))?;
    // The first may have come due during the call; the second comes when the heart has beaten once more.
    begun.tick().await;
    begun.tick().await;
    beating.cancel();
    Ok((heard, longest.get()))
}

/// The heart: beats until it is cancelled, and notes the longest time between two beats.
async fn beat(listener: Sender<()>, longest: Rc<Cell<Duration>>) {
    let mut pace = interval(BEAT).missed_ticks(MissedTicks::Skip);
    let mut last = Instant::now();
    loop {
        pace.tick().await;
        longest.set(longest.get().max(last.elapsed()));
        last = Instant::now();
        // Before and after the call there is no receiver.
        let _ = listener.send(());
    }
}
