//! The alphabets of HTTP: which bytes may stand in a name, in a value, in a target; and lists parted by commas.
//!
//! **Source**: RFC 9110, sections 5.5, 5.6.1 and 5.6.2.

/// Tells whether a byte may stand in a token, such as a method or the name of a field.
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Tells whether this is a token: one byte at least, and each of the alphabet.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// Tells whether a byte may stand in a field's value or a reason phrase: visible, blank, or beyond ASCII.
///
/// Of the control characters only the tab: a line break would begin another field, and a NUL ends the text for
/// some programs and not for others.
pub(super) fn is_value_byte(byte: u8) -> bool {
    !byte.is_ascii_control() || byte == b'\t'
}

/// Cuts a value at its commas; members come without the blanks around them, and may be empty.
///
/// Quoted texts are not looked for: no field that is read here as a list has them.
pub(super) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim_blanks)
}

/// Takes blanks and tabs off both ends, and no other white space.
pub(super) fn trim_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
