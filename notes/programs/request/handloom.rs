use handloom::aio::{AsyncRead, AsyncWrite, TcpListener, TcpStream, sleep};
use handloom::rt::{block_on, spawn};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

async fn serve(mut client: TcpStream) -> io::Result<()> {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let mut piece = [0; 100];
        let length = client.read(&mut piece).await?;          // "5 ", then "7\n"
        line.extend_from_slice(&piece[..length]);
    }
    let words = String::from_utf8_lossy(&line);
    let sum: i64 = words.split_whitespace().filter_map(|word| word.parse::<i64>().ok()).sum();
    client.write_all(format!("{sum}\n").as_bytes()).await
}

async fn program() -> io::Result<Vec<u8>> {
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    let server = spawn(serve(listener.accept().await?.0));
    for piece in ["5 ", "7\n"] {
        client.write_all(piece.as_bytes()).await?;
        sleep(Duration::from_millis(20)).await;
    }
    server.await.expect("the task does not panic")?;
    let mut reply = vec![0; 100];
    let length = client.read(&mut reply).await?;
    reply.truncate(length);
    Ok(reply)
}

pub fn main() -> io::Result<()> {
    assert_eq!(block_on(program())?, b"12\n");
    Ok(())
}
