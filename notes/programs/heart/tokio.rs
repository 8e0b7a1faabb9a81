use handloom_tokio::tokio;
use std::thread;
use tokio::spawn;
use tokio::task::spawn_blocking;
use tokio::time::{Duration, Instant, sleep};

async fn beat(beats: u32, pause: Duration) -> u32 {
    for _ in 0..beats {
        sleep(pause).await;
    }
    beats
}

async fn program() -> Duration {
    let began = Instant::now();
    let heart = spawn(beat(3, Duration::from_millis(20)));    // beats while the program waits
    let slept = spawn_blocking(|| thread::sleep(Duration::from_millis(50)));
    slept.await.expect("the job does not panic");
    assert_eq!(heart.await.expect("the task does not panic"), 3);
    began.elapsed()
}

pub fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    assert!(runtime.block_on(program()) >= Duration::from_millis(60));
    Ok(())
}
