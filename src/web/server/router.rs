//! From method and path to a handler.
//!
//! **Invariants**
//! - `ROUTER-1` A path that nobody knows is 404, whatever the method. A path that is known, but not with this
//!   method, is 405 with an `Allow` that names those it is known with.
//! - `ROUTER-2` `HEAD` goes wherever `GET` goes, and `OPTIONS` is answered from the table, unless a handler was
//!   given for it. `OPTIONS *` asks for the server itself, and names all methods of the table.
//! - `ROUTER-3` Escapes in a path are decoded before it is looked up: `/%68ello` is `/hello`. A bad escape is 400.
//!
//! **Left out**: patterns such as `/user/{id}`; what varies stands in the query here. Trailing slashes: `/a` and
//! `/a/` are two resources, as the standard has it.
//!
//! **Source**: RFC 9110, sections 9.1, 9.3.7 and 15.5.6; RFC 3986, section 6.2.2.

use std::borrow::Cow;
use std::fmt;

use super::handler::{Awaited, Handler};
use super::request::Request;
use super::response::Response;
use crate::http::{Method, RequestHead, Status, percent};

/// The resources of a server, over a state of type `S` that all handlers share.
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
    /// The resources, in order of their paths.
    resources: Vec<Resource<S>>,
}

/// What is known of one path.
struct Resource<S> {
    /// The path, without escapes.
    path: String,
    /// Who answers which method.
    handlers: Vec<(Method, Handler<S>)>,
}

/// What was found for a request.
pub(super) enum Found<'a, S> {
    /// Who answers.
    Handler(&'a Handler<S>),
    /// The answer itself, from the table.
    Answer(Response),
}

impl<S: 'static> Router<S> {
    /// Makes a server that knows nothing.
    pub fn new() -> Self {
        Self { resources: Vec::new() }
    }

    /// Has `GET` and `HEAD` of a path answered by an async function, which may wait as long as it likes.
    ///
    /// When the client goes away, its future is dropped where it waits.
    #[must_use]
    pub fn get<F>(self, path: &str, handler: F) -> Self
    where
        F: AsyncFn(&S, &mut Request) -> Response + 'static,
    {
        self.on(Method::Get, path, handler)
    }

    /// Has `POST` to a path answered by an async function.
    #[must_use]
    pub fn post<F>(self, path: &str, handler: F) -> Self
    where
        F: AsyncFn(&S, &mut Request) -> Response + 'static,
    {
        self.on(Method::Post, path, handler)
    }

    /// Has a method and path answered by an async function. The last one given for both counts.
    #[must_use]
    pub fn on<F>(self, method: Method, path: &str, handler: F) -> Self
    where
        F: AsyncFn(&S, &mut Request) -> Response + 'static,
    {
        let handler: Box<dyn Awaited<S>> = Box::new(handler);
        self.add(method, path, Handler::Awaited(handler))
    }

    /// Has `GET` and `HEAD` of a path answered by a function that does not wait, which spares the future.
    #[must_use]
    pub fn get_at_once<F>(self, path: &str, handler: F) -> Self
    where
        F: Fn(&S, &mut Request) -> Response + 'static,
    {
        self.on_at_once(Method::Get, path, handler)
    }

    /// Has a method and path answered by a function that does not wait.
    #[must_use]
    pub fn on_at_once<F>(self, method: Method, path: &str, handler: F) -> Self
    where
        F: Fn(&S, &mut Request) -> Response + 'static,
    {
        self.add(method, path, Handler::AtOnce(Box::new(handler)))
    }

    /// Enters a handler into the table.
    fn add(mut self, method: Method, path: &str, handler: Handler<S>) -> Self {
        let place = self.resources.binary_search_by(|resource| resource.path.as_str().cmp(path));
        // Kept in order while it is made, so that a request finds its resource by halving.
        let place = place.unwrap_or_else(|place| {
            let resource = Resource { path: path.to_owned(), handlers: Vec::new() };
            self.resources.insert(place, resource);
            place
        });
        let handlers = &mut self.resources[place].handlers;
        handlers.retain(|(known, _)| *known != method);
        handlers.push((method, handler));
        self
    }

    /// Finds out what answers a request.
    pub(super) fn find(&self, head: &RequestHead) -> Found<'_, S> {
        let path = match head.path() {
            "*" => return Found::Answer(allowing(Status::NO_CONTENT, &self.methods())),
            // ROUTER-3
            path if path.contains('%') => match percent::decode(path) {
                Ok(path) => Cow::Owned(path),
                Err(_) => return Found::Answer(Response::error(Status::BAD_REQUEST)),
            },
            path => Cow::Borrowed(path),
        };
        match self.resources.binary_search_by(|resource| resource.path.as_str().cmp(&path)) {
            Ok(place) => self.resources[place].find(head.method),
            Err(_) => Found::Answer(Response::error(Status::NOT_FOUND)),
        }
    }

    /// Lists the methods of all resources, each once.
    fn methods(&self) -> Vec<Method> {
        let is_known = |method: &Method| {
            self.resources.iter().any(|resource| resource.methods().contains(method))
        };
        Method::ALL
            .into_iter()
            .filter(|method| *method == Method::Options || is_known(method))
            .collect()
    }
}

impl<S> Resource<S> {
    /// Finds out what answers a method.
    fn find(&self, method: Method) -> Found<'_, S> {
        let find = |wanted| self.handlers.iter().find(|(known, _)| *known == wanted);
        let found = find(method).or_else(|| {
            // ROUTER-2
            if method == Method::Head { find(Method::Get) } else { None }
        });
        match found {
            Some((_, handler)) => Found::Handler(handler),
            None if method == Method::Options => {
                Found::Answer(allowing(Status::NO_CONTENT, &self.methods()))
            }
            None => Found::Answer(allowing(Status::METHOD_NOT_ALLOWED, &self.methods())),
        }
    }

    /// Lists the methods that are not 405.
    fn methods(&self) -> Vec<Method> {
        let has = |wanted| self.handlers.iter().any(|(known, _)| *known == wanted);
        let is_allowed = |method: &Method| match method {
            Method::Options => true,
            Method::Head => has(Method::Head) || has(Method::Get),
            method => has(*method),
        };
        Method::ALL.into_iter().filter(is_allowed).collect()
    }
}

/// Makes an answer with `Allow`.
fn allowing(status: Status, methods: &[Method]) -> Response {
    let names: Vec<&str> = methods.iter().map(|method| method.name()).collect();
    let response = match status {
        Status::NO_CONTENT => Response::empty(status),
        _ => Response::error(status),
    };
    response
        .with_field("Allow", names.join(", "))
        .expect("holds because names of methods are letters")
}

impl<S: 'static> Default for Router<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Router<S> {
    /// Shows the paths.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.resources.iter().map(|resource| &resource.path)).finish()
    }
}
