//! The nouns of Backsight and the document it publishes.
//!
//! Everything above this floor speaks in these types: the engine emits [`Event`]s made of them, the
//! [`Assembly`] folds events into a [`Document`], the store keeps documents, reports render them.
//! The serialised form of [`Document`] is the published format `backsight/results/1`; its JSON Schema
//! is generated from these types and committed as `schemas/results.schema.json`. A change that would
//! break a reader of that format needs a new version beside it, never an edit of this one. [`History`] is published in
//! the same way, as `backsight/history/1`.
//!
//! Times are nanoseconds, sizes are bytes, instants are UTC. A field that could not be read is absent,
//! and the reason stands in `unread` beside it.

mod answer;
mod assembly;
mod benchmark;
mod case;
mod change;
mod comparison;
mod conditions;
mod device;
mod document;
mod event;
mod execution;
mod exit;
mod generation;
mod history;
mod host;
mod leg;
mod matrix;
mod measured;
mod quarantine;
mod record;
mod span;
mod status;
mod step;
mod target;

pub use answer::{Answer, Answered};
pub use assembly::Assembly;
pub use benchmark::{Arm, Benchmark, Direction, Dropped, Iteration, Metric, Summary, Validity};
pub use case::{Attempt, Case, Failure, Outcome};
pub use change::{Change, ChangeRequest, Provider};
pub use comparison::{AcceptedRef, BaselineRef, Basis, Comparison, MetricChange, Pairs, Tested, Verdict};
pub use conditions::{Conditions, Measuring, Pressure};
pub use device::{Device, DeviceConditions, DeviceProcess, Devices, Partition};
pub use document::{Against, Counts, Document, PipelineRef, Remark, RemarkLevel, RunInfo, SCHEMA, SchemaTag, Tool};
pub use event::Event;
pub use execution::{Correctness, Execution, is_wrong};
pub use exit::ExitCode;
pub use generation::{Generation, GenerationState, UnlistedGenerations};
pub use history::{
    CaseTrend, FailingSince, FlakeRate, Guard, GuardRow, GuardState, HISTORY_SCHEMA, History, HistoryTag, SeriesChange,
    SeriesDrift, SeriesHistory, SeriesPoint, Slower, TestHistory,
};
pub use host::{Accelerator, Cpu, Host, Os, Toolchain};
pub use leg::{Leg, Shard};
pub use matrix::{MATRIX_SCHEMA, Matrix, MatrixCell, MatrixOutcome, MatrixRow};
pub use measured::{MEASURED, Measured};
pub use quarantine::{QuarantineState, Quarantined};
pub use record::{ColumnName, Record, command_block};
pub use span::Span;
pub use status::Status;
pub use step::{ExitStatus, Kind, LogRef, Reason, Step, StepStatus};
pub use target::{Rung, TargetProbe, TargetState};
