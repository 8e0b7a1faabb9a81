//! The pages of the notes whose blocks of Rust are programs of their own. `cargo test --doc notes` compiles and runs
//! them; `tests/notes` sees to it that no page is forgotten. `src/lib.rs` includes this file for that purpose only.

