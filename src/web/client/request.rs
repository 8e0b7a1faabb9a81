//! What is asked of a server.

use super::fault::Failure;
use super::fault::Fault;
use crate::http::{Fields, Method, Url};

/// A request, before it knows a connection.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// Where.
    pub url: Url,
    /// Fields beside those that every request gets. `Host`, `Content-Length` and others are not the caller's.
    pub fields: Fields,
    /// The body, sent with its length; none when empty. It is sent before the response is read.
    pub body: Vec<u8>,
}

impl Request {
    /// Asks for the page at an address.
    ///
    /// # Errors
    /// [`Fault::Url`] or [`Fault::Scheme`]: no byte is sent to an address that could break out of its line.
    pub fn get(url: &str) -> Result<Self, Failure> {
        Self::new(Method::Get, url)
    }

    /// Asks for something else to be done.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn new(method: Method, url: &str) -> Result<Self, Failure> {
        match Url::parse(url) {
            Ok(url) => Ok(Self { method, url, fields: Fields::new(), body: Vec::new() }),
            Err(error) => Err(Fault::from(error).at(url, None)),
        }
    }
}
