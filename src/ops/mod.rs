//! One file per use case, joining the floors below. Both the command line and, later, a server call these.

pub mod accepted;
pub mod against;
pub mod baseline;
pub mod bench;
pub mod bisect;
pub mod changepoints;
pub mod check;
pub mod compare;
pub mod convert;
mod facts;
mod files;
mod gate;
pub mod history;
pub mod import;
pub mod init;
pub mod load;
pub mod nearest;
pub mod page;
pub mod planning;
pub mod publish;
pub mod report;
pub mod run;
pub mod runs;
pub mod schema;
pub mod shared;
pub mod simulate;
pub mod when;
