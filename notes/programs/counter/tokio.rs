use handloom_tokio::tokio;
use std::rc::Rc;
use tokio::sync::{Mutex, watch};
use tokio::task::{LocalSet, spawn_local};

pub fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    LocalSet::new().block_on(&runtime, async {
        let (counter, (ready, is_ready)) = (Rc::new(Mutex::new(0)), watch::channel(false));
        let tasks = [(); 2].map(|()| {
            let (counter, mut is_ready) = (Rc::clone(&counter), is_ready.clone());
            spawn_local(async move {
                is_ready.wait_for(|ready| *ready).await.expect("the sender lives");
                for _ in 0..10_000 {
                    *counter.lock().await += 1;
                }
            })
        });
        ready.send(true).expect("two tasks listen");
        for task in tasks {
            task.await.expect("no task panics");
        }
        assert_eq!(*counter.lock().await, 20_000);
    });
    Ok(())
}
