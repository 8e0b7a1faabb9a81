//! The site that is fetched by default, and the same site on a thread of this process.
//!
//! | path | response |
//! | --- | --- |
//! | `/` | links to all of it |
//! | each of [`PAGES`] | its text, after its delay |
//! | [`MOVED`] | 302 to a page |
//! | [`MISSING`] | 404 |
//! | `/hello` | `hello` |
//! | `POST /echo` | the body |
//! | `/q?q=…` | the decoded value; 400 without one, or with a bad escape |
//! | `/slow?ms=…` | the delay, after so many milliseconds |
//!
//! **Invariants**
//! - `PAGES-1` A page has the same bytes each time, so the results of two modes can be compared.
//! - `PAGES-2` No response begins before the page's delay is over; a dripping page does not end before that.
//! - `EMBEDDED-1` A client can connect to an [`EmbeddedSite`] as soon as it exists.
//! - `EMBEDDED-2` After its stop or drop, an [`EmbeddedSite`] has no thread and no listener.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::aio::{self, Descriptor, sleep};
use crate::http::{Framing, Method, Status};
use crate::os::EventFd;
use crate::os::socket::listen_with_backlog;
use crate::rt::EventLoop;
use crate::web::server::{AccessLog, Config, Request, Response, Router, Server};

/// Connections that the kernel holds until they are accepted: a thousand clients may connect at the same time.
const BACKLOG_CONNECTIONS: u16 = 4096;

/// The longest delay of `/slow`, in milliseconds.
const LONGEST_SLOW_MS: u64 = 60_000;

/// The path of the page that has moved.
pub const MOVED: &str = "/moved";

/// A path that does not exist.
pub const MISSING: &str = "/missing";

/// Returns the paths to fetch: the pages, [`MOVED`] and [`MISSING`].
pub fn links() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|page| page.path).chain([MOVED, MISSING])
}

/// Makes the site's table of resources.
pub fn router() -> Router<()> {
    let mut router = Router::new()
        .get_at_once("/", |(), _| index())
        .get_at_once("/hello", |(), _| Response::text("hello\n"))
        .get_at_once(MOVED, |(), _| moved())
        .get_at_once("/q", |(), request| query(request))
        .on_at_once(Method::Post, "/echo", |(), request| Response::bytes(request.take_body()))
        .get("/slow", async |(), request: &mut Request| slow(request).await);
    for page in PAGES {
        router = router.get(page.path, async move |(), _: &mut Request| page.answer().await);
    }
    router
}

/// Answers with links to all resources.
fn index() -> Response {
    let page = |page: Page| {
        let (bytes, ms) = (page.bytes, page.delay.as_millis());
        let how = ["", ", in chunks", ", piece by piece", ", then a close"][page.framing as usize];
        let what = match bytes {
            0 => "an empty page, at once".to_owned(),
            1 => format!("1 byte after {ms} ms{how}"),
            _ => format!("{bytes} bytes after {ms} ms{how}"),
        };
        (page.path.to_owned(), what)
    };
    let others = [
        (MOVED, "a redirect to a page"),
        (MISSING, "404"),
        ("/hello", "hello, at once"),
        ("/q?q=caf%C3%A9+au+lait", "the decoded value"),
        ("/slow?ms=300", "an answer after so many milliseconds"),
    ];
    let others = others.map(|(path, what)| (path.to_owned(), what.to_owned()));
    let rows: Vec<_> = PAGES.map(page).into_iter().chain(others).collect();
    Response::index("Handloom's site", "Slow pages for clients that wait.", &rows)
}

/// Answers with a redirect to a page.
fn moved() -> Response {
    Response::redirect(Status::FOUND, "/page")
        .expect("holds because the path is a constant without line breaks")
}

/// Answers with the value of `q`.
fn query(request: &Request) -> Response {
    match request.query() {
        Ok(query) => match query.get("q") {
            Some(value) => Response::text(value.to_owned()),
            None => bad("expected a query such as q=text"),
        },
        Err(error) => bad(&error.to_string()),
    }
}

/// Answers after the delay that the query asks for.
async fn slow(request: &mut Request) -> Response {
    let query = request.query().unwrap_or_default();
    let ms = query.get("ms").and_then(|ms| ms.parse().ok()).filter(|ms| *ms <= LONGEST_SLOW_MS);
    let Some(ms) = ms else {
        return bad(&format!("expected a query such as ms=300, at most {LONGEST_SLOW_MS}"));
    };
    sleep(Duration::from_millis(ms)).await;
    Response::text(format!("{ms} ms\n"))
}

/// Answers that a request cannot be understood, and why.
fn bad(why: &str) -> Response {
    Response::text(format!("{why}\n")).with_status(Status::BAD_REQUEST)
}

/// The bytes of a piece, for pages that are sent in pieces.
const PIECE_BYTES: usize = 1_000;

/// A page of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its path.
    pub path: &'static str,
    /// Its size.
    pub bytes: usize,
    /// The time until the response begins; for a dripping page, until it ends.
    pub delay: Duration,
    /// How its end is marked.
    pub framing: PageFraming,
}

/// How the end of a page is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFraming {
    /// By its length.
    Length,
    /// In chunks.
    Chunked,
    /// In chunks with pauses between them.
    Dripping,
    /// By the end of the connection.
    Close,
}

