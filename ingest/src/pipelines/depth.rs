//! How deep a program nests, before VRL sees it.
//!
//! VRL's parser and compiler call themselves once for each level, and its compiler's time grows with up to the cube of the depth: a
//! sum of 256 terms took 0.25 s to compile, one of 512 took 1.9 s, and 64 KiB of it would take days. So the depth is bounded here.
//! This is no parser: it counts operators and brackets and never finds less than there is.

/// Levels of a program. An `if` with 50 branches has about 150.
pub(super) const PROGRAM_DEPTH_MAX: usize = 160;

/// Characters that operators are made of.
const OPERATORS: &[char] = &['+', '-', '*', '/', '%', '|', '&', '=', '<', '>', '!', '?'];

/// One bracket that is open, or the program itself.
struct Level {
    open: char,
    /// Operators of the expression so far: each may be one level.
    operators: usize,
    /// The deepest bracket in the expression so far.
    inner: usize,
    /// The deepest expression so far.
    deepest: usize,
}

impl Level {
    fn new(open: char) -> Self {
        Self { open, operators: 0, inner: 0, deepest: 0 }
    }

    /// The expression ends here.
    fn end(&mut self) {
        self.deepest = self.deepest.max(self.operators + self.inner);
        (self.operators, self.inner) = (0, 0);
    }
}

/// The first line where the program is deeper than [`PROGRAM_DEPTH_MAX`].
pub(super) fn too_deep(source: &str) -> Option<usize> {
    let mut levels = vec![Level::new('{')];
    let mut line = 1;
    let mut rest = source.chars().peekable();
    // The last character that is no blank; a line feed after an operator changes nothing.
    let mut last = '\n';
    let mut word = String::new();
    let mut path = 0;
    while let Some(it) = rest.next() {
        let is_word = it.is_alphanumeric() || it == '_' || it == '@';
        if !is_word {
            if word == "else" {
                top(&mut levels).operators += 1;
            }
            // Raw strings, regular expressions and times.
            if it == '\'' && matches!(word.as_str(), "s" | "r" | "t") {
                line += skip_string(&mut rest, '\'').0;
            }
            word.clear();
        }
        match it {
            '#' => {
                while rest.next_if(|it| *it != '\n').is_some() {}
                // What stood before the comment counts at the line feed after it.
                continue;
            }
            '"' => {
                // A template is a sum of its parts.
                let (lines, templates) = skip_string(&mut rest, '"');
                line += lines;
                top(&mut levels).operators += templates;
            }
            '(' | '[' | '{' => levels.push(Level::new(it)),
            ')' | ']' | '}' if levels.len() > 1 => {
                let mut level = levels.pop().expect("there are two");
                level.end();
                let outer = top(&mut levels);
                outer.inner = outer.inner.max(level.deepest + 1);
                // `a[0][1]` goes one deeper with each.
                outer.operators += usize::from(it == ']');
            }
            ',' | ';' => top(&mut levels).end(),
            '\n' => {
                line += 1;
                let goes_on = OPERATORS.contains(&last) || continues(rest.clone());
                let level = top(&mut levels);
                if level.open == '{' && !goes_on {
                    level.end();
                }
            }
            '.' => {
                path += 1;
                if path > PROGRAM_DEPTH_MAX {
                    return Some(line);
                }
            }
            // `&&` is one operator, `!!` and `--` are two.
            it if OPERATORS.contains(&it) && (it == '!' || it == '-' || !OPERATORS.contains(&last)) => top(&mut levels).operators += 1,
            it if is_word => word.push(it),
            _ => {}
        }
        if it.is_whitespace() || OPERATORS.contains(&it) {
            path = 0;
        }
        // `+ +` is two operators: a blank parts them.
        if it == '\n' || !it.is_whitespace() {
            last = if it == '\n' && OPERATORS.contains(&last) { last } else { it };
        } else if OPERATORS.contains(&last) && rest.peek().is_some_and(|it| OPERATORS.contains(it)) {
            last = ' ';
        }
        let depth: usize = levels.iter().map(|it| it.operators + 1).sum::<usize>() - 1;
        let level = top(&mut levels);
        if depth + level.inner.max(level.deepest) > PROGRAM_DEPTH_MAX {
            return Some(line);
        }
    }
    None
}

