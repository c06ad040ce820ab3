//! `cargo xtask image`: the container image as an OCI layout, from the release binary, without a container engine.
//!
//! The image has what `deploy/Dockerfile` makes, too: the binary, the libraries it is linked to, a user, `/data`; no shell. Built
//! twice from one binary on one machine it has the same bytes. `skopeo copy oci:target/image docker://…` brings it to a registry.

mod layer;
mod layout;
mod verify;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::programs::{cargo, read, run as run_program, target_directory};
use crate::repository;
use layer::{Access, Layer};
use layout::Layout;

/// The user of the image, without a name elsewhere; the chart and the Dockerfile say the same.
const USER: u64 = 10001;
/// Where the image has its binary.
const BINARY: &str = "usr/bin/sekisho";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Builds the release binary, or takes the one that is named, and writes `target/image`; with `--test` only tests.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let root = repository::root();
    let target = target_directory(&root);
    let binary = match arguments {
        [] => {
            run_program(cargo(&root).args(["build", "--locked", "--release", "--package", "sekisho", "--bin", "sekisho"]))?;
            target.join("release/sekisho")
        }
        [flag] if flag == "--test" => {
            run_program(cargo(&root).args(["build", "--locked", "--package", "sekisho", "--bin", "sekisho"]))?;
            test(&root)?;
            return Ok(ExitCode::SUCCESS);
        }
        [binary] => PathBuf::from(binary),
        _ => bail!("one binary at most"),
    };
    let folder = target.join("image");
    let digest = build(&root, &binary, &folder)?;
    verify::verify(&folder, &digest, &binary)?;
    println!("sekisho:{VERSION} {digest}\n{}", folder.display());
    Ok(ExitCode::SUCCESS)
}

/// Builds the image of the dev-profile binary twice and reads it back.
///
/// # Errors
/// The bytes differ, or the image is not what it should be.
pub(crate) fn test(root: &Path) -> Result<()> {
    let target = target_directory(root);
    let binary = target.join("debug/sekisho");
    let [first, second] = ["image-test-1", "image-test-2"].map(|it| target.join(it));
    let digest = build(root, &binary, &first)?;
    let again = build(root, &binary, &second)?;
    // The digest of the manifest covers configuration and layers.
    if digest != again || std::fs::read(first.join("index.json"))? != std::fs::read(second.join("index.json"))? {
        bail!("the image is not reproducible: {digest}, then {again}");
    }
    std::fs::remove_dir_all(&second)?;
    verify::verify(&first, &digest, &binary)?;
    verify::refuses_damage(&first, &digest, &binary)?;
    std::fs::remove_dir_all(&first)?;
    println!("    {digest}");
    Ok(())
}

/// Writes the layout; gives the image's digest.
fn build(root: &Path, binary: &Path, folder: &Path) -> Result<String> {
    let layout = Layout::create(folder)?;
    // What rarely changes comes first: registries and nodes then keep it over releases.
    let layers = [layout.blob(&base(root, binary)?)?, layout.blob(&program(binary)?)?];
    layout.finish(config(root)?, &layers, VERSION)
}

/// Everything but the binary.
fn base(root: &Path, binary: &Path) -> Result<Vec<u8>> {
    let mut layer = Layer::new();
    for library in libraries(binary)? {
        layer.copy(&library, &library.to_string_lossy(), Access::PROGRAM)?;
    }
    layer.file(
        "etc/passwd",
        Access::FILE,
        format!("root:x:0:0:root:/:/nonexistent\nsekisho:x:{USER}:{USER}:Sekisho:/data:/nonexistent\n").as_bytes(),
    )?;
    layer.file("etc/group", Access::FILE, format!("root:x:0:\nsekisho:x:{USER}:\n").as_bytes())?;
    layer.file("etc/nsswitch.conf", Access::FILE, b"hosts: files dns\n")?;
    for document in ["LICENSE", "NOTICE"] {
        layer.copy(&root.join(document), &format!("usr/share/doc/sekisho/{document}"), Access::FILE)?;
    }
    layer.directory("data", Access { owner: USER, mode: 0o750 })?;
    layer.directory("tmp", Access { owner: 0, mode: 0o1777 })?;
    layer.finish()
}

fn program(binary: &Path) -> Result<Vec<u8>> {
    let mut layer = Layer::new();
    layer.copy(binary, BINARY, Access::PROGRAM)?;
    layer.finish()
}

/// The libraries that the loader would take on this machine, and the loader itself.
fn libraries(binary: &Path) -> Result<Vec<PathBuf>> {
    let listed = read(Command::new("ldd").arg(binary)).with_context(|| format!("ldd {}", binary.display()))?;
    let mut libraries = parse_libraries(&listed)?;
    libraries.sort_unstable();
    Ok(libraries)
}

/// Reads `name => /path (address)`, `/path (address)` and the kernel's own, which has no path.
fn parse_libraries(listed: &str) -> Result<Vec<PathBuf>> {
    let mut libraries = Vec::new();
    for line in listed.lines() {
        if line.contains("not found") {
            bail!("a library of the binary is missing here: {}", line.trim());
        }
        let path = line.split("=>").last().unwrap_or(line).trim();
        if path.starts_with('/') {
            libraries.push(PathBuf::from(path.split(" (").next().unwrap_or(path)));
        }
    }
    Ok(libraries)
}

/// What engines read: how it is run, and labels.
fn config(root: &Path) -> Result<Value> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    // The time of the last commit and not of this building, so that it can be built again.
    let created =
        read(Command::new("git").current_dir(root).args(["log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"]).env("TZ", "UTC"))?;
    Ok(json!({
        "created": created.trim(),
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "Entrypoint": [format!("/{BINARY}")],
            "Cmd": ["serve"],
            "Env": ["PATH=/usr/bin", "SEKISHO_DATA_DIR=/data"],
            "WorkingDir": "/data",
            "Volumes": { "/data": {} },
            "ExposedPorts": { "9200/tcp": {}, "5514/tcp": {}, "5514/udp": {}, "6514/tcp": {} },
            "StopSignal": "SIGTERM",
            "Labels": {
                "org.opencontainers.image.title": "sekisho",
                "org.opencontainers.image.description": "Search and analytics for firewall logs",
                "org.opencontainers.image.version": VERSION,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_what_ldd_says() {
        let listed =
            "\tlinux-vdso.so.1 (0x00007ffe)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let expected = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from);
        assert_eq!(parse_libraries(listed).unwrap(), expected);
        assert!(parse_libraries("\tstatically linked\n").unwrap().is_empty());
        assert!(parse_libraries("\tlibz.so.1 => not found\n").is_err());
    }
}
