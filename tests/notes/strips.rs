//! The chapters show strips of the timeline; they are cut out of the whole picture, so that they cannot differ from it.

use std::fs;

use super::{expect_none, root};

/// The strips that chapters show: the name of the file, and the strip's number in the picture.
const STRIPS: &[(&str, u32)] =
    &[("threads", 1), ("gil", 2), ("processes", 3), ("loop", 4), ("run-blocking", 5)];

/// A number after a word, as in `data-top="108"`.
fn number_after(text: &str, word: &str) -> i64 {
    let (_, rest) = text.split_once(word).unwrap_or_else(|| panic!("no {word} in {text}"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// One strip of the picture, under its legend and its axis.
fn cut(whole: &str, strip: u32) -> String {
    let begins = |strip| whole.find(&format!("<g data-strip=\"{strip}\""));
    let first = begins(0).expect("the picture has strips");
    let start = begins(strip).expect("the picture has the strip");
    let end = begins(strip + 1).or_else(|| whole.find("<g id=\"cursor\"")).unwrap_or(whole.len());
    let group = whole[start..end].trim_end().trim_end_matches("</svg>");
    let (tag, head) = whole[..first].split_once('>').expect("the picture begins with a tag");
    let height = number_after(tag, "height=\"");
    let axis = number_after(&whole[first..], "data-top=\"");
    let (top, tall) = (number_after(group, "data-top=\""), number_after(group, "data-height=\""));
    let bottom = axis + tall + 12;
    let tag = tag.replace(&format!(" {height}\""), &format!(" {bottom}\""));
    let tag = tag.replace(&format!("\"{height}\""), &format!("\"{bottom}\""));
    let head = head.replace(", in every way<", "<");
    format!("{tag}>{head}<g transform=\"translate(0 {})\">\n{group}\n</g></svg>\n", axis - top)
}

#[test]
fn the_strips_of_the_chapters_are_those_of_the_timeline() {
    let whole = fs::read_to_string(root("notes/pictures/timeline.svg")).unwrap();
    let mut written = Vec::new();
    for (name, strip) in STRIPS {
        let file = format!("notes/pictures/timeline-{name}.svg");
        let wanted = cut(&whole, *strip);
        if fs::read_to_string(root(&file)).unwrap_or_default() != wanted {
            fs::write(root(&file), wanted).unwrap();
            written.push(format!("{file} was cut out anew: commit it"));
        }
    }
    expect_none(&written, "strips that are those of timeline.svg");
}
