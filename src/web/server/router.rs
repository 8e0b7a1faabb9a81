//! From method and path to a handler.
//!
//! An async function's future has its own type and size, so a table can call it only in a box: one allocation for each
//! request. A handler that answers without waiting is a plain function and costs none.
//!
//! **Invariants**
//! - `ROUTER-1` An unknown path is 404 with any method. A known path with an unknown method is 405, with an `Allow`
//!   that names the methods of the path.
//! - `ROUTER-2` `HEAD` goes to the handler of `GET`, and `OPTIONS` is answered from the table, unless they have
//!   handlers of their own. `OPTIONS *` means the server itself, and names all methods of the table.
//! - `ROUTER-3` Escapes in a path are decoded before it is looked up: `/%68ello` is `/hello`. A bad escape is 400.
//!   `/a` and `/a/` are two resources, as in the standard.
//!
//! **Source**: RFC 9110, sections 9.1, 9.3.7 and 15.5.6; RFC 3986, section 6.2.2.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::request::Request;
use super::response::{BoxedFuture, Response};
use crate::http::{Method, RequestHead, Status, percent};

/// The handlers of a server, over a state of type `S` that all of them share.
///
/// # Examples
/// ```
/// use std::cell::Cell;
/// use handloom::web::server::{Request, Response, Router};
///
/// async fn count(visits: &Cell<u32>, _: &mut Request) -> Response {
///     visits.set(visits.get() + 1);
///     Response::text(format!("{}\n", visits.get()))
/// }
/// let router = Router::<Cell<u32>>::new()
///     .get("/count", count)
///     .get_at_once("/hello", |_, _| Response::text("hello\n"));
/// # let _ = router;
/// ```
pub struct Router<S> {
    /// The handlers of each path, which has no escapes.
    paths: BTreeMap<String, Vec<(Method, Handler<S>)>>,
}

/// A function that answers without waiting.
type Function<S> = dyn Fn(&S, &mut Request) -> Response;

/// A handler.
pub(super) enum Handler<S> {
    /// A function that answers without waiting.
    AtOnce(Box<Function<S>>),
    /// An async function.
    Awaited(Box<dyn AsyncHandler<S>>),
}

/// An async function over the state and a request.
pub(super) trait AsyncHandler<S> {
    /// Calls it; nothing happens before the first poll.
    fn call<'a>(&'a self, state: &'a S, request: &'a mut Request) -> BoxedFuture<'a, Response>;
}

impl<S, F: AsyncFn(&S, &mut Request) -> Response> AsyncHandler<S> for F {
    fn call<'a>(&'a self, state: &'a S, request: &'a mut Request) -> BoxedFuture<'a, Response> {
        Box::pin(self(state, request))
    }
}

/// What the table has for a request.
pub(super) enum Found<'a, S> {
    /// A handler.
    Handler(&'a Handler<S>),
    /// The answer itself.
    Answer(Response),
}

impl<S: 'static> Router<S> {
    /// Makes an empty table.
    pub fn new() -> Self {
        Self { paths: BTreeMap::new() }
    }

    /// Adds an async function for `GET` and `HEAD` of a path. It may wait without limit; when the client closes the
    /// connection, its future is dropped where it waits.
    #[must_use]
    pub fn get<F>(self, path: &str, handler: F) -> Self
    where
        F: AsyncFn(&S, &mut Request) -> Response + 'static,
    {
        self.add(Method::Get, path, Handler::Awaited(Box::new(handler)))
    }

    /// Adds an async function for `POST` to a path.
    #[must_use]
    pub fn post<F>(self, path: &str, handler: F) -> Self
    where
        F: AsyncFn(&S, &mut Request) -> Response + 'static,
    {
        self.add(Method::Post, path, Handler::Awaited(Box::new(handler)))
    }

    /// Adds a function that does not wait for `GET` and `HEAD` of a path.
    #[must_use]
    pub fn get_at_once<F>(self, path: &str, handler: F) -> Self
    where
        F: Fn(&S, &mut Request) -> Response + 'static,
    {
        self.on_at_once(Method::Get, path, handler)
    }

    /// Adds a function that does not wait for a method and a path.
    #[must_use]
    pub fn on_at_once<F>(self, method: Method, path: &str, handler: F) -> Self
    where
        F: Fn(&S, &mut Request) -> Response + 'static,
    {
        self.add(method, path, Handler::AtOnce(Box::new(handler)))
    }

    /// Adds a handler; it replaces an earlier one for the same method and path.
    fn add(mut self, method: Method, path: &str, handler: Handler<S>) -> Self {
        let handlers = self.paths.entry(path.to_owned()).or_default();
        handlers.retain(|(known, _)| *known != method);
        handlers.push((method, handler));
        self
    }

    /// Finds what answers a request.
    pub(super) fn find(&self, head: &RequestHead) -> Found<'_, S> {
        let path = match head.path() {
            "*" => {
                return allow(Response::empty(Status::NO_CONTENT), self.paths.values().flatten());
            }
            // ROUTER-3
            path if path.contains('%') => match percent::decode(path) {
                Ok(path) => Cow::Owned(path),
                Err(_) => return Found::Answer(Response::error(Status::BAD_REQUEST)),
            },
            path => Cow::Borrowed(path),
        };
        let Some(handlers) = self.paths.get(&*path) else {
            return Found::Answer(Response::error(Status::NOT_FOUND));
        };
        let find = |wanted| handlers.iter().find(|(known, _)| *known == wanted);
        // ROUTER-2
        match (find(head.method), head.method) {
            (Some((_, handler)), _) => Found::Handler(handler),
            (None, Method::Options) => allow(Response::empty(Status::NO_CONTENT), handlers),
            (None, Method::Head) if let Some((_, handler)) = find(Method::Get) => {
                Found::Handler(handler)
            }
            (None, _) => allow(Response::error(Status::METHOD_NOT_ALLOWED), handlers),
        }
    }
}

/// Adds `Allow` to an answer: the methods of the handlers, and those that the table answers itself.
fn allow<'a, S: 'a>(
    answer: Response,
    handlers: impl IntoIterator<Item = &'a (Method, Handler<S>)>,
) -> Found<'a, S> {
    let known: Vec<Method> = handlers.into_iter().map(|(method, _)| *method).collect();
    let is_allowed = |method: &Method| match method {
        Method::Options => true,
        Method::Head => known.contains(&Method::Head) || known.contains(&Method::Get),
        method => known.contains(method),
    };
    let allowed = Method::ALL.into_iter().filter(is_allowed).map(Method::name);
    let answer = answer.with_field("Allow", allowed.collect::<Vec<_>>().join(", "));
    Found::Answer(answer.expect("holds because names of methods are letters"))
}

impl<S: 'static> Default for Router<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Router<S> {
    /// Shows the paths.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.paths.keys()).finish()
    }
}
