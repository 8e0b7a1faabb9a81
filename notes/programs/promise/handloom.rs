use handloom::aio::yield_now;
use handloom::rt::{block_on, spawn};
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A value that another task will put here.
#[derive(Default)]
struct Promise {
    value: Option<u32>,
    waker: Option<Waker>,
}

impl Promise {
    fn set_result(&mut self, value: u32) {
        self.value = Some(value);
        if let Some(waker) = self.waker.take() {
            waker.wake();                     // the task's id goes to the run queue
        }
    }
}

/// The wait for it.
struct Fulfilled(Rc<RefCell<Promise>>);

impl Future for Fulfilled {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        let mut promise = self.0.borrow_mut();
        if let Some(value) = promise.value {
            return Poll::Ready(value);
        }
        promise.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

async fn waits(promise: Fulfilled, log: Rc<RefCell<Vec<String>>>) {
    log.borrow_mut().push("waits".into());
    let value = promise.await;
    log.borrow_mut().push(format!("has {value}"));
}

pub fn main() {
    let log = Rc::new(RefCell::new(Vec::new()));
    block_on(async {
        let promise = Rc::<RefCell<Promise>>::default();
        let task = spawn(waits(Fulfilled(Rc::clone(&promise)), Rc::clone(&log)));
        yield_now().await;                    // the task runs to its await
        log.borrow_mut().push("fulfils".into());
        promise.borrow_mut().set_result(12);
        log.borrow_mut().push("the task has not run yet".into());
        task.await.expect("the task does not panic");
    });
    assert_eq!(log.take(), ["waits", "fulfils", "the task has not run yet", "has 12"]);
}
