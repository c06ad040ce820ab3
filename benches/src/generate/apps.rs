//! The applications App-ID reports in this laboratory, with the attributes that columns 105–113 (TRAFFIC) and 111–119
//! (THREAT) carry since 10.1.

/// One application as PAN-OS describes it.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) name: &'static str,
    pub(crate) sub_category: &'static str,
    pub(crate) category: &'static str,
    pub(crate) technology: &'static str,
    /// 1 to 5.
    pub(crate) risk: u8,
    /// Written quoted, comma-separated.
    pub(crate) characteristics: &'static str,
    /// The parent application, or nothing.
    pub(crate) container: &'static str,
    pub(crate) is_saas: bool,
    pub(crate) is_sanctioned: bool,
    /// Median bytes of a session in one direction; the tail is heavy.
    pub(crate) bytes_median: u32,
    /// Median length of a session in seconds.
    pub(crate) seconds_median: u32,
}

const fn app(
    name: &'static str,
    class: (&'static str, &'static str, &'static str),
    risk: u8,
    characteristics: &'static str,
    size: (u32, u32),
) -> App {
    App {
        name,
        sub_category: class.0,
        category: class.1,
        technology: class.2,
        risk,
        characteristics,
        container: "",
        is_saas: false,
        is_sanctioned: false,
        bytes_median: size.0,
        seconds_median: size.1,
    }
}

const fn saas(container: &'static str, is_sanctioned: bool, of: App) -> App {
    App { container, is_saas: true, is_sanctioned, ..of }
}

const WEB: &str = "used-by-malware,able-to-transfer-file,has-known-vulnerability,tunnel-other-application,pervasive-use";
const PLAIN: &str = "has-known-vulnerability,pervasive-use";
const CLOUD: &str = "able-to-transfer-file,has-known-vulnerability,pervasive-use,is-saas";

pub(crate) static WEB_BROWSING: App = app("web-browsing", ("internet-utility", "general-internet", "browser-based"), 4, WEB, (9_000, 18));
pub(crate) static SSL: App = app("ssl", ("encrypted-tunnel", "networking", "browser-based"), 4, WEB, (14_000, 32));
pub(crate) static QUIC: App = app("quic-base", ("encrypted-tunnel", "networking", "network-protocol"), 1, PLAIN, (30_000, 40));
pub(crate) static DNS: App =
    app("dns-base", ("infrastructure", "networking", "network-protocol"), 3, "used-by-malware,has-known-vulnerability,pervasive-use", (110, 1));
pub(crate) static NTP: App = app("ntp-base", ("infrastructure", "networking", "network-protocol"), 2, PLAIN, (90, 1));
pub(crate) static PING: App = app("ping", ("ip-protocol", "networking", "network-protocol"), 2, "tunnel-other-application,pervasive-use", (196, 2));
pub(crate) static SMB: App = app("ms-ds-smbv3", ("storage-backup", "business-systems", "client-server"), 2, CLOUD, (48_000, 240));
pub(crate) static LDAP: App = app("ldap", ("auth-service", "business-systems", "client-server"), 2, PLAIN, (3_100, 12));
pub(crate) static KERBEROS: App = app("kerberos", ("auth-service", "business-systems", "client-server"), 1, PLAIN, (2_400, 2));
pub(crate) static SSH: App = app(
    "ssh",
    ("encrypted-tunnel", "networking", "client-server"),
    4,
    "used-by-malware,able-to-transfer-file,has-known-vulnerability,tunnel-other-application,pervasive-use",
    (26_000, 620),
);
pub(crate) static RDP: App =
    app("ms-rdp", ("remote-access", "networking", "client-server"), 4, "used-by-malware,has-known-vulnerability,pervasive-use", (210_000, 900));
pub(crate) static SMTP: App = app(
    "smtp-base",
    ("email", "collaboration", "client-server"),
    5,
    "used-by-malware,able-to-transfer-file,has-known-vulnerability,pervasive-use,prone-to-misuse",
    (22_000, 6),
);
pub(crate) static FTP: App = app(
    "ftp",
    ("file-sharing", "general-internet", "client-server"),
    5,
    "used-by-malware,able-to-transfer-file,has-known-vulnerability,pervasive-use,prone-to-misuse",
    (40_000, 30),
);
pub(crate) static MSSQL: App =
    app("mssql-db-unencrypted", ("database", "business-systems", "client-server"), 2, "has-known-vulnerability,pervasive-use", (18_000, 45));
pub(crate) static POSTGRES: App = app("postgres", ("database", "business-systems", "client-server"), 1, PLAIN, (21_000, 60));
pub(crate) static SNMP: App = app("snmpv2-get", ("management", "business-systems", "client-server"), 3, PLAIN, (420, 1));
pub(crate) static SYSLOG: App = app("syslog", ("management", "business-systems", "client-server"), 2, "pervasive-use", (5_200, 90));
pub(crate) static GLOBALPROTECT: App = app("panos-global-protect", ("remote-access", "networking", "client-server"), 3, PLAIN, (8_800, 25));
pub(crate) static IPSEC: App =
    app("ipsec-esp-udp", ("encrypted-tunnel", "networking", "client-server"), 2, "tunnel-other-application,pervasive-use", (900_000, 1800));
pub(crate) static OFFICE: App =
    saas("office365", true, app("ms-office365-base", ("office-programs", "business-systems", "browser-based"), 2, CLOUD, (35_000, 45)));
pub(crate) static TEAMS: App =
    saas("ms-teams", true, app("ms-teams-audio-video", ("voip-video", "collaboration", "peer-to-peer"), 2, CLOUD, (800_000, 900)));
pub(crate) static GITHUB: App =
    saas("github", true, app("github-downloading", ("file-sharing", "general-internet", "browser-based"), 4, CLOUD, (120_000, 20)));
pub(crate) static DRIVE: App =
    saas("google-docs", false, app("google-drive-web-downloading", ("file-sharing", "general-internet", "browser-based"), 5, CLOUD, (260_000, 25)));
pub(crate) static UPDATES: App = app(
    "ms-update",
    ("software-update", "business-systems", "client-server"),
    3,
    "able-to-transfer-file,has-known-vulnerability,pervasive-use",
    (640_000, 22),
);
pub(crate) static VIDEO: App = app(
    "http-video",
    ("photo-video", "media", "browser-based"),
    5,
    "consume-big-bandwidth,used-by-malware,has-known-vulnerability,pervasive-use,evasive-behavior",
    (1_800_000, 240),
);
pub(crate) static TELNET: App = app("telnet", ("remote-access", "networking", "client-server"), 2, "has-known-vulnerability,pervasive-use", (300, 8));
pub(crate) static BITTORRENT: App = app(
    "bittorrent",
    ("file-sharing", "general-internet", "peer-to-peer"),
    5,
    "consume-big-bandwidth,used-by-malware,able-to-transfer-file,has-known-vulnerability,evasive-behavior,pervasive-use",
    (350, 2),
);
pub(crate) static INCOMPLETE: App = app("incomplete", ("unknown", "unknown", "unknown"), 1, "", (74, 1));
pub(crate) static NOT_APPLICABLE: App = app("not-applicable", ("unknown", "unknown", "unknown"), 1, "", (60, 0));
pub(crate) static UNKNOWN_TCP: App =
    app("unknown-tcp", ("unknown", "unknown", "unknown"), 1, "used-by-malware,able-to-transfer-file,tunnel-other-application", (2_100, 12));
