//! Writes the table of faults, and the loop that has them all, each behind a switch.
//!
//! The right lines of a fault become `if fault("NAME") { the wrong ones } else { the right ones }`. Several faults may
//! have the same right lines; then the switches form a chain. If the lines begin with what both have in common, such as
//! `let limit =` or `=>`, the switch stands behind that.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What a switch needs of a fault.
struct Change {
    /// The fault.
    name: String,
    /// The file that it is in.
    file: String,
    /// The lines that stand there instead.
    wrong: String,
}

fn main() {
    let home = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let (home, out) = (Path::new(&home), Path::new(&out));
    println!("cargo::rerun-if-changed=faults");
    println!("cargo::rerun-if-changed=stages/step_10.rs");
    println!("cargo::rerun-if-changed=build.rs");
    let (table, changes) = faults_in(&home.join("faults"));
    fs::write(out.join("faults.rs"), table).expect("the table of faults");
    let (table, in_rt) = faults_in(&home.join("faults/rt"));
    fs::write(out.join("faults_in_rt.rs"), table).expect("the table of faults in rt");
    copy_rt(&home.join("../../src"), &out.join("rt_with_faults"), &in_rt);
    let stage =
        fs::read_to_string(home.join("stages/step_10.rs")).expect("the stage with all steps");
    fs::write(out.join("faulty.rs"), with_switches(&stage, &changes))
        .expect("the loop with switches");
}

/// The modules of Handloom's own loop, and what they stand on.
const RT: [&str; 5] = ["os", "jobs", "threads", "rt", "aio"];

/// The texts of the faults in a folder as a table, and the changes by the right lines.
fn faults_in(folder: &Path) -> (String, BTreeMap<String, Vec<Change>>) {
    let mut files = files_under(folder, "txt");
    files.retain(|path| path.parent() == Some(folder));
    let (mut table, mut changes) = (String::from("&[\n"), BTreeMap::<String, Vec<Change>>::new());
    for path in files {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let text = fs::read_to_string(&path).expect("a fault");
        writeln!(table, "({name:?}, {text:?}),").expect("a string has room");
        let part = |title: &str| -> String {
            let lines = text.lines().skip_while(|line| *line != title).skip(1);
            lines
                .take_while(|line| !line.starts_with("== "))
                .fold(String::new(), |all, line| all + line + "\n")
        };
        let (right, wrong) = (part("== right"), part("== wrong").trim_end().to_owned());
        let file = text.lines().find_map(|line| line.strip_prefix("file: "));
        let file = file.expect("the file of a fault").to_owned();
        changes.entry(right.trim_end().to_owned()).or_default().push(Change { name, file, wrong });
    }
    (table + "]", changes)
}

/// All files with an ending in a folder and in those below it, in order.
fn files_under(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of this repository");
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("an entry of a folder").path()) {
        if path.is_dir() {
            files.extend(files_under(&path, ending));
        } else if path.extension().is_some_and(|of| of == ending) {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Copies Handloom's own loop, with a switch at the place of each fault whose right text stands there once.
fn copy_rt(from: &Path, to: &Path, changes: &BTreeMap<String, Vec<Change>>) {
    let mut crate_root = String::new();
    for module in RT {
        println!("cargo::rerun-if-changed={}", from.join(module).display());
        for path in files_under(&from.join(module), "rs") {
            let mut text = fs::read_to_string(&path).expect("a file of the loop");
            for (right, wrongs) in changes {
                let is_here = path.ends_with(&wrongs[0].file);
                if is_here && text.matches(right.as_str()).count() == 1 {
                    let switch = chain(wrongs, right, str::to_owned);
                    // A statement stands as it is, an expression in brackets.
                    let switch = if right.ends_with(';') { switch } else { format!("({switch})") };
                    text = text.replace(right.as_str(), &switch);
                }
            }
            let copy = to.join(path.strip_prefix(from).expect("it is in the folder"));
            fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder for a copy");
            fs::write(copy, text).expect("a copy");
        }
        let path = to.join(module).join("mod.rs").display().to_string();
        writeln!(crate_root, "#[path = {path:?}]\npub mod {module};").expect("a string has room");
    }
    fs::write(to.join("modules.rs"), crate_root).expect("the list of modules");
}

/// The loop with a switch at each place.
fn with_switches(stage: &str, changes: &BTreeMap<String, Vec<Change>>) -> String {
    // An included text has no inner docs.
    let body: Vec<_> = stage.lines().skip_while(|line| line.starts_with("//!")).collect();
    let mut text = body.join("\n");
    for (right, wrongs) in changes {
        let indented = |line: &str| line.trim().to_owned();
        let wanted: Vec<_> = right.lines().map(indented).collect();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let places: Vec<_> = (0..lines.len())
            .filter(|at| {
                lines[*at..]
                    .iter()
                    .map(|line| line.trim())
                    .take(wanted.len())
                    .eq(wanted.iter().map(String::as_str))
            })
            .collect();
        let [at] = places[..] else {
            let names: Vec<_> = wrongs.iter().map(|change| change.name.as_str()).collect();
            let why = format!(
                "{}: expected its right lines once, came {}",
                names.join(", "),
                places.len()
            );
            return format!("compile_error!({why:?});");
        };
        let mut text_now = lines[..at].to_vec();
        text_now.push(switch(right, wrongs));
        text_now.extend_from_slice(&lines[at + wanted.len()..]);
        text = text_now.join("\n");
    }
    text
}

/// The right lines and the wrong ones, with a switch between them.
fn switch(right: &str, wrongs: &[Change]) -> String {
    let is_item = wrongs.iter().any(|change| change.wrong.starts_with("impl"));
    if is_item {
        // A new item before the right line; it asks for its switch itself.
        return format!(
            "{}\n{right}",
            wrongs[0]
                .wrong
                .trim_end_matches(right)
                .replace("fault!()", &format!("crate::fault({:?})", wrongs[0].name))
        );
    }
    let heads = [" = ", " => ", "if ", " in "];
    let is_one = |text: &str| text.lines().count() == 1;
    let is_simple = is_one(right) && wrongs.iter().all(|change| is_one(&change.wrong));
    let is_block = !right.trim().ends_with([';', ',', '{']);
    let common = |head: &str| {
        let at = right.find(head)? + head.len();
        let prefix = right[..at].trim();
        wrongs.iter().all(|change| change.wrong.trim().starts_with(prefix)).then_some(at)
    };
    let at = heads.iter().find_map(|head| common(head)).filter(|_| is_simple && !is_block);
    let Some(at) = at else {
        return chain(wrongs, right, |text| format!("\n{text}\n"));
    };
    let prefix = right[..at].trim_start();
    let end = if right.ends_with(" {") { " {" } else { &right[right.len() - 1..] };
    let rest = |text: &str| {
        let text = text.trim();
        text[prefix.trim_end().len()..]
            .trim_start()
            .strip_suffix(end.trim())
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let value = chain(wrongs, right, rest);
    // After `let`, `in` and `=>` a switch may stand as it is; after `if` it needs brackets.
    if prefix.ends_with("if ") || prefix.ends_with("in ") {
        format!("{prefix}({value}){end}")
    } else {
        format!("{prefix}{value}{end}")
    }
}

/// `if fault("NAME") { … } else { … }`, with what `part` makes of each text.
fn chain(wrongs: &[Change], right: &str, part: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for Change { name, wrong, .. } in wrongs {
        write!(text, "if crate::fault({name:?}) {{ {} }} else ", part(wrong))
            .expect("a string has room");
    }
    text + "{ " + &part(right) + " }"
}
