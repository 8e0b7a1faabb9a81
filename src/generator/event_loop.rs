//! The event loop of the course: a queue of tasks, two maps of waiting tasks, and a selector.
//!
//! [`EventLoop::run`] has the course's three steps: if nothing is ready, ask the selector; take a task; run it.
//!
//! **Invariants**
//! - `GEN-1` The selector is asked only when `tasks` is empty. It blocks unless a task has yielded.
//! - `GEN-2` Tasks run first in, first out. Those that the selector made ready come in the order in which it named
//!   them, then those whose deadline passed (earliest first), then those that had yielded.
//! - `GEN-3` A token is given out once and never again. So an event that was meant for a dropped socket finds no
//!   task, even when the kernel has given its descriptor number to a new socket.
//! - `GEN-4` `deadlines` holds exactly the deadlines of the tasks in `to_read` and `to_write`.
//! - `GEN-5` At most one task waits for one token in one direction. A second one displaces the first, which is
//!   resumed with [`Woken::Called`].
//! - `EDGE-1` mio reports a change once, not for as long as it lasts (edge triggering), and an event that finds
//!   no task in the map is forgotten. So a coroutine may return [`Step::Read`] only if, *since it last came out of a
//!   wait*, a read has found the socket empty; the same holds for writing. That is enough:
//!
//!   ```text
//!   resumed ── reads until nothing is left ── Step::Read ── selector is asked ── resumed
//!                                         └─ data comes here: the kernel keeps the edge until it is asked,
//!                                            and then the task stands in `to_read`
//!   ```
//!
//!   A read that filled less than its buffer has found the socket empty too, with one exception: if the event said
//!   `closed`, the end of the stream lies behind the data. A task that comes from a *different* wait (for writing, or
//!   after a yield) may have missed an event and its `closed`, so it must read until `WouldBlock` or the end.
//!
//! **Source**: the course's `event_loop()`; epoll(7), questions 9 and 10.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};

use super::coroutine::{Step, Woken};

/// A function that can stop in the middle and go on later.
pub trait Coroutine {
    /// Runs on to the next place where the coroutine must wait, and says for what.
    ///
    /// It may use the loop during the call. No other coroutine runs before it returns, so it must not block.
    fn resume(&mut self, woken: Woken, event_loop: &mut EventLoop) -> Step;
}

/// A coroutine.
type Task = Box<dyn Coroutine>;

/// What a task waits for its socket to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    /// Readable: it stands in `to_read`.
    Read,
    /// Writable: it stands in `to_write`.
    Write,
}

/// A task that waits for its socket.
struct Waiting {
    /// The task.
    task: Task,
    /// Until when, if not forever.
    deadline: Option<Instant>,
}

/// Runs coroutines on one thread, each until it must wait for a socket.
pub struct EventLoop {
    /// Tasks that can run, and why.
    tasks: VecDeque<(Task, Woken)>,
    /// Tasks that wait for a socket to become readable.
    to_read: HashMap<Token, Waiting>,
    /// Tasks that wait for a socket to become writable.
    to_write: HashMap<Token, Waiting>,
    /// Tasks that have yielded; back in `tasks` when the selector has been asked.
    aside: VecDeque<Task>,
    /// When which wait ends, earliest first.
    deadlines: BTreeSet<(Instant, Token, Direction)>,
    /// The selector.
    selector: Poll,
    /// The next token to give out (`GEN-3`).
    next_token: usize,
    /// How often the selector was asked.
    questions: u64,
}

