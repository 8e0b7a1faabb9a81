//! The address of a resource: `http://127.0.0.1:8000/a?b`, and what a reference such as `../c` means on it.
//!
//! A parsed address goes into a request's first line, so line breaks and blanks are refused here: a line in a list
//! of links must not become two requests.
//!
//! **Invariants**
//! - `URL-1` The text has only visible ASCII: no CR, LF, NUL or blank.
//! - `URL-2` The scheme is `http`, the host is not empty and in lower case, the path begins with `/` and has no
//!   dot segments, and there is neither user nor fragment. The default port is not written.
//! - `RESOLVE-1` The meaning of a reference is an address like any other, so `URL-1` and `URL-2` hold for it: a
//!   redirect cannot contain a line break, lead to another scheme, or leave the root.
//!
//! A host is a name of letters, digits and `-._~!$&'()*+,;=`, or an IPv6 address in brackets. An empty port counts as
//! missing. Escapes are kept as they are. Characters beyond ASCII in path and query are escaped, as a browser does.
//!
//! **Left out**: `https`; users and passwords (RFC 9110, section 4.2.4); hosts beyond ASCII or with escapes; the zone of
//! an IPv6 address; `http:a` as a relative reference.
//!
//! **Source**: RFC 3986, sections 3 and 5.2; RFC 9110, section 4.2.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::ops::Range;

// From `core`: this module knows addresses, and must not know sockets (`std::net`).
use core::net::Ipv6Addr;

use super::percent::escape;

/// The port of `http` when none is named.
const DEFAULT_PORT: u16 = 80;

/// The address of a resource. Its `Display` is its text.
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
    /// The whole address (`URL-1`).
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

/// Why a text is not accepted as an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It has a line break, a NUL, a blank or another control character.
    Character,
    /// It does not begin with `http://` or another scheme.
    NoScheme,
    /// The scheme is `https`.
    Https,
    /// The scheme is neither `http` nor `https`.
    Scheme,
    /// There is a user before the host.
    Userinfo,
    /// There is no host, or it has a character that is not allowed in a host.
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
        Self::from_scheme(scheme, rest)
    }

    /// Finds out what `reference` means on the page with this address.
    ///
    /// # Errors
    /// [`UrlError`]: the result is not an address that is accepted here.
    ///
    /// # Examples
    /// ```
    /// use handloom::http::Url;
    /// let page = Url::parse("http://a/b/c/d?q").unwrap();
    /// assert_eq!(page.join("../g").unwrap().as_str(), "http://a/b/g");
    /// assert_eq!(page.join("?x").unwrap().as_str(), "http://a/b/c/d?x");
    /// assert_eq!(page.join("//h/p").unwrap().as_str(), "http://h/p");
    /// ```
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        check_characters(reference)?;
        if let Some((scheme, rest)) = scheme_of(reference) {
            return Self::from_scheme(scheme, rest);
        }
        if let Some(rest) = reference.strip_prefix("//") {
            return Self::from_authority(rest);
        }
        let (path, query) = split_query(without_fragment(reference));
        if path.is_empty() {
            return Self::assemble(self.authority(), self.path(), query.or(self.query()));
        }
        if path.starts_with('/') {
            return Self::assemble(self.authority(), path, query);
        }
        // The reference replaces the last segment of this page's path.
        let folder = self.path().rfind('/').map_or("", |slash| &self.path()[..=slash]);
        Self::assemble(self.authority(), &format!("{folder}{path}"), query)
    }

    /// Reads what follows a scheme and its colon.
    fn from_scheme(scheme: &str, rest: &str) -> Result<Self, UrlError> {
        if scheme.eq_ignore_ascii_case("https") {
            return Err(UrlError::Https);
        }
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(UrlError::Scheme);
        }
        Self::from_authority(rest.strip_prefix("//").ok_or(UrlError::Host)?)
    }

    /// Reads what follows `http://`.
    fn from_authority(text: &str) -> Result<Self, UrlError> {
        let text = without_fragment(text);
        let (authority, rest) = text.split_at(text.find(['/', '?']).unwrap_or(text.len()));
        let (path, query) = split_query(rest);
        Self::assemble(authority, path, query)
    }

    /// Builds an address from its parts, in its one form (`URL-2`).
    fn assemble(authority: &str, path: &str, query: Option<&str>) -> Result<Self, UrlError> {
        let (host, port) = parse_authority(authority)?;
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
        push_path(&mut text, &escape(path.as_bytes(), |byte| byte.is_ascii()));
        let path_end = text.len();
        if let Some(query) = query {
            text.push('?');
            text.push_str(&escape(query.as_bytes(), |byte| byte.is_ascii()));
        }
        Ok(Self { text, host, path: path_start, path_end, port })
    }

    /// Returns the host as it stands in the address, an IPv6 address with its brackets.
    pub fn host(&self) -> &str {
        &self.text[self.host.clone()]
    }

    /// Returns the host as a resolver expects it: without brackets.
    pub fn dial_host(&self) -> &str {
        self.host().trim_matches(['[', ']'])
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns host and port, as the field `Host` has them: the default port is not named.
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

    /// Returns path and query, as they stand in the first line of a request.
    pub fn target(&self) -> &str {
        &self.text[self.path..]
    }

    /// Returns the whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether one connection can serve both addresses.
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.authority() == other.authority()
    }
}

