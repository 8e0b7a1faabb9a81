//! What `l8_limits` claims of tokio alone.

use handloom_conformance::check::same;
use handloom_conformance::runtime::{Listener, Runtime};

use crate::descriptors::{out_of_descriptors, without_descriptors};
use crate::on_tokio::Tokio;

handloom_conformance::own_claims! {
    Tokio;
    alone: [
        accept_without_descriptors_is_the_callers_business,
    ]
}

fn accept_without_descriptors_is_the_callers_business(runtime: &Tokio) {
    runtime.block_on(async {
        let (mut listener, _clients, mut spare) = without_descriptors::<Tokio>(1).await;
        for _ in 0..10 {
            let error = Listener::accept(&mut listener).await.map(drop).unwrap_err();
            same(
                "tokio",
                "the error of accept, each time",
                Some(out_of_descriptors()),
                error.raw_os_error(),
            );
        }
        spare.clear();
        same(
            "tokio",
            "an accept when there is room",
            true,
            Listener::accept(&mut listener).await.is_ok(),
        );
    });
}
