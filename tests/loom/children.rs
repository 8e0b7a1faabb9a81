//! Every order in which a thread can wake a child while its parent polls it, tried by a model checker.
//!
//! The source of `aio`'s children is taken in here, with the checker's lock and flag in the place of std's. A wake that
//! is lost shows as a deadlock of the model: the parent waits for a child that is never polled again.
#![expect(dead_code, reason = "a part of the file is used")]

#[path = "../../src/aio/children.rs"]
mod source;

/// What a parent tells the loop, which is not there.
mod sleep {
    use crate::rt::Wait;
    use crate::rt::context::Core;

    /// Notes nothing.
    pub(super) fn name_unnamed_wait(_: &Core, _: Wait) {}
}

use std::future::poll_fn;
use std::sync::Arc as Plain;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use source::Children;

use super::threads::sync::{Condvar, Mutex, MutexGuard};

/// The parent's waker: counts wakes, and lets the parent sleep until there is one.
struct Parent {
    /// Wakes that the parent has not answered by a poll.
    wakes: Mutex<usize>,
    /// Tells of one.
    came: Condvar,
}

impl Parent {
    /// Sleeps until there was a wake since the last call.
    fn sleep(&self) {
        let mut wakes = self.wakes.lock().expect("no poison");
        while *wakes == 0 {
            wakes = self.came.wait(wakes).expect("no poison");
        }
        *wakes = 0;
    }
}

impl Wake for Parent {
    fn wake(self: Plain<Self>) {
        *self.wakes.lock().expect("no poison") += 1;
        self.came.notify_one();
    }
}

/// Polls until the children have ended, and sleeps in between; returns the outputs.
fn block_on<F: Future>(mut children: Children<F>) -> Vec<F::Output> {
    let parent = Plain::new(Parent { wakes: Mutex::new(0), came: Condvar::new() });
    let waker = Waker::from(parent.clone());
    let mut outputs = Vec::new();
    loop {
        match children.poll_next(&mut Context::from_waker(&waker)) {
            Poll::Ready(Some((_, output))) => outputs.push(output),
            Poll::Ready(None) => return outputs,
            Poll::Pending => parent.sleep(),
        }
    }
}

#[test]
fn what_a_thread_wrote_before_any_of_its_wakes_is_seen_by_a_later_poll() {
    loom::model(|| {
        let written = Arc::new(AtomicUsize::new(0));
        let mut children = Children::new();
        let mut writer = None;
        let seen = written.clone();
        let child = poll_fn(move |cx| {
            writer.get_or_insert_with(|| {
                let (written, waker) = (written.clone(), cx.waker().clone());
                thread::spawn(move || {
                    // The first wake queues the child. The second may find it queued, and must not be lost even so.
                    waker.wake_by_ref();
                    written.store(1, Ordering::Relaxed);
                    waker.wake_by_ref();
                })
            });
            // No order but that of the wakes makes this thread see the number.
            if seen.load(Ordering::Relaxed) == 1 { Poll::Ready(12) } else { Poll::Pending }
        });
        children.push(0, Box::pin(child));
        assert_eq!(block_on(children), [12], "CHILD-2: expected the child's end");
    });
}
