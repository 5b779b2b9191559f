//! The binary: everything is in the library.

use std::process::ExitCode;

/// Reports of 100 MB become a million small texts: the system's allocator took a quarter of the time (and musl's, which
/// the static builds would have, takes several times as much).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    backsight::cli::main()
}
