use handloom_tokio::tokio;
use tokio::process::Command;

pub fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut command = Command::new("sh");
        command.args(["-c", "echo \"$GREETING, $1\"; exit 7", "sh", "world"]);
        command.env("GREETING", "hello");
        let child = command.output().await?;
        assert_eq!(child.stdout, b"hello, world\n");
        assert_eq!(child.status.code(), Some(7));
        Ok(())
    })
}
