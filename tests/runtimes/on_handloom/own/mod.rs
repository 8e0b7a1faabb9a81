//! Claims of this runtime alone, by the level to which they belong.

mod foreign_panics;
mod l2_tasks;
mod l3_join;
mod l4_time;
mod l5_sockets;
mod l6_threads;
mod l7_fairness;
mod l8_limits;
