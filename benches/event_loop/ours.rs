//! Handloom's event loop, as a subject and as criterion's executor.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use criterion::async_executor::AsyncExecutor;
use handloom::{aio, rt};

use super::Subject;

/// The loop. A type of our own, since criterion's trait and the loop both come from elsewhere.
pub(crate) struct Handloom(rt::EventLoop);

impl Default for Handloom {
    fn default() -> Self {
        Self(rt::EventLoop::new().expect("holds because epoll is there"))
    }
}

impl AsyncExecutor for Handloom {
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

impl Subject for Handloom {
    const NAME: &str = "handloom";
    type Sleep = aio::Sleep;
    type Sender = Rc<Place>;
    type Receiver = Rc<Place>;

    async fn spawn_join<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
        rt::spawn(future).await.expect("holds because no task panics")
    }

    async fn join_all(futures: impl Iterator<Item = impl Future<Output = ()> + 'static>) {
        let handles: Vec<_> = futures.map(rt::spawn).collect();
        for handle in handles {
            handle.await.expect("holds because no task panics");
        }
    }

    async fn yield_now() {
        aio::yield_now().await;
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        aio::sleep(duration)
    }

    fn queue() -> (Self::Sender, Self::Receiver) {
        let queue = Rc::new(Place::default());
        (Rc::clone(&queue), queue)
    }

    async fn send(sender: &Self::Sender, message: u64) {
        sender.put(message).await;
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.get().await
    }
}

/// Stands in for `aio::Queue` until the house has one: room for one message, one who puts, one who gets.
#[derive(Default)]
pub(crate) struct Place(RefCell<(Option<u64>, Option<Waker>)>);

impl Place {
    /// Puts a message in as soon as there is room.
    async fn put(&self, message: u64) {
        poll_fn(|cx| {
            let (place, waiter) = &mut *self.0.borrow_mut();
            if place.is_some() {
                *waiter = Some(cx.waker().clone());
                return Poll::Pending;
            }
            *place = Some(message);
            if let Some(waiter) = waiter.take() {
                waiter.wake();
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Takes the message as soon as there is one.
    async fn get(&self) -> u64 {
        poll_fn(|cx| {
            let (place, waiter) = &mut *self.0.borrow_mut();
            let Some(message) = place.take() else {
                *waiter = Some(cx.waker().clone());
                return Poll::Pending;
            };
            if let Some(waiter) = waiter.take() {
                waiter.wake();
            }
            Poll::Ready(message)
        })
        .await
    }
}
