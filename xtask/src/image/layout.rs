//! An OCI image layout on disk: `oci-layout`, `index.json`, `blobs/sha256/…` (OCI image specification 1.1).
//!
//! Layers are not compressed: registries and engines compress as they like, and the bytes then depend on no library.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A layout that is being written.
pub(crate) struct Layout {
    folder: PathBuf,
}

/// A stored blob, as manifests name it.
#[derive(Debug, Clone)]
pub(crate) struct Descriptor {
    pub(crate) digest: String,
    size_bytes: usize,
}

impl Layout {
    /// Begins a layout; what the folder held is removed.
    ///
    /// # Errors
    /// The folder can't be written.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        std::fs::create_dir_all(folder.join("blobs/sha256")).with_context(|| folder.display().to_string())?;
        std::fs::write(folder.join("oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }).to_string())?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Stores a blob under its digest.
    ///
    /// # Errors
    /// It can't be written.
    pub(crate) fn blob(&self, contents: &[u8]) -> Result<Descriptor> {
        let digest = hex(contents);
        std::fs::write(self.folder.join("blobs/sha256").join(&digest), contents)?;
        Ok(Descriptor { digest: format!("sha256:{digest}"), size_bytes: contents.len() })
    }

    /// Writes configuration, manifest and index over the layers; gives the manifest's digest, which names the image.
    ///
    /// # Errors
    /// They can't be written.
    pub(crate) fn finish(self, mut config: Value, layers: &[Descriptor], name: &str) -> Result<String> {
        config["rootfs"] = json!({ "type": "layers", "diff_ids": layers.iter().map(|it| &it.digest).collect::<Vec<_>>() });
        let config_blob = self.blob(config.to_string().as_bytes())?;
        let layers: Vec<Value> = layers.iter().map(|it| described("application/vnd.oci.image.layer.v1.tar", it)).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": described("application/vnd.oci.image.config.v1+json", &config_blob),
            "layers": layers,
            "annotations": config["config"]["Labels"],
        });
        let manifest = self.blob(manifest.to_string().as_bytes())?;
        let mut entry = described("application/vnd.oci.image.manifest.v1+json", &manifest);
        entry["platform"] = json!({ "architecture": config["architecture"], "os": config["os"] });
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        let index = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry] });
        std::fs::write(self.folder.join("index.json"), index.to_string())?;
        Ok(manifest.digest)
    }
}

fn described(media_type: &str, it: &Descriptor) -> Value {
    json!({ "mediaType": media_type, "digest": it.digest, "size": it.size_bytes })
}

/// The SHA-256 of some bytes, in hexadecimal.
pub(crate) fn hex(contents: &[u8]) -> String {
    Sha256::digest(contents).iter().map(|it| format!("{it:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_one_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
