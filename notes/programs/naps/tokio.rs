use handloom_tokio::tokio;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

type Log = Rc<RefCell<Vec<String>>>;

async fn nap(name: &'static str, pause: u64, log: Log) {
    log.borrow_mut().push(format!("{name} sleeps"));
    sleep(Duration::from_millis(pause)).await;
    log.borrow_mut().push(format!("{name} woke"));
}

async fn together(log: Log) {
    let a = spawn_local(nap("a", 200, Rc::clone(&log)));      // runs from now on
    let b = spawn_local(nap("b", 100, Rc::clone(&log)));
    a.await.expect("the task does not panic");
    b.await.expect("the task does not panic");
}

async fn in_a_row(log: Log) {
    nap("a", 200, Rc::clone(&log)).await;
    nap("b", 100, log).await;
}

fn timed<F: Future<Output = ()>>(program: impl FnOnce(Log) -> F) -> io::Result<(Vec<String>, Duration)> {
    let (log, began) = (Log::default(), Instant::now());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, program(Rc::clone(&log)));
    Ok((log.take(), began.elapsed()))
}

pub fn main() -> io::Result<()> {
    let (log, _) = timed(together)?;
    assert_eq!(log, ["a sleeps", "b sleeps", "b woke", "a woke"]);
    let (log, took) = timed(in_a_row)?;
    assert_eq!(log, ["a sleeps", "a woke", "b sleeps", "b woke"]);
    assert!(took >= Duration::from_millis(300));
    Ok(())
}
