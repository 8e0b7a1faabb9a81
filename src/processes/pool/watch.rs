//! The pool's own thread: it leads when nobody else does, and hears the fork server.
//!
//! Problem: a job whose handle was dropped, or is awaited by a task, has nobody who sleeps for it; and a worker that
//! dies while no job runs has nobody who would notice.
//!
//! | jobs open | somebody leads | the thread |
//! | --- | --- | --- |
//! | none | no | sleeps soundly |
//! | some | yes, since its last look | sleeps soundly |
//! | some | the lead changed hands | sleeps for a moment |
//! | some | no, since its last look | leads, until nothing is open or an owner was served |
//!
//! **Invariants**
//! - `PWATCH-1`: soundly asleep it is roused by the first submit while nobody leads, and by a leader that leaves with
//!   jobs open. So it costs nothing while a caller joins one long job.
//! - `PWATCH-2`: it wakes for each notice of the fork server (`LEAD-5`), and tells the leader of it.
//!
//! **Source**: the thread of `concurrent.futures.process`, which there moves every result.

use std::os::fd::AsFd;
use std::time::Duration;

use super::leader::{Guard, Hall, Shared, Watcher};
use super::recall::LOOK;
use super::state::Phase;
use crate::os::{PollFd, poll};

impl Shared {
    /// The life of the pool's thread (`LEAD-3`).
    pub(super) fn watch(&self) {
        let mut hall = self.lock();
        let mut terms = hall.terms;
        while hall.state.phase != Phase::Ended && hall.state.control.is_some() {
            let quiet = hall.terms == terms;
            terms = hall.terms;
            let called = hall.thread == Watcher::Called;
            hall.thread = Watcher::Awake;
            if !hall.led && hall.state.open > 0 && (called || quiet) {
                hall.woke_owner = false;
                // An owner that was served will be back, and then reads for itself.
                let done = |hall: &Hall| hall.state.open == 0 || hall.woke_owner;
                hall = self.lead(hall, None, &done, true);
                terms = hall.terms;
            } else {
                let has_leader = hall.led || hall.state.open == 0;
                hall = self.sleep(hall, has_leader && quiet);
            }
        }
        let is_broken = hall.state.broken.is_some();
        drop(hall);
        if is_broken {
            // Nobody may end the pool for long, and its fork server has just left.
            self.wait_for_server();
        }
    }

    /// Sleeps for a moment; or soundly, until it is roused, or the fork server has news.
    fn sleep<'a>(&'a self, mut hall: Guard<'a>, soundly: bool) -> Guard<'a> {
        let control = hall.state.control.clone();
        hall.thread = if soundly { Watcher::Asleep } else { Watcher::Awake };
        // When somebody leads, that is who looks after the workers.
        let looks = soundly && !hall.led;
        let within = match (soundly, looks) {
            (false, _) => LOOK,
            (true, true) => hall.state.look_within(),
            (true, false) => Duration::MAX,
        };
        drop(hall);
        let mut fds = vec![PollFd::readable(self.thread_bell.as_fd())];
        fds.extend(control.as_ref().map(|control| PollFd::readable(control.as_fd())));
        // It fails for want of memory only; then this thread spins, which is the least of its troubles.
        drop(poll(&mut fds, Some(within).filter(|span| *span < Duration::MAX)));
        let told = fds.get(1).is_some_and(PollFd::is_ready);
        if fds[0].is_ready() {
            drop(self.thread_bell.clear());
        }
        hall = self.lock();
        if hall.thread == Watcher::Asleep {
            hall.thread = Watcher::Awake;
        }
        if told {
            hall.state.take_notices();
        }
        if looks {
            hall.state.look();
        }
        hall = self.deliver(hall);
        if told && hall.led {
            // The leader's own result may be among those, or a worker that it does not know.
            self.call_leader(&hall);
        }
        hall
    }
}
