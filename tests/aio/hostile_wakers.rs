//! Hostile wakers and observers: their clones, drops and calls come back into the loop.

#![expect(unsafe_code, reason = "a waker whose clone and drop run a program of the test's")]

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::time::Duration;

use crate::support::run_in_real_time;
use crate::virtual_time::Watchdog;
use handloom::aio::{
    AsyncRead, AsyncWrite, Event, TaskGroup, TaskSet, TcpListener, TcpStream, gather, sleep,
    task_group, yield_now,
};
use handloom::rt::{self, EventLoop, Moment, Observer, poll_budget, spawn};

/// What such a waker does whenever it is cloned, called or dropped.
type Hook = Box<dyn Fn()>;

/// Makes a waker that calls `hook`, but not from within `hook`. It may be used on this thread only.
fn hooked(hook: impl Fn() + 'static) -> Waker {
    let inside = Cell::new(false);
    let guarded: Hook = Box::new(move || {
        if !inside.replace(true) {
            hook();
            inside.set(false);
        }
    });
    let data: &'static Hook = Box::leak(Box::new(guarded));
    // SAFETY: the functions of the table take what they are given here, which is never freed.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::from_ref(data).cast(), &TABLE)) }
}

/// The functions of such a waker.
static TABLE: RawWakerVTable = RawWakerVTable::new(clone, call, call, call);

/// Runs the hook.
fn call(data: *const ()) {
    // SAFETY: `hooked` has made it, and it lives forever.
    let hook = unsafe { &*data.cast::<Hook>() };
    hook();
}

/// Runs the hook, and copies the waker.
fn clone(data: *const ()) -> RawWaker {
    call(data);
    RawWaker::new(data, &TABLE)
}

/// Two ends of a connection on the loop.
async fn pair() -> (TcpStream, TcpStream) {
    let any = "127.0.0.1:0".parse().expect("an address");
    let mut listener = TcpListener::bind(any).expect("a free port");
    let address = listener.local_addr().expect("its address");
    let far = TcpStream::connect(address).await.expect("it listens");
    (listener.accept().await.expect("a connection waits").0, far)
}

#[test]
fn a_waker_may_use_the_other_half_of_a_stream_when_it_is_cloned_or_dropped() {
    run_in_real_time(async {
        let (near, mut far) = pair().await;
        let (mut read, write) = near.into_split();
        let (calls, write) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(write)));
        let make = || {
            let (calls, write) = (calls.clone(), write.clone());
            hooked(move || {
                let mut cx = Context::from_waker(Waker::noop());
                let sent = write.borrow_mut().poll_write(&mut cx, b"x");
                assert!(matches!(sent, Poll::Ready(Ok(1))), "expected room, came {sent:?}");
                calls.set(calls.get() + 1);
            })
        };
        for waker in [make(), make(), make()] {
            let polled = read.poll_read(&mut Context::from_waker(&waker), &mut [0]);
            assert!(polled.is_pending(), "CORE-1: expected a wait, came {polled:?}");
        }
        far.write_all(b"y").await.unwrap();
        let mut byte = [0];
        assert_eq!(read.read(&mut byte).await.unwrap(), 1, "expected the byte");
        assert!(calls.get() >= 6, "expected clones and drops, came {}", calls.get());
    });
}

#[test]
fn a_waker_that_another_task_leaves_during_a_clone_is_not_lost() {
    run_in_real_time(async {
        let (near, mut far) = pair().await;
        let near = Rc::new(near);
        let (counts, other) = counting();
        let theirs = near.clone();
        let waker = hooked(move || {
            drop(theirs.poll_readable(&mut Context::from_waker(&other)));
        });
        assert!(near.poll_readable(&mut Context::from_waker(&waker)).is_pending());
        far.write_all(b"x").await.unwrap();
        poll_fn(|cx| near.poll_readable(cx)).await.unwrap();
        yield_now().await;
        assert!(counts.wakes() > 0, "SOURCE-4: expected both to be woken");
    });
}

/// Counts wakes.
struct Counts(AtomicUsize);

