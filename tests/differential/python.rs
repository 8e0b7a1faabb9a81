//! What of Python's twins has nothing to be compared with: that it runs, and that it is as old as it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use handloom::factorial::digits::checksum_of_factorial;

use crate::twin::{Twin, those_here};

/// The labs; each asserts what it claims.
const LABS: [Twin; 9] = [
    Twin::Python("labs/fork.py"),
    Twin::Python("labs/pipe.py"),
    Twin::Python("labs/race.py"),
    Twin::Python("labs/lock.py"),
    Twin::Python("labs/condition.py"),
    Twin::Python("labs/generators.py"),
    Twin::Python("labs/coroutine.py"),
    Twin::Python("labs/tasks.py"),
    Twin::Python("labs/gather.py"),
];

/// The files of a folder of `notes/python`.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("notes/python").join(folder);
    let entries = fs::read_dir(folder).expect("the folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "py")).collect()
}

#[test]
fn every_lab_comes_to_its_end_and_holds_what_it_claims() {
    assert_eq!(files("labs").len(), LABS.len(), "expected every file of labs/ in the table");
    // All at the same time: most of it they sleep.
    thread::scope(|scope| {
        for lab in those_here(&LABS) {
            scope.spawn(move || {
                // A shorter nap than the course's; the other labs take no words.
                let words: &[&str] =
                    if lab == Twin::Python("labs/tasks.py") { &["0.3"] } else { &[] };
                let (status, said) = lab.start(words).end();
                assert!(status.success(), "{lab}: expected exit 0, came {status}: {said:?}");
            });
        }
    });
}

#[test]
fn the_factorials_have_our_checksums() {
    for twin in those_here(&[Twin::Python("factorial.py")]) {
        let (status, said) = twin.start(&["0", "100", "1000"]).end();
        assert!(status.success(), "{twin}: expected exit 0, came {status}: {said:?}");
        for n in [0, 100, 1_000] {
            let sum = format!("{:016x}", checksum_of_factorial(n));
            assert!(said.iter().any(|line| line.contains(&sum)), "{n}!: no {sum} in {said:?}");
        }
    }
}

#[test]
fn every_file_is_python_3_8() {
    for twin in those_here(&[Twin::Python("calculator.py")]) {
        let program = "import ast, sys\n\
            for name in sys.argv[1:]: ast.parse(open(name).read(), name, feature_version=(3, 8))";
        let mut command = Command::new("python3");
        command.args(["-c", program]).args(files("")).args(files("labs")).stdin(Stdio::null());
        let output = command.output().expect("python3");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{twin} and others: {complaint}");
    }
}
