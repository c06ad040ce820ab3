//! THREAT lines, URL filtering among them: 121 columns on 10.2, 123 on 11.1 (reference §7).

use std::fmt::Write as _;

use super::columns::Columns;
use super::device::{Devices, Head, LogType, Release};
use super::internet::Internet;
use super::random::Random;
use super::session::{Session, ThreatHit, UrlHit, flag};
use super::signatures::{Severity, Subtype};
use super::site::{FIREWALLS, People};
use super::traffic::{write_addresses_to_action, write_app, write_devices};
use super::urls;

const COLUMNS_10_2: usize = 121;
const COLUMNS_11_1: usize = 123;

/// What the writer needs besides the session, and a buffer it may use for free text.
pub(crate) struct Context<'a> {
    pub(crate) devices: &'a mut Devices,
    pub(crate) people: &'a People,
    pub(crate) internet: &'a Internet,
    pub(crate) text: &'a mut String,
}

/// Writes a URL filtering line.
pub(crate) fn write_url(line: &mut Vec<u8>, context: &mut Context<'_>, session: &Session, hit: &UrlHit, at_ms: i64) {
    let mut random = Random::new(hit.seed);
    let site = context.internet.site(hit.site);
    // Without decryption the firewall sees the server's name and nothing of the request.
    let is_seen = !matches!(session.destination.port, 443 | 8443) || session.flags & flag::DECRYPTED != 0;
    urls::write_url(context.text, site, session.destination.port, is_seen, &mut random);

    let head = Head { firewall: session.firewall, log: LogType::Threat, subtype: "url", severity: Severity::Informational, at_ms };
    let sequence = context.devices.next_sequence(session.firewall, LogType::Threat);
    let release = context.devices.release(session.firewall, at_ms);
    let mut row = context.devices.begin(line, &head);
    let flags = session.flags | if hit.action.starts_with("block") { 0 } else { flag::CONTAINER_PAGE };
    write_addresses_to_action(&mut row, session, context.people, 1, flags, hit.action, at_ms);
    row.at(31).quoted(context.text).next().text("(9999)").next().text(site.category);
    row.at(34).text(Severity::Informational.name()).next().text("client-to-server");
    write_middle(&mut row, session, sequence);
    if is_seen && !hit.action.starts_with("block") {
        row.at(41).text(random.pick(&["text/html", "application/json", "image/png", "text/javascript"]));
    }
    row.at(42).number(0).at(45).number(1);
    if is_seen {
        row.at(46).quoted_if_needed(urls::user_agent(&mut random));
        if random.chance(1, 4) {
            let referrer = context.internet.site(context.internet.visit(&mut random));
            context.text.clear();
            let _ = write!(context.text, "http://{}/", referrer.domain);
            row.at(49).quoted(context.text);
        }
    }
    row.at(53).number(0);
    write_group(&mut row, session);
    if is_seen {
        row.at(63).text(random.pick(&["get", "get", "get", "get", "post", "head"]));
    }
    row.at(64).number(0).at(66).number(0).at(68).text("N/A").next().text("N/A").next().text("AppThreat-0-0");
    row.at(71).text("0x0").next().number(0).next().number(u64::from(u32::MAX));
    context.text.clear();
    let _ = write!(context.text, "{},{}", site.category, site.risk);
    row.at(75).quoted(context.text);
    write_tail(&mut row, session, release, at_ms);
}

