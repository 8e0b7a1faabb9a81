use handloom_tokio::tokio;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The loop over all sockets is inside the runtime. What is left is one client.
async fn answer(mut client: TcpStream) -> io::Result<()> {
    loop {
        client.readable().await?;                // a hint: the read may still find nothing
        let mut message = [0; 100];
        let length = match client.try_read(&mut message) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            other => other?,
        };
        if length == 0 {
            return Ok(());
        }
        client.write_all(&message[..length].to_ascii_uppercase()).await?;
    }
}

pub fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut clients = Vec::new();
        for number in 0..3 {
            let mut client = TcpStream::connect(listener.local_addr()?).await?;
            client.write_all(format!("hello from {number}\n").as_bytes()).await?;
            clients.push(client);
        }
        for _ in 0..3 {
            tokio::spawn(answer(listener.accept().await?.0));
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let mut reply = [0; 13];
            client.read_exact(&mut reply).await?;
            assert_eq!(reply, format!("HELLO FROM {number}\n").as_bytes());
        }
        Ok(())
    })
}
