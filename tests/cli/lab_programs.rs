//! Every lab as a user starts it: it comes to its end, says what to notice, and bears a closed stdout.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;

use crate::program::{command, start};
use handloom::labs::{LABS, Lab};
use handloom::report::text_width;

/// Makes a test of each chapter, and one that none is missing.
macro_rules! of_chapters {
    ($($test:ident: $chapter:literal),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                thread::scope(|scope| {
                    for lab in LABS.iter().filter(|lab| lab.chapter == $chapter) {
                        scope.spawn(|| comes_to_its_end(lab));
                    }
                });
            }
        )*

        #[test]
        fn every_lab_has_a_test() {
            let chapters = [$($chapter),*];
            let without = LABS.iter().find(|lab| !chapters.contains(&lab.chapter));
            assert_eq!(without.map(|lab| lab.name), None);
        }
    };
}

// All of them at the same time, because most of it they sleep.
of_chapters! {
    labs_of_processes_come_to_their_end: "Processes",
    labs_of_threads_come_to_their_end: "Threads",
    labs_of_synchronisation_come_to_their_end: "Synchronisation",
    the_lab_of_the_gil_comes_to_its_end: "The GIL",
    the_lab_of_sockets_comes_to_its_end: "Sockets",
    the_lab_of_select_comes_to_its_end: "Select",
    labs_of_generators_come_to_their_end: "Iterators and generators",
    the_lab_of_coroutines_comes_to_its_end: "Generators and coroutines",
    labs_of_the_event_loop_come_to_their_end: "The event loop",
    labs_of_tasks_come_to_their_end: "Tasks",
    the_lab_of_context_managers_comes_to_its_end: "Context managers",
    the_lab_of_green_threads_comes_to_its_end: "Green threads",
}

fn comes_to_its_end(lab: &Lab) {
    let ended = start(command(&["lab", lab.name])).end();
    assert_eq!(ended.code, Some(0), "EXIT-1: lab {}: {ended:?}", lab.name);
    assert!(ended.out.contains("What to notice:\n- "), "lab {}: came {}", lab.name, ended.out);
    let source = format!("Source: {}; chapter \"{}\"", lab.source(), lab.chapter);
    assert!(ended.out.contains(&source), "lab {}: came {}", lab.name, ended.out);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(lab.source());
    let code = fs::read_to_string(&path).expect("the file of its source");
    let on_loop = code.contains("EventLoop");
    assert_eq!(lab.on_loop, on_loop, "lab {}: --trace is for those on the loop", lab.name);
    let wide = ended.out.lines().find(|line| text_width(line) > 80 && line.contains(' '));
    assert_eq!(wide, None, "lab {}: wider than 80 columns", lab.name);
}

#[test]
fn every_lab_ends_quietly_when_nobody_reads() {
    for lab in LABS {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let mut command = command(&["lab", lab.name]);
        command.stdout(writer);
        let ended = start(command).end();
        // A debug build tells of a machine so busy that a poll took long.
        let mut told = ended.err.lines().filter(|line| !line.contains("held the loop for"));
        assert_eq!((ended.code, told.next()), (Some(0), None), "EXIT-2: lab {}", lab.name);
    }
}
