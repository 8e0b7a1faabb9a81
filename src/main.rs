//! The program `handloom`.
fn main() {}
