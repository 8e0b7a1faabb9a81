//! Fetching: pages a second, beside hyper's client on tokio; memory of a request that waits; slow pages at once.
//!
//! `cargo bench -p handloom-benches --bench fetch` prints three tables; with `-- small`, `memory` or `slow` just that one. The server is a loop of our own that answers every request with
//! the same page; it has a core to itself, and the client another, where there are two.
//!
//! | table | metric |
//! | --- | --- |
//! | small pages | pages a second, [`ROUNDS`] rounds in turn, the best of each client |
//! | memory | bytes asked of the allocator for each of [`WAITING`] requests that wait for their answer |
//! | slow pages | the time for 1, 100 and 1,000 pages of [`SLOW`] each, all at once |
//!
//! The requests carry what each client sends by itself. What would change the conclusions: larger pages, where the
//! kernel's copying outweighs everything; another machine's price of a system call.

#![expect(unsafe_code, reason = "a global allocator that counts")]
#![expect(clippy::print_stdout, reason = "the tables are what this program is for")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::env;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use handloom::aio::{AsyncRead, AsyncWrite, TcpListener, TcpStream, bounded, sleep};
use handloom::os::affinity::{allowed_cpus, pin_to_cpus};
use handloom::rt::{EventLoop, spawn};
use handloom::web::client::asynchronous::Client;
use handloom::web::client::{Options, blocking};
use handloom_tokio::fetch;

/// Pages in a round.
const PAGES: usize = 50_000;

/// Rounds of each client.
const ROUNDS: usize = 5;

/// Requests that wait while memory is counted.
const WAITING: usize = 1000;

/// How long a slow page takes.
const SLOW: Duration = Duration::from_millis(300);

/// The page.
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!";

/// Bytes of its body.
const BODY_BYTES: usize = 13;

/// The system's allocator, with a count of the bytes that are in use.
struct Counting;

thread_local! {
    /// The bytes that this thread has asked for and not given back; the server's thread has its own count.
    static IN_USE: std::cell::Cell<isize> = const { std::cell::Cell::new(0) };
}

/// Adds to the count of this thread, unless that is at its end.
fn count(bytes: isize) {
    let _ = IN_USE.try_with(|in_use| in_use.set(in_use.get() + bytes));
}

// SAFETY: every call is passed on unchanged to the system's allocator; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller keeps `GlobalAlloc::alloc`'s contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: the caller keeps `GlobalAlloc::dealloc`'s contract; `System` made the block.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Counts for the whole program.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Requests that the server has read, for the table of memory to wait for.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Answers requests until the client goes: `/` at once, `/slow` after a while, anything else never.
async fn serve(mut stream: TcpStream) {
    let mut room = [0; 1024];
    let mut length = 0;
    loop {
        match stream.read(&mut room[length..]).await {
            Ok(bytes) if bytes > 0 => length += bytes,
            _ => return,
        }
        if room[..length].ends_with(b"\r\n\r\n") {
            ASKED.fetch_add(1, Ordering::Relaxed);
            match &room[..6] {
                b"GET / " => {}
                b"GET /s" => sleep(SLOW).await,
                _ => pending().await,
            }
            length = 0;
            if stream.write_all(ANSWER).await.is_err() {
                return;
            }
        }
    }
}

/// Starts the server on a core of its own.
fn start_server(cpus: &[usize]) -> SocketAddr {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    handloom::os::socket::listen_with_backlog(&listener, 4096).expect("listen");
    let address = listener.local_addr().expect("address");
    let cpu = cpus[0];
    thread::spawn(move || {
        pin_to_cpus(&[cpu]).expect("pin");
        EventLoop::new().expect("a loop").block_on(async {
            let mut listener = TcpListener::from_std(listener).expect("listen");
            loop {
                let (stream, _) = listener.accept().await.expect("accept");
                drop(spawn(serve(stream)));
            }
        });
    });
    address
}

