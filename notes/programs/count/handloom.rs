use handloom::aio::yield_now;
use handloom::rt::{block_on, spawn};
use std::cell::RefCell;
use std::rc::Rc;

type Heard = Rc<RefCell<Vec<String>>>;

async fn count(name: &'static str, steps: u32, heard: Heard) {
    for left in (1..=steps).rev() {
        heard.borrow_mut().push(format!("{name}{left}"));
        yield_now().await;
    }
}

pub fn main() {
    let heard = Heard::default();
    block_on(async {
        let a = spawn(count("a", 2, Rc::clone(&heard)));
        let b = spawn(count("b", 3, Rc::clone(&heard)));
        a.await.expect("the task does not panic");
        b.await.expect("the task does not panic");
    });
    assert_eq!(heard.take(), ["a2", "b3", "a1", "b2", "b1"]);
}
