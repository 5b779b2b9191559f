//! Integration tests: one binary, one module per area.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and a skipped one says so"
)]

mod action;
mod against;
mod baseline;
mod baseline_git;
mod baseline_pushers;
mod bench;
mod bisect;
mod browser;
mod browser_documents;
mod changepoints;
mod completion;
mod devices;
mod docs;
mod docs_commands;
mod docs_messages;
mod docs_start;
mod fake_github;
mod fake_llm;
mod generate;
mod gitlab_includes;
mod given;
mod history;
mod hostile;
mod hostile_reports;
mod import;
mod init;
mod kill;
mod llm;
mod man;
mod measuring;
mod misuse;
mod onnx;
mod onnx_breaks;
mod onnx_files;
mod pipeline;
mod publish_github;
mod publish_gitlab;
mod reference;
mod reports;
mod rounds;
mod runner;
mod runs;
mod sandbox;
mod selection;
mod shards;
mod slurm;
mod slurm_cluster;
mod store;
mod store_damage;
mod story;
mod support;
mod surroundings;
mod syntax;
mod template_sets;
mod templates;
