//! Where a redirect leads, and what is requested there.
//!
//! | status | `GET`, `HEAD` and others | `POST` |
//! | --- | --- | --- |
//! | 301, 302 | same method, same body | `GET` without a body, as every browser does |
//! | 303 | `GET` without a body; `HEAD` stays `HEAD` | `GET` without a body |
//! | 307, 308 | same method, same body | same method, same body |
//!
//! **Invariants**
//! - `REDIRECT-1` Redirects are followed up to a limit, and only the limit ends a chain: a page may redirect to itself
//!   and answer the next time.
//! - `REDIRECT-3` A redirect leads to `http` and to no other scheme (`RESOLVE-1`). Blanks and raw bytes in its address
//!   are escaped, as a browser does.
//!
//! **Left out**: 300, 305; remembering permanent redirects.
//!
//! **Source**: RFC 9110, sections 10.2.2 and 15.4.

use std::error::Error;
use std::fmt;

use super::fields::Fields;
use super::percent::escape;
use super::start_line::{Method, Status};
use super::url::{Url, UrlError};

/// Redirects that are followed by default: half as many as browsers follow.
pub const DEFAULT_REDIRECTS: usize = 10;

/// What to request next.
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
    /// The limit, given here, was reached before.
    TooMany(usize),
    /// It names two addresses.
    TwoLocations,
    /// The address is not accepted.
    Location(UrlError),
}

/// Tells what a response asks for: `None` when it is not a redirect, or names no or an empty address.
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
    let Some(location) = locations.next().filter(|location| !location.is_empty()) else {
        return Ok(None);
    };
    if locations.any(|other| other != location) {
        return Err(RedirectError::TwoLocations);
    }
    let location = escape(location, |byte| byte.is_ascii_graphic());
    let url = url.join(&location).map_err(RedirectError::Location)?;
    let method = if becomes_get { Method::Get } else { method };
    Ok(Some(Redirect { url, method, keeps_body: !becomes_get && status != Status::SEE_OTHER }))
}

/// The redirects of one request.
#[derive(Clone, Debug)]
pub struct Redirects {
    /// What was requested last, and where.
    last: (Method, Url),
    /// Redirects that were followed.
    followed: usize,
    /// The most that are followed (`REDIRECT-1`).
    limit: usize,
}

impl Redirects {
    /// Begins with the first request.
    pub fn new(method: Method, url: Url, limit: usize) -> Self {
        Self { last: (method, url), followed: 0, limit }
    }

    /// Tells what to request after this response to the last request; `None` when the response is the final one.
    ///
    /// # Errors
    /// [`RedirectError`]; the response itself is valid, so its body may be read.
    pub fn follow(
        &mut self,
        status: Status,
        fields: &Fields,
    ) -> Result<Option<Redirect>, RedirectError> {
        let (method, url) = &self.last;
        let Some(next) = redirect(url, *method, status, fields)? else {
            return Ok(None);
        };
        if self.followed >= self.limit {
            return Err(RedirectError::TooMany(self.limit));
        }
        self.followed += 1;
        self.last = (next.method, next.url.clone());
        Ok(Some(next))
    }

    /// Returns the method and address of the last request.
    pub fn last(&self) -> &(Method, Url) {
        &self.last
    }
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(1) => f.write_str("more than 1 redirect"),
            Self::TooMany(limit) => write!(f, "more than {limit} redirects"),
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
