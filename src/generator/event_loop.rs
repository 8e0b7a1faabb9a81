//! The event loop of the course: a queue of tasks, two maps of who waits, and a selector.
//!
//! [`EventLoop::run`] has the course's three steps in the course's order: while nothing is ready, ask the
//! selector; take the first task; run it and file it under what it waits for. Lay it beside the turn in
//! `rt/event_loop.rs`: the batch of ready tasks, the timers and the selector are the same three things, and
//! there a task files itself.
//!
//! **Invariants**
//! - `GEN-1` the selector is asked only when `tasks` is empty. It blocks unless somebody has stepped aside.
//! - `GEN-2` tasks run first in first out; those the selector made ready come in the order in which it named
//!   them, then those whose deadline passed (earliest first), then those that had stepped aside.
//! - `GEN-3` a token is given out once and never again. So an event that was meant for a dropped socket finds
//!   nobody, even when the kernel has given its descriptor number to a new one.
//! - `GEN-4` `deadlines` holds exactly the pairs of deadline and token that stand in `to_read` and `to_write`.
//!   A wait that ends takes its entry along, so memory is bounded by the number of waiting coroutines.
//! - `GEN-5` at most one coroutine waits for one token in one direction. A second one displaces the first,
//!   which is resumed with [`Woken::Called`].
//! - `EDGE-1` mio tells of a change once, not for as long as it lasts (edge triggering), and an event that finds
//!   nobody in the map is forgotten. So a coroutine may say [`Step::Read`] only if, *since it last came out of a
//!   wait*, a read has found the socket empty; the same holds for writing. This is enough:
//!
//!   ```text
//!   resumed ── reads until nothing is left ── Step::Read ── selector is asked ── resumed
//!                                         └─ data comes here: the kernel keeps
//!                                            the edge until it is asked, and then
//!                                            the coroutine stands in `to_read`
//!   ```
//!
//!   A read that filled less than its buffer has found the socket empty too, and spares the call that must
//!   fail, with one exception: if the event said `closed`, the end of the stream lies behind the data and no
//!   further event will tell of it. And one who comes from a *different* wait (for writing, or aside) may have
//!   missed an event and its `closed`, so it has to read until `WouldBlock` or the end.
//!
//! **Left out**: see the list in the module's docs.
//!
//! **Source**: the course's `event_loop()`; for the edges epoll(7), "Level-triggered and edge-triggered", and
//! its questions 9 and 10.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};

use super::{Coroutine, Step, Woken};

/// How many events one question to the selector can bring: those beyond are told of the next time. A matter of
/// taste; it bounds how long the tasks of one answer keep the selector waiting.
const EVENTS_PER_QUESTION: usize = 1024;

/// A generator of the course: boxed, since each kind has a size of its own.
type Task = Box<dyn Coroutine>;

/// What a task waits for its socket to become. Two waits of one token differ in this alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    /// It stands in `to_read`.
    Read,
    /// It stands in `to_write`.
    Write,
}

/// A task that waits for its socket.
struct Waiting {
    /// The one to resume.
    task: Task,
    /// Until when, if not for ever; then `GEN-4`'s entry in `deadlines` exists.
    deadline: Option<Instant>,
}

/// Runs coroutines on one thread, each until it has to wait for a socket.
pub struct EventLoop {
    /// Who can run, and why. First in, first out.
    tasks: VecDeque<(Task, Woken)>,
    /// Who waits for a socket to become readable.
    to_read: HashMap<Token, Waiting>,
    /// Who waits for a socket to become writable.
    to_write: HashMap<Token, Waiting>,
    /// Who lets the others go first; back in `tasks` when the selector has been asked.
    aside: VecDeque<Task>,
    /// When which wait ends, earliest first. The constant time-outs of a server would do with a queue, but not
    /// once two of different length are mixed.
    deadlines: BTreeSet<(Instant, Token, Direction)>,
    /// The selector.
    selector: Poll,
    /// The next token to give out; only ever counts up (`GEN-3`).
    next_token: usize,
    /// How often the selector was asked.
    questions: u64,
}

impl EventLoop {
    /// Makes a loop without tasks.
    ///
    /// # Errors
    /// Whatever the system says when it makes a selector, as a rule that descriptors have run out.
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

    /// Makes a socket known to the selector and gives it the token to wait by.
    ///
    /// What is ready already is told at the next question. Dropping the socket ends the registration, because
    /// the kernel forgets a descriptor when it is closed.
    ///
    /// # Errors
    /// If the selector refuses it: no memory, too many watches, or a file that cannot be watched.
    pub fn register(&mut self, socket: &mut impl Source, interest: Interest) -> io::Result<Token> {
        let token = Token(self.next_token);
        self.selector.registry().register(socket, token, interest)?;
        self.next_token += 1;
        Ok(token)
    }

