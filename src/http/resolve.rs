//! What a reference, such as the `Location` of a redirect, means where it was found.
//!
//! `../b?c` means nothing by itself. The rules for putting it together with the address of the page that it stands
//! on are old, short, and full of corners; the standard's own table of examples is the test.
//!
//! **Invariants**
//! - `RESOLVE-1` The outcome is an address like any other, so `URL-1` to `URL-3` hold for it: a redirect cannot
//!   smuggle a line break, lead to another scheme, or climb above the root.
//!
//! **Source**: RFC 3986, section 5.2, without the leave to take `http:a` for a relative reference.

use super::url::{Url, UrlError, check_characters, check_scheme, split_query};

impl Url {
    /// Finds out what `reference` means on the page of this address.
    ///
    /// # Errors
    /// [`UrlError`]: the outcome would be no address that is known here.
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
            check_scheme(scheme)?;
            return Self::from_authority(rest.strip_prefix("//").ok_or(UrlError::Host)?);
        }
        if let Some(rest) = reference.strip_prefix("//") {
            return Self::from_authority(rest);
        }
        let reference = reference.split('#').next().unwrap_or_default();
        let (path, query) = split_query(reference);
        if path.is_empty() {
            return Self::assemble(self.authority(), self.path(), query.or(self.query()));
        }
        if path.starts_with('/') {
            return Self::assemble(self.authority(), path, query);
        }
        // The last segment of the page's own path is the page, and gives way.
        let folder = self.path().rfind('/').map_or("", |slash| &self.path()[..=slash]);
        Self::assemble(self.authority(), &format!("{folder}{path}"), query)
    }
}

/// Splits a scheme and its colon off, if the text begins with one; `a/b:c` does not.
pub(super) fn scheme_of(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    is_scheme.then_some((scheme, rest))
}

/// Appends a path without its dot segments: `.` is nothing, `..` takes back the segment before it, if there is one.
///
/// What is appended always begins with `/`.
pub(super) fn push_path(out: &mut String, path: &str) {
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