/// Writes a THREAT line of any other subtype.
pub(crate) fn write_threat(line: &mut Vec<u8>, context: &mut Context<'_>, session: &Session, hit: &ThreatHit, at_ms: i64) {
    let mut random = Random::new(hit.seed);
    let signature = hit.signature;
    let site = hit.site.map(|it| context.internet.site(it));
    let head = Head { firewall: session.firewall, log: LogType::Threat, subtype: signature.subtype.name(), severity: hit.severity, at_ms };
    let sequence = context.devices.next_sequence(session.firewall, LogType::Threat);
    let release = context.devices.release(session.firewall, at_ms);
    let mut row = context.devices.begin(line, &head);
    let flags = session.flags
        | match signature.subtype {
            Subtype::Wildfire => flag::TO_WILDFIRE,
            Subtype::Vulnerability if hit.severity == Severity::Critical => flag::PCAP,
            _ => 0,
        };
    write_addresses_to_action(&mut row, session, context.people, hit.repeat, flags, hit.action, at_ms);

    let is_dns = signature.category.starts_with("dns-");
    row.at(31);
    match (signature.subtype, site) {
        (Subtype::Scan | Subtype::Flood | Subtype::Packet, _) => {}
        (Subtype::Spyware, Some(site)) => {
            row.quoted(&site.domain);
        }
        (Subtype::Virus | Subtype::Wildfire | Subtype::File | Subtype::Data, _) => {
            urls::write_file_name(context.text, &mut random);
            row.quoted(context.text);
        }
        (Subtype::Vulnerability, _) if signature.app.name == "web-browsing" => {
            urls::write_attack(context.text, session.destination.address, signature.id, &mut random);
            row.quoted(context.text);
        }
        (Subtype::Vulnerability | Subtype::Spyware, _) => {
            row.text("\"\"");
        }
    }
    row.at(32);
    match site {
        // DNS signatures name the domain: `Malware:bad.example(109001001)`, sometimes within parentheses of its own.
        Some(site) if is_dns => {
            let (before, after) = signature.name.split_once("name").unwrap_or((signature.name, ""));
            row.text(before).text(&site.domain).text(after);
        }
        _ => {
            row.text(signature.name);
        }
    }
    row.text("(").number(u64::from(signature.id)).text(")");
    row.at(33).text(hit.category).next().text(hit.severity.name()).next();
    row.text(if signature.is_from_server { "server-to-client" } else { "client-to-server" });
    write_middle(&mut row, session, sequence);
    let is_captured = flags & flag::PCAP != 0;
    row.at(42).number(if is_captured { 1_210_000_000_000_000_000 + u64::from(random.next_u32()) } else { 0 });
    let is_wildfire = signature.subtype == Subtype::Wildfire;
    if is_wildfire {
        row.at(43).bytes(|line| {
            for _ in 0..4 {
                let word = random.next_u64();
                for place in (0..16).rev() {
                    line.push(b"0123456789abcdef"[(word >> (place * 4) & 15) as usize]);
                }
            }
        });
        row.at(44).text("wildfire.kaken.example");
    }
    row.at(45).number(1);
    if is_wildfire {
        row.at(47).text(match signature.id {
            52_020 => "pe",
            52_031 => "jar",
            _ => "ms-office",
        });
        if signature.port == 25 {
            row.at(50).text("billing@invoice-portal.example").next().quoted("Re: invoice, urgent");
            row.at(52).text("accounting@kaken.example");
        }
    }
    row.at(53).number(if is_wildfire { u64::from(random.next_u32()) << 4 } else { 0 });
    write_group(&mut row, session);
    row.at(64).number(0).at(66).number(0).at(68).text("N/A").next().text(signature.category);
    row.at(70).text(match signature.subtype {
        Subtype::Virus => "Antivirus-5412-5938",
        _ if is_dns => "AppThreat-0-0",
        _ => "AppThreat-9041-9875",
    });
    row.at(71).text("0x0").next().number(0).next().number(u64::from(u32::MAX));
    write_tail(&mut row, session, release, at_ms);
}

/// Columns 36 to 39.
fn write_middle(row: &mut Columns<'_>, session: &Session, sequence: u64) {
    row.at(36).number(sequence).next().text("0x8000000000000000");
    row.at(38).text(session.source.place).next().text(session.destination.place);
}

/// Columns 54 to 59.
fn write_group(row: &mut Columns<'_>, session: &Session) {
    row.at(54).text("16").next().text("14").next().text("0").next().text("0");
    row.at(58).text("laboratory").next().text(FIREWALLS[session.firewall].name);
}

/// Columns 76 to the end.
fn write_tail(row: &mut Columns<'_>, session: &Session, release: Release, at_ms: i64) {
    row.at(76).text(session.rule.map_or("", |it| it.uuid)).next().number(0);
    write_devices(row, session, 80);
    row.at(106).number(0).next().high_resolution(at_ms);
    write_app(row, session, 111);
    match release {
        Release::V10_2 => row.finish(COLUMNS_10_2),
        Release::V11_1 => {
            row.at(122).text("NonProxyTraffic");
            row.finish(COLUMNS_11_1);
        }
    }
}