    /// Runs everybody until nobody is left.
    ///
    /// It takes the loop by value, so that a coroutine, which is lent the loop, cannot run it a second time.
    ///
    /// # Errors
    /// Only if the selector itself fails. Everybody is dropped then.
    ///
    /// # Blocking
    /// Until the last coroutine is done, asleep in the selector while all of them wait.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_PER_QUESTION);
        while self.anybody_left() {
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

    /// The course's `any([tasks, to_read, to_write])`, and who stepped aside.
    fn anybody_left(&self) -> bool {
        !(self.tasks.is_empty()
            && self.to_read.is_empty()
            && self.to_write.is_empty()
            && self.aside.is_empty())
    }

    /// Asks the selector and moves everybody who can go on to `tasks`, in `GEN-2`'s order.
    fn select(&mut self, events: &mut Events) -> io::Result<()> {
        self.questions += 1;
        match self.selector.poll(events, self.patience()) {
            // A signal came in between. The caller asks again, since `tasks` is as empty as before.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            answer => answer?,
        }
        for event in &*events {
            // A broken connection makes every operation return at once, so it wakes both directions.
            let broken = event.is_error();
            if event.is_readable() || event.is_read_closed() || broken {
                let closed = event.is_read_closed() || broken;
                self.release(Direction::Read, event.token(), Woken::Ready { closed });
            }
            if event.is_writable() || event.is_write_closed() || broken {
                let closed = event.is_write_closed() || broken;
                self.release(Direction::Write, event.token(), Woken::Ready { closed });
            }
        }
        self.expire();
        // Only now: they wanted the selector to be asked first.
        self.tasks.extend(self.aside.drain(..).map(|task| (task, Woken::Turn)));
        Ok(())
    }

    /// How long the selector may block: not at all if somebody stepped aside, else to the next deadline.
    fn patience(&self) -> Option<Duration> {
        if !self.aside.is_empty() {
            return Some(Duration::ZERO);
        }
        let (deadline, ..) = self.deadlines.first()?;
        // mio rounds up to whole milliseconds: never early, and no turn with nothing to do.
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Resumes those whose deadline has passed. Runs after the events, so ready beats late.
    fn expire(&mut self) {
        if self.deadlines.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(&(deadline, token, direction)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            self.release(direction, token, Woken::TimedOut);
        }
    }

    /// Files a task under what it waits for: the course's `to_read[socket] = task`.
    fn park(&mut self, task: Task, direction: Direction, token: Token, deadline: Option<Instant>) {
        let displaced = self.waiting(direction).insert(token, Waiting { task, deadline });
        if let Some(displaced) = displaced {
            // `GEN-5`; the course would lose it for ever.
            self.make_ready(displaced, direction, token, Woken::Called);
        }
        // After it, since the two deadlines may be equal.
        self.deadlines.extend(deadline.map(|at| (at, token, direction)));
    }

    /// Takes a task out of its wait and makes it ready. Does nothing if nobody waits.
    fn release(&mut self, direction: Direction, token: Token, woken: Woken) {
        if let Some(waiting) = self.waiting(direction).remove(&token) {
            self.make_ready(waiting, direction, token, woken);
        }
    }

    /// Puts a task that came out of its wait into the queue, and its deadline out of the way (`GEN-4`).
    fn make_ready(&mut self, ended: Waiting, direction: Direction, token: Token, woken: Woken) {
        if let Some(at) = ended.deadline {
            self.deadlines.remove(&(at, token, direction));
        }
        self.tasks.push_back((ended.task, woken));
    }

    /// The map of those who wait in this direction.
    fn waiting(&mut self, direction: Direction) -> &mut HashMap<Token, Waiting> {
        match direction {
            Direction::Read => &mut self.to_read,
            Direction::Write => &mut self.to_write,
        }
    }

    /// Resumes who waits for this token, with [`Woken::Called`]. Harmless if nobody does.
    pub fn wake(&mut self, token: Token) {
        self.release(Direction::Read, token, Woken::Called);
        self.release(Direction::Write, token, Woken::Called);
    }

    /// Resumes everybody who waits, with [`Woken::Called`], in no particular order.
    pub fn wake_all(&mut self) {
        self.deadlines.clear();
        let waiting = self.to_read.drain().chain(self.to_write.drain());
        self.tasks.extend(waiting.map(|(_, waiting)| (waiting.task, Woken::Called)));
    }

    /// How often the selector has been asked so far: what `GEN-1` promises can be counted.
    pub fn questions(&self) -> u64 {
        self.questions
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop")
            .field("tasks", &self.tasks.len())
            .field("to_read", &self.to_read.keys())
            .field("to_write", &self.to_write.keys())
            .field("aside", &self.aside.len())
            .field("questions", &self.questions)
            .finish_non_exhaustive()
    }
}
