use handloom::threads::Event;
use std::sync::Mutex;
use std::thread;

pub fn main() {
    let (counter, ready) = (Mutex::new(0), Event::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                ready.wait();
                for _ in 0..10_000 {
                    *counter.lock().expect("no thread panicked") += 1;
                }
            });
        }
        ready.set();
    });
    assert_eq!(counter.into_inner().expect("no thread panicked"), 20_000);
}
