//! TRAFFIC lines: 115 columns on 10.2, 117 on 11.1 (reference §6).

use super::columns::Columns;
use super::device::{Devices, Head, LogType, Release};
use super::random::trait_of;
use super::session::Session;
use super::signatures::Severity;
use super::site::{FIREWALLS, Host, People};

const COLUMNS_10_2: usize = 115;
const COLUMNS_11_1: usize = 117;

/// Writes the TRAFFIC line of `session`; `subtype` is start, end, drop or deny.
pub(crate) fn write(line: &mut Vec<u8>, devices: &mut Devices, people: &People, session: &Session, subtype: &'static str, at_ms: i64) {
    let sequence = devices.next_sequence(session.firewall, LogType::Traffic);
    let release = devices.release(session.firewall, at_ms);
    let severity = Severity::Informational;
    let mut row = devices.begin(line, &Head { firewall: session.firewall, log: LogType::Traffic, subtype, severity, at_ms });
    // A start line carries the counters of that moment: the first packet.
    let is_start = subtype == "start";
    let sent = if is_start { session.bytes_sent.min(78) } else { session.bytes_sent };
    let received = if is_start { 0 } else { session.bytes_received };
    let packets = if is_start { (1, 0) } else { (session.packets_sent, session.packets_received) };

    write_addresses_to_action(&mut row, session, people, 1, session.flags, session.action, at_ms);
    row.at(31).number(sent + received).next().number(sent).next().number(received);
    row.at(34).number(packets.0 + packets.1).next().time(session.start_ms);
    row.at(36).number(if is_start { 0 } else { u64::from(session.elapsed_s) }).next().text(session.category);
    row.at(38).number(0).next().number(sequence).next().text("0x8000000000000000");
    row.at(41).text(session.source.place).next().text(session.destination.place);
    row.at(44).number(packets.0).next().number(packets.1);
    row.at(46).text(if is_start { "n/a" } else { session.end_reason });
    row.at(47).text("16").next().text("14").next().text("0").next().text("0");
    row.at(51).text("laboratory").next().text(FIREWALLS[session.firewall].name).next().text("from-policy");
    row.at(56).number(0).at(58).number(0).at(60).text("N/A");
    row.at(61).number(0).next().number(0).next().number(0).next().number(0);
    row.at(65).text(session.rule.map_or("", |it| it.uuid)).next().number(0).next().number(0);
    write_devices(&mut row, session, 76);
    row.at(102).high_resolution(at_ms);
    write_app(&mut row, session, 105);
    row.at(114).number(0);
    match release {
        Release::V10_2 => row.finish(COLUMNS_10_2),
        Release::V11_1 => {
            row.at(115).text("NonProxyTraffic");
            row.finish(COLUMNS_11_1);
        }
    }
}

/// Columns 7 to 30, the same in TRAFFIC and THREAT.
pub(crate) fn write_addresses_to_action(
    row: &mut Columns<'_>,
    session: &Session,
    people: &People,
    repeat: u32,
    flags: u32,
    action: &str,
    at_ms: i64,
) {
    let (source, destination) = (&session.source, &session.destination);
    row.at(7).address(source.address).next().address(destination.address);
    row.at(9).address(session.nat.source.0).next().address(session.nat.destination.0);
    row.at(11).quoted_if_needed(session.rule.map_or("", |it| it.name));
    if let Some(person) = source.host.and_then(Host::person) {
        row.at(12).text(people.name(person));
    }
    row.at(14).text(session.app.name).next().text("vsys1");
    row.at(16).text(source.zone.name()).next().text(destination.zone.name());
    // Without a session no interface was chosen (zone protection drops before that).
    if session.id != 0 {
        row.at(18).text(source.zone.interface());
        if session.action == "allow" {
            row.at(19).text(destination.zone.interface());
        }
    }
    row.at(20).text("log-forward-soc").next().time(at_ms - 300).next().number(u64::from(session.id));
    row.at(23).number(u64::from(repeat));
    row.at(24).number(u64::from(source.port)).next().number(u64::from(destination.port));
    row.at(26).number(u64::from(session.nat.source.1)).next().number(u64::from(session.nat.destination.1));
    row.at(28).hex(u64::from(flags)).next().text(session.protocol).next().text(action);
}

/// Device-ID: eight columns of the source from `first`, eight of the destination after them.
pub(crate) fn write_devices(row: &mut Columns<'_>, session: &Session, first: usize) {
    for (column, host) in [(first, session.source.host), (first + 8, session.destination.host)] {
        let Some((host, device)) = host.and_then(|it| it.device().map(|device| (it, device))) else {
            continue;
        };
        row.at(column).text(device.category).next().text(device.profile).next().text(device.model);
        row.at(column + 3).text(device.vendor).next().text(device.os_family).next().text(device.os_version);
        row.at(column + 6).text(device.name_prefix).text("-").number(1000 + u64::from(host.number));
        let mac = trait_of(8, u64::from(host.number));
        row.at(column + 7).bytes(|line| {
            for (index, octet) in mac.to_be_bytes()[..6].iter().enumerate() {
                if index > 0 {
                    line.push(b'-');
                }
                // Locally administered: no vendor's range.
                let octet = if index == 0 { octet & 0xfc | 2 } else { *octet };
                line.extend_from_slice(&[hex_digit(octet >> 4), hex_digit(octet & 15)]);
            }
        });
    }
}

fn hex_digit(nibble: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(nibble)]
}

/// Nine columns about the application, from `first` on.
pub(crate) fn write_app(row: &mut Columns<'_>, session: &Session, first: usize) {
    let app = session.app;
    row.at(first).text(app.sub_category).next().text(app.category).next().text(app.technology);
    row.at(first + 3).number(u64::from(app.risk)).next();
    if !app.characteristics.is_empty() {
        row.quoted(app.characteristics);
    }
    row.at(first + 5).text(app.container).next().text(app.name);
    row.at(first + 7).text(yes_no(app.is_saas)).next().text(yes_no(app.is_sanctioned));
}

fn yes_no(claim: bool) -> &'static str {
    if claim { "yes" } else { "no" }
}
