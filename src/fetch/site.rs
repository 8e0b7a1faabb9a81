//! A site to fetch from: which resource gives which answer.
//!
//! Pages of different size and delay, framed in every way that HTTP knows, and the two that every collection of
//! links has: one that has moved, and one that is not there. Beside them some resources to play with.
//!
//! | path | answer |
//! | --- | --- |
//! | `/` | links to all of it |
//! | each of [`PAGES`] | its text, after its delay |
//! | [`MOVED`] | 302 to a page |
//! | [`MISSING`] | 404 |
//! | `/hello` | `hello` |
//! | `POST /echo` | the body |
//! | `/q?q=…` | the decoded value; 400 without one, or with a bad escape |
//! | `/slow?ms=…` | how long it took, after so many milliseconds |
//!
//! **Invariants**
//! - `SITE-1` `/hello`, `/echo`, `/q` and `/slow` are a contract with those who test servers; the pages are not.

use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::pages::PAGES;
use crate::aio::{self, Descriptor, sleep};
use crate::http::{Method, Status};
use crate::os::socket::listen_with_backlog;
use crate::rt::EventLoop;
use crate::web::server::{Config, Request, Response, Router, Server};

/// Connections that the kernel keeps ready for accept: a thousand clients may come at once.
pub(super) const BACKLOG_CONNECTIONS: u16 = 4096;

/// The longest that `/slow` may be told to take, in milliseconds. Taste: a minute.
const LONGEST_SLOW_MS: u64 = 60_000;

/// What has moved.
pub const MOVED: &str = "/moved";

/// What is not there.
pub const MISSING: &str = "/missing";

/// Where [`MOVED`] has moved to.
const MOVED_TO: &str = "/page";

/// Lists every link of the site: the pages, what has moved, and what is not there.
pub fn links() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|page| page.path).chain([MOVED, MISSING])
}

/// Makes the table of the site's resources.
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

/// Answers with links to everything.
fn index() -> Response {
    let link = |path| format!("<li><a href=\"{path}\">{path}</a></li>\n");
    let more = ["/hello", "/q?q=caf%C3%A9+au+lait", "/slow?ms=300"];
    let list: String = links().chain(more).map(link).collect();
    Response::html(format!("<!DOCTYPE html>\n<title>Handloom</title>\n<ul>\n{list}</ul>\n"))
}

/// Answers with the place where the page is now.
fn moved() -> Response {
    Response::redirect(Status::FOUND, MOVED_TO)
        .expect("holds because the place is a constant without line breaks")
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

/// Answers after a while.
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

/// Serves the site on `listener` until `stop` is readable; `ready` is called when clients are taken in.
///
/// # Errors
/// The listener fails for good, there is no descriptor for the event loop; that of `ready`.
///
/// # Blocking
/// Until the stop, and the grace.
pub fn serve(
    listener: TcpListener,
    mut config: Config,
    stop: BorrowedFd<'_>,
    ready: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<()> {
    listen_with_backlog(&listener, BACKLOG_CONNECTIONS)?;
    EventLoop::builder().slow_poll(None).build()?.block_on(async {
        let mut stop = Descriptor::new(stop)?;
        let listener = aio::TcpListener::from_std(listener)?;
        ready()?;
        let stopped = async {
            // Whether it is readable or of no use any more: nobody could stop the server later.
            drop(stop.readable().await);
        };
        // A client that closes its sending side after its request still gets the page.
        config.half_close = Duration::from_secs(10);
        Server::with_config(router(), (), config).serve(listener, stopped).await
    })
}
