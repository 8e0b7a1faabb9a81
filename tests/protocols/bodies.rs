//! Giving bodies to their reader in pieces.

use handloom::http::{Body, BodyError, Framing, Piece};

use super::cut::prefixes;

/// What came of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// Its data.
    pub(crate) data: Vec<u8>,
    /// Whether it is complete.
    pub(crate) complete: bool,
    /// How many bytes were not taken.
    pub(crate) left: usize,
}

/// Gives a body to a reader in these pieces.
pub(crate) fn body(
    framing: Framing,
    limit: u64,
    bytes: &[u8],
    cuts: &[usize],
) -> Result<Read, BodyError> {
    let mut body = Body::new(framing, limit)?;
    let (mut data, mut taken) = (Vec::new(), 0);
    for prefix in prefixes(bytes, cuts) {
        let mut input = &prefix[taken.min(prefix.len())..];
        while let Piece::Data(piece) = body.next(&mut input)? {
            assert!(!piece.is_empty(), "BODY: a piece has at least one byte");
            data.extend_from_slice(piece);
        }
        taken = prefix.len() - input.len();
    }
    Ok(Read { data, complete: body.is_complete(), left: bytes.len() - taken })
}
