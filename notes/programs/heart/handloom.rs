use handloom::aio::{run_blocking, sleep};
use handloom::rt::{block_on, now, spawn};
use std::thread;
use std::time::Duration;

async fn beat(beats: u32, pause: Duration) -> u32 {
    for _ in 0..beats {
        sleep(pause).await;
    }
    beats
}

async fn program() -> Duration {
    let began = now();
    let heart = spawn(beat(3, Duration::from_millis(20)));    // beats while the program waits
    let slept = run_blocking(|| thread::sleep(Duration::from_millis(50)));
    slept.await.expect("the job does not panic");
    assert_eq!(heart.await.expect("the task does not panic"), 3);
    now() - began
}

pub fn main() {
    assert!(block_on(program()) >= Duration::from_millis(60));
}
