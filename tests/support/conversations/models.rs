//! The models, and where they must differ.
//!
//! Whatever is not said here holds for all of them alike.

use std::thread;

use handloom::calc::Model;

/// How many threads `pool` and how many processes `prefork` has here.
pub(crate) const WORKERS: usize = 8;

/// What a model can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Abilities {
    pub(crate) model: Model,
    /// How many clients it serves at once; `None` is no bound of the model's own.
    pub(crate) at_once: Option<usize>,
    /// Why that many.
    pub(crate) because: &'static str,
    /// Whether `--max-connections` has a meaning for it.
    pub(crate) counts_connections: bool,
}

impl Abilities {
    /// Whether it serves so many clients at once.
    pub(crate) fn serves_at_once(&self, clients: usize) -> bool {
        self.at_once.is_none_or(|bound| bound >= clients)
    }
}

/// The table, in the order of [`Model::ALL`].
pub(crate) fn abilities() -> [Abilities; 7] {
    let free = Abilities {
        model: Model::Threads,
        at_once: None,
        because: "a thread, a closure, a coroutine or a future is made for each client",
        counts_connections: true,
    };
    [
        Abilities {
            model: Model::Sequential,
            at_once: Some(1),
            because: "its only thread waits for its only client",
            counts_connections: false,
        },
        free,
        Abilities {
            model: Model::Pool,
            at_once: Some(WORKERS),
            because: "a client takes one of a fixed number of threads until it goes",
            ..free
        },
        Abilities {
            model: Model::Prefork,
            at_once: Some(WORKERS),
            because: "a client takes one of a fixed number of processes until it goes",
            counts_connections: false,
        },
        Abilities { model: Model::Callbacks, ..free },
        Abilities { model: Model::Generators, ..free },
        Abilities { model: Model::Async, ..free },
    ]
}

/// Runs `check` for every model that `fits`, all at the same time, since most of the time they wait.
///
/// Each has a server process of its own, so they have nothing in common but the machine.
pub(crate) fn for_each_that(fits: impl Fn(&Abilities) -> bool, check: impl Fn(&Abilities) + Sync) {
    let table = abilities();
    let check = &check;
    let failed: Vec<String> = thread::scope(|scope| {
        let runs: Vec<_> = table
            .iter()
            .filter(|abilities| fits(abilities))
            .map(|abilities| {
                let thread = thread::Builder::new().name(abilities.model.to_string());
                (abilities.model, thread.spawn_scoped(scope, || check(abilities)).expect("thread"))
            })
            .collect();
        assert!(!runs.is_empty(), "no model is left");
        runs.into_iter()
            .filter_map(|(model, run)| run.join().is_err().then(|| model.to_string()))
            .collect()
    });
    assert!(failed.is_empty(), "failed for {}; see the messages above", failed.join(", "));
}

/// Runs `check` for every model.
pub(crate) fn for_each(check: impl Fn(&Abilities) + Sync) {
    for_each_that(|_| true, check);
}