/// Refuses characters that could end a line or split it (`URL-1`).
fn check_characters(text: &str) -> Result<(), UrlError> {
    let is_allowed = |c: char| !c.is_control() && !c.is_whitespace();
    if text.chars().all(is_allowed) { Ok(()) } else { Err(UrlError::Character) }
}

/// Splits off a scheme and its colon, if the text begins with one; `a/b:c` does not.
fn scheme_of(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    is_scheme.then_some((scheme, rest))
}

/// Cuts off a `#` and what follows it.
fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or_default()
}

/// Splits a text at its first `?`.
fn split_query(text: &str) -> (&str, Option<&str>) {
    text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)))
}

/// Appends a path without its dot segments: `.` is removed, `..` removes the segment before it too.
///
/// The appended path always begins with `/`.
fn push_path(out: &mut String, path: &str) {
    let root = out.len();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    out.truncate(out[root..].rfind('/').map_or(root, |slash| root + slash));
                }
                // A dot segment at the end names a folder, and a folder's path ends with a slash.
                if is_last {
                    out.push('/');
                }
            }
            _ => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
}

/// Splits an authority into the host, with the brackets of an IPv6 address, and the port if there is one.
///
/// The host may be empty; the caller knows whether that is allowed.
pub(super) fn parse_authority(text: &str) -> Result<(&str, Option<u16>), UrlError> {
    if let Some(plain) = parse_plain_authority(text) {
        return Ok(plain);
    }
    if text.contains('@') {
        return Err(UrlError::Userinfo);
    }
    // A colon within brackets does not begin a port.
    let (host, port) = match text.rfind(']') {
        Some(bracket) => text.split_at(bracket + 1),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    if !is_host(host) {
        return Err(UrlError::Host);
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some("") => None,
        Some(digits) => Some(parse_port(digits).ok_or(UrlError::Port)?),
        // There is something between the bracket and the port.
        None => return Err(UrlError::Host),
    };
    Ok((host, port))
}

/// Splits the usual authority, letters, digits, dots and maybe a port, in one pass: a server does it for each request.
fn parse_plain_authority(text: &str) -> Option<(&str, Option<u16>)> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let (host, port) = text.split_at(text.bytes().take_while(is_plain).count());
    match port.strip_prefix(':') {
        None if port.is_empty() => Some((host, None)),
        Some(digits) => parse_port(digits).map(|port| (host, Some(port))),
        None => None,
    }
}

/// Tells whether a text has the form of a host.
fn is_host(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&b)),
    }
}

/// Reads a port; `u16::from_str` would accept a plus sign.
fn parse_port(digits: &str) -> Option<u16> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|&port| is_number && port > 0)
}

/// Replaces the password in a text that was given as an address by `***`, for messages and logs.
///
/// If it looks as if a password contained a `/`, `?` or `#`, the text up to the last `@` is taken as the password.
///
/// # Examples
/// ```
/// use handloom::http::without_password;
/// assert_eq!(without_password("http://me:secret@a/b@c"), "http://me:***@a/b@c");
/// assert_eq!(without_password("http://a:80/b@c"), "http://a:80/b@c");
/// ```
pub fn without_password(text: &str) -> Cow<'_, str> {
    let is_scheme = |before: &str| {
        before.trim().trim_end_matches(':').bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let start = text.find("//").filter(|at| is_scheme(&text[..*at])).map_or(0, |at| at + 2);
    let rest = &text[start..];
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let user_end = match (authority.rfind('@'), authority.split_once(':')) {
        (Some(at), _) => Some(at),
        // What follows the colon is no port, so it may be the beginning of a password.
        (None, Some((_, port))) if !authority.starts_with('[') && parse_port(port).is_none() => {
            rest.rfind('@')
        }
        _ => None,
    };
    let password = user_end.and_then(|at| Some(start + rest[..at].find(':')? + 1..start + at));
    match password {
        Some(password) => {
            Cow::Owned(format!("{}***{}", &text[..password.start], &text[password.end..]))
        }
        None => Cow::Borrowed(text),
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl UrlError {
    /// Tells whether the text is an address, of a scheme that is not supported here.
    pub fn is_unsupported(self) -> bool {
        matches!(self, Self::Https | Self::Scheme)
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
