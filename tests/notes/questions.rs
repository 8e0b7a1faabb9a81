//! Questions and keywords of the course: each is answered, and answered once.

use std::collections::BTreeMap;

use super::links::{anchors, targets};
use super::{chapters, expect_none, pages};

/// How many questions the course asks.
const QUESTIONS: usize = 50;

/// The keywords of the course's sheets.
const KEYWORDS: &str = "parallel execution, concurrent execution, process, process environment, thread, \
    multiprocessing, threading, join, mutex, queue, IPC, pipe, shared memory, GIL, asynchronous methods, \
    cooperative multitasking, preemptive multitasking, event loop, coroutine, asyncio, synchronous, race condition, \
    task, future, gather, event, context switch, greenlet, generator, readiness, waker, reactor, executor, \
    edge-triggered, level-triggered, back-pressure, cancellation";

/// The answers by number: what follows a heading such as `### 12. Who switches?`, up to the next heading.
fn answers() -> BTreeMap<usize, Vec<String>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for part in pages()["questions.md"].split("\n### ").skip(1) {
        let (number, answer) = part.split_once(". ").unwrap_or_default();
        let answer = answer.split("\n## ").next().unwrap_or_default();
        let number =
            number.parse().unwrap_or_else(|_| panic!("expected a number, came {number:?}"));
        found.entry(number).or_default().push(answer.to_owned());
    }
    found
}

#[test]
fn every_question_is_answered_once_with_a_proof_and_for_both_languages() {
    let answers = answers();
    let anchors = anchors(&pages()["questions.md"]);
    let mut complaints = Vec::new();
    for number in 1..=QUESTIONS {
        let Some([answer]) = answers.get(&number).map(Vec::as_slice) else {
            complaints
                .push(format!("{number} has {:?} answers", answers.get(&number).map(Vec::len)));
            continue;
        };
        if targets(answer).is_empty() {
            complaints.push(format!("{number} links to no file, lab or test"));
        }
        for language in ["Python", "Rust"] {
            if !answer.contains(language) {
                complaints.push(format!("{number} does not speak of {language}"));
            }
        }
        if !anchors.contains(&format!("q{number}")) {
            complaints.push(format!("{number} has no anchor q{number}"));
        }
    }
    let strangers: Vec<_> =
        answers.keys().filter(|number| !(1..=QUESTIONS).contains(*number)).collect();
    assert!(strangers.is_empty(), "expected questions 1 to {QUESTIONS}, came {strangers:?}");
    expect_none(&complaints, "one answer to each question");
}

#[test]
fn every_question_belongs_to_a_chapter() {
    let linked: Vec<_> = chapters().values().flat_map(|page| targets(page)).collect();
    let is_missing = |number: &usize| !linked.contains(&format!("questions.md#q{number}"));
    let missing: Vec<_> =
        (1..=QUESTIONS).filter(is_missing).map(|number| number.to_string()).collect();
    expect_none(&missing, "a chapter that links to each question");
}

#[test]
fn every_keyword_is_explained() {
    let glossary = &pages()["glossary.md"];
    let is_missing = |word: &&str| !glossary.contains(&format!("\n**{word}**"));
    let words = KEYWORDS.split(',').map(str::trim);
    let missing: Vec<_> = words.filter(is_missing).map(str::to_owned).collect();
    expect_none(&missing, "each keyword in glossary.md, at the beginning of a line, between **");
}
