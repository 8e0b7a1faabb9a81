//! What stands behind the `?` of a target: `city=Moscow&city=New+York`.
//!
//! **Invariants**
//! - `QUERY-1` Names may be repeated; all values are kept, in order.
//! - `QUERY-2` A bad escape spoils the whole query: a server answers it with 400 and does not guess.
//!
//! **Left out**: `;` between pairs, which was once allowed. One program's two pairs would be another's one.
//!
//! **Source**: the form `application/x-www-form-urlencoded` of the URL standard (WHATWG), section 5.1, but for
//! bad escapes, which it lets pass.

use super::percent::{self, EscapeError};

/// The pairs of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Names and values, decoded, in order.
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads a query, without its `?`. A pair without `=` has an empty value; empty pairs are passed over.
    ///
    /// # Errors
    /// [`EscapeError`] (`QUERY-2`).
    ///
    /// # Examples
    /// ```
    /// use handloom::http::Query;
    /// let query = Query::parse("q=a+b%26c&q=d").unwrap();
    /// assert_eq!(query.get("q"), Some("a b&c"));
    /// assert_eq!(query.get_all("q").count(), 2);
    /// ```
    pub fn parse(text: &str) -> Result<Self, EscapeError> {
        // A plus is a blank, and a plus that is meant is escaped: so this comes before decoding.
        let decode = |text: &str| percent::decode(&text.replace('+', " "));
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(pair);
        Ok(Self { pairs: pairs.collect::<Result<_, _>>()? })
    }

    /// Returns the first value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Returns all values of a name, in order (`QUERY-1`).
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.pairs().filter(move |(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Returns all pairs, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
