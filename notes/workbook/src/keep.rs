//! The student's file: it is replaced only after a copy of it was put aside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use handloom_workbook::faults::{self, Fault};
use handloom_workbook::stages;

use crate::print;

/// The folder of this package; the tests have another one, so that they never touch the student's file.
fn home() -> PathBuf {
    let other = std::env::var_os("HANDLOOM_WORKBOOK_HOME");
    other.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// The student's file.
pub(crate) fn my_loop() -> PathBuf {
    home().join("src/my_loop.rs")
}

/// Where copies are kept.
fn kept() -> PathBuf {
    home().join("kept")
}

/// The student's own loop, while one with a fault stands in its place.
fn mine() -> PathBuf {
    kept().join("mine.rs")
}

/// The name of the fault that stands in the loop.
fn fault_name() -> PathBuf {
    kept().join("fault.txt")
}

/// The number of the last step that held, in a `check`.
fn held_file() -> PathBuf {
    kept().join("held.txt")
}

/// The last step that has held in a `check` of the student's own loop.
pub(crate) fn held() -> u8 {
    fs::read_to_string(held_file()).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Notes that a step holds, if none after it did.
pub(crate) fn note_held(step: u8) {
    if step > held() {
        note(step);
    }
}

/// Notes that a step is not written, so no step from there on holds: the file may be another one than before.
pub(crate) fn note_unwritten(step: u8) {
    if step <= held() {
        note(step - 1);
    }
}

/// Writes the number of the last step that held. A loop with a fault of `break`'s does not count.
fn note(step: u8) {
    if broken_with().is_none() {
        // Without the note, a hint is about the first step that fails.
        drop(fs::create_dir_all(kept()).and_then(|()| fs::write(held_file(), step.to_string())));
    }
}

/// Says in words what failed on which file.
fn failed(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("{what} {}: {error}", path.display())
}

/// Reads a file.
fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| failed("read", path, &error))
}

/// Writes a file by way of a second one, so that an interrupt leaves one or the other.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let half = path.with_extension("half");
    fs::write(&half, text).map_err(|error| failed("write", &half, &error))?;
    fs::rename(&half, path).map_err(|error| failed("write", path, &error))
}

/// Puts a copy of the student's file aside, under a name that is not taken; returns its place.
fn put_aside() -> Result<PathBuf, String> {
    let folder = kept();
    fs::create_dir_all(&folder).map_err(|error| failed("make", &folder, &error))?;
    let text = read(&my_loop())?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_secs());
    let names = (0..).map(|more| folder.join(format!("my_loop-{}.rs", seconds + more)));
    let place = names.into_iter().find(|place| !place.exists()).ok_or("no free name")?;
    write(&place, &text)?;
    Ok(place)
}

/// The name of a copy as it is printed: from the root of the repository, as all names of files.
fn shown(place: &Path) -> String {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    format!("notes/workbook/kept/{name}")
}

/// The name of the fault in the loop, if `break` put one there.
pub(crate) fn broken_with() -> Option<String> {
    if !mine().exists() {
        return None;
    }
    Some(read(&fault_name()).unwrap_or_default().trim().to_owned())
}

/// Lists the faults.
pub(crate) fn list_faults() {
    print::text(
        "Faults that a loop can have. `-- break NAME` puts one into yours; find it with `-- check`.\n",
    );
    for fault in faults::all().iter().filter(|fault| fault.file == faults::FIRST_LOOP) {
        print::text(&format!("step {:>2}  {}", fault.step, fault.name));
    }
}

/// Puts a fault into the student's loop if the place is found there, and else into the reference.
pub(crate) fn break_loop(name: &str) -> Result<(), String> {
    if let Some(other) = broken_with() {
        return Err(format!("The loop has the fault `{other}` already. First: `-- mend`."));
    }
    let known = faults::all();
    let fault = known.iter().find(|fault| fault.name == name && fault.file == faults::FIRST_LOOP);
    let fault =
        fault.ok_or_else(|| format!("{name}: there is no such fault; `-- break` lists them"))?;
    let text = read(&my_loop())?;
    let (broken, whose) = match fault.apply(&text) {
        Some(broken) => (broken, "your loop"),
        None => (in_reference(fault)?, "the reference, because yours is written differently there"),
    };
    let place = put_aside()?;
    fs::copy(&place, mine()).map_err(|error| failed("copy", &place, &error))?;
    write(&fault_name(), &fault.name)?;
    write(&my_loop(), &broken)?;
    print::text(&format!(
        "The fault is in {whose}. notes/workbook/src/my_loop.rs has it now.\nYour own loop is kept: notes/workbook/kept/mine.rs.\n\n\
         Find it:       cargo run -p handloom-workbook -- check\nYours again:   cargo run -p handloom-workbook -- mend"
    ));
    Ok(())
}

/// The reference with a fault: after the student's last step, or after the first one in which the fault has its place.
fn in_reference(fault: &Fault) -> Result<String, String> {
    // The step after the last stage has none of its own.
    let first = held().min(stages::LAST).max(fault.step);
    let mut stages = (first..=stages::LAST).map(stages::stage);
    stages
        .find_map(|reference| fault.apply(&reference))
        .ok_or_else(|| format!("{}: its place is not in the reference", fault.name))
}

/// The fault that `break` put into the loop.
pub(crate) fn fault() -> Option<Fault> {
    let name = broken_with()?;
    faults::all().into_iter().find(|fault| fault.name == name)
}

/// Gives the student's own loop back.
pub(crate) fn mend() -> Result<(), String> {
    let Some(name) = broken_with() else {
        return Err("Your loop has no fault that `break` put there.".into());
    };
    let (fault, place) = (fault(), put_aside()?);
    write(&my_loop(), &read(&mine())?)?;
    fs::remove_file(mine()).map_err(|error| failed("remove", &mine(), &error))?;
    print::text(&format!(
        "Your own loop is in notes/workbook/src/my_loop.rs again. The one with `{name}`, as you left it:\n{}",
        shown(&place)
    ));
    if let Some(fault) = fault {
        print::text(&format!("\nThe fault was: {}", fault.story));
    }
    Ok(())
}

/// Puts the reference after a step in the place of the student's file.
pub(crate) fn take(step: u8) -> Result<(), String> {
    if broken_with().is_some() {
        return Err("The loop has a fault of `break`'s. First: `-- mend`.".into());
    }
    let step = step.min(stages::LAST);
    let place = put_aside()?;
    write(&my_loop(), &stages::stage(step))?;
    note(step);
    print::text(&format!(
        "notes/workbook/src/my_loop.rs is the reference after step {step} now. What was there is kept:\n{}",
        shown(&place)
    ));
    Ok(())
}
