//! Level 0 on the smallest runtime: a `block_on` that parks its thread, and nothing else. It shows what a runtime that
//! begins has to say to the suite, and that level 0 needs no more.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use handloom_conformance::judge::{Claim, Setting, Verdict, verdict};
use handloom_conformance::runtime::{Ended, Missing, Runtime};

/// Unparks a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Nothing is kept between two futures.
struct Park;

impl Runtime for Park {
    type Task<T: 'static> = Missing<Ended<T>>;
    type Remote = ();
    type Sleep = Missing;
    type Listener = Missing;
    type Stream = Missing;

    fn new() -> Self {
        Self
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let (mut context, mut future) = (Context::from_waker(&waker), pin!(future));
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
            thread::park();
        }
    }

    fn remote(&self) {}
}

handloom_conformance::conformance!(Park, levels: [l0_block_on]);

#[test]
fn a_claim_says_what_a_runtime_has_not() {
    let claim = Claim::new("a_claim", Setting::Watched, |runtime: &Park| {
        runtime.block_on(async { drop(Park::spawn(async {}).await) });
    });
    let found = verdict(handloom_conformance::judge::LIMIT, claim);
    let Verdict::Fails(text) = found else { panic!("expected a failure, came {found:?}") };
    assert!(text.contains("this runtime has no `spawn` yet"), "came {text}");
}
