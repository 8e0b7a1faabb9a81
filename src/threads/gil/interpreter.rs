//! An interpreter for ten instructions, which checks the lock where `CPython`'s does.
//!
//! Problem: "a line of Python is not atomic" is true and says little. What can come between two instructions depends on
//! where the lock is checked, and that is not between any two.
//!
//! **Invariants**
//! - `INTERPRETER-1`: the lock is checked on a jump backward, after a call of a native function, and on entry to a
//!   function; nowhere else. So what lies between two of these is never interrupted.
//!
//! `counter += 1` in a loop loads, adds and stores, and the only check is at the jump: it loses no update. With a call
//! between load and store it does:
//!
//! ```text
//! A: load counter (5), call one()
//!    entry: checks, releases the lock      B: load 5, call, add, store 6, jump back, ...
//! A: returns 1, add: 6, store 6           B's updates since A's load are lost
//! ```
//! Until 3.9 `CPython` checked at nearly every instruction, and the plain loop lost updates as well.
//!
//! **Left out**: every other instruction, types, and local variables: a loop counts down by itself.
//!
//! **Source**: `Python/ceval.c` of `CPython` 3.11, for where it checks; `python3 -m dis`, for the instructions.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use super::Held;

/// An instruction, by the name of `CPython` 3.11's that it stands for.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// `RESUME`: entry to a function. Checks the lock.
    Resume,
    /// `FOR_ITER`: one round less to go, or on to this place when there is none.
    ForIter(usize),
    /// `LOAD_GLOBAL counter`: pushes the counter.
    LoadCounter,
    /// `LOAD_CONST`: pushes a number.
    LoadConst(i64),
    /// `BINARY_OP +=`: adds the two topmost numbers.
    Add,
    /// `STORE_GLOBAL counter`: pops into the counter.
    StoreCounter,
    /// `CALL` of a function of the program, at this place; its entry checks.
    Call(usize),
    /// `CALL` of a native function that gives a number, such as `int(1)`. Checks the lock after it.
    CallNative(fn() -> i64),
    /// `JUMP_BACKWARD` to this place. Checks the lock.
    JumpBackward(usize),
    /// `RETURN_VALUE`: back to the caller, or the end.
    Return,
}

/// `for _ in range(rounds): counter += 1`
pub const COUNT: &[Op] = &[
    Op::Resume,
    Op::ForIter(7),
    Op::LoadCounter,
    Op::LoadConst(1),
    Op::Add,
    Op::StoreCounter,
    Op::JumpBackward(1),
    Op::Return,
];

/// `for _ in range(rounds): counter += one()`, and `def one(): return 1`
pub const COUNT_WITH_CALL: &[Op] = &[
    Op::Resume,
    Op::ForIter(7),
    Op::LoadCounter,
    Op::Call(8),
    Op::Add,
    Op::StoreCounter,
    Op::JumpBackward(1),
    Op::Return,
    // one()
    Op::Resume,
    Op::LoadConst(1),
    Op::Return,
];

/// A thread that interprets: its stacks, and the counter that all threads share.
pub struct Interpreter<'a> {
    /// The one global variable. The lock orders its loads and stores; it is an atomic only because a plain one
    /// cannot be shared.
    counter: &'a AtomicI64,
    /// What is done at each place where the lock is checked.
    check: Box<dyn FnMut(&Held<'_>) + 'a>,
    /// The numbers that instructions take and leave.
    numbers: Vec<i64>,
    /// Where to go on after each call that has not returned.
    callers: Vec<usize>,
}

impl<'a> Interpreter<'a> {
    /// Makes one that checks the lock with [`Held::check`].
    pub fn new(counter: &'a AtomicI64) -> Self {
        Self::with_check(counter, |held: &Held<'_>| {
            held.check();
        })
    }

    /// Makes one with a check of its own, which has to end with [`Held::check`]. An experiment may ask before it.
    pub fn with_check(counter: &'a AtomicI64, check: impl FnMut(&Held<'_>) + 'a) -> Self {
        Self { counter, check: Box::new(check), numbers: Vec::new(), callers: Vec::new() }
    }

    /// Runs a program, whose loop has so many rounds.
    ///
    /// # Panics
    /// The program jumps out of its text, or takes a number that is not there.
    ///
    /// # Blocking
    /// At each check, as [`Held::check`].
    pub fn run(&mut self, program: &[Op], rounds: u64, held: &Held<'_>) {
        let (mut place, mut left) = (0, rounds);
        loop {
            let op = program[place];
            place += 1;
            match op {
                Op::ForIter(end) if left == 0 => place = end,
                Op::ForIter(_) => left -= 1,
                Op::Call(function) => {
                    self.callers.push(place);
                    place = function;
                }
                Op::Return => match self.callers.pop() {
                    Some(caller) => place = caller,
                    None => return,
                },
                Op::JumpBackward(start) => {
                    place = start;
                    (self.check)(held);
                }
                Op::Resume => (self.check)(held),
                Op::CallNative(function) => {
                    self.numbers.push(function());
                    (self.check)(held);
                }
                Op::LoadCounter | Op::LoadConst(_) | Op::Add | Op::StoreCounter => self.compute(op),
            }
        }
    }

    /// Carries out an instruction that moves numbers. None of them checks the lock (`INTERPRETER-1`).
    fn compute(&mut self, op: Op) {
        match op {
            // Relaxed, here and below: the lock's mutex orders one holder's store before the next one's load.
            Op::LoadCounter => self.numbers.push(self.counter.load(Ordering::Relaxed)),
            Op::LoadConst(number) => self.numbers.push(number),
            Op::Add => {
                let (b, a) = (self.pop(), self.pop());
                self.numbers.push(a + b);
            }
            Op::StoreCounter => {
                let number = self.pop();
                self.counter.store(number, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Takes the topmost number.
    fn pop(&mut self) -> i64 {
        self.numbers.pop().expect("holds because a program leaves each number before it is taken")
    }
}

impl fmt::Debug for Interpreter<'_> {
    /// Shows the stacks.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Interpreter")
            .field("numbers", &self.numbers)
            .field("callers", &self.callers)
            .finish_non_exhaustive()
    }
}
