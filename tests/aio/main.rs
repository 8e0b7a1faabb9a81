//! `handloom::aio`: what a task awaits. One module for each part of it.

mod buf_reader;
mod combinators;
mod hostile;
mod hostile_loop;
mod hostile_wakers;
mod interval;
mod locks;
mod queue;
mod run_blocking;
mod streams;
mod support;
mod task_group;
#[path = "../support/virtual_time.rs"]
mod virtual_time;
