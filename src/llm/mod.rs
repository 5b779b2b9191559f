//! Measures how a language model generates, and has it generate: an OpenAI-compatible endpoint, or a command that streams
//! its answer.
//!
//! A measurement is a grid of cells: a load (so many requests at once, or a rate of arrivals) times a length of prompts.
//! In each cell requests are sent until there are enough of them and enough time has passed; of each one the arrival of
//! every piece of its answer is kept ([`Trace`]), and from these the figures follow. What the figures mean, and whose
//! definitions they are, stands in `docs/llm.md`.
//!
//! The parts that think are pure and tested with plain values: requests (`request`), server-sent events (`events`), what
//! a stream says (`reading`), prompts, arrivals, figures and validity. Two parts touch the world: `wire` speaks HTTP,
//! `command` starts processes. `drive` sends at the right times, `complete` asks prompt by prompt and keeps the answers, and
//! `explain` says what a failure means.

mod command;
mod complete;
mod drive;
mod events;
mod explain;
mod figures;
mod measure;
mod prompts;
mod reading;
mod record;
mod request;
mod trace;
mod validity;
mod wire;

pub use command::Command;
pub use complete::{Completing, complete};
pub use measure::{LlmError, MOST_CELLS, MOST_REQUESTS, Measurement, Measuring, Source, measure};
pub use prompts::{Given, Lengths, PromptsError, given};
pub use record::{Entry, Figure, Outcome, Row};
pub use request::{Api, Endpoint, EndpointError, Fields};
pub use trace::{Piece, Said, Trace, Usage};
pub use validity::Demands;
pub use wire::{Access, Wire};
