use handloom::generator::{Coroutine, EventLoop, Step, Woken};
use std::cell::RefCell;
use std::rc::Rc;

struct Count {
    name: &'static str,
    left: u32,
    heard: Rc<RefCell<Vec<String>>>,
}

impl Coroutine for Count {
    fn resume(&mut self, _: Woken, _: &mut EventLoop) -> Step {
        if self.left == 0 {
            return Step::Done;
        }
        self.heard.borrow_mut().push(format!("{}{}", self.name, self.left));
        self.left -= 1;
        Step::Yield
    }
}

pub fn main() -> std::io::Result<()> {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let mut event_loop = EventLoop::new()?;
    event_loop.spawn(Count { name: "a", left: 2, heard: Rc::clone(&heard) });
    event_loop.spawn(Count { name: "b", left: 3, heard: Rc::clone(&heard) });
    event_loop.run()?;
    assert_eq!(heard.take(), ["a2", "b3", "a1", "b2", "b1"]);
    Ok(())
}
