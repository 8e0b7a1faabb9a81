//! The steps: what is written in each, three hints, and the claims that hold from there on.
//!
//! A claim belongs to the first step after which the reference meets it; `tests/stages.rs` checks that each stage meets
//! the claims of its step and of the steps before it, and no other.

/// A step of the workbook.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Its number.
    pub number: u8,
    /// What it is about.
    pub title: &'static str,
    /// The file of its page, in `steps/`.
    pub page: &'static str,
    /// The functions that are written or changed.
    pub write: &'static [&'static str],
    /// What does not work without it.
    pub without: &'static str,
    /// Three hints, each saying more than the one before.
    pub hints: [&'static str; 3],
}

/// The steps, from 0.
pub const STEPS: [Step; 12] = [
    Step {
        number: 0,
        title: "predict what a loop of generators prints",
        page: "00-generators.md",
        write: &[],
        without: "nothing to lose yet: it is a warm-up",
        hints: [
            "Write down what each task prints before it pauses, then where it stands in the queue.",
            "A task that pauses goes to the end of the queue. A task that has ended goes nowhere.",
            "Run it: cargo run -p handloom-workbook --example generators",
        ],
    },
    Step {
        number: 1,
        title: "block_on with a waker that does nothing",
        page: "01-block-on.md",
        write: &["EventLoop::new", "EventLoop::block_on"],
        without: "no future runs at all",
        hints: [
            "A future does nothing until it is polled. `poll` needs two things: the future, pinned, and a `Context`, which holds a waker.",
            "`pin!(future)` pins it on the stack. `Context::from_waker(Waker::noop())` is a context whose waker does nothing. What do you do when `poll` says `Pending`?",
            "loop {\n    if let Poll::Ready(value) = future.as_mut().poll(&mut context) {\n        return value;\n    }\n}",
        ],
    },
    Step {
        number: 2,
        title: "a waker that unparks the thread",
        page: "02-waker.md",
        write: &["TaskState (a field)", "TaskState::wake", "EventLoop::block_on"],
        without: "a wait burns a processor",
        hints: [
            "Between two polls the thread has nothing to do. Which function of `std::thread` makes it wait, and which makes it go on?",
            "`thread::park()` waits for `unpark()` on this thread. Give `TaskState` the `Thread` to unpark; `Waker::from(Arc::new(TaskState { .. }))` makes a waker of it.",
            "Park after a poll that was `Pending`, once. `park` keeps one token: an `unpark` that came during the poll makes the next `park` return at once, so no wake is lost.",
        ],
    },
    Step {
        number: 3,
        title: "spawn, a run queue, yield_now",
        page: "03-tasks.md",
        write: &[
            "EventLoop (fields)",
            "RunQueue (fields)",
            "TaskState (fields)",
            "new",
            "block_on",
            "new_id",
            "new_task",
            "run_task",
            "wake",
            "poll",
            "spawn",
            "yield_now",
        ],
        without: "there is one future only",
        hints: [
            "A task is a future in a table, under a number. A wake puts the number into the run queue. The loop takes numbers out of the queue and polls.",
            "The queue is an `mpsc` channel, because wakes may come from other threads: the sender in `RunQueue`, the receiver in `EventLoop`. The main future is one more number: compare before you look into the table.",
            "run_task: take the task out of the table (no borrow may be held during the poll), poll it, put it back if it is pending. block_on: `while let Ok(id) = self.woken.try_recv()`, and `thread::park()` when the queue is empty. new_task wakes the task once, for its first poll.",
        ],
    },
    Step {
        number: 4,
        title: "the woken flag, cleared before the poll",
        page: "04-woken-flag.md",
        write: &["TaskState (a field)", "new_task", "wake", "poll"],
        without: "a thousand wakes make a thousand polls",
        hints: [
            "A task that is in the run queue already need not be put there again. What remembers that it is there?",
            "An `AtomicBool` in `TaskState`. `swap(true)` in `wake` tells whether it was set before: only if not, the number goes into the queue. `poll` clears it. Before or after the call of the future?",
            "Before. A wake that comes while the future runs must find the flag cleared, or it is taken for one that is in the queue already, and is lost.",
        ],
    },
    Step {
        number: 5,
        title: "join handles, panics, cancels, the end",
        page: "05-join.md",
        write: &[
            "TaskState (a field)",
            "Slot (new)",
            "JoinHandle (fields)",
            "new_task",
            "block_on",
            "cancel",
            "spawn",
            "JoinHandle::poll",
        ],
        without: "nothing hears of the end of a task",
        hints: [
            "The task and its handle share a slot. It is empty, with the waker of the task that awaits the handle, or full, with the end.",
            "Wrap the future that is spawned: a `poll_fn` that looks at the cancel flag first and polls inside `catch_unwind`. Then drop the future, then fill the slot, then wake the joiner. The order is the promise.",
            "In block_on, `catch_unwind` the whole of the turns. Then take the tasks that are left over one at a time, cancel each, and run it once: so its destructors run on this thread, with the loop still current. Last, `CURRENT.set(None)` and `resume_unwind`.",
        ],
    },
    Step {
        number: 6,
        title: "sleeps: a heap of deadlines",
        page: "06-time.md",
        write: &[
            "EventLoop (a field)",
            "Timer (fields)",
            "new",
            "block_on",
            "wait",
            "Timer::drop",
            "sleep",
            "timeout",
        ],
        without: "a sleep never ends",
        hints: [
            "The loop waits no longer than until the next deadline. Which collection gives the smallest key first?",
            "A `BTreeMap` from (deadline, number) to waker. The number keeps two equal deadlines apart. `wait` parks with the first deadline as its limit, and then wakes all that are due.",
            "`split_off(&(Instant::now(), usize::MAX))` cuts the map into what is due and what is later. A `Timer` removes its entry when it is dropped, so a timeout that was not needed wakes nothing later.",
        ],
    },
    Step {
        number: 7,
        title: "readiness with poll(2)",
        page: "07-readiness.md",
        write: &[
            "EventLoop (a field)",
            "Socket (fields)",
            "new",
            "wait",
            "Socket::new",
            "perform",
            "drop",
            "read",
            "write",
        ],
        without: "one read that blocks stops every task",
        hints: [
            "A socket that does not block returns `WouldBlock` instead of waiting. Then the task leaves its waker with the socket, and the loop waits for all such sockets at once.",
            "`wait` collects a `PollFd` for each side of each socket that has a waker, and calls `poll`. For those that are ready it wakes the task; it puts the other wakers back.",
            "perform: call the operation; on `WouldBlock` put `context.waker().clone()` into `self.sides[side]` and return `Pending`. If no task waits for a socket, `wait` parks as in step 6, so that a wake from another thread ends it.",
        ],
    },
    Step {
        number: 8,
        title: "mio: edges and remembered readiness",
        page: "08-edges.md",
        write: &[
            "EventLoop (fields)",
            "Socket (fields)",
            "new",
            "wait",
            "Socket::new",
            "perform",
            "drop",
        ],
        without: "each wait costs by the number of sockets, and a file is taken for one",
        hints: [
            "epoll knows the sockets already, and tells of a change once. What must the loop remember, so that a change that it was told of while no task waited is not lost?",
            "A side without a waker means: try the operation. A side with a waker means: `WouldBlock` came, and no event since; do not try.",
            "perform: `if side.take().is_none()` try; on `WouldBlock`, or if a waker was there, leave the new waker. An event takes the waker of each side that it is about, and of both sides when it tells of an end or an error.",
        ],
    },
    Step {
        number: 9,
        title: "wakes from other threads end the wait",
        page: "09-threads.md",
        write: &["RunQueue (fields)", "new", "wait", "wake"],
        without: "a wake from another thread waits for the next event",
        hints: [
            "`unpark` ends a `park`, and nothing else. The loop waits in the selector now. What ends that wait?",
            "`mio::Waker::new(registry, Token(usize::MAX))` is an eventfd in the selector. `wake()` on it ends the wait.",
            "In `wake`, after the number is in the queue: if this is not the loop's own thread, `unparker.wake()`. On its own thread the loop will look into the queue anyhow, and the system call is saved. `wait` asks the selector always, and needs no `park` any more.",
        ],
    },
    Step {
        number: 10,
        title: "batches and a budget; accept without descriptors",
        page: "10-fairness.md",
        write: &["EventLoop (a field)", "new", "block_on", "wait", "perform"],
        without: "a busy task starves sockets and timers, and accept spins",
        hints: [
            "The loop asks the selector only when the queue is empty. With a task that always wakes itself, when is that?",
            "Take what is in the queue now as a batch, ask the selector (without blocking if the batch is not empty), then run the batch. What is woken meanwhile comes into the next batch.",
            "The budget: 128 operations in one poll; then `perform` wakes its own task and returns `Pending`. And if an operation fails with `is_shortage`, `perform` sleeps for 20 ms and tries again.",
        ],
    },
    Step {
        number: 11,
        title: "the calculator on your loop",
        page: "11-calculator.md",
        write: &[],
        without: "the loop has no program",
        hints: [
            "Nothing is to be written. If a talk fails, `-- serve 127.0.0.1:8888` and `nc 127.0.0.1 8888` show it by hand.",
            "The calculator uses `timeout` around a read: a read that is dropped must not lose a byte.",
            "If a client hears nothing, look at `write`: a side that is ready must be tried without waiting for an event.",
        ],
    },
];

