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
        "The fault is in {whose}. src/my_loop.rs has it now.\nYour own loop is kept: notes/workbook/kept/mine.rs.\n\n\
         Find it:       cargo run -p handloom-workbook -- check\nYours again:   cargo run -p handloom-workbook -- mend"
    ));
    Ok(())
}

/// The reference with a fault.
fn in_reference(fault: &Fault) -> Result<String, String> {
    let reference = stages::stage(stages::LAST);
    fault
        .apply(&reference)
        .ok_or_else(|| format!("{}: its place is not in the reference", fault.name))
}

/// Gives the student's own loop back.
pub(crate) fn mend() -> Result<(), String> {
    let Some(name) = broken_with() else {
        return Err("Your loop has no fault that `break` put there.".into());
    };
    let place = put_aside()?;
    write(&my_loop(), &read(&mine())?)?;
    fs::remove_file(mine()).map_err(|error| failed("remove", &mine(), &error))?;
    print::text(&format!(
        "Your own loop is in src/my_loop.rs again. The one with `{name}`, as you left it:\n{}",
        place.display()
    ));
    if let Some(fault) = faults::all().into_iter().find(|fault| fault.name == name) {
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
    print::text(&format!(
        "src/my_loop.rs is the reference after step {step} now. What was there is kept:\n{}",
        place.display()
    ));
    Ok(())
}
