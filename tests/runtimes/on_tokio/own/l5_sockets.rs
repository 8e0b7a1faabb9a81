//! What `l5_sockets` claims of tokio alone.

use std::io::Write;

use handloom_conformance::check::same;
use handloom_conformance::futures::{CountingWake, many_turns, poll_with};
use handloom_conformance::l5_sockets::reading;
use handloom_conformance::runtime::Runtime;
use handloom_conformance::sockets::pair;

use crate::on_tokio::Tokio;

handloom_conformance::own_claims! {
    Tokio;
    watched: [
        a_socket_used_on_another_runtime_waits_for_its_own,
    ]
}

fn a_socket_used_on_another_runtime_waits_for_its_own(runtime: &Tokio) {
    let other = Tokio::new();
    let (mut near, mut far) = other.block_on(async { pair::<Tokio>() });
    let mut buf = [0; 10];
    let mut read = reading(&mut near, &mut buf);
    let (wakes, waker) = CountingWake::pair();
    runtime.block_on(async {
        same("tokio", "a read of nothing", true, poll_with(&mut read, &waker).is_pending());
        far.write_all(b"x").unwrap();
        many_turns::<Tokio>().await;
    });
    same("tokio", "wakes while the socket's own runtime does not run", 0, wakes.wakes());
    other.block_on(many_turns::<Tokio>());
    same("tokio", "wakes when it ran", 1, wakes.wakes());
}
