//! The suite's own promises: a level uses only what lower levels have shown, and every promise that it names has a
//! sentence.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use handloom_conformance::promises::{PAGES, PROMISES, cited_by, file_of, is_label, sentence};

/// What a level may use for the first time.
const FIRST_USED: &[(&str, &[&str])] = &[
    ("l0_block_on", &[]),
    ("l1_poll", &["R::spawn", "R::yield_now", "many_turns"]),
    ("l2_tasks", &[]),
    ("l3_join", &[".value()", ".cancel()", ".is_finished()", "Ended", "panic_text"]),
    ("l4_time", &["R::sleep", "R::timeout", "R::reset"]),
    (
        "l5_sockets",
        &["R::listen", "R::connect", "R::adopt", "R::watch", "pair::<R>", "pair_on_loop"],
    ),
    ("l6_threads", &["R::call", "R::canceller", ".remote()"]),
];

/// Reads the file of a level.
fn text(level: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/src");
    fs::read_to_string(folder.join(level).with_extension("rs")).unwrap()
}

#[test]
fn each_level_uses_only_what_lower_levels_have_shown() {
    for (at, (level, _)) in FIRST_USED.iter().enumerate() {
        let text = text(level);
        for (later, words) in &FIRST_USED[at + 1..] {
            for word in *words {
                assert!(!text.contains(word), "{level} uses {word}, which {later} shows");
            }
        }
    }
}

#[test]
fn every_promise_that_a_claim_names_has_a_sentence_and_every_sentence_is_used() {
    let names = handloom_conformance::levels::<crate::on_handloom::Handloom>();
    let mut cited = BTreeSet::new();
    for (level, _) in names {
        for label in text(level).split('"').filter(|part| is_label(part)) {
            assert!(
                PROMISES.iter().any(|(known, _)| *known == label),
                "{level}: {label} has no sentence"
            );
            cited.insert(label.to_owned());
        }
    }
    for (label, _) in PROMISES {
        assert!(cited.contains(*label), "{label} has a sentence, but no claim names it");
    }
}

#[test]
fn every_claim_cites_a_promise() {
    for (_, claims) in handloom_conformance::levels::<crate::on_handloom::Handloom>() {
        for claim in claims {
            assert!(!cited_by(claim.name).is_empty(), "{}: cites no promise", claim.name);
        }
    }
}

#[test]
fn every_promise_has_a_file_that_states_it_and_a_page_to_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (label, _) in PROMISES {
        assert!(file_of(label).is_some(), "{label}: not in the index of labels");
        let said = sentence(label);
        assert!(said.contains("Read notes/"), "{label}: expected a page to read, came {said:?}");
    }
    for (label, page) in PAGES {
        assert!(root.join(page).is_file(), "{label}: there is no page {page}");
    }
}
