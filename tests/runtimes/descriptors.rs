//! A process that has no descriptor left.

use std::fs::{self, File};
use std::net::TcpStream;
use std::os::fd::IntoRawFd;

use handloom::os::limits;
use handloom_conformance::futures::many_turns;
use handloom_conformance::runtime::{Listener, Runtime};
use handloom_conformance::sockets::client;

/// Leaves the process no descriptor but those it has.
pub(crate) fn no_more_descriptors() {
    // What is open need not be numbered without gaps; the gaps are filled first.
    let highest = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u64>().ok())
        .max();
    limits::set_open_files(highest.unwrap()).unwrap();
    while let Ok(file) = File::open("/dev/null") {
        // For as long as the process, which is short.
        let _kept_open = file.into_raw_fd();
    }
}

/// The number of `EMFILE`, by the system's own word.
pub(crate) fn out_of_descriptors() -> i32 {
    File::open("/dev/null").map(drop).unwrap_err().raw_os_error().unwrap()
}

/// A listener with clients in its backlog, and no descriptor left to accept them with. Closing the
/// spare one leaves room for one.
pub(crate) async fn without_descriptors<R: Runtime>(
    clients: usize,
) -> (R::Listener, Vec<TcpStream>, Vec<File>) {
    let listener = R::listen();
    let to = listener.address();
    let clients: Vec<_> = (0..clients).map(|_| client(to)).collect();
    let spare: Vec<_> = clients.iter().map(|_| File::open("/dev/null").unwrap()).collect();
    many_turns::<R>().await;
    no_more_descriptors();
    (listener, clients, spare)
}
