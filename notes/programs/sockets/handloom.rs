use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(5);

fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (client, _) = listener.accept()?;
        thread::spawn(move || converse(client));
    }
}

fn converse(mut client: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(LIMIT))?;
    let mut lines = BufReader::new(client.try_clone()?).lines();
    while let Some(line) = lines.next().transpose()? {
        if line == "close" {
            break;
        }
        let sum: i64 = line.split_whitespace().filter_map(|word| word.parse::<i64>().ok()).sum();
        client.write_all(format!("{sum}\n").as_bytes())?;
    }
    Ok(())
}

pub fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || serve(listener));

    let mut client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(LIMIT))?;
    client.write_all(b"5 7\nclose\n")?;
    let mut reply = String::new();
    client.read_to_string(&mut reply)?;
    assert_eq!(reply, "12\n");
    Ok(())
}
