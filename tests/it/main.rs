//! Integration tests: one binary, one module per area.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and a skipped one says so"
)]

mod init;
mod pipeline;
mod runs;
mod store;
mod store_damage;
mod support;
