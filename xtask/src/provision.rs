//! Installing what the tests need on a fresh Debian machine: Node, npm, Chromium, a Japanese font, a C++ compiler,
//! Python, unzip, systemd's checks, rsyslog.
//!
//! As root it calls apt-get; otherwise it names what is missing and stops. Nothing is downloaded from anywhere else.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::programs::{find, read, run};

/// The dashboard's tests use `node --test`, which is complete since 20 and good enough in Debian's 18.
const NODE_MAJOR_MIN: u32 = 18;

/// Node and npm, installed when missing.
///
/// # Errors
/// They are missing and cannot be installed, or Node is too old.
pub(crate) fn node() -> Result<()> {
    if find("node").is_none() || find("npm").is_none() {
        install(&["nodejs", "npm"])?;
    }
    let version = read(Command::new("node").arg("--version"))?;
    let major = node_major(&version).with_context(|| format!("node --version says [{}]", version.trim()))?;
    if major < NODE_MAJOR_MIN {
        bail!("Node {} is too old, the tests need {NODE_MAJOR_MIN} or newer", version.trim());
    }
    println!("    Node {}", version.trim());
    Ok(())
}

/// Chromium and a font that can draw Japanese, installed when missing.
///
/// # Errors
/// They are missing and cannot be installed.
pub(crate) fn chromium() -> Result<()> {
    let is_there = ["chromium", "chromium-browser", "google-chrome"].iter().any(|it| find(it).is_some());
    // Without the font the Japanese screenshots are boxes; the package's directory is the cheapest witness.
    let has_font = Path::new("/usr/share/fonts/opentype/noto").is_dir();
    let mut missing = Vec::new();
    if !is_there {
        missing.push("chromium");
    }
    if !has_font && find("apt-get").is_some() {
        missing.push("fonts-noto-cjk");
    }
    if missing.is_empty() || (is_there && !is_root()?) { Ok(()) } else { install(&missing) }
}

/// A C++ compiler, installed when missing: libFuzzer is C++.
///
/// # Errors
/// It is missing and cannot be installed.
pub(crate) fn cpp_compiler() -> Result<()> {
    if ["c++", "g++", "clang++"].iter().any(|it| find(it).is_some()) { Ok(()) } else { install(&["g++"]) }
}

/// Python with virtual environments, installed when missing.
///
/// # Errors
/// It is missing and cannot be installed.
pub(crate) fn python() -> Result<()> {
    let has_venv = find("python3").is_some() && read(Command::new("python3").args(["-c", "import ensurepip"])).is_ok();
    if has_venv { Ok(()) } else { install(&["python3", "python3-venv"]) }
}

/// unzip, installed when missing.
///
/// # Errors
/// It is missing and cannot be installed.
pub(crate) fn unzip() -> Result<()> {
    if find("unzip").is_some() { Ok(()) } else { install(&["unzip"]) }
}

/// A Python in that folder that has what a file of requirements names; installed when that changed.
///
/// # Errors
/// There is no Python, or a package can't be had.
pub(crate) fn python_with(requirements: &Path, folder: &Path) -> Result<PathBuf> {
    let wanted = std::fs::read_to_string(requirements).with_context(|| requirements.display().to_string())?;
    let program = folder.join("bin/python");
    let witness = folder.join("requirements.txt");
    if program.is_file() && std::fs::read_to_string(&witness).is_ok_and(|it| it == wanted) {
        return Ok(program);
    }
    python()?;
    let base = find("python3").context("python3 is not on the path")?;
    run(Command::new(base).args(["-m", "venv", "--clear"]).arg(folder))?;
    run(Command::new(&program).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements))?;
    // Written last: it says that everything before was done.
    std::fs::write(&witness, wanted)?;
    Ok(program)
}

/// rsyslog with its output to Elasticsearch, installed when missing. Its service is not started: the tests start one of their own.
///
/// # Errors
/// They are missing and cannot be installed.
pub(crate) fn rsyslog() -> Result<()> {
    let modules = ["/usr/lib/x86_64-linux-gnu/rsyslog", "/usr/lib/aarch64-linux-gnu/rsyslog", "/usr/lib/rsyslog", "/usr/lib64/rsyslog"];
    let has_output = modules.iter().any(|it| Path::new(it).join("omelasticsearch.so").is_file());
    if find("rsyslogd").is_some() && has_output { Ok(()) } else { install(&["rsyslog", "rsyslog-elasticsearch"]) }
}

/// systemd's programs, installed when missing: they check the unit. Nothing of it runs.
///
/// # Errors
/// They are missing and cannot be installed.
pub(crate) fn systemd() -> Result<()> {
    if find("systemd-analyze").is_some() { Ok(()) } else { install(&["systemd"]) }
}

fn install(packages: &[&str]) -> Result<()> {
    let wanted = packages.join(" ");
    if find("apt-get").is_none() {
        bail!("[{wanted}] is missing and this is not Debian; install it and run again");
    }
    if !is_root()? {
        bail!("[{wanted}] is missing; as root run: apt-get update && apt-get install -y {wanted}");
    }
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages);
    // In the first runlevel no package starts its service.
    install.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    run(&mut install)
}

fn is_root() -> Result<bool> {
    Ok(read(Command::new("id").arg("-u"))?.trim() == "0")
}

fn node_major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(node_major("v20.19.2\n"), Some(20));
        assert_eq!(node_major("20"), None);
    }
}
