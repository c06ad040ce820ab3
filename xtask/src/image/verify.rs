//! Reading an image back as an engine would: from the index over every digest to the files, and running the binary in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tar::Archive;

use super::layout::hex;
use super::{BINARY, USER, VERSION};
use crate::programs::read;

/// What is asserted about an entry of a layer.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    owner: u64,
    mode: u32,
    size_bytes: u64,
}

/// Checks an image; `digest` is the one that building it gave, `binary` what must be in it.
///
/// # Errors
/// Says what is not as it should be.
pub(crate) fn verify(folder: &Path, digest: &str, binary: &Path) -> Result<()> {
    let index = parse(&std::fs::read(folder.join("index.json"))?)?;
    ensure!(parse(&std::fs::read(folder.join("oci-layout"))?)?["imageLayoutVersion"] == "1.0.0", "another version of the layout");
    ensure!(index["manifests"][0]["digest"] == digest, "the index names another manifest");
    let manifest = parse(&blob(folder, &index["manifests"][0])?)?;
    let config = parse(&blob(folder, &manifest["config"])?)?;
    ensure!(config["config"]["User"] == format!("{USER}:{USER}"), "the user is {}", config["config"]["User"]);
    ensure!(config["config"]["Entrypoint"] == serde_json::json!([format!("/{BINARY}")]), "the entry point is {}", config["config"]["Entrypoint"]);
    ensure!(config["config"]["StopSignal"] == "SIGTERM", "the signal to stop is {}", config["config"]["StopSignal"]);

    let layers = manifest["layers"].as_array().context("the manifest has no layers")?;
    let root = folder.join("root");
    std::fs::create_dir_all(&root)?;
    let mut entries = BTreeMap::new();
    for (layer, diff_id) in layers.iter().zip(config["rootfs"]["diff_ids"].as_array().into_iter().flatten()) {
        // Not compressed, so that both are one digest.
        ensure!(layer["digest"] == *diff_id, "configuration and manifest name different layers");
        let archive = blob(folder, layer)?;
        unpack(&archive, &root, &mut entries)?;
    }
    ensure!(layers.len() == 2 && config["rootfs"]["diff_ids"].as_array().map(Vec::len) == Some(2), "there are {} layers", layers.len());

    let expected = Entry { owner: 0, mode: 0o755, size_bytes: std::fs::metadata(binary)?.len() };
    ensure!(entries.get(BINARY) == Some(&expected), "the binary is {:?}", entries.get(BINARY));
    ensure!(entries.get("data/").is_some_and(|it| it.owner == USER && it.mode == 0o750), "/data is {:?}", entries.get("data/"));
    let writable = entries.iter().find(|(path, it)| *path != "tmp/" && (it.mode & 0o022 != 0 || it.mode & 0o6000 != 0));
    ensure!(writable.is_none(), "others may write, or it changes the user: {writable:?}");
    ensure!(!entries.keys().any(|it| it.ends_with("bin/sh")), "there is a shell");
    runs(&root)?;
    std::fs::remove_dir_all(&root)?;
    Ok(())
}

/// One byte changed in any blob must be seen.
///
/// # Errors
/// It was not.
pub(crate) fn refuses_damage(folder: &Path, digest: &str, binary: &Path) -> Result<()> {
    for blob in std::fs::read_dir(folder.join("blobs/sha256"))? {
        let path = blob?.path();
        let whole = std::fs::read(&path)?;
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        std::fs::write(&path, damaged)?;
        let outcome = verify(folder, digest, binary);
        std::fs::write(&path, whole)?;
        ensure!(outcome.is_err(), "a changed byte in {} was not seen", path.display());
    }
    verify(folder, digest, binary)
}

/// Runs the binary with the loader and the libraries of the image, and none of this machine's.
fn runs(root: &Path) -> Result<()> {
    let folders = ["lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "lib64", "lib"].map(|it| root.join(it));
    let loader = folders.iter().flat_map(|it| std::fs::read_dir(it).into_iter().flatten().flatten()).map(|it| it.path());
    let loader = loader.filter(|it| it.is_file()).find(|it| it.file_name().is_some_and(|it| it.to_string_lossy().starts_with("ld-linux")));
    let program = root.join(BINARY);
    let started = |more: &[&str]| match &loader {
        // A static binary needs none.
        None => Command::new(&program),
        Some(loader) => {
            let path = folders.iter().map(|it| it.to_string_lossy()).collect::<Vec<_>>().join(":");
            let mut command = Command::new(loader);
            command.args(["--inhibit-cache", "--library-path", &path]).args(more).arg(&program);
            command
        }
    };
    if loader.is_some() {
        let listed = read(&mut started(&["--list"]))?;
        let root = root.to_string_lossy();
        let foreign = super::parse_libraries(&listed)?.into_iter().find(|it| !it.to_string_lossy().starts_with(&*root));
        ensure!(foreign.is_none(), "the image lacks {foreign:?}");
    }
    let told = read(started(&[]).arg("version").env_clear())?;
    ensure!(told.trim() == format!("sekisho {VERSION}"), "the binary says [{}]", told.trim());
    Ok(())
}

/// The contents that a descriptor names, if they are those.
fn blob(folder: &Path, descriptor: &Value) -> Result<Vec<u8>> {
    let digest = descriptor["digest"].as_str().and_then(|it| it.strip_prefix("sha256:")).context("a descriptor has no digest")?;
    let contents = std::fs::read(folder.join("blobs/sha256").join(digest)).with_context(|| format!("blob {digest}"))?;
    ensure!(hex(&contents) == digest, "blob {digest} has another digest");
    ensure!(descriptor["size"] == contents.len(), "blob {digest} has another size");
    Ok(contents)
}

fn unpack(archive: &[u8], root: &Path, entries: &mut BTreeMap<String, Entry>) -> Result<()> {
    for entry in Archive::new(archive).entries()? {
        let mut entry = entry?;
        let header = entry.header();
        ensure!(header.mtime()? == 0, "an entry has a time");
        let known = Entry { owner: header.uid()?, mode: header.mode()?, size_bytes: header.size()? };
        entries.insert(entry.path()?.to_string_lossy().into_owned(), known);
        ensure!(entry.unpack_in(root)?, "an entry leads out of the image");
    }
    Ok(())
}

fn parse(contents: &[u8]) -> Result<Value> {
    Ok(serde_json::from_slice(contents)?)
}
