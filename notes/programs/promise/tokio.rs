use handloom_tokio::tokio;
use std::cell::RefCell;
use std::rc::Rc;
use tokio::sync::oneshot::{Receiver, channel};
use tokio::task::{LocalSet, spawn_local, yield_now};

async fn waits(promise: Receiver<u32>, log: Rc<RefCell<Vec<String>>>) {
    log.borrow_mut().push("waits".into());
    let value = promise.await.expect("the sender sends");
    log.borrow_mut().push(format!("has {value}"));
}

pub fn main() -> std::io::Result<()> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    LocalSet::new().block_on(&runtime, async {
        let (sender, promise) = channel();
        let task = spawn_local(waits(promise, Rc::clone(&log)));
        yield_now().await;                    // the task runs to its await
        log.borrow_mut().push("fulfils".into());
        sender.send(12).expect("the task waits");
        log.borrow_mut().push("the task has not run yet".into());
        task.await.expect("the task does not panic");
    });
    assert_eq!(log.take(), ["waits", "fulfils", "the task has not run yet", "has 12"]);
    Ok(())
}