impl Counts {
    /// How many there were.
    fn wakes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A waker that counts.
fn counting() -> (Arc<Counts>, Waker) {
    let counts = Arc::new(Counts(0.into()));
    (counts.clone(), counts.into())
}

#[test]
fn a_task_set_may_be_used_by_the_wakers_that_it_clones_wakes_and_drops() {
    run_in_real_time(async {
        let (set, calls) = (Rc::new(TaskSet::new()), Rc::new(Cell::new(0)));
        let keys: Vec<_> = (0..3).map(|_| set.add()).collect();
        for &key in &keys {
            let (theirs, calls) = (set.clone(), calls.clone());
            let waker = hooked(move || {
                let mine = theirs.add();
                theirs.set_waker(mine, Waker::noop());
                theirs.wake_all();
                theirs.remove(mine);
                calls.set(calls.get() + 1);
            });
            set.set_waker(key, &waker);
        }
        let before = calls.get();
        set.wake_all();
        set.wake_all();
        assert!(calls.get() >= before + 6, "expected every task to be woken twice");
        for key in keys {
            set.remove(key);
        }
        set.wait_below(1).await;
    });
}

/// Enters the loop whenever it hears of a wake, and keeps what comes of it.
struct EntersAtWakes(Rc<RefCell<Vec<String>>>);

impl Observer for EntersAtWakes {
    fn observe(&self, moment: Moment<'_>) {
        if matches!(moment, Moment::Woken { .. }) && self.0.borrow().len() < 3 {
            let nested = catch_unwind(AssertUnwindSafe(|| rt::block_on(async {})));
            let payload = nested.expect_err("no loop runs inside another");
            let text = payload.downcast_ref::<&str>().copied().unwrap_or("another payload");
            self.0.borrow_mut().push(text.to_owned());
            drop(spawn(async {}));
        }
    }
}

#[test]
fn an_observer_of_wakes_may_spawn_and_hears_why_it_cannot_enter_the_loop() {
    let _watchdog = Watchdog::new();
    let texts = Rc::new(RefCell::new(Vec::new()));
    let observer = EntersAtWakes(texts.clone());
    let event_loop = EventLoop::builder().observer(observer).build().unwrap();
    event_loop.block_on(async {
        for _ in 0..3 {
            yield_now().await;
        }
    });
    assert_eq!(texts.borrow().len(), 3, "HOOK-1: expected three wakes");
    for text in texts.borrow().iter() {
        assert!(text.contains("block_on was called inside block_on"), "HOOK-1: came {text}");
    }
}

#[test]
fn a_waker_that_the_spent_budget_wakes_may_try_to_enter_the_loop() {
    run_in_real_time(async {
        let texts = Rc::new(RefCell::new(Vec::new()));
        let theirs = texts.clone();
        let waker = hooked(move || {
            let nested = catch_unwind(AssertUnwindSafe(|| rt::block_on(async {})));
            let payload = nested.expect_err("no loop runs inside another");
            theirs.borrow_mut().extend(payload.downcast_ref::<&str>().map(|&text| text.to_owned()));
        });
        while poll_budget(&mut Context::from_waker(&waker)).is_ready() {}
        assert_eq!(texts.borrow().len(), 1, "CORE-1: expected one wake");
        assert!(texts.borrow()[0].contains("inside block_on"), "CORE-1: came {texts:?}");
        let mut nap = sleep(Duration::from_hours(1));
        assert!(Pin::new(&mut nap).poll(&mut Context::from_waker(&waker)).is_pending());
    });
}

/// A waker whose last drop panics.
struct PanicsWhenDropped;

impl Wake for PanicsWhenDropped {
    fn wake(self: Arc<Self>) {}
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("dropped, as the test wants");
    }
}

