//! The stages of the reference: one text, from which each is written.
//!
//! `stages/all.rs.txt` holds every line of every stage once. A line `//@ 3-5` says that the lines below it, up to the
//! next such line, belong to the stages 3 to 5. Stage 0 is what the student begins with, stages 1 to 10 are the
//! reference after each step, and stage 11 is `src/first_loop.rs`.

/// The text with all stages.
pub const ALL: &str = include_str!("../stages/all.rs.txt");

/// The number of the last step in which something is written.
pub const LAST: u8 = 10;

/// The stage that is `src/first_loop.rs`.
pub const FIRST_LOOP: u8 = 11;

/// Returns the lines of a stage.
pub fn stage(number: u8) -> String {
    let (mut text, mut is_in) = (String::new(), true);
    for line in ALL.lines() {
        if let Some(range) = line.strip_prefix("//@ ") {
            is_in = range == "all" || contains(range, number);
        } else if is_in {
            text += line;
            text.push('\n');
        }
    }
    text
}

/// Tells whether `3-5` or `7` contains a stage.
fn contains(range: &str, number: u8) -> bool {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let bound = |text: &str| text.parse::<u8>().expect("a stage's number in stages/all.rs.txt");
    (bound(first)..=bound(last)).contains(&number)
}

/// What a step changes: each line with `+`, `-` or a blank before it, and `context` lines around each change.
pub fn difference(before: &str, after: &str, context: usize) -> Vec<(char, String)> {
    let (old, new): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    // The length of the longest common part of what is left of both.
    let mut longest = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for at in (0..old.len()).rev() {
        for other in (0..new.len()).rev() {
            longest[at][other] = if old[at] == new[other] {
                longest[at + 1][other + 1] + 1
            } else {
                longest[at + 1][other].max(longest[at][other + 1])
            };
        }
    }
    let (mut at, mut other, mut all) = (0, 0, Vec::new());
    while at < old.len() || other < new.len() {
        if at < old.len() && other < new.len() && old[at] == new[other] {
            all.push((' ', new[other].to_owned()));
            (at, other) = (at + 1, other + 1);
        } else if other == new.len()
            || at < old.len() && longest[at + 1][other] >= longest[at][other + 1]
        {
            all.push(('-', old[at].to_owned()));
            at += 1;
        } else {
            all.push(('+', new[other].to_owned()));
            other += 1;
        }
    }
    let is_near = |at: usize| {
        let around = at.saturating_sub(context)..(at + context + 1).min(all.len());
        all[around].iter().any(|(sign, _)| *sign != ' ')
    };
    let near: Vec<_> = (0..all.len()).filter(|at| is_near(*at)).collect();
    let mut shown: Vec<(char, String)> = Vec::new();
    for (place, at) in near.iter().enumerate() {
        if place > 0 && near[place - 1] + 1 != *at {
            shown.push(('@', String::new()));
        }
        shown.push(all[*at].clone());
    }
    shown
}
