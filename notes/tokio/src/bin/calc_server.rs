//! `calc_server --addr A [--op sum|product] [--max-message N] [--pause-ms N] [--max-connections N]
//! [--idle-timeout S] [--grace S]`: handloom's `serve --model async`, on tokio.
//!
//! Prints `listening on ADDRESS` when it is ready. SIGINT and SIGTERM end it gracefully, a second
//! one at once.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use handloom::calc::Config;
use handloom_tokio::calc;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How many clients may wait to be accepted.
const BACKLOG_CONNECTIONS: u32 = 4096;

/// The exit code of a program that was told twice to end.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    let (address, config) = match arguments(std::env::args().skip(1)) {
        Ok(given) => given,
        Err(error) => {
            eprintln!("calc_server: {error}");
            return ExitCode::from(2);
        }
    };
    match run(address, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("calc_server: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line.
fn arguments(
    mut words: impl Iterator<Item = String>,
) -> Result<(SocketAddr, Config), Box<dyn Error>> {
    let mut address = SocketAddr::from(([127, 0, 0, 1], 8888));
    let mut config = Config::default();
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--addr" => address = value.parse()?,
            "--op" => config.op = value.parse()?,
            "--max-message" => config.max_message_bytes = value.parse()?,
            "--pause-ms" => config.pause = Duration::from_millis(value.parse()?),
            "--max-connections" => config.max_connections = value.parse()?,
            "--idle-timeout" => config.idle_timeout = Some(Duration::from_secs(value.parse()?)),
            "--grace" => config.grace = Duration::from_secs(value.parse()?),
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok((address, config))
}

/// Listens, says so, and serves until a signal comes.
fn run(address: SocketAddr, config: Config) -> io::Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let listener = listen(address)?;
        let mut stdout = io::stdout();
        writeln!(stdout, "listening on {}", listener.local_addr()?)?;
        stdout.flush()?;
        calc::serve(listener, config, async move {
            either(&mut interrupt, &mut terminate).await;
            tokio::task::spawn_local(async move {
                either(&mut interrupt, &mut terminate).await;
                std::process::exit(INTERRUPTED);
            });
        })
        .await
    })
}

/// A listener whose address can be used again at once after a restart.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG_CONNECTIONS)
}

/// Waits for one of the two signals.
async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
