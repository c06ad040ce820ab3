//! The threats of this laboratory: name, number, subtype, severity and category as content releases word them.
//!
//! A few numbers are those of widely known signatures, so that a security engineer feels at home; nothing depends on them.

use super::apps::{self, App};

/// What column 4 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subtype {
    Vulnerability,
    Spyware,
    Virus,
    Wildfire,
    File,
    Data,
    Scan,
    Flood,
    Packet,
}

impl Subtype {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Vulnerability => "vulnerability",
            Self::Spyware => "spyware",
            Self::Virus => "virus",
            Self::Wildfire => "wildfire",
            Self::File => "file",
            Self::Data => "data",
            Self::Scan => "scan",
            Self::Flood => "flood",
            Self::Packet => "packet",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Critical,
    High,
    Medium,
    Low,
    Informational,
}

impl Severity {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Informational => "informational",
        }
    }
}

/// One signature.
#[derive(Debug)]
pub(crate) struct Signature {
    /// As in column 32, without the number: `Name(12345)`.
    pub(crate) name: &'static str,
    pub(crate) id: u32,
    pub(crate) subtype: Subtype,
    pub(crate) severity: Severity,
    /// Column 69.
    pub(crate) category: &'static str,
    pub(crate) app: &'static App,
    pub(crate) port: u16,
    /// True when the server's answer carries it (downloads), false for requests.
    pub(crate) is_from_server: bool,
}

const fn request(name: &'static str, id: u32, severity: Severity, category: &'static str, app: &'static App, port: u16) -> Signature {
    Signature { name, id, subtype: Subtype::Vulnerability, severity, category, app, port, is_from_server: false }
}

const fn of(subtype: Subtype, is_from_server: bool, signature: Signature) -> Signature {
    Signature { subtype, is_from_server, ..signature }
}

use Severity::{Critical, High, Informational, Low, Medium};

/// Exploits tried against the public servers, most frequent first.
pub(crate) static WEB_EXPLOITS: [Signature; 22] = [
    request("HTTP Directory Traversal Request Attempt", 30844, Medium, "info-leak", &apps::WEB_BROWSING, 80),
    request("Zgrab Application Layer Scanner Detection", 57955, Low, "info-leak", &apps::WEB_BROWSING, 80),
    request("HTTP SQL Injection Attempt", 30514, Medium, "sql-injection", &apps::WEB_BROWSING, 443),
    request("Apache Log4j Remote Code Execution Vulnerability", 91991, Critical, "code-execution", &apps::WEB_BROWSING, 443),
    request("Generic HTTP Cross Site Scripting Attempt", 31477, Medium, "code-execution", &apps::WEB_BROWSING, 443),
    request("HTTP /etc/passwd Access Attempt", 30852, High, "info-leak", &apps::WEB_BROWSING, 80),
    request("Bash Remote Code Execution Vulnerability", 36729, Critical, "code-execution", &apps::WEB_BROWSING, 80),
    request("ThinkPHP Remote Code Execution Vulnerability", 54825, Critical, "code-execution", &apps::WEB_BROWSING, 80),
    request("PHPUnit Remote Code Execution Vulnerability", 55852, Critical, "code-execution", &apps::WEB_BROWSING, 80),
    request("Netgear DGN Device Remote Command Execution Vulnerability", 37219, High, "command-execution", &apps::WEB_BROWSING, 80),
    request("HTTP Unauthorized Brute Force Attack", 40031, High, "brute-force", &apps::WEB_BROWSING, 443),
    request("Apache HTTP Server Path Traversal Vulnerability (CVE-2021-41773)", 91752, Critical, "info-leak", &apps::WEB_BROWSING, 443),
    request("Spring Core Remote Code Execution Vulnerability", 92394, Critical, "code-execution", &apps::WEB_BROWSING, 443),
    request("Atlassian Confluence Remote Code Execution Vulnerability", 92632, Critical, "code-execution", &apps::SSL, 443),
    request("Palo Alto Networks GlobalProtect OS Command Injection Vulnerability", 95187, Critical, "code-execution", &apps::SSL, 443),
    request("WordPress xmlrpc.php Pingback Denial of Service Attempt", 37836, Medium, "dos", &apps::WEB_BROWSING, 443),
    request("HTTP Request Smuggling Vulnerability", 58477, High, "code-execution", &apps::WEB_BROWSING, 80),
    request("Suspicious or malformed HTTP Referer field", 35554, Low, "protocol-anomaly", &apps::WEB_BROWSING, 80),
    request("Oracle WebLogic Remote Code Execution Vulnerability", 54965, Critical, "code-execution", &apps::WEB_BROWSING, 7001),
    request("OpenSSL TLS Malformed Heartbeat Request Found - Heartbleed", 36397, High, "info-leak", &apps::SSL, 443),
    request("SIPVicious Scanner Detection", 54482, Medium, "info-leak", &apps::UNKNOWN_TCP, 5060),
    request("SMTP EHLO Overlong Argument Vulnerability", 30385, Medium, "overflow", &apps::SMTP, 25),
];

