//! Three tests at a time for each processor, where tests mostly wait: for a program, a time-out, a client.
//!
//! The usual harness runs one for each processor, and has no setting in a file that `cargo test` reads.

#[ctor::ctor(unsafe)]
fn run_many_at_a_time() {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        // SAFETY: this runs before `main`, so no other thread reads or writes a variable.
        unsafe { std::env::set_var("RUST_TEST_THREADS", (3 * processors).to_string()) };
    }
}
