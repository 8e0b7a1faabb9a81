//! The watcher's search: any needle, any text, cut anywhere.

use handloom::watch::{Needle, Search};
use proptest::prelude::*;

/// Feeds a text in pieces; returns the first place of the needle.
fn search<'a>(needle: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<u64> {
    let needle = Needle::new(needle).expect("it is not empty");
    let mut search = Search::new(&needle);
    pieces.into_iter().find_map(|piece| search.feed(piece))
}

/// The obvious way.
fn naive(needle: &[u8], text: &[u8]) -> Option<u64> {
    text.windows(needle.len()).position(|window| window == needle).map(|at| at as u64)
}

#[test]
fn an_empty_needle_is_refused() {
    assert_eq!(Needle::new(""), None);
    assert_eq!(Needle::new("Wow!").unwrap().bytes(), b"Wow!");
}

#[test]
fn it_is_found_wherever_the_text_is_cut() {
    let text = b"Wo Wow Wow! and more";
    for first in 0..=text.len() {
        for second in first..=text.len() {
            let pieces = [&text[..first], &text[first..second], &text[second..]];
            let came = search("Wow!", pieces);
            assert_eq!(came, Some(7), "NEEDLE-1: cut at {first} and {second}");
        }
    }
}

#[test]
fn its_own_beginning_before_it_hides_nothing() {
    for (needle, text, at) in [
        ("aab", "aaab", Some(1)),
        ("Wow!", "WoWow!", Some(2)),
        ("ababac", "abababac", Some(2)),
        ("aaaa", "aaabaaaa", Some(4)),
        ("Wow!", "Wow", None),
        ("Wow!", "wow!", None),
        ("a", "a", Some(0)),
        ("a", "", None),
    ] {
        let came = search(needle, text.as_bytes().chunks(1));
        assert_eq!(came, at, "NEEDLE-1: {needle:?} in {text:?}");
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_bytes() {
    let text = b"\xff\xfe\x00Wo\x80Wow!\xf0";
    assert_eq!(search("Wow!", [&text[..]]), Some(6), "NEEDLE-3");
    let needle = Needle::new([0xff, 0x00]).unwrap();
    assert_eq!(Search::new(&needle).feed(b"\x00\xff\xff\x00"), Some(2), "NEEDLE-3");
}

#[test]
fn it_counts_what_it_has_seen() {
    let needle = Needle::new("Wow!").unwrap();
    let mut search = Search::new(&needle);
    assert_eq!((search.feed(b"W"), search.feed(b"ow")), (None, None));
    assert_eq!(search.seen_bytes(), 3);
}

proptest! {
    /// NEEDLE-1 against the obvious way, on few letters, so that beginnings repeat.
    #[test]
    fn it_finds_what_the_obvious_way_finds(
        needle in "[ab]{1,6}",
        text in "[ab]{0,60}",
        piece in 1_usize..9,
    ) {
        let came = search(&needle, text.as_bytes().chunks(piece));
        prop_assert_eq!(came, naive(needle.as_bytes(), text.as_bytes()));
    }
}
