use handloom_tokio::tokio;
use std::cell::RefCell;
use std::rc::Rc;
use tokio::task::{LocalSet, spawn_local, yield_now};

struct Count {
    name: &'static str,
    left: u32,
    heard: Rc<RefCell<Vec<String>>>,
}

impl Count {
    async fn run(mut self) {
        while self.left > 0 {
            self.heard.borrow_mut().push(format!("{}{}", self.name, self.left));
            self.left -= 1;
            yield_now().await;
        }
    }
}

pub fn main() -> std::io::Result<()> {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let event_loop = LocalSet::new();
    event_loop.block_on(&runtime, async {
        let a = spawn_local(Count { name: "a", left: 2, heard: Rc::clone(&heard) }.run());
        let b = spawn_local(Count { name: "b", left: 3, heard: Rc::clone(&heard) }.run());
        a.await.expect("the task does not panic");
        b.await.expect("the task does not panic");
    });
    let mut heard = heard.take();
    heard.sort();                             // which of the two runs first is not promised
    assert_eq!(heard, ["a1", "a2", "b1", "b2", "b3"]);
    Ok(())
}
