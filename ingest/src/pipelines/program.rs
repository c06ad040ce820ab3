//! One VRL program: compiled with errors that name line and hint, run on an event within limits.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use sekisho_engine::row::Row;
use serde::Serialize;
use vrl::compiler::runtime::{Runtime, Terminate};
use vrl::compiler::state::ExternalEnv;
use vrl::compiler::{CompileConfig, ExpressionError, TimeZone, compile_with_external};
use vrl::diagnostic::{DiagnosticList, Formatter};
use vrl::path::{OwnedTargetPath, OwnedValuePath};

use super::depth::{self, PROGRAM_DEPTH_MAX};
use super::event::{Event, READ_ONLY};
use super::functions;
use super::lists::Shared;
use crate::amendment::Amendment;

/// Bytes of a program. VRL's compiler takes time that grows with the square of a program's rules: 12 KB of them 0.7 s, 50 KB 10 s.
pub const PROGRAM_BYTES_MAX: usize = 32 << 10;

/// Time of a program on one event. VRL has no endless loops, but loops in loops; an event usually takes microseconds. A program that
/// takes longer failed on that event. It is looked at between expressions.
pub const PROGRAM_TIME_MAX: Duration = Duration::from_millis(100);

/// Zone of times that a program reads without one. VRL's default is the machine's, by which answers would differ.
static UTC: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::parse("UTC").expect("the database of time zones has UTC"));

/// Characters of a message in `error.message`.
const MESSAGE_CHARS_MAX: usize = 300;

/// A program that can run.
#[derive(Debug)]
pub(super) struct Program {
    source: String,
    program: vrl::compiler::Program,
}

/// Where a program is wrong, and how it might be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}{message}", .line.map(|it| format!("line {it}: ")).unwrap_or_default())]
pub struct ProgramError {
    /// Line of the first error, from 1.
    pub line: Option<usize>,
    /// Column of the first error in characters, from 1.
    pub column: Option<usize>,
    /// The first error in one line.
    pub message: String,
    /// All errors with the lines they are in and what might help.
    pub report: String,
}

/// What became of an event.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The program ended; what it changed may be nothing.
    Changed(Amendment),
    /// The program said `abort`: the event goes on as it was before.
    Aborted,
    /// The program failed: the event goes on as it was before, and is marked.
    Failed(ProgramError),
}

impl Program {
    /// Compiles, on a stack with room for it ([`super::deep_stack`]).
    pub(super) fn compile(source: &str, lists: &Shared) -> Result<Self, ProgramError> {
        if source.len() > PROGRAM_BYTES_MAX {
            return Err(plain(&format!("the program has more than {PROGRAM_BYTES_MAX} bytes")));
        }
        if let Some(line) = depth::too_deep(source) {
            let message = format!("the program nests more than {PROGRAM_DEPTH_MAX} deep; part the expression, or ask a list instead of comparing");
            return Err(ProgramError { line: Some(line), ..plain(&message) });
        }
        let mut config = CompileConfig::default();
        config.set_custom(lists.clone());
        for field in READ_ONLY {
            let mut path = OwnedValuePath::root();
            field.split('.').for_each(|it| path.push_field(it));
            config.set_read_only_path(OwnedTargetPath::event(path), true);
        }
        match compile_with_external(source, &functions::all(), &ExternalEnv::default(), config) {
            Ok(result) => Ok(Self { source: source.to_owned(), program: result.program }),
            Err(diagnostics) => Err(compile_error(source, diagnostics)),
        }
    }

    /// Runs on a row, which is not changed.
    pub(super) fn run(&self, row: &Row) -> Outcome {
        self.run_within(row, PROGRAM_TIME_MAX)
    }

    fn run_within(&self, row: &Row, time_max: Duration) -> Outcome {
        let mut event = Event::new(row);
        let began = Instant::now();
        // At every expression: a text that is doubled at each must not grow for long.
        let mut control = || if began.elapsed() > time_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        // A mistake in one of 200 functions of a library must not cost the lines of a whole batch.
        let ended = catch_unwind(AssertUnwindSafe(|| Runtime::default().resolve_with_control(&mut event, &self.program, &UTC, &mut control)));
        match ended {
            Ok(Ok(_)) => event.changes(row).map_or_else(|error| Outcome::Failed(plain(&error.to_string())), Outcome::Changed),
            Ok(Err(Terminate::Abort(_))) => Outcome::Aborted,
            Ok(Err(Terminate::Error(error))) => Outcome::Failed(self.runtime_error(&error)),
            Ok(Err(Terminate::Interrupted)) => Outcome::Failed(plain(&format!("it took more than {} ms", time_max.as_millis()))),
            Err(_) => Outcome::Failed(plain("a function failed inside")),
        }
    }