/// Password guessing, one signature per protocol.
pub(crate) static BRUTE_FORCE: [Signature; 5] = [
    request("SSH User Authentication Brute Force Attempt", 40015, High, "brute-force", &apps::SSH, 22),
    request("HTTP: User Authentication Brute Force Attempt", 40006, High, "brute-force", &apps::WEB_BROWSING, 443),
    request("MS-RDP Brute Force Attempt", 40021, High, "brute-force", &apps::RDP, 3389),
    request("FTP: login Brute Force attempt", 40001, High, "brute-force", &apps::FTP, 21),
    request("MAIL: User Login Brute Force Attempt", 40007, High, "brute-force", &apps::SMTP, 25),
];

/// What goes wrong between people and the Internet, most frequent first.
pub(crate) static OUTBOUND: [Signature; 20] = [
    of(Subtype::Spyware, false, request("Suspicious DNS Query (generic:name)", 4_100_111, Medium, "dns-wildfire", &apps::DNS, 53)),
    of(Subtype::File, true, request("Adobe Portable Document Format (PDF)", 52_021, Low, "unknown", &apps::WEB_BROWSING, 80)),
    of(Subtype::Spyware, false, request("Proxy:name", 109_010_004, Low, "dns-proxy", &apps::DNS, 53)),
    of(Subtype::Wildfire, true, request("Windows Executable (EXE)", 52_020, Informational, "unknown", &apps::WEB_BROWSING, 80)),
    of(Subtype::File, true, request("ZIP", 52_022, Low, "unknown", &apps::SSL, 443)),
    of(Subtype::Spyware, false, request("Malware:name", 109_001_001, High, "dns-malware", &apps::DNS, 53)),
    of(Subtype::File, false, request("Microsoft Word Document", 52_046, Low, "unknown", &apps::DRIVE, 443)),
    of(
        Subtype::Vulnerability,
        true,
        request("Potential HTML Evasion Technique Detected in HTTP Response", 91_883, Low, "protocol-anomaly", &apps::WEB_BROWSING, 80),
    ),
    of(Subtype::Virus, true, request("Virus/Win32.WGeneric.elabxy", 419_149_938, Medium, "pe", &apps::WEB_BROWSING, 80)),
    of(Subtype::Wildfire, true, request("Microsoft Excel 97 - 2003 Document", 52_033, Informational, "unknown", &apps::SMTP, 25)),
    of(Subtype::Spyware, false, request("Parked:name", 109_003_001, Informational, "dns-parked", &apps::DNS, 53)),
    of(Subtype::Spyware, false, request("DGA:name", 109_000_001, Critical, "dns-c2", &apps::DNS, 53)),
    of(Subtype::Data, false, request("Personnel Numbers", 60_007, Medium, "data-filtering", &apps::OFFICE, 443)),
    of(Subtype::Virus, true, request("Trojan-Downloader/JS.nemucod.kq", 284_550_117, High, "script-av", &apps::WEB_BROWSING, 80)),
    of(Subtype::Spyware, false, request("Gh0st.Gen Command and Control Traffic", 13_264, Critical, "backdoor", &apps::UNKNOWN_TCP, 8080)),
    of(Subtype::Vulnerability, true, request("Microsoft Browser Memory Corruption Vulnerability", 39_471, High, "overflow", &apps::WEB_BROWSING, 80)),
    of(Subtype::Spyware, false, request("CobaltStrike.Gen Command and Control Traffic", 86_445, Critical, "backdoor", &apps::SSL, 443)),
    of(Subtype::Spyware, false, request("Suspicious User-Agent Strings", 10_004, Low, "spyware", &apps::WEB_BROWSING, 80)),
    of(Subtype::Wildfire, true, request("Java Archive (JAR)", 52_031, Informational, "unknown", &apps::SSL, 443)),
    of(Subtype::Virus, true, request("Ransom/Win32.akira.f", 602_113_450, Critical, "pe", &apps::SSL, 443)),
];

/// What the zone protection profile of Untrust reports: no session stands behind these.
pub(crate) static PORT_SCAN: Signature = of(Subtype::Scan, false, request("SCAN: TCP Port Scan", 8001, Medium, "scan", &apps::NOT_APPLICABLE, 0));
pub(crate) static HOST_SWEEP: Signature = of(Subtype::Scan, false, request("SCAN: Host Sweep", 8002, Medium, "scan", &apps::NOT_APPLICABLE, 0));
pub(crate) static TCP_FLOOD: Signature = of(Subtype::Flood, false, request("TCP Flood", 8501, Critical, "flood", &apps::NOT_APPLICABLE, 443));
pub(crate) static UDP_FLOOD: Signature = of(Subtype::Flood, false, request("UDP Flood", 8502, Critical, "flood", &apps::NOT_APPLICABLE, 53));
pub(crate) static BAD_PACKET: Signature =
    of(Subtype::Packet, false, request("Non-RFC Compliant Packet", 8713, Low, "protocol-anomaly", &apps::NOT_APPLICABLE, 0));
