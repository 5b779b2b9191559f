//! Tests that drive the library or the binary from outside, in one binary so that they link once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "in a test a failed expectation is the message"
)]

mod pipeline;
