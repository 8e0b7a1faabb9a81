//! The reference after each step, as a program that runs one claim on one stage: `stages 4 --claim NAME`.
//!
//! `tests/stages.rs` runs it. It compiles the suite ten times, so it is a program of its own, which the student's
//! commands do not need.

#![allow(
    missing_docs,
    clippy::missing_docs_in_private_items,
    reason = "the stages are the loops of a student"
)]
#![allow(
    unused,
    clippy::type_complexity,
    clippy::pedantic,
    missing_debug_implementations,
    reason = "the stubs of later steps use nothing"
)]

use handloom_conformance::levels;
use handloom_workbook::claim;

// Not in the macro below, where `cargo fmt` would not find them.
#[path = "../../stages/step_01.rs"]
mod loop_01;
#[path = "../../stages/step_02.rs"]
mod loop_02;
#[path = "../../stages/step_03.rs"]
mod loop_03;
#[path = "../../stages/step_04.rs"]
mod loop_04;
#[path = "../../stages/step_05.rs"]
mod loop_05;
#[path = "../../stages/step_06.rs"]
mod loop_06;
#[path = "../../stages/step_07.rs"]
mod loop_07;
#[path = "../../stages/step_08.rs"]
mod loop_08;
#[path = "../../stages/step_09.rs"]
mod loop_09;
#[path = "../../stages/step_10.rs"]
mod loop_10;

macro_rules! stages {
    ($($number:literal $the_loop:ident $module:ident)*) => {
        $(
            mod $module {
                use crate::$the_loop as the_loop;

                pub(crate) mod words {
                    include!("../words.rs");
                }
            }
        )*

        /// Runs a claim on a stage.
        fn run(stage: &str, name: &str) {
            match stage {
                $($number => claim::run::<$module::words::Words>(name),)*
                _ => panic!("there is no stage {stage}"),
            }
        }
    };
}

stages! {
    "1" loop_01 words_01
    "2" loop_02 words_02
    "3" loop_03 words_03
    "4" loop_04 words_04
    "5" loop_05 words_05
    "6" loop_06 words_06
    "7" loop_07 words_07
    "8" loop_08 words_08
    "9" loop_09 words_09
    "10" loop_10 words_10
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [stage, claim::COMMAND, name] => run(stage, name),
        ["names"] => {
            for (level, name) in claim::names::<words_10::words::Words>() {
                println!("{level} {name}");
            }
        }
        _ => panic!("stages STAGE --claim NAME"),
    }
}
