//! THREAT: what the security profiles found, in one layout for all subtypes; URL filtering is one of them and has its own stream.

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Beside, Ip, Keyword, List, Long, Lower, Mac, Port, Time, Unless, With};
use crate::panos::event::{Col, Event, col};
use crate::panos::log_type::{HEADER, LogType, SUBTYPE};
use crate::panos::{
    actions, digest, direction, email, flags, forwarded, http2, nat, network_type, session_key, severity, threat_name, time, url, users,
};

/// The log type.
pub(in crate::panos) const THREAT: LogType = LogType {
    names: &["THREAT"],
    stream: |subtype| if subtype.eq_ignore_ascii_case("url") { "panos-url" } else { "panos-threat" },
    kind: "alert",
    category: &["intrusion_detection", "threat", "network"],
    columns_min: 31,
    columns_known: 123,
    header: HEADER,
    columns: COLUMNS,
    derive,
};

/// Column order: PAN-OS syslog reference §7.
const COLUMNS: &[Col] = &[
    col(7, ecs::SOURCE_IP, Ip),
    col(8, ecs::DESTINATION_IP, Ip),
    col(9, ecs::SOURCE_NAT_IP, With(nat::source)),
    col(10, ecs::DESTINATION_NAT_IP, With(nat::destination)),
    col(11, ecs::RULE_NAME, Keyword),
    col(11, ecs::PANOS_RULESET, Keyword),
    col(12, ecs::SOURCE_USER_NAME, With(users::source)),
    col(13, ecs::DESTINATION_USER_NAME, With(users::destination)),
    col(14, ecs::NETWORK_APPLICATION, Lower),
    col(15, ecs::PANOS_VIRTUAL_SYS, Keyword),
    col(16, ecs::OBSERVER_INGRESS_ZONE, Keyword),
    col(17, ecs::OBSERVER_EGRESS_ZONE, Keyword),
    col(18, ecs::OBSERVER_INGRESS_INTERFACE_NAME, Keyword),
    col(19, ecs::OBSERVER_EGRESS_INTERFACE_NAME, Keyword),
    col(20, ecs::PANOS_LOG_PROFILE, Keyword),
    col(21, ecs::PANOS_LOGGED_TIME, Time),
    col(22, ecs::PANOS_FLOW_ID, Keyword),
    col(23, ecs::PANOS_REPEAT_COUNT, Long),
    col(24, ecs::SOURCE_PORT, Port),
    col(25, ecs::DESTINATION_PORT, Port),
    col(26, ecs::SOURCE_NAT_PORT, Beside(9)),
    col(27, ecs::DESTINATION_NAT_PORT, Beside(10)),
    col(28, ecs::PANOS_FLAGS, With(flags::labels)),
    col(29, ecs::NETWORK_TRANSPORT, Lower),
    col(30, ecs::PANOS_ACTION, With(actions::decision)),
    col(31, ecs::PANOS_MISC, With(subject)),
    col(32, ecs::PANOS_THREAT_ID, With(threat_name::name_and_id)),
    col(33, ecs::PANOS_URL_CATEGORY, Keyword),
    col(34, ecs::PANOS_SEVERITY, With(severity::level)),
    col(35, ecs::NETWORK_DIRECTION, With(direction::network)),
    col(36, ecs::PANOS_SEQUENCE_NUMBER, Keyword),
    col(37, ecs::PANOS_ACTION_FLAGS, Keyword),
    col(38, ecs::SOURCE_GEO_NAME, Keyword),
    col(39, ecs::DESTINATION_GEO_NAME, Keyword),
    // 40 future_use2: reserved.
    col(41, ecs::PANOS_HTTP_CONTENT_TYPE, Keyword),
    col(42, ecs::PANOS_NETWORK_PCAP_ID, Unless("0")),
    col(43, ecs::PANOS_FILE_HASH, With(digest::file)),
    col(44, ecs::PANOS_WILDFIRE_NAME, Keyword),
    col(45, ecs::PANOS_URL_IDX, Keyword),
    col(46, ecs::USER_AGENT_ORIGINAL, Keyword),
    col(47, ecs::FILE_TYPE, Keyword),
    col(48, ecs::NETWORK_FORWARDED_IP, With(forwarded::header)),
    col(49, ecs::HTTP_REQUEST_REFERRER, Keyword),
    col(50, ecs::SOURCE_USER_EMAIL, With(email::sender)),
    col(51, ecs::PANOS_SUBJECT, Keyword),
    col(52, ecs::DESTINATION_USER_EMAIL, With(email::recipient)),
    col(53, ecs::PANOS_WILDFIRE_REPORT_ID, Keyword),
    col(54, ecs::PANOS_DEVICE_GROUP_HIERARCHY1, Keyword),
    col(55, ecs::PANOS_DEVICE_GROUP_HIERARCHY2, Keyword),
    col(56, ecs::PANOS_DEVICE_GROUP_HIERARCHY3, Keyword),
    col(57, ecs::PANOS_DEVICE_GROUP_HIERARCHY4, Keyword),
    col(58, ecs::PANOS_VSYS_NAME, Keyword),
    col(59, ecs::OBSERVER_HOSTNAME, Keyword),
    // 60 future_use3: reserved; see `subject`.
    col(61, ecs::PANOS_SOURCE_VM_UUID, Keyword),
    col(62, ecs::PANOS_DESTINATION_VM_UUID, Keyword),
    col(63, ecs::HTTP_REQUEST_METHOD, Keyword),
    col(64, ecs::PANOS_IMSI, Keyword),
    col(65, ecs::PANOS_IMEI, Keyword),
    col(66, ecs::PANOS_PARENT_SESSION_ID, Keyword),
    col(67, ecs::PANOS_PARENT_SESSION_START_TIME, Time),
    col(68, ecs::PANOS_TUNNEL_TYPE, Keyword),
    col(69, ecs::PANOS_THREAT_CATEGORY, Keyword),
    col(70, ecs::PANOS_CONTENT_VERSION, Keyword),
    // 71 future_use4: reserved.
    col(72, ecs::PANOS_SCTP_ASSOC_ID, Keyword),
    col(73, ecs::PANOS_PAYLOAD_PROTOCOL_ID, Unless("4294967295")),
    col(74, ecs::PANOS_HTTP_HEADERS, Keyword),
    col(75, ecs::PANOS_URL_CATEGORY_LIST, List),
    col(76, ecs::RULE_UUID, Keyword),
    col(77, ecs::PANOS_HTTP2_CONNECTION, With(http2::connection)),
    col(78, ecs::PANOS_DYNAMIC_USER_GROUP_NAME, Keyword),
    col(79, ecs::PANOS_XFF_IP, Keyword),
    col(80, ecs::PANOS_SRC_CATEGORY, Keyword),
    col(81, ecs::PANOS_SRC_PROFILE, Keyword),
    col(82, ecs::PANOS_SRC_MODEL, Keyword),
    col(83, ecs::PANOS_SRC_VENDOR, Keyword),
    col(84, ecs::PANOS_SRC_OS_FAMILY, Keyword),
    col(85, ecs::PANOS_SRC_OS_VERSION, Keyword),
    col(86, ecs::PANOS_SRC_HOST, Keyword),
    col(87, ecs::PANOS_SRC_MAC, Mac),
    col(88, ecs::PANOS_DST_CATEGORY, Keyword),
    col(89, ecs::PANOS_DST_PROFILE, Keyword),
    col(90, ecs::PANOS_DST_MODEL, Keyword),
    col(91, ecs::PANOS_DST_VENDOR, Keyword),
    col(92, ecs::PANOS_DST_OS_FAMILY, Keyword),
    col(93, ecs::PANOS_DST_OS_VERSION, Keyword),
    col(94, ecs::PANOS_DST_HOST, Keyword),
    col(95, ecs::PANOS_DST_MAC, Mac),
    col(96, ecs::PANOS_CONTAINER_ID, Keyword),
    col(97, ecs::PANOS_POD_NAMESPACE, Keyword),
    col(98, ecs::PANOS_POD_NAME, Keyword),
    col(99, ecs::PANOS_SRC_EXTERNAL_DYNAMIC_LIST, Keyword),
    col(100, ecs::PANOS_DST_EXTERNAL_DYNAMIC_LIST, Keyword),
    col(101, ecs::PANOS_HOST_ID, Keyword),
    col(102, ecs::PANOS_SERIAL_NUMBER, Keyword),
    col(103, ecs::PANOS_DOMAIN_EDL, Keyword),
    col(104, ecs::PANOS_SRC_DYNAMIC_ADDRESS_GROUP, Keyword),
    col(105, ecs::PANOS_DST_DYNAMIC_ADDRESS_GROUP, Keyword),
    col(106, ecs::PANOS_PARTIAL_HASH, Keyword),
    col(107, ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, With(time::high_resolution)),
    col(108, ecs::PANOS_REASON, Keyword),
    col(109, ecs::PANOS_JUSTIFICATION, Keyword),
    col(110, ecs::PANOS_NSSAI_SST, Keyword),
    col(111, ecs::PANOS_APPLICATION_SUB_CATEGORY, Keyword),
    col(112, ecs::PANOS_APPLICATION_CATEGORY, Keyword),
    col(113, ecs::PANOS_APPLICATION_TECHNOLOGY, Keyword),
    col(114, ecs::PANOS_APPLICATION_RISK_LEVEL, Long),
    col(115, ecs::PANOS_APPLICATION_CHARACTERISTICS, List),
    col(116, ecs::PANOS_APPLICATION_CONTAINER, Keyword),
    col(117, ecs::PANOS_APPLICATION_TUNNELED, Keyword),
    col(118, ecs::PANOS_APPLICATION_IS_SAAS, Keyword),
    col(119, ecs::PANOS_APPLICATION_IS_SANCTIONED, Keyword),
    col(120, ecs::PANOS_CLOUD_REPORT_ID, Keyword),
    col(121, ecs::PANOS_CLUSTER_NAME, Keyword),
    col(122, ecs::PANOS_FLOW_TYPE, Keyword),
];

