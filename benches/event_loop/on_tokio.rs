//! Tokio's local runtime: one thread, tasks that need not be `Send`.

use std::time::Duration;

use criterion::async_executor::AsyncExecutor;
use handloom_tokio::tokio;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::mpsc;
use tokio::task::spawn_local;

use super::Subject;

/// The runtime, with its clock and its selector.
pub(crate) struct Tokio(LocalRuntime);

impl Default for Tokio {
    fn default() -> Self {
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        Self(runtime.expect("holds because epoll is there"))
    }
}

impl AsyncExecutor for Tokio {
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

impl Subject for Tokio {
    const NAME: &str = "tokio";
    type Sleep = tokio::time::Sleep;
    type Sender = mpsc::Sender<u64>;
    type Receiver = mpsc::Receiver<u64>;

    async fn spawn_join<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
        spawn_local(future).await.expect("holds because no task panics")
    }

    async fn join_all(futures: impl Iterator<Item = impl Future<Output = ()> + 'static>) {
        let handles: Vec<_> = futures.map(spawn_local).collect();
        for handle in handles {
            handle.await.expect("holds because no task panics");
        }
    }

    async fn yield_now() {
        tokio::task::yield_now().await;
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        tokio::time::sleep(duration)
    }

    fn queue() -> (Self::Sender, Self::Receiver) {
        mpsc::channel(1)
    }

    async fn send(sender: &Self::Sender, message: u64) {
        sender.send(message).await.expect("holds because the receiver lives");
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.expect("holds because the sender lives")
    }
}