    fn runtime_error(&self, error: &ExpressionError) -> ProgramError {
        use vrl::diagnostic::DiagnosticMessage as _;
        // The outermost call is the last label; VRL's own text says its place in bytes, which nobody counts.
        let start = error.labels().first().map(|it| it.span.start());
        let (line, column) = start.map(|it| place(&self.source, it)).unzip();
        let text = error.message();
        let message = without_places(&text).chars().take(MESSAGE_CHARS_MAX).collect::<String>();
        ProgramError { line, column, report: message.clone(), message }
    }
}

fn plain(message: &str) -> ProgramError {
    ProgramError { line: None, column: None, message: message.to_owned(), report: message.to_owned() }
}

fn compile_error(source: &str, diagnostics: DiagnosticList) -> ProgramError {
    let first = diagnostics.iter().find(|it| it.is_problem());
    let message = first.map_or_else(|| "the program can't be compiled".to_owned(), |it| it.message().to_owned());
    let label = first.and_then(|it| it.labels().iter().find(|label| label.primary).or_else(|| it.labels().first()));
    let (line, column) = label.map(|it| place(source, it.span.start())).unzip();
    let report = Formatter::new(source, diagnostics.clone()).to_string().trim_start_matches('\n').to_owned();
    ProgramError { line, column, message, report }
}

