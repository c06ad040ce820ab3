//! Finds the CSV in a syslog message and reads what stands before it: priority, time, host, application.
//!
//! Relays stack headers, leave dashes and colons behind or drop the header altogether, so the CSV is found by its own shape and
//! not by parsing up to it (PAN-OS syslog reference §2). The header is read leniently afterwards: a part that cannot be made out
//! is absent. Parts are given as they are written: what a time without a year means is for who needs it, because a CSV has a better one.

use std::net::IpAddr;

use memchr::memchr_iter;

/// What a header says of the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// Facility × 8 + severity, at most 191.
    pub priority: Option<u8>,
    /// The host nearest to the message: behind a relay the device, though often Panorama.
    pub hostname: Option<&'a str>,
    /// Application or tag, without its process id.
    pub appname: Option<&'a str>,
    /// Process id: RFC 5424's own part, or what stands in brackets after the tag.
    pub procid: Option<&'a str>,
    /// RFC 5424's message id.
    pub msgid: Option<&'a str>,
    /// RFC 5424's structured data, `[id name="value"]…` as written.
    pub structured_data: Option<&'a str>,
    /// RFC 5424's version; absent in other headers.
    pub version: Option<&'a str>,
    /// The time nearest to the message, as written: `Nov  3 07:01:51`, with a year or without, or ISO 8601.
    pub time: Option<&'a str>,
    /// Offset of the message after everything that was understood.
    pub body: usize,
}

impl Header<'_> {
    /// Whether there is enough of a header to say that this is syslog: a priority, or a time with a host.
    pub fn is_syslog(&self) -> bool {
        self.priority.is_some() || (self.time.is_some() && self.hostname.is_some())
    }
}

/// Offset of the first column of a PAN-OS CSV: the first `digits , time , anything , LETTERS ,` after the start, white space or a colon.
pub fn find_csv(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr_iter(b',', bytes).find_map(|comma| csv_start(bytes, comma))
}

/// The third column of an AUDIT line, which is where the others have the serial number.
const AUDIT: &[u8] = b"audit";

/// The start of the CSV whose first comma is at `comma`.
fn csv_start(bytes: &[u8], comma: usize) -> Option<usize> {
    if !bytes[comma + 1..].first()?.is_ascii_digit() {
        return None;
    }
    let digits = bytes[..comma].iter().rev().take_while(|it| it.is_ascii_digit()).count();
    let start = comma - digits;
    let is_free = start == 0 || matches!(bytes[start - 1], b' ' | b'\t' | b':' | b'\n' | b'\r');
    if digits == 0 || !is_free {
        return None;
    }
    let rest = time_column(&bytes[comma + 1..])?;
    let serial_end = rest.iter().position(|&it| it == b',')?;
    // An AUDIT line is one column shorter in front: what stands here is no serial number, and what follows no type.
    if rest[..serial_end].eq_ignore_ascii_case(AUDIT) {
        return None;
    }
    let rest = &rest[serial_end + 1..];
    let type_end = rest.iter().position(|it| !it.is_ascii_alphabetic() && *it != b'-')?;
    (type_end > 0 && rest[type_end] == b',').then_some(start)
}

/// Offset of the first column of the cloud log forwarder's CSV, which begins with an ISO 8601 time: `time , serial , LETTERS ,`.
pub fn find_cloud_csv(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr_iter(b',', bytes).find_map(|comma| {
        // A time has at most 35 characters; looking further back for every comma would be quadratic.
        let window = comma.saturating_sub(40);
        let start = match bytes[window..comma].iter().rposition(u8::is_ascii_whitespace) {
            Some(at) => window + at + 1,
            None if window == 0 => 0,
            None => return None,
        };
        let is_time = comma - start >= 19 && bytes[start + 4] == b'-' && time_column(&bytes[start..=comma]).is_some_and(<[u8]>::is_empty);
        (is_time && letters_column(&bytes[comma + 1..]).is_some()).then_some(start)
    })
}