/// The claims that a loop of this shape never meets; `words.rs` has the reasons.
pub const BEYOND: &[&str] = &[
    "equal_deadlines_fire_in_the_order_of_creation",
    "a_sleep_reset_later_fires_later",
    "a_sleep_reset_earlier_fires_earlier",
    "a_sleep_reset_to_the_past_fires",
    "a_sleep_reset_after_it_fired_fires_again",
    "a_sleep_reset_under_a_task_that_waits_wakes_it_in_time",
    "a_reader_whose_runtime_goes_is_woken_with_an_error",
];

/// Returns the claims of a step, in the order in which they are told of.
pub fn claims_of(step: u8) -> Vec<&'static str> {
    CLAIMS
        .iter()
        .filter(|(of, _)| *of == step)
        .flat_map(|(_, names)| names.iter().copied())
        .collect()
}

/// The step of a claim; `None` for one that a loop of this shape does not meet.
pub fn step_of(claim: &str) -> Option<u8> {
    CLAIMS.iter().find(|(_, names)| names.contains(&claim)).map(|(step, _)| *step)
}

/// The claims by steps.
pub const CLAIMS: &[(u8, &[&str])] = &[
    (
        1,
        &[
            "a_future_ready_at_once_is_polled_once",
            "a_future_that_wakes_itself_in_its_poll_is_polled_again",
            "a_wake_from_another_thread_during_the_poll_is_kept",
            "a_wake_from_another_thread_ends_the_wait",
            "a_thousand_wakes_before_the_next_poll_are_not_too_many",
            "a_waker_of_an_earlier_block_on_is_harmless",
            "block_on_may_borrow",
            "block_on_passes_a_panic_on_and_can_be_used_again",
            "calls_are_made_in_order",
            "a_panic_in_a_call_harms_nobody",
            "two_runtimes_on_two_threads_wake_each_other",
            "nothing_runs_outside_block_on",
        ],
    ),
    (2, &["a_wait_costs_no_cpu"]),
    (
        3,
        &[
            "a_task_ready_at_once_is_polled_once",
            "a_task_is_not_polled_after_it_was_ready",
            "a_wake_during_poll_gives_one_more_poll",
            "a_task_that_nobody_wakes_is_not_polled",
            "the_main_future_is_polled_only_when_woken",
            "block_on_needs_no_send_and_no_static",
            "a_panic_of_the_main_future_leaves_block_on_and_the_runtime_goes_on",
            "a_detached_task_runs_to_its_end",
            "detaching_at_any_moment_loses_no_task",
            "tasks_begin_in_the_order_of_their_spawning",
            "tasks_go_on_in_the_order_of_their_wakes",
            "a_task_spawned_by_a_task_runs_after_those_that_are_ready",
            "busy_tasks_take_turns",
            "wakes_after_the_end_are_harmless",
            "no_two_tasks_share_a_place",
            "a_waker_outlives_its_runtime",
            "a_task_that_owns_its_own_waker_is_freed",
            "a_task_that_owns_its_own_handle_is_freed",
            "a_hundred_thousand_tasks_run",
            "tasks_left_over_are_dropped_on_the_runtimes_thread",
            "a_call_reaches_an_idle_loop",
            "a_call_reaches_a_busy_loop",
            "a_waker_on_another_thread_outlives_its_runtime",
            "a_strangers_unpark_does_not_end_block_on",
            "tasks_that_wake_themselves_do_not_starve_the_main_future",
        ],
    ),
    (
        4,
        &[
            "many_wakes_during_one_poll_give_one_more_poll",
            "many_wakes_between_two_polls_give_one_poll",
            "a_wake_during_a_poll_and_one_after_it_give_one_more_poll",
        ],
    ),
    (
        5,
        &[
            "a_task_ends_with_a_value_a_panic_or_a_cancel",
            "a_cancelled_task_is_dropped_without_a_poll",
            "a_task_cancelled_before_its_first_poll_never_runs",
            "a_task_that_cancels_itself_finishes_its_poll",
            "a_cancel_after_the_end_changes_nothing",
            "a_cancel_twice_is_one_cancel",
            "a_cancelled_task_is_torn_down_though_its_handle_is_gone",
            "a_join_after_a_cancel_means_that_destructors_have_run",
            "a_cancel_that_meets_a_wake_is_one_of_the_two",
            "a_handle_polled_after_its_result_panics",
            "destructors_at_the_end_may_panic",
            "a_finished_task_is_joined_when_its_runtime_is_gone",
            "an_unfinished_task_is_cancelled_when_its_runtime_is_gone",
            "a_nested_block_on_panics_and_the_outer_one_goes_on",
            "a_future_is_dropped_before_its_result_is_joined",
            "an_output_is_dropped_once_in_every_order",
            "a_waker_equals_its_clones_and_no_other_tasks",
            "wakes_after_a_cancel_are_harmless",
            "the_last_waker_of_a_join_is_woken",
            "a_large_future_fits_on_a_small_stack",
            "a_chain_of_a_hundred_thousand_joins_needs_no_stack",
            "a_panic_stays_in_its_task",
            "every_kind_of_payload_reaches_the_joiner",
            "a_payload_whose_destructor_panics_harms_nobody",
            "a_destructor_that_panics_at_the_end_of_a_task_harms_nobody",
            "a_destructor_that_panics_in_a_cancel_is_a_panic_of_the_task",
            "a_bulk_spawn_that_panics_half_way_leaves_a_usable_runtime",
            "a_task_may_be_spawned_in_a_destructor_and_by_a_waker",
            "tasks_that_sleep_are_dropped_with_the_runtime",
            "destructors_at_the_end_may_spawn_sleep_cancel_and_wake",
            "a_wake_from_another_thread_during_a_poll_is_kept",
            "a_wake_from_another_thread_at_any_moment_is_kept",
            "a_storm_of_wakes_loses_none_and_polls_no_more_often",
            "storms_on_many_tasks_lose_none",
            "the_last_reference_on_another_thread_drops_nothing_there",
            "cancels_from_another_thread_race_the_end",
            "the_canceller_of_an_ended_task_spares_its_successor",
            "a_task_is_cancelled_from_another_thread",
            "a_task_that_joins_itself_can_be_cancelled",
            "a_yield_lets_every_other_task_run",
        ],
    ),
    (
        6,
        &[
            "a_sleep_is_never_early",
            "timers_fire_in_the_order_of_their_deadlines",
            "zero_and_past_deadlines_end",
            "a_thousand_zero_sleeps_end",
            "the_longest_sleeps_do_not_fire_and_hold_nobody_up",
            "a_sleep_polled_by_two_wakers_wakes_the_last",
            "a_value_that_is_ready_beats_its_timeout",
            "a_timeout_drops_the_future_before_it_returns",
            "of_nested_timeouts_the_one_that_expires_is_told",
            "a_cancelled_sleep_wakes_nobody",
            "a_runtime_may_die_with_its_thread",
            "an_earlier_timer_shortens_a_sleep_that_has_begun",
        ],
    ),
    (
        7,
        &[
            "what_came_in_one_edge_can_be_read_later",
            "what_is_written_to_a_slow_reader_arrives_byte_for_byte",
            "a_reader_and_a_writer_share_a_socket",
            "a_reader_waits_while_the_writer_goes_on",
            "the_last_of_two_readers_wakers_is_woken",
            "the_end_in_the_segment_of_the_last_bytes_is_seen",
            "the_end_after_a_short_read_is_seen",
            "a_peer_that_closes_its_sending_side_can_still_be_written_to",
            "a_closed_sending_side_still_reads",
            "a_reset_while_reading_is_an_error_of_that_task",
            "a_reset_while_writing_is_an_error_of_that_task",
            "a_reset_in_the_backlog_does_not_stop_accepting",
            "closing_after_a_reset_does_not_panic",
            "a_connect_that_is_refused_is_an_error",
            "a_connect_that_is_given_up_is_over",
            "a_connect_that_succeeds_late_succeeds",
            "an_accept_that_is_given_up_loses_no_connection",
            "a_write_to_a_closed_peer_is_an_error_and_no_signal",
            "a_socket_goes_before_a_timer_of_the_same_turn",
            "a_reader_that_waits_is_not_polled",
            "a_reader_and_a_writer_that_wait_are_not_polled",
            "a_dropped_socket_tells_nobody",
            "a_socket_that_outlives_its_runtime_gives_an_error",
            "a_cancelled_reader_closes_its_socket",
            "five_hundred_connections_are_accepted_though_one_event_told_of_them",
            "a_descriptor_number_used_again_does_not_wake_the_old_owner",
            "cancelled_waits_give_their_descriptors_back",
            "dropped_sockets_leave_nothing_behind",
            "two_runtimes_take_turns_on_one_thread",
            "a_thousand_runtimes_leave_nothing_behind",
            "a_rain_of_signals_disturbs_nothing",
            "a_process_that_was_stopped_goes_on",
            "a_runtime_gives_every_descriptor_back",
        ],
    ),
    (8, &["a_file_cannot_be_waited_for"]),
    (
        9,
        &[
            "a_wake_from_another_thread_ends_a_wait_for_sockets",
            "a_wake_from_another_thread_does_not_wait_for_the_next_timer",
            "a_call_reaches_a_loop_that_waits_for_sockets",
        ],
    ),
    (
        10,
        &[
            "tasks_that_wake_themselves_do_not_starve_sockets",
            "tasks_that_wake_themselves_do_not_starve_timers",
            "a_socket_that_is_always_readable_does_not_starve_others",
            "a_socket_that_is_always_writable_does_not_starve_others",
            "a_yielding_task_sees_a_socket_soon",
            "a_full_backlog_does_not_starve_others",
            "a_thousand_sockets_are_served",
            "a_listener_without_descriptors_waits_and_goes_on",
        ],
    ),
];
