use handloom_tokio::tokio;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::spawn;
use tokio::time::{Duration, sleep};

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
    let listener = TcpListener::bind("127.0.0.1:0").await?;
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    assert_eq!(runtime.block_on(program())?, b"12\n");
    Ok(())
}
