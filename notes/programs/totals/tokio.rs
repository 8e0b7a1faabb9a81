use handloom_tokio::tokio;
use tokio::sync::mpsc::{Receiver, channel};

fn totals(numbers: impl Iterator<Item = u64> + Send + 'static) -> Receiver<u64> {
    let (sender, totals) = channel(1);
    tokio::spawn(async move {
        let mut total = 0;
        for number in numbers {
            total += number;
            sender.send(total).await.expect("the receiver lives");      // Python's `yield total`
        }
    });
    totals
}

pub fn main() -> std::io::Result<()> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
        let mut totals = totals([3, 5, 10, 2].into_iter());
        let mut taken = Vec::new();
        while let Some(total) = totals.recv().await {
            taken.push(total);
        }
        assert_eq!(taken, [3, 8, 18, 20]);
    });
    Ok(())
}