/// Polls once with a waker whose drop panics, and which only what was polled keeps.
fn poll_with_bomb(poll: impl FnOnce(&mut Context<'_>) -> bool) {
    let waker = Waker::from(Arc::new(PanicsWhenDropped));
    assert!(poll(&mut Context::from_waker(&waker)), "expected a wait");
}

/// Lets go of such wakers; tells whether their panic came through.
fn survives(what: &str, drops: impl FnOnce()) {
    let outcome = catch_unwind(AssertUnwindSafe(drops));
    assert!(outcome.is_ok(), "{what}: the panic of a foreign waker's drop came through");
}

#[test]
fn a_socket_may_be_dropped_with_wakers_whose_drops_panic() {
    run_in_real_time(async {
        for wakers in 1..4 {
            let (near, far) = pair().await;
            for _ in 0..wakers {
                poll_with_bomb(|cx| near.poll_readable(cx).is_pending());
            }
            survives("SOURCE-1", || drop(near));
            drop(far);
        }
    });
}

#[test]
fn a_sleep_may_be_polled_again_and_dropped_with_wakers_whose_drops_panic() {
    run_in_real_time(async {
        let mut nap = sleep(Duration::from_hours(1));
        for _ in 0..3 {
            survives("a poll of a sleep", || {
                poll_with_bomb(|cx| Pin::new(&mut nap).poll(cx).is_pending());
            });
        }
        survives("SLEEP-2", || drop(nap));
    });
}

#[test]
fn a_join_handle_may_be_polled_again_and_dropped_with_wakers_whose_drops_panic() {
    run_in_real_time(async {
        let mut task = spawn(pending::<()>());
        for _ in 0..3 {
            survives("a poll of a join handle", || {
                poll_with_bomb(|cx| Pin::new(&mut task).poll(cx).is_pending());
            });
        }
        survives("JOIN-2", || drop(task));
    });
}

#[test]
fn a_gather_may_be_polled_again_and_dropped_with_wakers_whose_drops_panic() {
    run_in_real_time(async {
        let (left, keeps) = (Rc::new(RefCell::new(None)), Rc::new(RefCell::new(None)));
        let leave = left.clone();
        let child = poll_fn(move |cx| {
            leave.replace(Some(cx.waker().clone()));
            Poll::<()>::Pending
        });
        let mut all = Box::pin(gather([child]));
        for _ in 0..3 {
            survives("a poll of a gather", || {
                poll_with_bomb(|cx| all.as_mut().poll(cx).is_pending());
            });
        }
        // A child's waker that lives longer keeps no waker of the parent.
        keeps.replace(left.take());
        survives("a gather", || drop(all));
        survives("a child's waker", || drop(keeps.take()));
    });
}

#[test]
fn a_task_group_may_be_polled_again_and_dropped_with_wakers_whose_drops_panic() {
    run_in_real_time(async {
        let mut group = Box::pin(task_group(async |_group| pending::<Result<(), ()>>().await));
        for _ in 0..3 {
            survives("a poll of a group", || {
                poll_with_bomb(|cx| group.as_mut().poll(cx).is_pending());
            });
        }
        survives("GROUP-1", || drop(group));
    });
}

#[test]
fn a_waker_that_panics_when_it_is_woken_harms_no_child_that_wakes_its_parent() {
    /// A waker whose wakes panic.
    struct PanicsWhenWoken;
    impl Wake for PanicsWhenWoken {
        fn wake(self: Arc<Self>) {
            panic!("woken, as the test wants");
        }
    }
    run_in_real_time(async {
        let event = Rc::new(Event::new());
        let mut all = Box::pin(gather([event.wait()]));
        let waker = Waker::from(Arc::new(PanicsWhenWoken));
        assert!(all.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        survives("CHILD-5", || event.set());
        assert_eq!(all.await.len(), 1, "CHILD-5: the child was noted");
    });
}

/// The functions of a waker each of whose drops panics, also that of a duplicate.
static DROPS_PANIC: RawWakerVTable =
    RawWakerVTable::new(clone_bomb, leave_alone, leave_alone, drop_bomb);

/// Copies such a waker.
fn clone_bomb(data: *const ()) -> RawWaker {
    RawWaker::new(data, &DROPS_PANIC)
}

/// Wakes nothing.
fn leave_alone(_: *const ()) {}

/// Drops such a waker.
fn drop_bomb(_: *const ()) {
    panic!("dropped, as the test wants");
}

/// Makes such a waker; wakers of different data wake different tasks.
fn bomb(data: &'static u8) -> ManuallyDrop<Waker> {
    let raw = clone_bomb(std::ptr::from_ref(data).cast());
    // SAFETY: the functions of the table do not use the data.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw) })
}

#[test]
fn tasks_whose_wakers_panic_at_each_drop_may_wait_for_one_socket_and_for_one_sleep() {
    static DATA: [u8; 2] = [1, 2];
    run_in_real_time(async {
        let (near, far) = pair().await;
        let mut nap = sleep(Duration::from_hours(1));
        let wakers = [bomb(&DATA[0]), bomb(&DATA[1])];
        for waker in wakers.iter().cycle().take(6) {
            let mut cx = Context::from_waker(waker);
            survives("a poll of a socket", || {
                assert!(near.poll_readable(&mut cx).is_pending(), "expected a wait");
            });
            survives("a poll of a sleep", || {
                assert!(Pin::new(&mut nap).poll(&mut cx).is_pending(), "expected a wait");
            });
        }
        survives("SOURCE-1", || drop(near));
        survives("SLEEP-2", || drop(nap));
        drop(far);
    });
}

#[test]
fn a_waiter_that_is_granted_its_place_during_the_clone_of_its_waker_does_not_wait() {
    run_in_real_time(async {
        for is_known in [false, true] {
            let event = Rc::new(Event::new());
            let mut wait = pin!(event.wait());
            if is_known {
                assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
            // A waiter that has a place in the line is granted it, although the event is cleared at once.
            let sets = event.clone();
            let waker = ManuallyDrop::new(hooked(move || {
                sets.set();
                if is_known {
                    sets.clear();
                }
            }));
            let polled = wait.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_ready(), "a wake was lost; it had a waker before: {is_known}");
        }
    });
}

#[test]
fn a_child_that_is_added_during_a_clone_of_the_groups_waker_is_polled() {
    run_in_real_time(async {
        // A group that begins to wait clones its waker twice.
        for nth in 1..=2 {
            let (slot, done) = (Rc::new(RefCell::new(None)), Rc::new(Event::new()));
            let (handle, body_done) = (slot.clone(), done.clone());
            let mut group = pin!(task_group(async move |group| {
                handle.replace(Some(group));
                body_done.wait().await;
                Ok::<_, ()>(())
            }));
            let calls = Rc::new(Cell::new(0));
            let counted = calls.clone();
            let waker = ManuallyDrop::new(hooked(move || {
                counted.set(counted.get() + 1);
                if counted.get() == nth {
                    let (group, done) = (slot.borrow().clone(), done.clone());
                    let group: TaskGroup<'_, ()> = group.expect("the body has run");
                    drop(group.spawn(async move {
                        done.set();
                        Ok(())
                    }));
                }
            }));
            let mut cx = Context::from_waker(&waker);
            assert!(group.as_mut().poll(&mut cx).is_pending());
            assert!(
                calls.get() > nth,
                "the group is not woken: it was called {} times",
                calls.get()
            );
            while group.as_mut().poll(&mut cx).is_pending() {
                yield_now().await;
            }
        }
    });
}
