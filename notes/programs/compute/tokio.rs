use handloom_tokio::tokio;
use std::hint::black_box;
use std::time::{Duration, Instant};

fn compute() -> u64 {
    (0..20_000_000).fold(0, |total, number| total + black_box(number))
}

async fn timed(count: usize) -> Duration {
    let began = Instant::now();
    let threads: Vec<_> = (0..count).map(|_| tokio::task::spawn_blocking(compute)).collect();
    for thread in threads {
        assert_eq!(thread.await.expect("the job does not panic"), 199_999_990_000_000);
    }
    began.elapsed()
}

pub fn main() -> std::io::Result<()> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
        println!("one thread: {:.3?}, two threads: {:.3?}", timed(1).await, timed(2).await);
    });
    Ok(())
}
