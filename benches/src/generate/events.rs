//! SYSTEM and CONFIG lines: the firewall's own life (reference §12, §13).

use std::fmt::Write as _;

use super::device::{Devices, Head, LogType};
use super::internet::Internet;
use super::random::Random;
use super::signatures::Severity;
use super::site::{FIREWALLS, People};

const SYSTEM_COLUMNS: usize = 26;
const CONFIG_COLUMNS: usize = 28;

const ADMINS: [&str; 4] = ["admin", "kaken\\mori.emi", "kaken\\tanaka.ren", "api-automation"];

/// Writes a SYSTEM line: sign-ins, content updates, HA, tunnels, disks.
pub(crate) fn write_system(
    line: &mut Vec<u8>,
    devices: &mut Devices,
    (people, internet): (&People, &Internet),
    (firewall, seed): (usize, u64),
    at_ms: i64,
) {
    let mut random = Random::new(seed);
    let person = people.name(random.below(u32::from(People::COUNT)) as u16).to_owned();
    let (attacker, _) = internet.attacker(&mut random);
    let mut description = String::new();
    let (subtype, event, object, module, severity) = match random.below(10) {
        0..=2 => {
            // A sign-in as the authentication daemon words it; the reason and address are in the text only.
            let _ = write!(
                description,
                "failed authentication for user '{person}'.  Reason: Invalid username/password. auth profile 'LAB-AD', \
                 vsys 'vsys1', server profile 'LAB-LDAP', server address '172.16.10.12', From: {attacker}."
            );
            ("auth", "auth-fail", "LAB-AD", "general", Severity::Medium)
        }
        3..=5 => {
            let _ = write!(
                description,
                "authenticated for user '{person}'. auth profile 'LAB-AD', vsys 'vsys1', server profile 'LAB-LDAP', \
                 server address '172.16.10.12', From: {attacker}."
            );
            ("auth", "auth-success", "LAB-AD", "general", Severity::Informational)
        }
        6 => {
            let _ = write!(description, "Installed threat database 9041-{}", 9000 + random.below(999));
            ("general", "general", "", "general", Severity::Informational)
        }
        7 => {
            description.push_str("HA Group 1: Running configuration synchronized after commit");
            ("ha", "config-synch", "", "ha", Severity::Informational)
        }
        8 => {
            let _ = write!(description, "Tunnel to branch-{} is down", 1 + random.below(6));
            ("vpn", "tunnel-status-down", "branch-tunnel", "general", Severity::High)
        }
        _ => {
            description.push_str("Connection to Update server: updates.kaken.example completed successfully, initiated by 10.10.250.11");
            ("general", "general", "", "general", Severity::Informational)
        }
    };
    let sequence = devices.next_sequence(firewall, LogType::System);
    let mut row = devices.begin(line, &Head { firewall, log: LogType::System, subtype, severity, at_ms });
    row.at(8).text(event).next().text(object).next().number(0).next().number(0);
    row.at(12).text(module).next().text(severity.name()).next().quoted(&description);
    row.at(15).number(sequence).next().text("0x8000000000000000");
    row.at(17).text("16").next().text("14").next().text("0").next().text("0");
    row.at(22).text(FIREWALLS[firewall].name).next().number(0).next().number(0);
    row.at(25).high_resolution(at_ms);
    row.finish(SYSTEM_COLUMNS);
}

/// Writes a CONFIG line: a set, an edit or a commit, with what stood there before and after.
pub(crate) fn write_config(line: &mut Vec<u8>, devices: &mut Devices, (firewall, seed): (usize, u64), at_ms: i64) {
    let mut random = Random::new(seed);
    let admin = random.pick(&ADMINS);
    let client = random.pick(&["Web", "Web", "CLI", "XML-API"]);
    let (command, result, path, before, after) = match random.below(3) {
        0 => ("commit", "Submitted", "", "", ""),
        1 => (
            "edit",
            "Succeeded",
            " vsys  vsys1 rulebase security rules  Guest Internet",
            "\"Guest Internet\" { to [ Untrust ]; action allow; }",
            "\"Guest Internet\" { to [ Untrust ]; action allow; log-start yes, log-end yes; }",
        ),
        _ => ("set", "Succeeded", " vsys  vsys1 address  printer-14", "", "printer-14 { ip-netmask 10.10.4.87/32; }"),
    };
    let severity = Severity::Informational;
    let sequence = devices.next_sequence(firewall, LogType::Config);
    let mut row = devices.begin(line, &Head { firewall, log: LogType::Config, subtype: "0", severity, at_ms });
    row.at(7).text(FIREWALLS[firewall].management).at(9).text(command).next().text(admin).next().text(client);
    row.at(12).text(result).next().text(path).next().number(sequence).next().text("0x8000000000000000");
    row.at(16).text("16").next().text("14").next().text("0").next().text("0");
    row.at(21).text(FIREWALLS[firewall].name).next().number(0).at(24).number(0).next().high_resolution(at_ms);
    if !after.is_empty() {
        row.at(26).quoted(before).next().quoted(after);
    }
    row.finish(CONFIG_COLUMNS);
}
