//! What `l4_time` claims of tokio alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use handloom_conformance::check::says;
use handloom_conformance::futures::poll_with;
use handloom_conformance::l4_time::HOUR;
use handloom_conformance::runtime::{Runtime, text_of};

use crate::on_tokio::Tokio;

handloom_conformance::own_claims! {
    Tokio;
    watched: [
        a_sleep_whose_runtime_is_gone_panics,
    ]
}

fn a_sleep_whose_runtime_is_gone_panics(_: &Tokio) {
    let other = Tokio::new();
    let mut sleep = other.block_on(async { Box::pin(Tokio::sleep(HOUR)) });
    drop(other);
    let outcome = catch_unwind(AssertUnwindSafe(|| poll_with(&mut sleep, Waker::noop())));
    let text = outcome.map_or_else(|payload| text_of(payload.as_ref()), |_| "no panic".into());
    says("tokio", "a sleep whose runtime is gone", "being shutdown", &text);
}
