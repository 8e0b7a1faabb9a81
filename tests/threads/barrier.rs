//! The barrier, on real threads; see also `tests/loom`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use handloom::threads::Barrier;

/// The watchdog of every wait here.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn nobody_passes_before_all_have_come_and_one_leads() {
    const ROUNDS: usize = 500;
    const THREADS: usize = 5;
    let (barrier, arrivals) = (Arc::new(Barrier::new(THREADS)), Arc::new(AtomicUsize::new(0)));
    let (sender, done) = mpsc::channel();
    for _ in 0..THREADS {
        let (barrier, arrivals) = (Arc::clone(&barrier), Arc::clone(&arrivals));
        let sender = sender.clone();
        thread::spawn(move || {
            let (mut led, mut early) = (0, 0);
            for round in 1..=ROUNDS {
                arrivals.fetch_add(1, Ordering::SeqCst);
                led += usize::from(barrier.wait());
                early += usize::from(arrivals.load(Ordering::SeqCst) < round * THREADS);
            }
            let _ = sender.send((led, early));
        });
    }
    let mut leaders = 0;
    for _ in 0..THREADS {
        let (led, early) =
            done.recv_timeout(PATIENCE).expect("BARRIER-3: expected an end, it hangs");
        assert_eq!(early, 0, "BARRIER-1: passed before all had come");
        leaders += led;
    }
    assert_eq!(leaders, ROUNDS, "BARRIER-2: one leader in each round");
    assert_eq!(barrier.waiting(), 0);
}

#[test]
fn alone_nobody_waits() {
    for threads in [0, 1] {
        let barrier = Barrier::new(threads);
        assert!(barrier.wait() && barrier.wait(), "BARRIER-2: a barrier for {threads}");
    }
}
