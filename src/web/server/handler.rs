//! Handlers, whatever their types, as one type.
//!
//! An async function's future has a type and a size of its own, so it must lie in a box before a table can call
//! it: one allocation for each request. Who answers without waiting needs no future, and pays nothing.
//!
//! **Left out**: keeping the box for the next request, which safe Rust has no words for.

use std::pin::Pin;

use super::request::Request;
use super::response::Response;

/// An answer that is being made.
pub(super) type Answering<'a> = Pin<Box<dyn Future<Output = Response> + 'a>>;

/// A function that answers without waiting.
type Function<S> = dyn Fn(&S, &mut Request) -> Response;

/// What answers a request.
pub(super) enum Handler<S> {
    /// A function.
    AtOnce(Box<Function<S>>),
    /// An async function.
    Awaited(Box<dyn Awaited<S>>),
}

/// An async function over the state and a request.
pub(super) trait Awaited<S> {
    /// Calls it; nothing happens before the first poll.
    fn call<'a>(&'a self, state: &'a S, request: &'a mut Request) -> Answering<'a>;
}

impl<S, F: AsyncFn(&S, &mut Request) -> Response> Awaited<S> for F {
    fn call<'a>(&'a self, state: &'a S, request: &'a mut Request) -> Answering<'a> {
        Box::pin(self(state, request))
    }
}