/// Whether the message is an AUDIT line, which lacks the first column: `serial , time , audit ,`.
pub fn is_audit_layout(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(comma) = memchr::memchr(b',', bytes) else { return false };
    time_column(&bytes[comma + 1..])
        .is_some_and(|rest| rest.iter().position(|it| *it == b',').is_some_and(|end| rest[..end].eq_ignore_ascii_case(AUDIT)))
}

/// The name in the second column from here.
fn letters_column(bytes: &[u8]) -> Option<&[u8]> {
    let comma = memchr::memchr(b',', bytes)?;
    let rest = &bytes[comma + 1..];
    let end = rest.iter().position(|it| !it.is_ascii_alphabetic())?;
    (end > 0 && rest[end] == b',').then(|| &rest[..end])
}

/// What follows a time column, `YYYY/M/D hh:mm:ss,` or ISO 8601; only its shape is looked at.
fn time_column(bytes: &[u8]) -> Option<&[u8]> {
    let is_date = bytes.len() > 12 && bytes[..4].iter().all(u8::is_ascii_digit) && matches!(bytes[4], b'/' | b'-') && bytes[5].is_ascii_digit();
    if !is_date {
        return None;
    }
    let end = bytes.iter().take(40).position(|&it| it == b',')?;
    let has_clock = bytes[..end].iter().filter(|it| **it == b':').count() >= 2;
    has_clock.then(|| &bytes[end + 1..])
}

/// Reads the header of `text`: of the part before the CSV, or of a whole message of another kind.
pub fn scan(text: &str) -> Header<'_> {
    let mut header = Header::default();
    let mut rest = text;
    if let Some((priority, after)) = priority(rest) {
        header.priority = Some(priority);
        rest = after.trim_start_matches(' ');
    }
    rest = match rfc5424(rest, &mut header) {
        Some(after) => after,
        None => rfc3164(rest, &mut header),
    };
    header.body = text.len() - rest.len();
    header
}

fn priority(text: &str) -> Option<(u8, &str)> {
    let (digits, after) = text.strip_prefix('<')?.split_at_checked(text.bytes().take(5).position(|it| it == b'>')? - 1)?;
    let value: u8 = digits.parse().ok().filter(|it| *it <= 191)?;
    Some((value, &after[1..]))
}

