//! Backsight: looks back at a known baseline, measures, and says honestly what moved.
//!
//! The way of the data is one: the text of `backsight.yml` becomes a [`pipeline`], the pipeline and the host's facts
//! become a [`plan`], the plan is [executed](execute) and gives [`results`], results go to the [`store`] and are
//! [compared](compare) with a baseline, and a [`report`] tells people. Each stage takes plain types and gives plain
//! types; files, processes, clocks and the network are touched only on the floors that say so.
//!
//! The modules stand here bottom first. A module may use only modules listed above it; `tests/architecture.rs` reads
//! this list and checks every file against it. Modules marked (p) are pure: no files, processes, clocks, environment
//! or network.

/// (p) The nouns and the published document: metric, sample, case, host, commit, run, verdict, event.
pub mod results;

/// (p) Slices in, numbers out: summaries, intervals, two-sample comparison.
pub mod stats;

/// (p) The text of `backsight.yml` to a pipeline, with positions, validation and help.
pub mod pipeline;

/// (p) The template engine: filters, template sets with their inputs, what went wrong in words.
pub mod templating;

/// (p) A model's answer against what is expected of it: exact, patterns, JSON Schema, numbers with a tolerance.
pub mod expect;

/// (p) Source text to syntax errors with their place, and to forbidden patterns; by tree-sitter.
pub mod syntax;

/// (p) Other tools' output to results; one file per format.
pub mod harness;

/// (p) Pipeline + host facts + models to a plan: matrix, selection, order.
pub mod plan;

/// (p) Candidate + baseline to a comparison of verdicts.
pub mod compare;

/// (p) Run + comparison to text: JUnit, Markdown, HTML, terminal.
pub mod report;

/// Probes CPU, memory, operating system, git and the CI's environment.
pub mod host;

/// How the network is reached: proxies, certificates, and what is behind an error.
pub mod connect;

/// Runs ONNX models with a runtime that is loaded when it is needed: inspection, right answers, timing.
pub mod onnx;

/// Carries out a plan and emits events: processes, tests, generations, benchmarks, journal.
pub mod execute;

/// Measures how a language model generates: an endpoint or a command, request by request.
pub mod llm;

/// Where results and baselines live: SQLite, and the git branch or folder that hosts share.
pub mod store;

/// Brings reports to GitHub and GitLab: the one comment, summaries, checks.
pub mod publish;

/// Hands the parts of a plan to other machines and follows them: Slurm.
pub mod distribute;

/// One file per use case, joining the above.
pub mod ops;

/// One file per subcommand: arguments and exit code.
pub mod cli;
