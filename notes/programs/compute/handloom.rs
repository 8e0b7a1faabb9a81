use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

fn compute() -> u64 {
    (0..20_000_000).fold(0, |total, number| total + black_box(number))
}

fn timed(count: usize) -> Duration {
    let began = Instant::now();
    let threads: Vec<_> = (0..count).map(|_| thread::spawn(compute)).collect();
    for thread in threads {
        assert_eq!(thread.join().expect("the thread does not panic"), 199_999_990_000_000);
    }
    began.elapsed()
}

pub fn main() {
    println!("one thread: {:.3?}, two threads: {:.3?}", timed(1), timed(2));
}
