//! What an idle connection costs a server: `cargo run --release --example idle_connections -- ADDR PID COUNT`.
//!
//! Opens COUNT connections to the calculator at ADDR, one after another, and has each answer once. Prints how much the
//! resident memory of process PID has grown for each. The first answer of all comes over a connection that is closed
//! again: code and buffers that serve every client are no connection's own. In the end each connection has to answer
//! once more. **Left out**: the kernel's memory for a socket, some kilobytes, which no server can save.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use handloom::os::limits;

/// How long the server is left alone before its memory is read.
const SETTLE: Duration = Duration::from_millis(200);

/// Has a connection answer once.
fn ask(connection: &mut TcpStream) -> Result<(), Box<dyn Error>> {
    let mut reply = [0; 3];
    connection.write_all(b"5 7\n")?;
    connection.read_exact(&mut reply)?;
    if &reply == b"12\n" { Ok(()) } else { Err(format!("5 7 gave {reply:?}").into()) }
}

/// The resident memory of a process, once it has come to rest.
fn resident_bytes(pid: u32) -> Result<u64, Box<dyn Error>> {
    sleep(SETTLE);
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(kib.parse::<u64>()? << 10)
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, pid, count] = &words[..] else {
        return Err("expected ADDR PID COUNT".into());
    };
    let (pid, count): (u32, usize) = (pid.parse()?, count.parse()?);
    limits::raise_open_files()?;
    ask(&mut TcpStream::connect(address)?)?;
    let before = resident_bytes(pid)?;
    let mut connections = Vec::with_capacity(count);
    for number in 0..count {
        let mut connection =
            TcpStream::connect(address).map_err(|error| format!("connection {number}: {error}"))?;
        ask(&mut connection)?;
        connections.push(connection);
    }
    let grown = resident_bytes(pid)?.saturating_sub(before);
    connections.iter_mut().try_for_each(ask)?;
    println!("{} bytes for each of {count} idle connections", grown / count as u64);
    Ok(())
}
