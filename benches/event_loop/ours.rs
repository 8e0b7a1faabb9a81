//! Handloom's event loop, as a subject and as criterion's executor.

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
    type Sender = aio::Queue<u64>;
    type Receiver = aio::Queue<u64>;

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
        let queue = aio::Queue::new(1);
        (queue.clone(), queue)
    }

    async fn send(sender: &Self::Sender, message: u64) {
        sender.put(message).await.expect("holds because nobody closes it");
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.get().await.expect("holds because nobody closes it")
    }
}
