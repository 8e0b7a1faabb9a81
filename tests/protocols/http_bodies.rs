//! Bodies: lengths, chunks, the end of the connection; limits; every way to cut.

use crate::bodies::{Read, body};
use crate::cut::ways_to_cut;
use handloom::http::{
    Body, BodyError, Framing, LAST_CHUNK, MOST_EXTRA_BYTES, Piece, Status, encode_chunk,
};
use proptest::prelude::*;

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be an error")]
fn whole(data: &[u8], left: usize) -> Result<Read, BodyError> {
    Ok(Read { data: data.to_vec(), complete: true, left })
}

#[test]
fn a_body_of_a_length_ends_there_and_takes_no_byte_more() {
    for (framing, data, left) in [
        (Framing::Length(3), &b"abc"[..], 2),
        (Framing::Length(0), b"", 5),
        (Framing::None, b"", 5),
        (Framing::Length(5), b"abcde", 0),
    ] {
        for cuts in ways_to_cut(5) {
            let came = body(framing, u64::MAX, b"abcde", &cuts);
            assert_eq!(came, whole(data, left), "BODY-1, BODY-3: {framing:?} cut at {cuts:?}");
        }
    }
}

#[test]
fn the_end_of_the_connection_ends_only_the_body_that_waits_for_it() {
    for (framing, input, end) in [
        (Framing::Close, &b"abc"[..], Ok(())),
        (Framing::Close, b"", Ok(())),
        (Framing::Length(3), b"abc", Ok(())),
        (Framing::Length(4), b"abc", Err(BodyError::Truncated)),
        (Framing::Chunked, b"3\r\nabc\r\n0\r\n\r\n", Ok(())),
        (Framing::Chunked, b"3\r\nabc\r\n0\r\n", Err(BodyError::Truncated)),
        (Framing::Chunked, b"", Err(BodyError::Truncated)),
        (Framing::None, b"", Ok(())),
    ] {
        let mut body = Body::new(framing, u64::MAX).unwrap();
        let mut rest = input;
        while let Piece::Data(_) = body.next(&mut rest).unwrap() {}
        assert_eq!(body.end(), end, "{framing:?} after {:?}", input.escape_ascii().to_string());
        assert_eq!(body.is_complete(), end.is_ok(), "{framing:?}");
    }
    let mut body = Body::new(Framing::Close, u64::MAX).unwrap();
    body.end().unwrap();
    assert_eq!(body.next(&mut &b"more"[..]), Ok(Piece::End), "BODY-3");
}

#[test]
fn no_body_goes_beyond_its_limit() {
    assert_eq!(Body::new(Framing::Length(4), 3).err(), Some(BodyError::TooLarge), "BODY-2");
    assert_eq!(BodyError::TooLarge.status(), Status::CONTENT_TOO_LARGE);
    assert_eq!(
        body(Framing::Length(3), 3, b"abc", &[]),
        whole(b"abc", 0),
        "the limit itself is fair"
    );
    let chunks = b"2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n";
    for (framing, input) in [(Framing::Close, &b"abcd"[..]), (Framing::Chunked, chunks)] {
        for cuts in ways_to_cut(input.len()) {
            let came = body(framing, 3, input, &cuts);
            assert_eq!(came, Err(BodyError::TooLarge), "BODY-2: {framing:?} cut at {cuts:?}");
        }
    }
    assert_eq!(
        body(Framing::Chunked, 4, chunks, &[]),
        whole(b"abcd", 0),
        "the limit itself is fair"
    );
}

#[test]
fn extensions_and_trailers_cannot_go_on_for_ever() {
    let most = usize::try_from(MOST_EXTRA_BYTES).unwrap();
    let one = ["3;", &"a".repeat(most), "\r\n"].concat();
    let many = "1;ab\r\nx\r\n".repeat(most / 4 + 1);
    let trailer = ["0\r\nA: ", &"b".repeat(most)].concat();
    let trailers = ["0\r\n", &"A: b\r\n".repeat(most / 6 + 1)].concat();
    for (name, text) in [
        ("one extension", one),
        ("many", many),
        ("one trailer", trailer),
        ("many trailers", trailers),
    ] {
        let came = body(Framing::Chunked, u64::MAX, text.as_bytes(), &[]);
        assert_eq!(came, Err(BodyError::TooMuchExtra), "CHUNKED-2: {name}");
    }
    let fair = ["3;", &"a".repeat(most - 100), "\r\nabc\r\n0\r\n\r\n"].concat();
    assert_eq!(body(Framing::Chunked, u64::MAX, fair.as_bytes(), &[]), whole(b"abc", 0));
}

#[test]
fn the_largest_length_of_a_chunk_is_no_danger() {
    let mut body = Body::new(Framing::Chunked, u64::MAX).unwrap();
    let mut input = &b"ffffffffffffffff\r\nabc"[..];
    assert_eq!(body.next(&mut input), Ok(Piece::Data(b"abc")), "CHUNKED-3");
    assert_eq!(body.next(&mut input), Ok(Piece::More));
    let came = crate::bodies::body(Framing::Chunked, 2, b"ffffffffffffffff\r\nabc", &[]);
    assert_eq!(came, Err(BodyError::TooLarge), "BODY-2");
}

/// Cuts into a text of this length.
fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0_usize..600, 0..6).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts
    })
}

proptest! {
    #[test]
    fn what_is_encoded_in_chunks_is_decoded(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..6),
        after in prop::collection::vec(any::<u8>(), 0..20),
        cuts in cuts(),
    ) {
        let mut wire = Vec::new();
        for piece in &pieces {
            encode_chunk(&mut wire, piece);
        }
        wire.extend_from_slice(LAST_CHUNK);
        wire.extend_from_slice(&after);
        let came = body(Framing::Chunked, u64::MAX, &wire, &cuts);
        prop_assert_eq!(came, whole(&pieces.concat(), after.len()), "BODY-1, ENCODE-1");
    }

    #[test]
    fn any_bytes_get_one_verdict_however_they_are_cut(
        bytes in prop::collection::vec(prop::sample::select(&b"0123af;= \t\r\n:AG\x00"[..]), 0..60),
        cuts in cuts(),
    ) {
        let at_once = body(Framing::Chunked, 20, &bytes, &[]);
        prop_assert_eq!(body(Framing::Chunked, 20, &bytes, &cuts), at_once, "BODY-1");
    }
}
