use handloom_tokio::tokio;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::oneshot::{Sender, channel};
use tokio::task::{JoinHandle, LocalSet, spawn_local, yield_now};
use tokio::time::sleep;

type Log = Rc<RefCell<Vec<&'static str>>>;

/// Its destructor tells the keeper that the block has ended: a dropped sender does that by itself.
struct Block(#[expect(dead_code, reason = "it is only dropped")] Sender<()>);

/// The two halves of a context manager: the block, and the task that says goodbye after it.
async fn connect(log: Log) -> (Block, JoinHandle<()>) {
    yield_now().await;                        // the handshake waits
    log.borrow_mut().push("open");
    let (sender, ended) = channel::<()>();
    let block = Block(sender);
    let keeper = spawn_local(async move {
        ended.await.expect_err("nothing is ever sent");
        yield_now().await;                    // the goodbye waits too
        log.borrow_mut().push("goodbye");
    });
    (block, keeper)
}

pub fn main() -> std::io::Result<()> {
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let (block, keeper) = connect(Rc::clone(&log)).await;
        drop(block);                          // a good end
        keeper.await.expect("the task does not panic");

        let (block, keeper) = connect(Rc::clone(&log)).await;
        let task = spawn_local(async move {
            let _block = block;
            sleep(Duration::from_hours(1)).await;
        });
        yield_now().await;
        task.abort();                         // its future is dropped at its await
        keeper.await.expect("the task does not panic");
    });
    assert_eq!(log.take(), ["open", "goodbye", "open", "goodbye"]);
    Ok(())
}
