//! Names that resolve slowly. This binary has a `getaddrinfo` of its own, which std's resolver calls: a name that begins
//! with `slow-` has no answer until the test opens a gate.

#![expect(unsafe_code, reason = "a C function is replaced")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::web_upstream::{Server, Watchdog, outcome, send};
use handloom::aio::sleep;
use handloom::rt::{EventLoop, spawn};
use handloom::web::client::Options;
use handloom::web::client::asynchronous::Client;

/// How many names are looked up, and whether the gate is open.
static SLOW: (Mutex<(usize, bool)>, Condvar) = (Mutex::new((0, false)), Condvar::new());

/// `getaddrinfo` of the system.
type Resolve = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const libc::addrinfo,
    *mut *mut libc::addrinfo,
) -> c_int;

/// Resolves a name, or waits at the gate.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    found: *mut *mut libc::addrinfo,
) -> c_int {
    // SAFETY: the caller gives a string or null, as getaddrinfo(3) says.
    let name = (!node.is_null()).then(|| unsafe { CStr::from_ptr(node) });
    if name.is_some_and(|name| name.to_bytes().starts_with(b"slow-")) {
        let mut slow = SLOW.0.lock().expect("no test panics with it");
        slow.0 += 1;
        while !slow.1 {
            slow = SLOW.1.wait(slow).expect("no test panics with it");
        }
        return libc::EAI_NONAME;
    }
    // SAFETY: the name is a string, and the next definition of it is the system's.
    let next = unsafe { libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr()) };
    assert!(!next.is_null(), "the system has a resolver");
    // SAFETY: a function of this name has this type.
    let resolve = unsafe { mem::transmute::<*mut c_void, Resolve>(next) };
    // SAFETY: the arguments are the caller's.
    unsafe { resolve(node, service, hints, found) }
}

#[test]
fn a_name_that_waits_for_a_thread_is_not_too_late() {
    const THREADS: usize = 1_000;
    let _watchdog = Watchdog::new();
    EventLoop::new().expect("a loop").block_on(async {
        let server =
            Server::start(|_| vec![send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]);
        let client = Client::new(Options { whole: Duration::from_secs(1), ..Options::default() });
        let slow = (0..THREADS).map(|number| {
            let client = client.clone();
            spawn(async move { outcome(&client.get(&format!("http://slow-{number}/")).await) })
        });
        let slow: Vec<_> = slow.collect();
        while SLOW.0.lock().expect("a lock").0 < THREADS {
            sleep(Duration::from_millis(5)).await;
        }
        // Every thread is taken.
        let url = format!("http://localhost:{}/", server.address.port());
        let good = spawn(async move { outcome(&client.get(&url).await) });
        for given_up in slow {
            let told = given_up.await.expect("no panic");
            assert!(told.starts_with("timeout: resolve"), "a name without an answer: {told}");
        }
        // By now the good name's own limit has passed, or nearly; then it passes while it waits.
        sleep(Duration::from_millis(1_100)).await;
        assert!(!good.is_finished(), "DIAL-3: no limit runs while a name waits for a thread");
        SLOW.0.lock().expect("a lock").1 = true;
        SLOW.1.notify_all();
        let told = good.await.expect("no panic");
        assert_eq!(told, "200 hello", "DIAL-3: the name that waited");
    });
}