/// The pages.
pub const PAGES: [Page; 12] = [
    page("/empty", 0, 0, PageFraming::Length),
    page("/tiny", 1, 50, PageFraming::Length),
    page("/short", 100, 300, PageFraming::Length),
    page("/page", 10_000, 100, PageFraming::Length),
    page("/long", 100_000, 200, PageFraming::Length),
    page("/huge", 1_000_000, 400, PageFraming::Length),
    page("/late", 500, 500, PageFraming::Length),
    page("/chunks", 5_000, 150, PageFraming::Chunked),
    page("/many-chunks", 200_000, 250, PageFraming::Chunked),
    page("/drip", 10_000, 450, PageFraming::Dripping),
    page("/until-close", 2_000, 100, PageFraming::Close),
    page("/long-until-close", 300_000, 350, PageFraming::Close),
];

/// Makes a row of the table.
const fn page(path: &'static str, bytes: usize, delay_ms: u64, framing: PageFraming) -> Page {
    Page { path, bytes, delay: Duration::from_millis(delay_ms), framing }
}

impl Page {
    /// Returns the page's text (`PAGES-1`).
    pub fn text(&self) -> String {
        let line = format!("This is {} of handloom's embedded site.\n", self.path);
        let mut text = line.repeat(self.bytes / line.len() + 1);
        text.truncate(self.bytes);
        text
    }

    /// Returns the response, after the delay. A dripping page begins at once, and pauses between the pieces.
    async fn answer(self) -> Response {
        if self.framing == PageFraming::Dripping {
            let pieces = u32::try_from(self.bytes.div_ceil(PIECE_BYTES)).unwrap_or(u32::MAX);
            return in_pieces(self, Framing::Chunked, self.delay / pieces.max(1));
        }
        sleep(self.delay).await;
        match self.framing {
            PageFraming::Length => Response::text(self.text()),
            PageFraming::Close => in_pieces(self, Framing::Close, Duration::ZERO),
            _ => in_pieces(self, Framing::Chunked, Duration::ZERO),
        }
    }
}

/// Returns a response that sends a page in pieces, with a pause before each.
fn in_pieces(page: Page, framing: Framing, pause: Duration) -> Response {
    let text = page.text().into_bytes();
    let mut sent = 0;
    Response::pieces(framing, async move || {
        if sent == text.len() {
            return None;
        }
        if !pause.is_zero() {
            sleep(pause).await;
        }
        let end = text.len().min(sent + PIECE_BYTES);
        let piece = text[sent..end].to_vec();
        sent = end;
        Some(piece)
    })
}

/// Serves the site on `listener` until `stop` is readable. Calls `ready` when it accepts clients.
///
/// # Errors
/// The listener failed and cannot be used any more, the event loop cannot be made, or `ready` failed.
///
/// # Blocking
/// Until the stop; then until the requests under way are answered, at most for the grace.
pub fn serve(
    listener: TcpListener,
    mut config: Config,
    log: Option<AccessLog>,
    stop: BorrowedFd<'_>,
    ready: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<()> {
    listen_with_backlog(&listener, BACKLOG_CONNECTIONS)?;
    EventLoop::builder().slow_poll(None).build()?.block_on(async {
        let mut stop = Descriptor::new(stop)?;
        let listener = aio::TcpListener::from_std(listener)?;
        ready()?;
        let stopped = async {
            // An error stops the site too: it could not be stopped later.
            drop(stop.readable().await);
        };
        // A client that shuts down its sending side after the request still gets the page.
        config.half_close = Duration::from_secs(10);
        let mut server = Server::with_config(router(), (), config);
        if let Some(log) = log {
            server = server.with_log(move |answered| log.write(&answered.line(SystemTime::now())));
        }
        server.serve(listener, stopped).await
    })
}

/// A site that is served by a thread of this process.
#[derive(Debug)]
pub struct EmbeddedSite {
    /// The listener's address.
    address: SocketAddr,
    /// Signalled to stop the thread.
    stop: EventFd,
    /// Its thread; `None` after it was joined.
    thread: Option<thread::JoinHandle<io::Result<()>>>,
}

/// Starts the site on a free port of this machine and a new thread.
///
/// # Errors
/// No descriptor is free, or no thread can be started.
pub fn embed(config: Config) -> io::Result<EmbeddedSite> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let (address, stop) = (listener.local_addr()?, EventFd::new()?);
    let stopped = stop.as_fd().try_clone_to_owned()?;
    // EMBEDDED-1
    listen_with_backlog(&listener, BACKLOG_CONNECTIONS)?;
    let work = move || serve(listener, config, None, stopped.as_fd(), &mut || Ok(()));
    let thread = Some(thread::Builder::new().name("site".into()).spawn(work)?);
    Ok(EmbeddedSite { address, stop, thread })
}

impl EmbeddedSite {
    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Stops the site, after the requests under way, within the grace.
    ///
    /// # Errors
    /// The site had failed.
    ///
    /// # Panics
    /// If the thread panicked.
    ///
    /// # Blocking
    /// Until the thread has ended, at most for the grace.
    pub fn stop(mut self) -> io::Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.stop.signal()?;
        thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    }
}

impl Drop for EmbeddedSite {
    fn drop(&mut self) {
        // Errors and panics of the thread are ignored here; `stop` returns them.
        if let Some(thread) = self.thread.take()
            && self.stop.signal().is_ok()
        {
            drop(thread.join());
        }
    }
}
