//! The `sekisho` binary; everything is in the library.

use std::process::ExitCode;

// The allocator of the system gives memory of many small, short-lived objects back late: half the memory with this one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sekisho::cli::main()
}
