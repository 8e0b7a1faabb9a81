use handloom::factorial::factorial;
use handloom::threads::ThreadPool;

fn solve(number: u32) -> u64 {
    factorial(number).bits()
}

pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let in_a_row: Vec<_> = (0..100).map(solve).collect();
    let pool = ThreadPool::fixed("solver", 2)?;
    let on_threads: Result<Vec<_>, _> = pool.map(0..100, 25, solve).collect();
    assert_eq!(in_a_row, on_threads?);
    Ok(())
}
