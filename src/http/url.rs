//! The address of a resource: `http://127.0.0.1:8000/a?b`.
//!
//! What is parsed here goes into a request's first line, so this is the place where line breaks and blanks are
//! stopped: an address from a file of links must not become two requests.
//!
//! **Invariants**
//! - `URL-1` The text has only visible ASCII: no CR, LF, NUL or blank, at either end or within.
//! - `URL-2` The scheme is `http`, the host is not empty and in lower case, the path begins with `/` and has no
//!   dot segments, and there is neither user nor fragment. The default port is not written.
//! - `URL-3` Escapes are kept as they are, for only the server knows whether `%2F` and `/` are the same to it.
//!   Characters beyond ASCII in path and query are escaped, as a browser does.
//!
//! **Left out**: `https`, since TLS by hand is no lesson but a danger; users and passwords, which RFC 9110 wants
//! taken for an attempt to deceive (section 4.2.4); names of hosts beyond ASCII.
//!
//! **Source**: RFC 3986, section 3; RFC 9110, section 4.2.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use super::authority::{self, AuthorityError, DEFAULT_PORT};
use super::percent::push_escaped;
use super::resolve::{push_path, scheme_of};

/// The address of a resource; displayed, it is its text.
///
/// # Examples
/// ```
/// use handloom::http::Url;
/// let url = Url::parse("http://Example.org:8000/a/../b?c#d").unwrap();
/// assert_eq!(url.to_string(), "http://example.org:8000/b?c");
/// assert_eq!((url.host(), url.port(), url.target()), ("example.org", 8000, "/b?c"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    /// All of it (`URL-1`).
    text: String,
    /// Where the host stands, with the brackets of an IPv6 address.
    host: Range<usize>,
    /// Where the path begins, and host and port end.
    path: usize,
    /// Where the path ends: at the `?`, or at the end of the text.
    path_end: usize,
    /// The port.
    port: u16,
}

/// Why a text is not taken as the address of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It has a line break, a NUL, a blank or another control character.
    Character,
    /// It has no scheme: it begins with neither `http://` nor any other.
    NoScheme,
    /// The scheme is `https`.
    Https,
    /// The scheme is neither.
    Scheme,
    /// There is a user before the host.
    Userinfo,
    /// There is no host, or it has a character that no host may have.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
}

impl Url {
    /// Reads an address.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        check_characters(text)?;
        let (scheme, rest) = scheme_of(text).ok_or(UrlError::NoScheme)?;
        check_scheme(scheme)?;
        let rest = rest.strip_prefix("//").ok_or(UrlError::Host)?;
        Self::from_authority(rest)
    }

    /// Reads what follows `http://`.
    pub(super) fn from_authority(text: &str) -> Result<Self, UrlError> {
        let text = text.split('#').next().unwrap_or_default();
        let (authority, rest) = text.split_at(text.find(['/', '?']).unwrap_or(text.len()));
        let (path, query) = split_query(rest);
        Self::assemble(authority, path, query)
    }

    /// Puts an address together of its parts, and brings it to its one form (`URL-2`).
    pub(super) fn assemble(
        authority: &str,
        path: &str,
        query: Option<&str>,
    ) -> Result<Self, UrlError> {
        let (host, port) = authority::parse(authority)?;
        if host.is_empty() {
            return Err(UrlError::Host);
        }
        let port = port.unwrap_or(DEFAULT_PORT);
        let mut text = String::from("http://");
        let start = text.len();
        text.push_str(&host.to_ascii_lowercase());
        let host = start..text.len();
        if port != DEFAULT_PORT {
            text.push(':');
            text.push_str(&port.to_string());
        }
        let path_start = text.len();
        let mut whole_path = String::new();
        push_path(&mut whole_path, path);
        push_ascii(&mut text, &whole_path);
        let path_end = text.len();
        if let Some(query) = query {
            text.push('?');
            push_ascii(&mut text, query);
        }
        Ok(Self { text, host, path: path_start, path_end, port })
    }

    /// Returns the host as it stands in the address, an IPv6 address with its brackets.
    pub fn host(&self) -> &str {
        &self.text[self.host.clone()]
    }

    /// Returns the host as a resolver wants it: without brackets.
    pub fn dial_host(&self) -> &str {
        self.host().trim_matches(['[', ']'])
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns host and port, as the field `Host` wants them: the default port is not named.
    pub fn authority(&self) -> &str {
        &self.text[self.host.start..self.path]
    }

    /// Returns the path; at least `/`.
    pub fn path(&self) -> &str {
        &self.text[self.path..self.path_end]
    }

    /// Returns the query without its `?`, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_end + 1..)
    }

    /// Returns what the first line of a request asks for: path and query.
    pub fn target(&self) -> &str {
        &self.text[self.path..]
    }

    /// Returns all of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether both are served from the same place, so that one connection does for both.
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.authority() == other.authority()
    }
}

/// Refuses what would break out of a line (`URL-1`).
pub(super) fn check_characters(text: &str) -> Result<(), UrlError> {
    let is_fair = |c: char| !c.is_control() && !c.is_whitespace();
    if text.chars().all(is_fair) { Ok(()) } else { Err(UrlError::Character) }
}

/// Refuses every scheme but `http`.
pub(super) fn check_scheme(scheme: &str) -> Result<(), UrlError> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case("http") => Ok(()),
        _ if scheme.eq_ignore_ascii_case("https") => Err(UrlError::Https),
        _ => Err(UrlError::Scheme),
    }
}

/// Splits what follows the authority at its first `?`.
pub(super) fn split_query(text: &str) -> (&str, Option<&str>) {
    text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)))
}

/// Appends a text, with what is beyond ASCII escaped (`URL-3`).
fn push_ascii(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii() {
            out.push(char::from(byte));
        } else {
            push_escaped(out, byte);
        }
    }
}

impl From<AuthorityError> for UrlError {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Userinfo => Self::Userinfo,
            AuthorityError::Host => Self::Host,
            AuthorityError::Port => Self::Port,
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Character => "line breaks, blanks and control characters may not stand in a URL",
            Self::NoScheme => "a URL begins with http://",
            Self::Https => {
                "https is not spoken here: it needs TLS, which this laboratory does not have; try http"
            }
            Self::Scheme => "only http is spoken here",
            Self::Userinfo => "a user before the host: passwords are not sent in the clear",
            Self::Host => "no host, or one with a character that no host may have",
            Self::Port => "the port is not a number from 1 to 65535",
        })
    }
}

impl Error for UrlError {}
