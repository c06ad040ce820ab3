//! Words that must not be merged: work left for later, tests switched off, and the paths of somebody's machine.

use super::Subject;

const SOURCES: &[&str] = &[".rs", ".ts", ".tsx", ".js", ".mjs", ".toml", ".yaml", ".yml", ".md", ".sh", ".css", ".html", "Dockerfile", ".ci/run"];

/// The word, where it does not count, and why it is unwanted. Written in two halves, so that this file passes its own rule.
const BANNED: &[(&str, &str)] = &[
    (concat!("FIX", "ME"), "fix it, or write an issue"),
    (concat!("to", "do!("), "finish it"),
    (concat!("unimple", "mented!("), "finish it"),
    (concat!("#[ig", "nore"), "a test that does not run proves nothing; assert the known behaviour instead"),
    (concat!("db", "g!("), "left over from debugging"),
    (concat!("/ro", "ot/"), "a path of somebody's machine"),
    (concat!("/wo", "rk/"), "a path of somebody's machine"),
    (concat!("/ho", "me/"), "a path of somebody's machine"),
    (concat!("/tmp/", "wt"), "a path of somebody's machine"),
];

/// `TODO` may stay when it names an issue: `TODO(#12)`.
const LATER: &str = concat!("TO", "DO");

pub(super) fn find(subject: &Subject) -> Vec<String> {
    let mut findings = Vec::new();
    // Vendored modules are other people's words; the system's own tests hold log lines of real machines in data files, not here.
    for (path, text) in subject.tree.texts(SOURCES).filter(|it| !it.0.starts_with("ui/vendor/")) {
        for (number, line) in text.lines().enumerate() {
            findings.extend(judge(line).into_iter().map(|it| format!("{path}:{}: {it}", number + 1)));
        }
    }
    for (path, text) in subject.tree.texts(&["package-lock.json"]) {
        let with_host = text.lines().filter(|it| it.contains("\"resolved\": \"http")).count();
        if with_host > 0 {
            findings.push(format!("{path}: {with_host} entries name a registry host; set omit-lockfile-registry-resolved=true in .npmrc"));
        }
    }
    findings
}

fn judge(line: &str) -> Vec<String> {
    let mut findings: Vec<String> = BANNED.iter().filter(|it| line.contains(it.0)).map(|(word, why)| format!("{word}: {why}")).collect();
    if let Some(at) = line.find(LATER)
        && !line[at + LATER.len()..].starts_with("(#")
        && line[at + LATER.len()..].starts_with([':', ' ', '('])
    {
        findings.push(format!("{LATER} without an issue number"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::Tree;

    #[test]
    fn every_banned_word_is_found() {
        for (word, _) in BANNED {
            assert_eq!(judge(&format!("let x = 1; {word} y")).len(), 1, "{word}");
        }
        assert_eq!(judge(&format!("// {LATER}: later")).len(), 1);
        assert!(judge(&format!("// {LATER}(#12): later")).is_empty());
        assert!(judge("a working homepage, ignored by git").is_empty());
    }

    #[test]
    fn a_registry_host_in_a_lock_file_is_found() {
        let find_in = |text| find(&Subject { tree: Tree::of(&[("ui/package-lock.json", text)]), metadata: serde_json::Value::Null });
        assert_eq!(find_in("{\n\"resolved\": \"https://registry.example/a.tgz\"\n}").len(), 1);
        assert!(find_in("{\n\"integrity\": \"sha512-x\"\n}").is_empty());
    }
}
