use handloom::threads::ThreadPool;
use std::thread;

fn greet(name: &str) -> usize {
    name.len()
}

pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let one = thread::spawn(|| greet("anna"));
    assert_eq!(one.join().expect("the thread does not panic"), 4);

    let pool = ThreadPool::fixed("greeter", 2)?;
    let handles = ["anna", "bert", "clemens"].map(|name| pool.submit(move || greet(name)));
    let mut lengths = Vec::new();
    for handle in handles {
        lengths.push(handle?.join()?);
    }
    assert_eq!(lengths, [4, 4, 7]);
    Ok(())
}
