//! What the kernel shows of a process in `/proc`, for labs. No lab.
//!
//! **Invariants**
//! - `LAB-PROC-1`: a process that was not reaped has its files, also when it has ended. Once it is reaped they are gone.
//!
//! **Source**: proc(5).

use std::fs;
use std::io;

use crate::os::process::Pid;

/// Reads a file; an error names it.
///
/// # Errors
/// It cannot be read.
pub(super) fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(path).map_err(|error| naming(path, &error))
}

/// The same error, with the file that it is about.
pub(super) fn naming(path: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{path}: {error}"))
}

/// The value of a line of `/proc/[pid]/status`, such as "State" or `VmRSS`; an empty text when there is no such line.
///
/// # Errors
/// There is no such process.
pub(super) fn status(pid: Pid, field: &str) -> io::Result<String> {
    let text = read(&format!("/proc/{pid}/status"))?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let value = lines.find(|(name, _)| *name == field).map(|(_, value)| value.trim().to_owned());
    Ok(value.unwrap_or_default())
}

/// The letter of a process's state: R runs, S sleeps, Z is a zombie; and others.
///
/// # Errors
/// There is no such process.
pub(super) fn state(pid: Pid) -> io::Result<char> {
    Ok(status(pid, "State")?.chars().next().unwrap_or('?'))
}

/// The descriptors of a process, by number, and what each leads to.
///
/// Of one's own, the list has one more: that of the folder which is being read.
///
/// # Errors
/// There is no such process, or it is not ours.
pub(super) fn descriptors(pid: Pid) -> io::Result<Vec<(u32, String)>> {
    let mut list = Vec::new();
    let path = format!("/proc/{pid}/fd");
    for entry in fs::read_dir(&path).map_err(|error| naming(&path, &error))? {
        let entry = entry?;
        // One that is closed between the listing and this look does not count.
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let number = entry.file_name().to_string_lossy().parse().map_err(io::Error::other)?;
        list.push((number, target.display().to_string()));
    }
    list.sort();
    Ok(list)
}

/// The line of `/proc/[pid]/maps` in whose range an address lies, as its rights and its name.
///
/// # Errors
/// There is no such process, or it is not ours.
pub(super) fn place_of(pid: Pid, address: usize) -> io::Result<Option<(String, String)>> {
    let maps = read(&format!("/proc/{pid}/maps"))?;
    let holds = |range: &str| {
        let hex = |text| usize::from_str_radix(text, 16).ok();
        let (start, end) = range.split_once('-')?;
        Some((hex(start)?..hex(end)?).contains(&address))
    };
    Ok(maps.lines().find_map(|line| {
        // start-end rights offset device inode name
        let mut words = line.splitn(6, ' ');
        let inside = words.next().and_then(holds) == Some(true);
        let rights = words.next()?.to_owned();
        inside.then(|| (rights, words.nth(3).unwrap_or_default().trim().to_owned()))
    }))
}
