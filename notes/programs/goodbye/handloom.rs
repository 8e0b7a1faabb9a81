use handloom::aio::{Event, sleep, yield_now};
use handloom::rt::{JoinHandle, block_on, spawn};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

type Log = Rc<RefCell<Vec<&'static str>>>;

/// Its destructor tells the keeper that the block has ended.
struct Block(Rc<Event>);

impl Drop for Block {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// The two halves of a context manager: the block, and the task that says goodbye after it.
async fn connect(log: Log) -> (Block, JoinHandle<()>) {
    yield_now().await;                        // the handshake waits
    log.borrow_mut().push("open");
    let ended = Rc::new(Event::new());
    let block = Block(Rc::clone(&ended));
    let keeper = spawn(async move {
        ended.wait().await;
        yield_now().await;                    // the goodbye waits too
        log.borrow_mut().push("goodbye");
    });
    (block, keeper)
}

pub fn main() {
    let log = Log::default();
    block_on(async {
        let (block, keeper) = connect(Rc::clone(&log)).await;
        drop(block);                          // a good end
        keeper.await.expect("the task does not panic");

        let (block, keeper) = connect(Rc::clone(&log)).await;
        let task = spawn(async move {
            let _block = block;
            sleep(Duration::from_hours(1)).await;
        });
        yield_now().await;
        task.cancel();                        // its future is dropped at its await
        keeper.await.expect("the task does not panic");
    });
    assert_eq!(log.take(), ["open", "goodbye", "open", "goodbye"]);
}
