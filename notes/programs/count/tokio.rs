use handloom_tokio::tokio;
use std::cell::RefCell;
use std::rc::Rc;
use tokio::task::{LocalSet, spawn_local, yield_now};

type Heard = Rc<RefCell<Vec<String>>>;

async fn count(name: &'static str, steps: u32, heard: Heard) {
    for left in (1..=steps).rev() {
        heard.borrow_mut().push(format!("{name}{left}"));
        yield_now().await;
    }
}

pub fn main() -> std::io::Result<()> {
    let heard = Heard::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    LocalSet::new().block_on(&runtime, async {
        let a = spawn_local(count("a", 2, Rc::clone(&heard)));
        let b = spawn_local(count("b", 3, Rc::clone(&heard)));
        a.await.expect("the task does not panic");
        b.await.expect("the task does not panic");
    });
    let mut heard = heard.take();
    heard.sort();                             // which of the two runs first is not promised
    assert_eq!(heard, ["a1", "a2", "b1", "b2", "b3"]);
    Ok(())
}