/// Fetches pages with our client on the loop, with as many tasks as hyper's gets.
fn fetch_ours(url: &str, pages: usize, at_once: usize) -> usize {
    EventLoop::new().expect("a loop").block_on(async {
        let client = Client::new(Options::default());
        let url: Rc<str> = url.into();
        let workers = (0..at_once).map(|worker| {
            let (client, url) = (client.clone(), url.clone());
            let share = pages / at_once + usize::from(worker < pages % at_once);
            spawn(async move {
                let mut bytes = 0;
                for _ in 0..share {
                    bytes += client.get(&url).await.expect("a page").body.len();
                }
                bytes
            })
        });
        let mut bytes = 0;
        for worker in workers.collect::<Vec<_>>() {
            bytes += worker.await.expect("no panic");
        }
        bytes
    })
}

/// Fetches pages with the blocking client.
fn fetch_blocking(url: &str, pages: usize) -> usize {
    let client = blocking::Client::new(Options::default());
    (0..pages).map(|_| client.get(url).expect("a page").body.len()).sum()
}

/// Pages a second of a round.
fn speed(pages: usize, fetch: impl FnOnce() -> usize) -> f64 {
    let began = Instant::now();
    assert_eq!(fetch(), pages * BODY_BYTES, "every page comes whole");
    let pages = u32::try_from(pages).expect("holds because a round is short");
    f64::from(pages) / began.elapsed().as_secs_f64()
}

/// The table of small pages.
fn small_pages(url: &str) {
    println!("{:>8} {:>12} {:>12} {:>6}", "at once", "ours", "hyper", "ratio");
    for at_once in [1, 8, 64] {
        let (mut ours, mut hyper) = (0_f64, 0_f64);
        for _ in 0..ROUNDS {
            ours = ours.max(speed(PAGES, || fetch_ours(url, PAGES, at_once)));
            hyper =
                hyper.max(speed(PAGES, || fetch::fetch_pages(url, PAGES, at_once).expect("pages")));
        }
        println!("{at_once:>8} {ours:>12.0} {hyper:>12.0} {:>6.2}", ours / hyper);
    }
    // Each has a connection of its own; too many of them would use up the ports.
    let blocking = speed(5000, || fetch_blocking(url, 5000));
    println!("blocking, a connection each: {blocking:.0}");
}

/// The table of memory.
fn memory(url: &str) {
    let event_loop = EventLoop::new().expect("a loop");
    event_loop.block_on(async {
        let client = Client::new(Options { whole: Duration::MAX, ..Options::default() });
        let url: Rc<str> = format!("{url}never").into();
        let (before, asked) = (IN_USE.get(), ASKED.load(Ordering::Relaxed));
        for _ in 0..WAITING {
            let (client, url) = (client.clone(), url.clone());
            drop(spawn(async move { client.get(&url).await.map(drop) }));
        }
        while ASKED.load(Ordering::Relaxed) < asked + WAITING {
            sleep(Duration::from_millis(10)).await;
        }
        let bytes = (IN_USE.get() - before) / WAITING.cast_signed();
        println!("\nmemory of a request that waits: {bytes} bytes, of {WAITING}");
    });
}

/// The table of slow pages.
fn slow_pages(url: &str) {
    let url = format!("{url}slow");
    println!("\n{:>8} {:>12} {:>12}", "pages", "ours", "hyper");
    for pages in [1, 100, 1000] {
        let began = Instant::now();
        EventLoop::new().expect("a loop").block_on(async {
            let client = Client::new(Options::default());
            let fetched = bounded(pages, (0..pages).map(|_| client.get(&url))).await;
            assert!(fetched.iter().all(Result::is_ok), "every page comes");
        });
        let ours = began.elapsed();
        let began = Instant::now();
        fetch::fetch_pages(&url, pages, pages).expect("pages");
        println!("{pages:>8} {ours:>12.1?} {:>12.1?}", began.elapsed());
    }
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if env::args().any(|word| word == "--test") {
        return;
    }
    let cpus = allowed_cpus().expect("cpus");
    let address = start_server(&cpus);
    pin_to_cpus(&[*cpus.last().expect("a cpu")]).expect("pin");
    let url = format!("http://{address}/");
    let wanted = env::args().skip(1).filter(|word| !word.starts_with('-')).collect::<Vec<_>>();
    let is_wanted = |table: &str| wanted.is_empty() || wanted.iter().any(|word| word == table);
    if is_wanted("small") {
        small_pages(&url);
    }
    if is_wanted("memory") {
        memory(&url);
    }
    if is_wanted("slow") {
        slow_pages(&url);
    }
}
