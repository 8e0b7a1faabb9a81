//! What `l7_fairness` claims of tokio alone.

use handloom_conformance::check::holds;
use handloom_conformance::l7_fairness::{spawn_counting, yields_until_readable};
use handloom_conformance::runtime::Runtime;

use crate::on_tokio::Tokio;

handloom_conformance::own_claims! {
    Tokio;
    watched: [
        the_main_future_goes_before_its_turn,
        a_yield_looks_at_sockets_each_time,
    ]
}

fn the_main_future_goes_before_its_turn(runtime: &Tokio) {
    runtime.block_on(async {
        let others = spawn_counting::<Tokio>(100);
        for _ in 0..3 {
            Tokio::yield_now().await;
        }
        let least = others.iter().map(|turns| turns.get()).min();
        holds(
            "tokio",
            "the fewest turns of a task in 3 yields of main",
            "fewer than 3",
            least,
            |least| *least < Some(3),
        );
    });
}

fn a_yield_looks_at_sockets_each_time(runtime: &Tokio) {
    let most = runtime.block_on(async {
        let mut most = 0;
        for _ in 0..100 {
            most = most.max(yields_until_readable::<Tokio>().await);
        }
        most
    });
    holds("tokio", "the most yields until a socket is seen", "2 at most", most, |most| *most <= 2);
}
