//! The heartbeat of a runtime: with a call that blocks in a task, and with the same call on a thread.
//!
//! Line for line `handloom::labs::blocking_call`, but for the report: tokio does not notice that a task blocks.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use handloom::labs::Journal;
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::{MissedTickBehavior, interval};

use super::local_runtime;

/// The time between two beats.
const BEAT: Duration = Duration::from_millis(50);
/// How many beats the call waits for.
pub const WANTED: usize = 10;
/// How long the call waits for a beat when it blocks the loop, and none can come.
pub const PATIENCE: Duration = Duration::from_millis(500);
/// The same when it runs on a thread: longer than any heart stands still.
const LONG_PATIENCE: Duration = Duration::from_secs(20);

/// What the lab has found; of each pair the first was in a task, the second on a thread.
#[derive(Clone, Debug)]
pub struct BlockingCallReport {
    /// The beats that came during the call.
    pub heard: [usize; 2],
    /// The longest time between two beats.
    pub longest_gap: [Duration; 2],
}

/// Runs the experiment.
///
/// # Errors
/// Those of the journal's writer, and of the making of a runtime.
///
/// # Blocking
/// For about a second.
pub fn run(journal: &Journal) -> io::Result<()> {
    let BlockingCallReport { heard, longest_gap } = experiment(journal)?;
    journal.line(format_args!(
        "\nIn a task, the call heard {} of {WANTED} beats in {PATIENCE:?}; the longest time between two was {:.0?}.\n\
         With spawn_blocking it heard {}; the longest time between two was {:.0?}.",
        heard[0], longest_gap[0], heard[1], longest_gap[1],
    ))?;
    journal.notices(&[
        "In a task, the call stops the whole runtime: no task runs, no timer fires, no socket is read. tokio \
         reports nothing; Handloom's loop names the task in a debug build.",
        "The call is the same with `spawn_blocking`. What matters is which thread it runs on. Python: \
         `asyncio.to_thread`.",
    ])
}

/// The experiment itself, on a loop of its own, in real time: a call that blocks knows no other.
///
/// # Errors
/// As [`run`].
pub fn experiment(journal: &Journal) -> io::Result<BlockingCallReport> {
    let parts = local_runtime()?.block_on(async {
        journal.line("The call blocks in a task")?;
        let in_task =
            with_heart(journal, async |beats| Ok(blocking_call(&beats, PATIENCE))).await?;
        journal.line("\nThe same call, by spawn_blocking")?;
        let on_thread = with_heart(journal, async |beats| {
            let heard = spawn_blocking(move || blocking_call(&beats, LONG_PATIENCE)).await;
            heard.map_err(io::Error::from)
        })
        .await?;
        io::Result::Ok([in_task, on_thread])
    });
    let [(heard_in_task, task_gap), (heard_on_thread, thread_gap)] = parts?;
    let (heard, longest_gap) = ([heard_in_task, heard_on_thread], [task_gap, thread_gap]);
    Ok(BlockingCallReport { heard, longest_gap })
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
    let (longest, mut begun) = (Rc::default(), interval(BEAT));
    begun.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let beating = spawn_local(beat(sender, Rc::clone(&longest)));
    // The first tick comes at once, the second when the heart has begun to beat.
    begun.tick().await;
    begun.tick().await;
    journal.start_clock();
    journal.event("the call begins")?;
    let caller = spawn_local(async move { call(beats).await });
    let heard = caller.await.expect("holds because it is not cancelled, and it does not panic")?;
    journal.event(format_args!("the call ends: it heard {heard} beats"))?;
    // The first may have come due during the call; the second comes when the heart has beaten once more.
    begun.tick().await;
    begun.tick().await;
    beating.abort();
    Ok((heard, longest.get()))
}

/// The heart: beats for ever, and notes the longest time between two beats.
async fn beat(listener: Sender<()>, longest: Rc<Cell<Duration>>) {
    let mut pace = interval(BEAT);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last = Instant::now();
    loop {
        pace.tick().await;
        longest.set(longest.get().max(last.elapsed()));
        last = Instant::now();
        // There is no listener before and after the call.
        let _ = listener.send(());
    }
}