fn top(levels: &mut [Level]) -> &mut Level {
    levels.last_mut().expect("the program itself is never closed")
}

/// Goes behind the closing quote; line feeds and templates (`{{`) on the way.
fn skip_string(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, quote: char) -> (usize, usize) {
    let (mut lines, mut templates) = (0, 0);
    while let Some(it) = rest.next() {
        match it {
            '\\' => {
                lines += usize::from(rest.next() == Some('\n'));
            }
            '\n' => lines += 1,
            '{' if rest.next_if_eq(&'{').is_some() => templates += 2,
            it if it == quote => break,
            _ => {}
        }
    }
    (lines, templates)
}

/// Whether an expression goes on after a line feed: with an operator, `else` or the branch of an `if`.
fn continues(mut rest: std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    loop {
        while rest.next_if(|it| it.is_whitespace()).is_some() {}
        if rest.next_if_eq(&'#').is_none() {
            break;
        }
        while rest.next_if(|it| *it != '\n').is_some() {}
    }
    let next: String = rest.take(4).collect();
    next == "else" || next.starts_with(OPERATORS) || next.starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize, open: &str, core: &str, close: &str) -> String {
        format!(".a = {}{core}{}", open.repeat(levels), close.repeat(levels))
    }

    #[test]
    fn every_way_to_nest_is_counted() {
        let ways = [
            ("!", "true", ""),
            ("-", "1", ""),
            ("- ", "1", ""),
            ("(", "1", ")"),
            ("(\n", "1", "\n)"),
            ("[", "1", "]"),
            ("{\n", "1", "\n}"),
            ("{\"a\": ", "1", "}"),
            ("f(", "1", ")"),
            ("if true {", "1", "}"),
            ("", "1", "+1"),
            ("", "1", "\n+ 1"),
            ("", "1", " +\n 1"),
            ("", "1", " + # +\n # x\n 1"),
            ("", "a", " && a"),
            ("", "a", " ?? a"),
            ("", "if a { 1 }", " else if a { 1 }"),
            ("", "if a { 1 }", "\nelse if a { 1 }"),
            ("", "x", "[0]"),
            ("", "x", ".y"),
            ("x = ", "1", ""),
            ("(1 + ", "1", ")"),
            ("", "\"\"", " + \"\\\"\""),
            ("", "s'x'", " + r'\\'+'"),
        ];
        for (open, core, close) in ways {
            assert!(too_deep(&nested(PROGRAM_DEPTH_MAX + 5, open, core, close)).is_some(), "{open}{core}{close}");
            assert_eq!(too_deep(&nested(20, open, core, close)), None, "{open}{core}{close}");
        }
        assert!(too_deep(&format!(".a = \"{}\"", "{{ b }}".repeat(PROGRAM_DEPTH_MAX))).is_some());
    }

    #[test]
    fn what_stands_beside_each_other_is_not_deep() {
        let rule = "if .destination.port == 22 && !in_list(\"admins\", .source.ip) {\n  .tags = push!(.tags, \"ssh #1\") # ((((\n}\n";
        assert_eq!(too_deep(&rule.repeat(1_000)), None);
        assert_eq!(too_deep(&format!("if .a {{\n{}}}\n", rule.repeat(1_000))), None);
        assert_eq!(too_deep(&format!("x = [{}]\n", "1 + 1, ".repeat(1_000))), None);
        assert_eq!(too_deep(&format!("x = \"{}\"\n", "((([[[{ + - ".repeat(1_000))), None);
        let branches: String = (0..50).map(|it| format!("else if .destination.port == {it} {{\n .b = \"x\"\n}}\n")).collect();
        assert_eq!(too_deep(&format!("if .a {{\n .b = \"y\"\n}} {branches}")), None);
    }

    #[test]
    fn the_line_is_told_and_unbalanced_brackets_are_vrl_s_affair() {
        assert_eq!(too_deep(&format!("\n\n.a = {}", "(".repeat(500))), Some(3));
        assert_eq!(too_deep(&")".repeat(500)), None);
        assert_eq!(too_deep("\"abc"), None);
    }
}
