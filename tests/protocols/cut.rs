//! Cutting bytes into pieces, as a network does.

/// The prefixes of `bytes` that a reader has before it when they come in pieces that end at `cuts`, and at the end.
pub(crate) fn prefixes<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let ends = cuts.iter().map(|&cut| cut.min(bytes.len())).chain([bytes.len()]);
    ends.map(|end| &bytes[..end]).collect()
}

/// Every way to cut that a test tries: not at all, at every place, and once at each place.
pub(crate) fn ways_to_cut(length: usize) -> Vec<Vec<usize>> {
    let once = (0..=length).map(|cut| vec![cut]);
    [vec![], (0..=length).collect()].into_iter().chain(once).collect()
}
