//! Intervals: pace, missed ticks, cancellation.

use std::time::Duration;

use crate::support::run;
use handloom::aio::{MissedTicks, interval, sleep, timeout};
use handloom::rt::now;

const MS: Duration = Duration::from_millis(1);

/// Ticks of a period of 10 ms, where 25 ms pass after the second: when each was taken.
fn ticks_around_a_stall(missed: MissedTicks) -> (Vec<u128>, Vec<u128>) {
    run(async move {
        let start = now();
        let mut ticks = interval(10 * MS).missed_ticks(missed);
        let (mut taken, mut due) = (Vec::new(), Vec::new());
        for tick in 0..7 {
            due.push((ticks.tick().await - start).as_millis());
            taken.push((now() - start).as_millis());
            if tick == 1 {
                sleep(25 * MS).await;
            }
        }
        (taken, due)
    })
}

#[test]
fn burst_makes_up_for_missed_ticks_at_once() {
    let (taken, due) = ticks_around_a_stall(MissedTicks::Burst);
    assert_eq!(taken, [0, 10, 35, 35, 40, 50, 60], "TICK-2");
    assert_eq!(due, [0, 10, 20, 30, 40, 50, 60], "each says when it was due");
}

#[test]
fn delay_has_a_whole_period_after_every_tick() {
    let (taken, due) = ticks_around_a_stall(MissedTicks::Delay);
    assert_eq!(taken, [0, 10, 35, 45, 55, 65, 75], "TICK-2");
    assert_eq!(due, [0, 10, 20, 45, 55, 65, 75]);
}

#[test]
fn skip_passes_missed_ticks_over_and_keeps_to_the_plan() {
    let (taken, due) = ticks_around_a_stall(MissedTicks::Skip);
    assert_eq!(taken, [0, 10, 35, 40, 50, 60, 70], "TICK-2");
    assert_eq!(due, [0, 10, 20, 40, 50, 60, 70]);
}

#[test]
fn work_shorter_than_the_period_does_not_shift_the_ticks() {
    run(async {
        for missed in [MissedTicks::Burst, MissedTicks::Skip] {
            let start = now();
            let mut ticks = interval(10 * MS).missed_ticks(missed);
            for number in 0..100 {
                ticks.tick().await;
                assert_eq!(now() - start, number * 10 * MS, "TICK-1");
                sleep(9 * MS).await;
            }
        }
    });
}

#[test]
#[should_panic(expected = "period above zero")]
fn zero_period_is_refused() {
    run(async { drop(interval(Duration::ZERO)) });
}

#[test]
fn longest_period_ticks_once_and_never_again() {
    run(async {
        for missed in [MissedTicks::Burst, MissedTicks::Delay, MissedTicks::Skip] {
            let mut ticks = interval(Duration::MAX).missed_ticks(missed);
            ticks.tick().await;
            assert!(timeout(Duration::from_hours(1), ticks.tick()).await.is_err());
        }
    });
}

#[test]
fn tick_that_is_dropped_half_way_is_not_lost() {
    run(async {
        let start = now();
        let mut ticks = interval(10 * MS);
        ticks.tick().await;
        for _ in 0..3 {
            assert!(timeout(MS, ticks.tick()).await.is_err());
        }
        ticks.tick().await;
        assert_eq!(now() - start, 10 * MS, "TICK-3: the same tick, at the same time");
    });
}

#[test]
fn burst_of_many_ticks_lets_other_tasks_run_in_between() {
    run(async {
        let other = handloom::rt::spawn(async { now() });
        let mut ticks = interval(MS);
        sleep(5000 * MS).await;
        let mut taken = 0;
        while !other.is_finished() || taken < 5000 {
            ticks.tick().await;
            taken += 1;
        }
    });
}
