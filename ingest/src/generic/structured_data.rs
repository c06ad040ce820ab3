//! RFC 5424's structured data as a list of keywords, `id.name=value`: anybody may invent ids and names, so a field for each would have
//! no bound, and a list finds them just as well.

use sekisho_engine::ecs;
use sekisho_engine::row::Row;

use crate::limits::PAIRS_MAX;

/// Adds the elements of `[id name="value" …]…`. An element without parameters is its id alone.
pub(super) fn push(row: &mut Row, text: &str) {
    let mut rest = text;
    let mut count = 0;
    while let Some(element) = rest.strip_prefix('[') {
        let id_end = element.find([' ', ']']).unwrap_or(element.len());
        let (id, after) = element.split_at(id_end);
        rest = after.trim_start_matches(' ');
        let mut is_bare = true;
        while let Some((name, value, after)) = parameter(rest) {
            is_bare = false;
            count += 1;
            if count > PAIRS_MAX {
                return;
            }
            row.push_str(ecs::LOG_SYSLOG_STRUCTURED_DATA, &format!("{id}.{name}={value}"));
            rest = after.trim_start_matches(' ');
        }
        if is_bare && !id.is_empty() {
            row.push_str(ecs::LOG_SYSLOG_STRUCTURED_DATA, id);
        }
        // Whatever is left of a broken element is skipped: its text is in the line.
        let Some(end) = rest.find(']') else { return };
        rest = &rest[end + 1..];
    }
}

/// `name="value"` with its escapes resolved (RFC 5424 §6.3.3: quote, backslash and closing bracket), and what follows.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once("=\"")?;
    if name.is_empty() || name.contains([' ', ']', '"', '=']) {
        return None;
    }
    let mut value = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, it)) = characters.next() {
        match it {
            '"' => return Some((name, value, &rest[at + 1..])),
            '\\' => match characters.next() {
                Some((_, it @ ('"' | '\\' | ']'))) => value.push(it),
                // A backslash before anything else stands for itself.
                Some((_, it)) => value.extend(['\\', it]),
                None => return None,
            },
            it => value.push(it),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use sekisho_engine::row::Datum;

    fn list(text: &str) -> Vec<String> {
        let mut row = Row::default();
        push(&mut row, text);
        row.values().map(|it| if let Datum::Str(text) = it.1 { text.to_owned() } else { panic!("{it:?}") }).collect()
    }

    #[test]
    fn elements_become_pairs() {
        let text = r#"[exampleSDID@32473 iut="3" eventSource="Application"][examplePriority@32473 class="high"][bare]"#;
        let expected = ["exampleSDID@32473.iut=3", "exampleSDID@32473.eventSource=Application", "examplePriority@32473.class=high", "bare"];
        assert_eq!(list(text), expected);
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(list(r#"[a x="say \"hi\" \\ [1\] C:\temp"]"#), [r#"a.x=say "hi" \ [1] C:\temp"#]);
    }

    #[test]
    fn broken_elements_end_where_they_break() {
        for (text, expected) in [("[a x=\"1", &["a"][..]), ("[", &[]), ("[a x=1][b y=\"2\"]", &["a", "b.y=2"]), ("[a x=\"1\\", &["a"]), ("", &[])] {
            assert_eq!(list(text), expected, "{text}");
        }
    }

    #[test]
    fn the_list_has_an_end() {
        let text = format!("[a{}]", " x=\"1\"".repeat(PAIRS_MAX * 2));
        assert_eq!(list(&text).len(), PAIRS_MAX);
    }
}
