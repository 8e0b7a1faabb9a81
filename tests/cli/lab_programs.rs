//! Every lab as a user starts it: it comes to its end, says what to notice, and bears a closed stdout.

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use crate::program::{command, start};
use handloom::labs::{LABS, Lab};
use handloom::report::text_width;

#[test]
fn every_lab_comes_to_its_end_and_says_what_to_notice() {
    // Most of them sleep most of the time.
    let queue = Mutex::new(LABS.iter());
    let next = || queue.lock().expect("the others go on").next();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(lab) = next() {
                    comes_to_its_end(lab);
                }
            });
        }
    });
}

fn comes_to_its_end(lab: &Lab) {
    let ended = start(command(&["lab", lab.name])).end();
    assert_eq!(ended.code, Some(0), "EXIT-1: lab {}: {ended:?}", lab.name);
    assert!(ended.out.contains("What to notice:\n- "), "lab {}: came {}", lab.name, ended.out);
    let source = format!("Source: {}; chapter \"{}\"", lab.source(), lab.chapter);
    assert!(ended.out.contains(&source), "lab {}: came {}", lab.name, ended.out);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(lab.source());
    assert!(path.exists(), "lab {}: there is no {}", lab.name, path.display());
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
