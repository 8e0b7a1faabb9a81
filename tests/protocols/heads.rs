//! Giving heads to their parsers in pieces.

use handloom::http::{
    HeadLimits, Method, RequestError, RequestHead, RequestParser, ResponseError, ResponseHead,
    ResponseParser,
};

use super::cut::prefixes;

/// Gives a request to a parser in these pieces.
pub(crate) fn request(
    bytes: &[u8],
    cuts: &[usize],
    limits: HeadLimits,
) -> Result<Option<(RequestHead, usize)>, RequestError> {
    let mut parser = RequestParser::new(limits);
    for prefix in prefixes(bytes, cuts) {
        if let Some(found) = parser.parse(prefix)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Gives a response to a parser in these pieces.
pub(crate) fn response(
    asked: Method,
    bytes: &[u8],
    cuts: &[usize],
    limits: HeadLimits,
) -> Result<Option<(ResponseHead, usize)>, ResponseError> {
    let mut parser = ResponseParser::new(asked, limits);
    for prefix in prefixes(bytes, cuts) {
        if let Some(found) = parser.parse(prefix)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
