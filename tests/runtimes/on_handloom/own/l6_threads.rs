//! What `l6_threads` claims of this event loop alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use handloom::rt::LoopGone;
use handloom_conformance::check::{holds, same};
use handloom_conformance::futures::{OnDrop, SharedGate};
use handloom_conformance::runtime::Runtime;

use crate::on_handloom::Handloom;
use crate::watch::{Log, Told};

handloom_conformance::own_claims! {
    Handloom;
    watched: [
        a_call_to_a_loop_that_is_gone_is_refused,
        a_loop_with_nothing_to_do_sleeps,
    ]
}

fn a_call_to_a_loop_that_is_gone_is_refused(_: &Handloom) {
    let drops = Arc::new(AtomicUsize::new(0));
    let counts = |drops: &Arc<AtomicUsize>| {
        let drops = drops.clone();
        let held = OnDrop(move || {
            drops.fetch_add(1, Ordering::SeqCst);
        });
        move || drop(held)
    };
    let other = Handloom::new();
    let remote = other.remote();
    same("REMOTE-1", "a call to a loop at rest", Ok(()), remote.call_soon(counts(&drops)));
    same("REMOTE-1", "calls dropped while the loop may still run", 0, drops.load(Ordering::SeqCst));
    drop(other);
    same("REMOTE-1", "calls dropped with the loop", 1, drops.load(Ordering::SeqCst));
    let far = thread::spawn(move || remote.call_soon(counts(&drops)).map_err(|gone| (gone, drops)));
    let (gone, drops) = far.join().unwrap().unwrap_err();
    same("REMOTE-1", "a call to a loop that is gone", LoopGone, gone);
    same("REMOTE-1", "calls dropped in the end", 2, drops.load(Ordering::SeqCst));
}

fn a_loop_with_nothing_to_do_sleeps(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    let (gate, remote) = (SharedGate::default(), event_loop.remote());
    let opens = gate.clone();
    let far = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        remote.call_soon(move || opens.open())
    });
    event_loop.block_on(gate.passed());
    far.join().unwrap().unwrap();
    let waits = log.count(|told| matches!(told, Told::Waits(_)));
    holds("LOOP-2", "waits in 300 ms with nothing to do", "10 at most", waits, |waits| {
        *waits <= 10
    });
}
