use handloom::os::{PollFd, poll};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;

pub fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut clients = Vec::new();
    for number in 0..3 {
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        client.write_all(format!("hello from {number}\n").as_bytes())?;
        clients.push(client);
    }

    let (mut open, mut answered) = (Vec::<TcpStream>::new(), 0);
    while answered < clients.len() {
        let mut watched = vec![PollFd::readable(listener.as_fd())];
        watched.extend(open.iter().map(|client| PollFd::readable(client.as_fd())));
        poll(&mut watched, None)?;
        let ready: Vec<_> = watched.iter().map(PollFd::is_ready).collect();
        // From the end, so that `remove` does not move a client that is still to be looked at.
        for place in (0..open.len()).rev().filter(|place| ready[place + 1]) {
            let mut message = [0; 100];
            match open[place].read(&mut message)? {
                0 => drop(open.remove(place)),
                length => {
                    open[place].write_all(&message[..length].to_ascii_uppercase())?;
                    answered += 1;
                }
            }
        }
        if ready[0] {
            open.push(listener.accept()?.0);
        }
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let mut reply = [0; 13];
        client.read_exact(&mut reply)?;
        assert_eq!(reply, format!("HELLO FROM {number}\n").as_bytes());
    }
    Ok(())
}
