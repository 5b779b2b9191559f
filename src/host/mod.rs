//! Probes the surroundings of a run: the machine, the source it stands on, and the tools the steps use.
//!
//! Questions with answers in the nouns of [`crate::results`]: [`probe`] says what the machine is, [`change`] says which
//! commit, branch and change request are measured, [`toolchains`] says which versions of the asked-for tools are there,
//! [`State`] says under which conditions something is measured. None of them fails: a fact that cannot be read is absent, and the reason is kept beside it or
//! returned as a remark. Nothing here blocks for long: files are read with a bound, programs run with a time limit.

mod accelerators;
mod amd;
mod ancestry;
mod ask;
mod browser;
mod cgroup;
mod change;
mod cpuinfo;
mod data;
mod devices;
mod environment;
mod flow;
mod git;
mod machine;
mod nvml;
mod repository;
mod software;
mod start;
mod state;
mod surroundings;
mod targets;
mod toolchain;
mod tree;
mod worktrees;

pub use ancestry::{
    Ancestry, Trailer, ancestry, author, between, commit_named, file_at, first_parents, headline, latest_tag,
    line as commit_line, trailers,
};
pub(crate) use ask::{AskError, Leash, ask_leashed};
pub use browser::{Adapter, BrowserError, BrowserFacts, ask_browser, browser};
pub use cgroup::{groups, memory_kills};
pub use change::change;
pub use data::{DataError, DataRepository, Patience, REMOTE as DATA_REMOTE, Told};
pub use devices::{DeviceAsker, NVML_VARIABLE, with_devices};
pub use environment::{FirstRun, first_run};
pub use git::is_branch;
pub use machine::{class_key, probe};
pub use nvml::{LOADS_NO_LIBRARY, STATIC_PROGRAM, read_nvml};
pub use repository::repository_name;
pub use software::{site_packages, standing, virtual_environments, with_software};
pub use start::start;
pub use state::State;
pub use targets::device;
pub use toolchain::toolchains;
pub use worktrees::{CopiesError, Revision, Wanted, WorkingCopies, working_copies};

#[cfg(test)]
#[path = "machines_tests.rs"]
mod machines;
