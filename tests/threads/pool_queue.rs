//! How many workers a pool may have (scenario 23).
use crate::support::watched;
use handloom::threads::ThreadPool;

#[test]
fn a_pool_without_workers_is_refused() {
    let none = ThreadPool::fixed("none", 0).unwrap_err();
    assert_eq!(none.to_string(), "start thread pool none: it has no workers");
}

#[test]
fn a_thousand_workers_run_and_end() {
    watched(|| {
        let pool = ThreadPool::fixed("crowd", 1_000).unwrap();
        assert_eq!(pool.counts().workers, 1_000);
        assert_eq!(pool.submit(|| 1).unwrap().join().unwrap(), 1);
        pool.shutdown().unwrap();
        assert_eq!(pool.counts().workers, 0, "POOL-5: workers after the shutdown");
    });
}
