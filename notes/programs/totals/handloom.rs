struct Totals<I> {
    numbers: I,
    total: u64,
}

impl<I: Iterator<Item = u64>> Iterator for Totals<I> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.total += self.numbers.next()?;
        Some(self.total)
    }
}

pub fn main() {
    let totals = Totals { numbers: [3, 5, 10, 2].into_iter(), total: 0 };
    let mut taken = Vec::new();
    for total in totals {
        taken.push(total);
    }
    assert_eq!(taken, [3, 8, 18, 20]);
}
