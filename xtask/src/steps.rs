//! A run of named steps: each is announced, timed and counted; the end is one plain line `N passed, N failed`.
//!
//! A failed step does not stop the others, so that one run shows everything that is wrong. A step that cannot run because
//! an earlier one failed counts as failed and says so: nothing is skipped silently.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// The steps of one command, with their results.
#[derive(Default)]
pub(crate) struct Steps {
    results: Vec<(String, Duration, Result<()>)>,
}

/// The proof that a step passed; a later step that builds on it asks for it.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Passed,
    Failed { name: String },
}

impl Steps {
    /// Announces, runs and times one step.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> Outcome {
        println!("\n==> {name}");
        let start = Instant::now();
        let result = step();
        let took = start.elapsed();
        match &result {
            Ok(()) => println!("    passed: {name} ({})", seconds(took)),
            Err(error) => println!("    FAILED: {name} ({}): {error:#}", seconds(took)),
        }
        let outcome = if result.is_ok() { Outcome::Passed } else { Outcome::Failed { name: name.to_owned() } };
        self.results.push((name.to_owned(), took, result));
        outcome
    }

    /// Like [`Steps::run`], but fails at once when what it builds on has failed.
    pub(crate) fn run_after(&mut self, before: &[&Outcome], name: &str, step: impl FnOnce() -> Result<()>) -> Outcome {
        let failed = before.iter().find_map(|it| match it {
            Outcome::Failed { name } => Some(name.clone()),
            Outcome::Passed => None,
        });
        match failed {
            None => self.run(name, step),
            Some(failed) => self.run(name, || Err(anyhow!("not run, because [{failed}] failed"))),
        }
    }

    /// Prints every step with its time, then the counts; the exit code is success when nothing failed.
    pub(crate) fn finish(self) -> ExitCode {
        println!("\n==> summary");
        for (name, took, result) in &self.results {
            match result {
                Ok(()) => println!("    passed  {:>8}  {name}", seconds(*took)),
                Err(error) => println!("    FAILED  {:>8}  {name}: {error:#}", seconds(*took)),
            }
        }
        let (passed, failed) = self.counts();
        println!("{passed} passed, {failed} failed");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn counts(&self) -> (usize, usize) {
        let passed = self.results.iter().filter(|it| it.2.is_ok()).count();
        (passed, self.results.len() - passed)
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_builds_on_a_failed_one_is_not_run_but_counted() {
        let mut steps = Steps::default();
        let first = steps.run("build", || Err(anyhow!("no compiler")));
        let second = steps.run("other", || Ok(()));
        let mut has_run = false;
        steps.run_after(&[&second, &first], "use", || {
            has_run = true;
            Ok(())
        });
        assert!(!has_run);
        assert_eq!(steps.counts(), (1, 2));
        assert!(steps.results[2].2.as_ref().is_err_and(|it| it.to_string().contains("[build] failed")));
    }
}
