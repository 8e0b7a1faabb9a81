use handloom_tokio::tokio;
use std::cell::RefCell;
use std::rc::Rc;
use tokio::task::{LocalSet, spawn_local, yield_now};

type Hits = Rc<RefCell<Vec<&'static str>>>;

async fn hit(hits: &Hits, name: &'static str) {
    hits.borrow_mut().push(name);
    yield_now().await;                        // so `hit` is async, and `play` too
}

async fn play(hits: Hits, name: &'static str) {
    for _ in 0..3 {
        hit(&hits, name).await;
    }
}

pub fn main() -> std::io::Result<()> {
    let hits = Hits::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    LocalSet::new().block_on(&runtime, async {
        let ping = spawn_local(play(hits.clone(), "ping"));
        let pong = spawn_local(play(hits.clone(), "pong"));
        ping.await.expect("the task does not panic");
        pong.await.expect("the task does not panic");
    });
    let hits = hits.take();                   // tokio does not promise strict turns
    assert_eq!(hits.iter().filter(|hit| **hit == "ping").count(), 3);
    assert_eq!(hits.len(), 6);
    Ok(())
}
