//! `cargo xtask clients`: programs written for Elasticsearch and OpenSearch, against a started server.
//!
//! The cases are `server/tests/clients/*.py`, and `node.test.mjs` for Node's. Versions of one library can't be in one environment, so each has its own, kept in
//! `target/clients` and made again only when its requirements change. Node's clients are one package with three of them in it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::programs::{cargo, run as run_program, target_directory};
use crate::{provision, repository};

/// Requirements and the cases that run with them.
const ENVIRONMENTS: [(&str, &[&str]); 3] = [
    ("8", &["test_elasticsearch.py", "test_dsl.py", "test_opensearch.py", "test_sigma.py", "test_grafana.py", "test_node.py", "test_rsyslog.py"]),
    ("9", &["test_elasticsearch.py"]),
    ("elastalert", &["test_elastalert.py"]),
];

pub(crate) fn run(_: &[String]) -> Result<ExitCode> {
    let root = repository::root();
    run_program(cargo(&root).args(["build", "--locked", "--package", "sekisho", "--bin", "sekisho"]))?;
    test(&root)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the clients against the dev-profile server, which must be built.
///
/// # Errors
/// What they need can't be had, or one of them failed.
pub(crate) fn test(root: &Path) -> Result<()> {
    let server = target_directory(root).join("debug").join("sekisho");
    if !server.is_file() {
        bail!("{} is not there: cargo build", server.display());
    }
    let cases = root.join("server/tests/clients");
    provision::rsyslog()?;
    let node = node_clients(root, &cases)?;
    for (name, files) in ENVIRONMENTS {
        let folder = target_directory(root).join("clients").join(name);
        std::fs::create_dir_all(&folder)?;
        let python = provision::python_with(&cases.join(format!("requirements-{name}.txt")), &folder)?;
        let mut pytest = Command::new(python);
        pytest.current_dir(&cases).args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).args(files);
        pytest.env("SEKISHO", &server).env("PYTHONDONTWRITEBYTECODE", "1").env("NODE_CLIENTS", &node);
        run_program(&mut pytest)?;
    }
    Ok(())
}

/// Installs Node's clients where they stay until their lock file changes; answers where that is.
fn node_clients(root: &Path, cases: &Path) -> Result<PathBuf> {
    provision::node()?;
    let folder = target_directory(root).join("clients").join("node");
    let lock = std::fs::read(cases.join("package-lock.json"))?;
    let stamp = folder.join("installed-lock.json");
    if std::fs::read(&stamp).is_ok_and(|it| it == lock) {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder)?;
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        std::fs::copy(cases.join(name), folder.join(name))?;
    }
    run_program(Command::new("npm").current_dir(&folder).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]))?;
    std::fs::write(stamp, lock)?;
    Ok(folder)
}