/// `1 TIME HOST APP PROCID MSGID SD`; what follows, or none and an untouched header where this is something else.
fn rfc5424<'a>(text: &'a str, header: &mut Header<'a>) -> Option<&'a str> {
    let (version, rest) = words(text)?;
    let is_version = matches!(version.as_bytes(), [b'1'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']);
    if !is_version {
        return None;
    }
    let (time, rest) = words(rest)?;
    if time != "-" && !is_iso_time(time) {
        return None;
    }
    header.version = Some(version);
    header.time = present(time);
    let mut rest = rest;
    for part in [&mut header.hostname, &mut header.appname, &mut header.procid, &mut header.msgid] {
        let Some((token, after)) = words(rest) else {
            // The header ends early: a relay that leaves parts out, or a message of nothing but its header.
            *part = present(rest);
            return Some("");
        };
        *part = present(token);
        rest = after;
    }
    let after = structured_data(rest);
    header.structured_data = present(&rest[..rest.len() - after.len()]);
    Some(after.trim_start_matches(' '))
}

/// The text before the first blank. Words of headers are short: a plain loop beats the standard library's search, which is made for long
/// texts.
fn word(text: &str) -> &str {
    words(text).map_or(text, |it| it.0)
}

/// The texts before and after the first blank.
fn words(text: &str) -> Option<(&str, &str)> {
    let blank = text.as_bytes().iter().position(|it| *it == b' ')?;
    Some((&text[..blank], &text[blank + 1..]))
}

fn present(token: &str) -> Option<&str> {
    (token != "-" && !token.is_empty()).then_some(token)
}

/// What follows structured data: `-` or `[id name="value" …]…`, where a quote or bracket inside a value is escaped by a backslash.
fn structured_data(text: &str) -> &str {
    if let Some(rest) = text.strip_prefix('-') {
        return if rest.is_empty() || rest.starts_with(' ') { rest } else { text };
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    while bytes.get(at) == Some(&b'[') {
        let mut is_quoted = false;
        let mut is_escaped = false;
        let end = bytes[at..].iter().position(|&it| {
            let is_end = it == b']' && !is_quoted;
            is_quoted ^= it == b'"' && !is_escaped;
            is_escaped = it == b'\\' && is_quoted && !is_escaped;
            is_end
        });
        let Some(end) = end else { return text };
        at += end + 1;
    }
    &text[at..]
}

/// `TIME HOST TAG[PID]:`, as often as relays stacked it and with any part missing.
fn rfc3164<'a>(text: &'a str, header: &mut Header<'a>) -> &'a str {
    let mut rest = numbered(text);
    while let Some(after_time) = bsd_time(rest.trim_start_matches(' ')) {
        let time = rest.trim_start_matches(' ');
        header.time = Some(time[..time.len() - after_time.len()].trim_end_matches(':'));
        rest = after_time.trim_start_matches(' ');
        let token = word(rest);
        if is_host(token) {
            header.hostname = Some(token);
            rest = rest[token.len()..].trim_start_matches(' ');
        }
    }
    if header.time.is_some()
        && let Some((tag, procid, after)) = tag(rest)
    {
        header.appname = Some(tag);
        header.procid = procid;
        rest = after.trim_start_matches(' ');
    }
    rest
}

/// What follows a message number before the time, `123: *Mar  1 00:00:05`: switches of one vendor count their messages and mark a clock
/// that is not set with a star, one that is not synchronised with a dot.
fn numbered(text: &str) -> &str {
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '*' | '.')) {
        return text;
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let after = text[digits..].strip_prefix(": ").filter(|_| digits > 0).unwrap_or(text);
    let after = after.trim_start_matches(['*', '.']);
    if bsd_time(after).is_some() { after } else { text }
}

/// What follows `Nov  3 07:01:51`, with a year or fractions of a second where somebody added them, or an ISO time.
fn bsd_time(text: &str) -> Option<&str> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let token = word(text);
    if is_iso_time(token) {
        return Some(&text[token.len()..]);
    }
    if !MONTHS.contains(&token) {
        return None;
    }
    let rest = text[token.len()..].trim_start_matches(' ');
    let (day, rest) = words(rest)?;
    let mut rest = rest.trim_start_matches(' ');
    let is_number = |it: &str, max: usize| !it.is_empty() && it.len() <= max && it.bytes().all(|it| it.is_ascii_digit());
    // Some relays write the year before the time, others after it.
    if let Some((year, after)) = words(rest)
        && year.len() == 4
        && is_number(year, 4)
    {
        rest = after;
    }
    let clock = word(rest).trim_end_matches(':');
    let is_clock = clock.len() >= 7
        && clock.bytes().all(|it| it.is_ascii_digit() || matches!(it, b':' | b'.'))
        && clock.bytes().filter(|it| *it == b':').count() == 2;
    if !is_number(day, 2) || !is_clock {
        return None;
    }
    let rest = &rest[clock.len()..];
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let rest = zone_name(rest).unwrap_or(rest);
    match rest.strip_prefix(' ').and_then(words) {
        Some((year, after)) if year.len() == 4 && is_number(year, 4) => Some(after),
        _ => Some(rest),
    }
}

/// What follows the name of a zone, ` UTC:` or ` JST:` as switches write it after the clock; before a blank only the names that no host has.
fn zone_name(text: &str) -> Option<&str> {
    let name_and_rest = text.strip_prefix(' ')?;
    let len = name_and_rest.bytes().take_while(u8::is_ascii_uppercase).count();
    let (name, rest) = name_and_rest.split_at(len);
    match rest.as_bytes() {
        [b':', b' ', b'%', ..] if (3..=4).contains(&len) => Some(&rest[1..]),
        [b' ', ..] if matches!(name, "UTC" | "GMT") => Some(rest),
        _ => None,
    }
}

fn is_iso_time(token: &str) -> bool {
    let bytes = token.as_bytes();
    bytes.len() >= 19 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[10] == b'T' && bytes[13] == b':' && bytes[..4].iter().all(u8::is_ascii_digit)
}

/// A host name or address; not a tag (`sshd[12]:`), a left-over dash or the message itself.
fn is_host(token: &str) -> bool {
    let is_name = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.' | b'_') || !it.is_ascii();
    let is_name = token.bytes().all(is_name) && token.bytes().any(|it| it.is_ascii_alphanumeric() || !it.is_ascii());
    is_name || token.parse::<IpAddr>().is_ok()
}

/// `tag[pid]: ` or `tag: `, tag at most 48 characters (RFC 5424 allows as many for APP-NAME): tag, process id, what follows.
fn tag(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let end = text.bytes().take(80).position(|it| it == b':' || it == b' ')?;
    let token = text.get(..end)?;
    let (name, procid) = match token.split_once('[') {
        Some((name, rest)) => (name, rest.strip_suffix(']').filter(|it| !it.is_empty())),
        None => (token, None),
    };
    // `CEF:0|…` is a message and no tag.
    let is_ended = matches!(text.as_bytes().get(end + 1), None | Some(b' '));
    let is_tag = text.as_bytes()[end] == b':' && is_ended && !name.is_empty() && name.len() <= 48;
    let is_name = name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.' | b'_' | b'/'));
    (is_tag && is_name).then(|| (name, procid, &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "1,2019/11/03 07:01:51,001801004217,TRAFFIC,end,";

    /// `priority|hostname|appname` of a header, or `no CSV`.
    fn read(header: &str) -> String {
        let line = format!("{header}{CSV}");
        let Some(at) = find_csv(&line) else { return "no CSV".to_owned() };
        assert_eq!(&line[at..], CSV, "{header}");
        let found = scan(&line[..at]);
        let priority = found.priority.map(|it| it.to_string()).unwrap_or_default();
        format!("{priority}|{}|{}", found.hostname.unwrap_or_default(), found.appname.unwrap_or_default())
    }

    #[test]
    fn every_header_that_was_seen_leads_to_the_csv() {
        for (header, expected) in [
            ("<14>Nov  3 07:01:51 fw.example.com ", "14|fw.example.com|"),
            ("<14>Apr 8 01:47:32 ", "14||"),
            ("<12> Jul 14 11:22:29 fw.example.com ", "12|fw.example.com|"),
            ("Nov 26 12:53:54 FW-DNS-11 - ", "|FW-DNS-11|"),
            ("<10>May 29 14:08:51 PA-3020A.example.com  : ", "10|PA-3020A.example.com|"),
            ("Feb 24 22:09:26 10.5.172.40 Feb 24 22:06:07 Panorama ", "|Panorama|"),
            ("<14>1 2025-07-14T09:50:36-04:00 host - - - -  ", "14|host|"),
            ("<14>1 2025-07-14T09:50:36-04:00 host - - - - ", "14|host|"),
            ("<14>1 2025-07-14T09:50:36Z - app 12 - [a b=\"c]\\\"\"][d] ", "14||app"),
            ("<190>Jan 28 2025 01:28:35 fw: ", "190||fw"),
            ("<14>2025-07-14T09:50:36.123+02:00 fw2 ", "14|fw2|"),
            ("<14>Nov  3 07:01:51 2001:db8::7 ", "14|2001:db8::7|"),
            ("<14>Nov  3 07:01:51 fw logger[17]: ", "14|fw|logger"),
            ("", "||"),
            (": ", "||"),
            ("x 1,2 4,5/6 ", "||"),
        ] {
            assert_eq!(read(header), expected, "{header}");
        }
    }

    #[test]
    fn text_that_only_resembles_the_csv_is_not_taken_for_it() {
        for line in [
            "1,2019/11/03 07:01:51,serial",
            "1,2019/11/03,serial,TRAFFIC,end",
            "x1,2019/11/03 07:01:51,serial,TRAFFIC,end",
            "1,9/16/19 10:00,1801017000,TRAFFIC,start,2049",
            "01111111111,2024/04/11 20:06:15,audit,2561,gui-op,suser,",
            "01111111111,2024/04/11 20:06:15,audit,end,gui-op,suser,",
            "2021-10-28T02:58:52.000000Z,no-serial,THREAT,url,10.0",
            "1,",
            "",
        ] {
            assert_eq!(find_csv(line), None, "{line}");
        }
    }

    #[test]
    fn times_with_short_days_and_iso_times_count() {
        assert_eq!(find_csv("1,2018/12/5 13:15:38,0009C101677,THREAT,flood,1"), Some(0));
        assert_eq!(find_csv("Nov 30 16:09:08 931201168,2021-10-22T16:10:10.000000Z,no-serial,GLOBALPROTECT,x"), Some(16));
        assert_eq!(find_csv("1,2021/10/26 15:05:03,,SYSTEM,general"), Some(0));
        assert_eq!(find_csv("1,2021/10/26 15:05:03,,HIP-MATCH,0"), Some(0));
    }

    #[test]
    fn other_layouts_are_told_apart() {
        let cloud = "<14>1 2021-10-28T02:58:53.586Z s logforwarder - panwlogs - 2021-10-28T02:58:52.000000Z,no-serial,THREAT,url,10.0";
        assert_eq!(find_cloud_csv(cloud).map(|it| &cloud[it..it + 10]), Some("2021-10-28"));
        assert_eq!(find_cloud_csv("<14>Nov  3 07:01:51 host text, more, TEXT, yes"), None);
        assert!(is_audit_layout("01111111111,2024/04/11 20:06:15,audit,2561,gui-op"));
        assert!(!is_audit_layout("1,2024/04/11 20:06:15,0011,AUDIT,2561"));
    }

    #[test]
    fn the_headers_of_ordinary_syslog_are_read() {
        let header = scan("<34>Oct 11 22:14:15 mymachine su[123]: 'su root' failed");
        assert_eq!((header.priority, header.hostname, header.appname), (Some(34), Some("mymachine"), Some("su")));
        assert_eq!(&"<34>Oct 11 22:14:15 mymachine su[123]: 'su root' failed"[header.body..], "'su root' failed");
        let line = "<165>1 2003-10-11T22:14:15.003Z host.example evntslog - ID47 [ex@32473 iut=\"3\"] An event";
        let header = scan(line);
        assert_eq!((header.hostname, header.appname, &line[header.body..]), (Some("host.example"), Some("evntslog"), "An event"));
        assert_eq!((header.time, header.msgid, header.procid), (Some("2003-10-11T22:14:15.003Z"), Some("ID47"), None));
        assert_eq!(header.structured_data, Some("[ex@32473 iut=\"3\"]"));
        let header = scan("<86>Dec 24 17:50:23 web-1 sshd[4711]: session opened");
        assert_eq!((header.time, header.appname, header.procid), (Some("Dec 24 17:50:23"), Some("sshd"), Some("4711")));
        let header = scan("<189>4567: *Mar  1 00:00:05.123: %SYS-5-CONFIG_I: Configured");
        assert_eq!((header.time, header.hostname, header.appname), (Some("Mar  1 00:00:05.123"), None, None));
        let header = scan("<187>88: Nov 23 07:00:00.123 JST: %LINK-3-UPDOWN: down");
        assert_eq!((header.time, header.hostname, header.appname), (Some("Nov 23 07:00:00.123 JST"), None, None));
    }

    #[test]
    fn a_priority_or_a_time_with_a_host_makes_syslog() {
        for (line, expected) in [
            ("<34>anything", true),
            ("Nov  3 07:01:51 host text", true),
            ("2025-07-14T09:50:36Z host text", true),
            ("Nov  3 07:01:51", false),
            ("no header", false),
            ("", false),
        ] {
            assert_eq!(scan(line).is_syslog(), expected, "{line}");
        }
    }

    #[test]
    fn headers_that_are_none_leave_the_message_whole() {
        for line in ["<999>x", "<14", "no header at all", "", "<>", "<14>1 2025-07-14T09:50:36Z", "CEF:0|Palo Alto Networks|LF|2.0|TRAFFIC"] {
            let header = scan(line);
            assert!(header.body <= line.len() && header.hostname.is_none(), "{line}");
        }
    }
}
