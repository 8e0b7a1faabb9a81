//! Where a redirect leads, and what is asked there.
//!
//! | status | `GET`, `HEAD` and others | `POST` |
//! | --- | --- | --- |
//! | 301, 302 | same method, same body | `GET` without a body, as every browser has always done |
//! | 303 | `GET` without a body; `HEAD` stays `HEAD` | `GET` without a body |
//! | 307, 308 | same method, same body | same method, same body |
//!
//! **Invariants**
//! - `REDIRECT-1` A request is followed at most so often as its limit says.
//! - `REDIRECT-2` The same method at the same address twice is a loop, and ends the chain at once: nothing that
//!   is sent has changed, so the answer would not change either.
//! - `REDIRECT-3` It leads to `http` and nowhere else (`RESOLVE-1`).
//!
//! **Left out**: 300, which offers a choice to people, and 305, which is long withdrawn. Remembering permanent
//! ones.
//!
//! **Source**: RFC 9110, sections 10.2.2 and 15.4.

use std::error::Error;
use std::fmt;
use std::mem;

use super::fields::Fields;
use super::method::Method;
use super::status::Status;
use super::url::{Url, UrlError};

/// Redirects that are followed unless somebody asks for another number. Taste: as many as browsers' half.
pub const DEFAULT_REDIRECTS: usize = 10;

/// What is to be asked next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The address.
    pub url: Url,
    /// The method.
    pub method: Method,
    /// Whether the body of the first request is sent again.
    pub keeps_body: bool,
}

/// Why a redirect is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectError {
    /// There were as many before it as the limit allows.
    TooMany(usize),
    /// It leads back to where this request has been (`REDIRECT-2`).
    Loop,
    /// It names two addresses.
    TwoLocations,
    /// The address that it names is none.
    Location(UrlError),
}

/// Tells what a response asks for: `None` when it is not a redirect, or names no address to go to.
///
/// # Errors
/// [`RedirectError::TwoLocations`] or [`RedirectError::Location`].
pub fn redirect(
    url: &Url,
    method: Method,
    status: Status,
    fields: &Fields,
) -> Result<Option<Redirect>, RedirectError> {
    let becomes_get = match status {
        Status::MOVED_PERMANENTLY | Status::FOUND => method == Method::Post,
        Status::SEE_OTHER => method != Method::Head,
        Status::TEMPORARY_REDIRECT | Status::PERMANENT_REDIRECT => false,
        _ => return Ok(None),
    };
    let mut locations = fields.get_all("location");
    let Some(location) = locations.next() else {
        return Ok(None);
    };
    if locations.any(|other| other != location) {
        return Err(RedirectError::TwoLocations);
    }
    let location =
        std::str::from_utf8(location).map_err(|_| RedirectError::Location(UrlError::Character))?;
    let url = url.join(location).map_err(RedirectError::Location)?;
    let method = if becomes_get { Method::Get } else { method };
    Ok(Some(Redirect { url, method, keeps_body: !becomes_get && status != Status::SEE_OTHER }))
}

/// The redirects of one request, from the first address on.
#[derive(Clone, Debug)]
pub struct Redirects {
    /// What was asked before the last, and where; as many as redirects were followed.
    before: Vec<(Method, Url)>,
    /// What was asked last, and where.
    last: (Method, Url),
    /// The most that are followed (`REDIRECT-1`).
    limit: usize,
}

impl Redirects {
    /// Begins with what is asked first.
    pub fn new(method: Method, url: Url, limit: usize) -> Self {
        Self { before: Vec::new(), last: (method, url), limit }
    }

    /// Tells what to ask after this response to what was asked last; `None` when the response is the final one.
    ///
    /// # Errors
    /// [`RedirectError`]; the response itself is right, so its body may still be read.
    pub fn follow(
        &mut self,
        status: Status,
        fields: &Fields,
    ) -> Result<Option<Redirect>, RedirectError> {
        let (method, url) = &self.last;
        let Some(next) = redirect(url, *method, status, fields)? else {
            return Ok(None);
        };
        let asked = (next.method, next.url.clone());
        if asked == self.last || self.before.contains(&asked) {
            return Err(RedirectError::Loop);
        }
        if self.before.len() >= self.limit {
            return Err(RedirectError::TooMany(self.limit));
        }
        self.before.push(mem::replace(&mut self.last, asked));
        Ok(Some(next))
    }

    /// Returns what was asked last, and where.
    pub fn last(&self) -> &(Method, Url) {
        &self.last
    }
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(1) => f.write_str("more than 1 redirect"),
            Self::TooMany(limit) => write!(f, "more than {limit} redirects"),
            Self::Loop => f.write_str("the redirects lead back to where they began"),
            Self::TwoLocations => f.write_str("the redirect names two addresses"),
            Self::Location(error) => write!(f, "the redirect leads nowhere: {error}"),
        }
    }
}

impl Error for RedirectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Location(error) => Some(error),
            _ => None,
        }
    }
}
