use handloom_tokio::tokio;
use std::thread;

fn greet(name: &str) -> usize {
    name.len()
}

pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let one = thread::spawn(|| greet("anna"));
    assert_eq!(one.join().expect("the thread does not panic"), 4);

    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(2).build()?;
    runtime.block_on(async {
        let handles = ["anna", "bert", "clemens"]
            .map(|name| tokio::task::spawn_blocking(move || greet(name)));
        let mut lengths = Vec::new();
        for handle in handles {
            lengths.push(handle.await?);
        }
        assert_eq!(lengths, [4, 4, 7]);
        Ok(())
    })
}
