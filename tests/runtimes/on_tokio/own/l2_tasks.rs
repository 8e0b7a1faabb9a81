//! What `l2_tasks` claims of tokio alone.

use std::future::poll_fn;
use std::task::Poll;

use handloom_conformance::check::same;
use handloom_conformance::futures::Bomb;
use handloom_conformance::runtime::Runtime;

use crate::on_tokio::Tokio;

handloom_conformance::own_claims! {
    Tokio;
    watched: [
        a_destructors_panic_takes_the_place_of_the_value,
    ]
}

fn a_destructors_panic_takes_the_place_of_the_value(runtime: &Tokio) {
    runtime.block_on(async {
        let bomb = Bomb;
        let task = Tokio::spawn(poll_fn(move |_| {
            let _held = &bomb;
            Poll::Ready(5)
        }));
        same(
            "tokio",
            "the text of the panic",
            "a bomb was dropped".into(),
            task.await.panic_text(),
        );
    });
}
