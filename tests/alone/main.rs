//! Tests that fork, send signals, change limits or count what a whole process has: each runs in a process of its own.
//!
//! `cargo test --test alone -- NAME` runs those whose name contains NAME; a name begins with that of its module.
#![expect(
    clippy::missing_docs_in_private_items,
    clippy::unwrap_used,
    reason = "a test's name says what it shows; an error fails the test"
)]

mod aio_signals;
mod aio_thread_shortage;
mod calc_prefork;
mod calc_shortage;
mod lab_processes;
mod loop_asked;
mod os_signals;
mod os_sockets_and_limits;
mod pool_jobs;
mod processes_pool_deaths;
mod processes_pool_hostile;
mod processes_pool_jobs;
mod processes_pool_life;
mod processes_pool_trouble;
mod processes_supervisor;
mod solo;
mod threads_pool_cycles;
mod timeline_ways;

use std::process::ExitCode;

/// Set for a copy of this program that a test starts: what the copy does.
pub(crate) const ROLE: &str = "HANDLOOM_TEST_ROLE";

fn main() -> ExitCode {
    match std::env::var(ROLE).as_deref() {
        Err(_) => solo::run(&[
            ("aio_signals", aio_signals::TESTS),
            ("aio_thread_shortage", aio_thread_shortage::TESTS),
            ("calc_prefork", calc_prefork::TESTS),
            ("calc_shortage", calc_shortage::TESTS),
            ("lab_processes", lab_processes::TESTS),
            ("loop_asked", loop_asked::TESTS),
            ("os_signals", os_signals::TESTS),
            ("os_sockets_and_limits", os_sockets_and_limits::TESTS),
            ("processes_pool_deaths", processes_pool_deaths::TESTS),
            ("processes_pool_hostile", processes_pool_hostile::TESTS),
            ("processes_pool_jobs", processes_pool_jobs::TESTS),
            ("processes_pool_life", processes_pool_life::TESTS),
            ("processes_pool_trouble", processes_pool_trouble::TESTS),
            ("processes_supervisor", processes_supervisor::TESTS),
            ("threads_pool_cycles", threads_pool_cycles::TESTS),
            ("timeline_ways", timeline_ways::TESTS),
        ]),
        Ok("short_of_memory") => {
            aio_thread_shortage::job_without_a_thread_is_an_error();
            ExitCode::SUCCESS
        }
        Ok("held_loop") => {
            loop_asked::hold_the_loop();
            ExitCode::SUCCESS
        }
        Ok("few_processes") => processes_pool_trouble::with_few_processes(),
        Ok(role) => {
            processes_pool_life::play(role);
            ExitCode::SUCCESS
        }
    }
}