/// Line and column, from 1, of a place in bytes.
fn place(source: &str, byte: usize) -> (usize, usize) {
    let before = source.get(..byte.min(source.len())).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |it| it + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A message without its places in bytes: `function call error for "parse_json" at (5:22): …`.
fn without_places(message: &str) -> String {
    let mut rest = message;
    let mut text = String::with_capacity(message.len());
    while let Some(start) = rest.find(" at (") {
        let (before, after) = rest.split_at(start);
        text.push_str(before);
        let end = after.find("):").filter(|end| after[5..*end].bytes().all(|it| it.is_ascii_digit() || it == b':'));
        let skipped = end.map_or(5, |it| it + 1);
        if end.is_none() {
            text.push_str(&after[..5]);
        }
        rest = &after[skipped..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::super::deep_stack;
    use super::*;
    use sekisho_engine::ecs;

    fn compile(source: &str) -> Result<Program, ProgramError> {
        Program::compile(source, &Shared::default())
    }

    fn row() -> Row {
        let mut row = Row::default();
        row.push_i64(ecs::TIMESTAMP, 1_700_000_000_000);
        row.push_str(ecs::EVENT_ORIGINAL, "line");
        row.push_str(ecs::RULE_NAME, "allow web");
        row.push_i64(ecs::DESTINATION_PORT, 443);
        row.push_ip(ecs::SOURCE_IP, "192.0.2.7".parse().unwrap());
        row.push_str(ecs::RELATED_USER, "a");
        row
    }

    /// The row after the program, as `field=value` of what changed.
    fn changed(source: &str) -> String {
        match compile(source).unwrap().run(&row()) {
            Outcome::Changed(amendment) => String::from_utf8(amendment.to_json()).unwrap(),
            Outcome::Aborted => "aborted".to_owned(),
            Outcome::Failed(error) => format!("failed: {error}"),
        }
    }

    #[test]
    fn what_a_program_changes_is_known_by_field() {
        for (source, expected) in [
            (".rule.name = upcase!(.rule.name)", r#"{"rule.name":["ALLOW WEB"]}"#),
            (".rule.name = \"allow web\"", "{}"),
            ("x = .rule.name", "{}"),
            ("del(.source.ip)", r#"{"source.ip":[]}"#),
            ("del(.source)", r#"{"source.ip":[]}"#),
            (".source.ip = \"2001:db8::1\"", r#"{"source.ip":["2001:db8::1"]}"#),
            (".destination.port = \"8443\"", r#"{"destination.port":[8443]}"#),
            (".related.user = push!(.related.user, \"b\")", r#"{"related.user":["a","b"]}"#),
            (".tags = [\"x\", null, \"y\"]", r#"{"tags":["x","y"]}"#),
            (".\"@timestamp\" = t'2024-01-01T00:00:00Z'", r#"{"@timestamp":[1704067200000]}"#),
            (".event.start = \"2024-01-01T00:00:00+09:00\"", r#"{"event.start":[1704034800000]}"#),
            (".site.floor = 3\n.site.name = \"Tokyo\"", r#"{"sekisho.labels":["site.floor=3","site.name=Tokyo"]}"#),
        ] {
            assert_eq!(changed(source), expected, "{source}");
        }
    }

    #[test]
    fn a_program_that_ends_badly_changes_nothing() {
        for (source, expected) in [
            (".rule.name = 1\nabort", "aborted"),
            (".rule.name = 1\n.x = parse_json!(.event.original)", "failed: line 2: function call error for \"parse_json\""),
            (".source.ip = \"nowhere\"", "failed: field [source.ip] can't hold this string: it is of type ip"),
            (".destination.port = 1.5", "failed: field [destination.port] can't hold this float: it is of type long"),
            ("del(.\"@timestamp\")", "failed: field [@timestamp] can't be removed"),
            (".rule.name = \"01234567890123456789\" * 2000", "failed: changes of more than 32768 bytes"),
        ] {
            let found = changed(source);
            assert!(found.starts_with(expected), "{source}: {found}");
        }
    }

    #[test]
    fn what_was_received_can_t_be_changed() {
        for source in
            [".event.original = \"x\"", "del(.event.original)", ".sekisho.parser = \"x\"", ".sekisho.list = []", ".event = {}", ". = {}", "del(.)"]
        {
            assert!(compile(source).is_err(), "{source}");
        }
    }

    #[test]
    fn an_error_names_its_line_and_what_might_help() {
        let error = compile("# 入口\n.a = 1\n.b = upcase(.rule.name)\n").unwrap_err();
        assert_eq!((error.line, error.column), (Some(3), Some(6)), "{}", error.report);
        assert!(error.to_string().starts_with("line 3: "), "{error}");
        assert!(error.report.contains("3 │ .b = upcase(.rule.name)") && error.report.contains("upcase!(.rule.name)"), "{}", error.report);
        let error = compile(".a = in_list(\"nobody\", .source.ip)").unwrap_err();
        assert!(error.to_string().contains("there is no list [nobody]"), "{error}");
    }

    #[test]
    fn places_in_bytes_are_left_out_and_nothing_else() {
        for (text, expected) in [
            ("function call error for \"x\" at (5:22): bad", "function call error for \"x\": bad"),
            ("look at (this): bad", "look at (this): bad"),
            ("ends at (", "ends at ("),
            ("plain", "plain"),
        ] {
            assert_eq!(without_places(text), expected);
        }
    }

    #[test]
    fn loops_in_loops_are_ended() {
        let nested = (0..4).fold(".n = int(.n) ?? 0 + 1".to_owned(), |inner, depth| {
            format!("for_each(array!([0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9])) -> |i{depth}, _v{depth}| {{ {inner} }}")
        });
        let program = match compile(&nested) {
            Ok(program) => program,
            Err(error) => panic!("{}", error.report),
        };
        match program.run_within(&row(), Duration::from_millis(5)) {
            Outcome::Failed(error) => assert_eq!(error.message, "it took more than 5 ms"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_that_loops_nest_do_not_overflow_a_small_stack() {
        let (open, close) = ("for_each(array!([0,1,2,3,4,5,6,7,8,9])) -> |_i, _v| { ".repeat(5), " }".repeat(5));
        for (before, step) in [("x = []", "x = [x]"), (".x = []", ".x = [.x]"), (".x = {}", ".x = {\"k\": .x}")] {
            let program = compile(&format!("{before}\n{open}{step}{close}\n.y = 1")).unwrap_or_else(|error| panic!("{}", error.report));
            let small = std::thread::Builder::new().stack_size(1 << 20);
            let ended = small.spawn(move || matches!(program.run(&row()), Outcome::Failed(_))).unwrap().join();
            assert!(ended.unwrap(), "{step}");
        }
    }

    #[test]
    fn the_deepest_programs_compile_in_time_and_run_on_a_small_stack() {
        let deepest = |open: &str, core: &str, close: &str| {
            let of = |levels: usize| format!(".a = {}{core}{}", open.repeat(levels), close.repeat(levels));
            (1..=PROGRAM_DEPTH_MAX).map(of).take_while(|it| depth::too_deep(it).is_none()).last().unwrap()
        };
        let ways = [
            ("!", "true", ""),
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("", "1", "+1"),
            ("{\n", "1", "\n}"),
            ("{\"a\":", "1", "}"),
            ("if true {", "1", "}"),
            ("", "if true { 1 }", " else if true { 1 }"),
            ("", "if .b == 1 { 1 }", " else if .b == 1 { 1 }"),
            ("upcase(", "\"a\"", ")"),
            ("", ".b", ".b"),
        ];
        for (open, core, close) in ways {
            let source = deepest(open, core, close);
            let began = Instant::now();
            let program = deep_stack::run(|| compile(&source)).unwrap().unwrap_or_else(|error| panic!("{}", error.report));
            assert!(began.elapsed() < Duration::from_secs(5), "{source}");
            let small = std::thread::Builder::new().stack_size(1 << 20);
            let ended = small.spawn(move || matches!(program.run(&row()), Outcome::Changed(_))).unwrap().join();
            assert!(ended.unwrap(), "{source}");
        }
        assert!(compile(&"(".repeat(PROGRAM_DEPTH_MAX + 1)).unwrap_err().message.contains("nests"));
        assert!(compile(&" ".repeat(PROGRAM_BYTES_MAX + 1)).is_err());
    }
}
