use handloom::factorial::factorial;
use handloom_tokio::tokio;
use tokio::task::spawn_blocking;

fn solve(number: u32) -> u64 {
    factorial(number).bits()
}

pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let in_a_row: Vec<_> = (0..100).map(solve).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(2).build()?;
    let on_threads = runtime.block_on(async {
        let chunks = [0..25, 25..50, 50..75, 75..100];
        let jobs = chunks.map(|chunk| spawn_blocking(move || chunk.map(solve).collect::<Vec<_>>()));
        let mut values = Vec::new();
        for job in jobs {
            values.extend(job.await?);
        }
        Ok::<_, tokio::task::JoinError>(values)
    });
    assert_eq!(in_a_row, on_threads?);
    Ok(())
}