impl EventLoop {
    /// Makes a loop without tasks.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            tasks: VecDeque::new(),
            to_read: HashMap::new(),
            to_write: HashMap::new(),
            aside: VecDeque::new(),
            deadlines: BTreeSet::new(),
            selector: Poll::new()?,
            next_token: 0,
            questions: 0,
        })
    }

    /// Puts a coroutine at the end of the queue: the course's `tasks.append(client(socket))`.
    pub fn spawn(&mut self, coroutine: impl Coroutine + 'static) {
        self.tasks.push_back((Box::new(coroutine), Woken::Turn));
    }

    /// Registers a socket and returns the token to wait by. Dropping the socket ends the registration.
    ///
    /// # Errors
    /// The selector refuses it: no memory, too many watches, or a file that cannot be watched.
    pub fn register(&mut self, socket: &mut impl Source, interest: Interest) -> io::Result<Token> {
        let token = Token(self.next_token);
        self.selector.registry().register(socket, token, interest)?;
        self.next_token += 1;
        Ok(token)
    }

    /// Runs all tasks until none is left. It takes the loop by value, so that a coroutine cannot run it a second time.
    ///
    /// # Errors
    /// The selector failed. All tasks are dropped then.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while self.has_tasks() {
            while self.tasks.is_empty() {
                self.select(&mut events)?;
            }
            let Some((mut task, woken)) = self.tasks.pop_front() else {
                continue;
            };
            match task.resume(woken, &mut self) {
                Step::Read(token, deadline) => self.park(task, Direction::Read, token, deadline),
                Step::Write(token, deadline) => self.park(task, Direction::Write, token, deadline),
                Step::Yield => self.aside.push_back(task),
                Step::Done => drop(task),
            }
        }
        Ok(())
    }

    /// The course's `any([tasks, to_read, to_write])`, and those that have yielded.
    fn has_tasks(&self) -> bool {
        !(self.tasks.is_empty()
            && self.to_read.is_empty()
            && self.to_write.is_empty()
            && self.aside.is_empty())
    }

    /// Asks the selector and moves all tasks that can run to `tasks`, in the order of `GEN-2`.
    fn select(&mut self, events: &mut Events) -> io::Result<()> {
        self.questions += 1;
        match self.selector.poll(events, self.time_left()) {
            // A signal came in between. The caller asks again, because `tasks` is as empty as before.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            answer => answer?,
        }
        for event in &*events {
            // A broken connection wakes both directions.
            let closed = event.is_read_closed() || event.is_error();
            if event.is_readable() || closed {
                self.release(Direction::Read, event.token(), Woken::Ready { closed });
            }
            let closed = event.is_write_closed() || event.is_error();
            if event.is_writable() || closed {
                self.release(Direction::Write, event.token(), Woken::Ready { closed });
            }
        }
        self.expire();
        self.tasks.extend(self.aside.drain(..).map(|task| (task, Woken::Turn)));
        Ok(())
    }

    /// Returns how long the selector may block: not at all if a task has yielded, else to the next deadline.
    fn time_left(&self) -> Option<Duration> {
        if !self.aside.is_empty() {
            return Some(Duration::ZERO);
        }
        let (deadline, ..) = self.deadlines.first()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Makes tasks ready whose deadline has passed. Runs after the events, so ready beats timed out.
    fn expire(&mut self) {
        if self.deadlines.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(&(deadline, token, direction)) = self.deadlines.first()
            && deadline <= now
        {
            self.release(direction, token, Woken::TimedOut);
        }
    }

    /// Stores a task under what it waits for: the course's `to_read[socket] = task`.
    fn park(&mut self, task: Task, direction: Direction, token: Token, deadline: Option<Instant>) {
        // GEN-5; the course would lose it.
        self.release(direction, token, Woken::Called);
        self.waiting(direction).insert(token, Waiting { task, deadline });
        self.deadlines.extend(deadline.map(|at| (at, token, direction)));
    }

    /// Ends the wait of a task, if one waits: moves it to `tasks`, and removes its deadline (`GEN-4`).
    fn release(&mut self, direction: Direction, token: Token, woken: Woken) {
        if let Some(Waiting { task, deadline }) = self.waiting(direction).remove(&token) {
            if let Some(at) = deadline {
                self.deadlines.remove(&(at, token, direction));
            }
            self.tasks.push_back((task, woken));
        }
    }

    /// Returns the map of the tasks that wait in this direction.
    fn waiting(&mut self, direction: Direction) -> &mut HashMap<Token, Waiting> {
        match direction {
            Direction::Read => &mut self.to_read,
            Direction::Write => &mut self.to_write,
        }
    }

    /// Resumes the tasks that wait for this token, with [`Woken::Called`].
    pub fn wake(&mut self, token: Token) {
        self.release(Direction::Read, token, Woken::Called);
        self.release(Direction::Write, token, Woken::Called);
    }

    /// Resumes all tasks that wait, with [`Woken::Called`], in no particular order.
    pub fn wake_all(&mut self) {
        self.deadlines.clear();
        let waiting = self.to_read.drain().chain(self.to_write.drain());
        self.tasks.extend(waiting.map(|(_, waiting)| (waiting.task, Woken::Called)));
    }

    /// Returns how often the selector has been asked, so that `GEN-1` can be tested.
    pub fn questions(&self) -> u64 {
        self.questions
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}