/// Reserved, but file logs were seen to carry the URL of the file here.
const FILE_URL: usize = 60;

/// `event.action` by subtype; the first eleven are Elastic's. Any other subtype has none and is a threat all the same.
const EVENT_ACTIONS: &[(&str, &str)] = &[
    ("data", "data_match"),
    ("file", "file_match"),
    ("flood", "flood_detected"),
    ("packet", "packet_attack"),
    ("scan", "scan_detected"),
    ("spyware", "spyware_detected"),
    ("url", "url_filtering"),
    ("virus", "virus_detected"),
    ("vulnerability", "exploit_detected"),
    ("wildfire", "wildfire_verdict"),
    ("wildfire-virus", "wildfire_virus_detected"),
    ("ml-virus", "ml_virus_detected"),
    ("dns", "dns_detected"),
    ("dlp", "dlp_match"),
    ("sdwan", "sdwan_event"),
    ("iot", "iot_detected"),
    ("hip", "hip_match"),
];

/// Column misc: the URL, file or domain that the log is about. A URL is not kept a second time as `panw.panos.misc`.
fn subject(event: &mut Event<'_>, index: usize) {
    let text = event.columns.text(index);
    match event.columns.raw(SUBTYPE) {
        "url" => url::push(event, &text),
        "virus" | "vulnerability" | "wildfire-virus" | "ml-virus" if text.contains('/') => url::push(event, &text),
        "file" | "data" | "virus" | "vulnerability" | "wildfire" | "wildfire-virus" | "ml-virus" | "dlp" => {
            event.row.push_str(ecs::FILE_NAME, &text);
            event.row.push_str(ecs::PANOS_MISC, &text);
            let file_url = event.columns.text(FILE_URL);
            if file_url.contains('/') {
                url::push(event, &file_url);
            }
        }
        _ => event.row.push_str(ecs::PANOS_MISC, &text),
    }
}

fn derive(event: &mut Event<'_>) {
    let subtype = event.columns.raw(SUBTYPE);
    if let Some((_, action)) = EVENT_ACTIONS.iter().find(|it| it.0.eq_ignore_ascii_case(subtype)) {
        event.row.push_str(ecs::EVENT_ACTION, action);
    }
    let is_let_through = matches!(event.row.str(ecs::PANOS_ACTION), Some("alert" | "allow" | "continue"));
    event.row.push_str(ecs::EVENT_OUTCOME, if is_let_through { "success" } else { "failure" });
    network_type::derive(event);
    session_key::derive(event);
}
