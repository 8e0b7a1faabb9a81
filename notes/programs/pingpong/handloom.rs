use handloom::os::context::{Greenlet, Pause};
use std::cell::RefCell;
use std::rc::Rc;

type Hits = Rc<RefCell<Vec<&'static str>>>;

fn hit(pause: &Pause<'_>, hits: &Hits, name: &'static str) {
    hits.borrow_mut().push(name);
    pause.pause();                            // in a plain function, which `play` called
}

fn play(pause: &Pause<'_>, hits: &Hits, name: &'static str) {
    for _ in 0..3 {
        hit(pause, hits, name);
    }
}

pub fn main() -> std::io::Result<()> {
    let hits = Hits::default();
    let player = |name| {
        let hits = hits.clone();
        Greenlet::new(64 * 1024, move |pause| play(pause, &hits, name))
    };
    let (mut ping, mut pong) = (player("ping")?, player("pong")?);
    while ping.resume() | pong.resume() {}
    assert_eq!(hits.take(), ["ping", "pong", "ping", "pong", "ping", "pong"]);
    Ok(())
}
