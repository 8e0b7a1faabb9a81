use handloom_tokio::tokio;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(5);

async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(converse(client));
    }
}

async fn converse(mut client: TcpStream) -> io::Result<()> {
    let (reader, mut writer) = client.split();
    let mut lines = BufReader::new(reader).lines();
    while let Some(line) = timeout(LIMIT, lines.next_line()).await?? {
        if line == "close" {
            break;
        }
        let sum: i64 = line.split_whitespace().filter_map(|word| word.parse::<i64>().ok()).sum();
        writer.write_all(format!("{sum}\n").as_bytes()).await?;
    }
    Ok(())
}

pub fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(serve(listener));

        let mut client = TcpStream::connect(address).await?;
        client.write_all(b"5 7\nclose\n").await?;
        let mut reply = String::new();
        timeout(LIMIT, client.read_to_string(&mut reply)).await??;
        assert_eq!(reply, "12\n");
        Ok(())
    })
}
