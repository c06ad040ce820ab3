//! DECRYPTION: TLS sessions that were, or could not be, decrypted, with what the handshake and the certificate said.

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Beside, Ip, Keyword, List, Long, Lower, Mac, Port, Time, With};
use crate::panos::event::{Col, Event, col};
use crate::panos::log_type::{HEADER, LogType};
use crate::panos::{actions, flags, nat, network_type, session_key, time, users};

/// The log type.
pub(in crate::panos) const DECRYPTION: LogType = LogType {
    names: &["DECRYPTION"],
    stream: |_| "panos-decryption",
    kind: "event",
    category: &["network"],
    columns_min: 31,
    columns_known: 107,
    header: HEADER,
    columns: COLUMNS,
    derive,
};

/// Column order: PAN-OS syslog reference §17.
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
    col(31, ecs::PANOS_TUNNEL_TYPE, Keyword),
    // 32, 33 future_use: reserved.
    col(34, ecs::PANOS_SOURCE_VM_UUID, Keyword),
    col(35, ecs::PANOS_DESTINATION_VM_UUID, Keyword),
    col(36, ecs::RULE_UUID, Keyword),
    col(37, ecs::PANOS_HS_STAGE_C2F, Keyword),
    col(38, ecs::PANOS_HS_STAGE_F2S, Keyword),
    col(39, ecs::PANOS_TLS_VERSION, With(version)),
    col(40, ecs::PANOS_TLS_KEY_EXCHANGE_ALGORITHM, Keyword),
    col(41, ecs::TLS_CIPHER, Keyword),
    col(42, ecs::PANOS_TLS_AUTH, Keyword),
    col(43, ecs::PANOS_POLICY_NAME, Keyword),
    col(44, ecs::TLS_CURVE, Keyword),
    col(45, ecs::PANOS_TLS_ERROR_TYPE, Keyword),
    col(46, ecs::PANOS_ROOT_CERTIFICATE_STATUS, Keyword),
    col(47, ecs::PANOS_CHAIN_STATUS, Keyword),
    col(48, ecs::PANOS_PROXY_TYPE, Keyword),
    col(49, ecs::TLS_CLIENT_X509_SERIAL_NUMBER, Keyword),
    col(50, ecs::TLS_CLIENT_HASH_SHA256, With(fingerprint)),
    col(51, ecs::TLS_CLIENT_NOT_BEFORE, Time),
    col(52, ecs::TLS_CLIENT_NOT_AFTER, Time),
    col(53, ecs::TLS_CLIENT_X509_VERSION_NUMBER, Keyword),
    col(54, ecs::TLS_CLIENT_X509_PUBLIC_KEY_SIZE, Long),
    col(55, ecs::PANOS_SUBJECT_COMMON_NAME_LENGTH, Long),
    col(56, ecs::PANOS_ISSUER_COMMON_NAME_LENGTH, Long),
    col(57, ecs::PANOS_ROOT_COMMON_NAME_LENGTH, Long),
    col(58, ecs::PANOS_SERVER_NAME_INDICATION_LENGTH, Long),
    col(59, ecs::PANOS_CERTIFICATE_FLAGS, Keyword),
    col(60, ecs::TLS_CLIENT_X509_SUBJECT_COMMON_NAME, Keyword),
    col(61, ecs::TLS_CLIENT_X509_ISSUER_COMMON_NAME, Keyword),
    col(62, ecs::PANOS_ROOT_COMMON_NAME_VALUE, Keyword),
    col(63, ecs::TLS_CLIENT_SERVER_NAME, Keyword),
    col(64, ecs::PANOS_ERROR_MESSAGE, Keyword),
    col(65, ecs::PANOS_CONTAINER_ID, Keyword),
    col(66, ecs::PANOS_POD_NAMESPACE, Keyword),
    col(67, ecs::PANOS_POD_NAME, Keyword),
    col(68, ecs::PANOS_SRC_EXTERNAL_DYNAMIC_LIST, Keyword),
    col(69, ecs::PANOS_DST_EXTERNAL_DYNAMIC_LIST, Keyword),
    col(70, ecs::PANOS_SRC_DYNAMIC_ADDRESS_GROUP, Keyword),
    col(71, ecs::PANOS_DST_DYNAMIC_ADDRESS_GROUP, Keyword),
    col(72, ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, With(time::high_resolution)),
    col(73, ecs::PANOS_SRC_CATEGORY, Keyword),
    col(74, ecs::PANOS_SRC_PROFILE, Keyword),
    col(75, ecs::PANOS_SRC_MODEL, Keyword),
    col(76, ecs::PANOS_SRC_VENDOR, Keyword),
    col(77, ecs::PANOS_SRC_OS_FAMILY, Keyword),
    col(78, ecs::PANOS_SRC_OS_VERSION, Keyword),
    col(79, ecs::PANOS_SRC_HOST, Keyword),
    col(80, ecs::PANOS_SRC_MAC, Mac),
    col(81, ecs::PANOS_DST_CATEGORY, Keyword),
    col(82, ecs::PANOS_DST_PROFILE, Keyword),
    col(83, ecs::PANOS_DST_MODEL, Keyword),
    col(84, ecs::PANOS_DST_VENDOR, Keyword),
    col(85, ecs::PANOS_DST_OS_FAMILY, Keyword),
    col(86, ecs::PANOS_DST_OS_VERSION, Keyword),
    col(87, ecs::PANOS_DST_HOST, Keyword),
    col(88, ecs::PANOS_DST_MAC, Mac),
    col(89, ecs::PANOS_SEQUENCE_NUMBER, Keyword),
    col(90, ecs::PANOS_ACTION_FLAGS, Keyword),
    col(91, ecs::PANOS_DEVICE_GROUP_HIERARCHY1, Keyword),
    col(92, ecs::PANOS_DEVICE_GROUP_HIERARCHY2, Keyword),
    col(93, ecs::PANOS_DEVICE_GROUP_HIERARCHY3, Keyword),
    col(94, ecs::PANOS_DEVICE_GROUP_HIERARCHY4, Keyword),
    col(95, ecs::PANOS_VSYS_NAME, Keyword),
    col(96, ecs::OBSERVER_HOSTNAME, Keyword),
    col(97, ecs::PANOS_VSYS_ID, Keyword),
    col(98, ecs::PANOS_APPLICATION_SUB_CATEGORY, Keyword),
    col(99, ecs::PANOS_APPLICATION_CATEGORY, Keyword),
    col(100, ecs::PANOS_APPLICATION_TECHNOLOGY, Keyword),
    col(101, ecs::PANOS_APPLICATION_RISK_LEVEL, Long),
    col(102, ecs::PANOS_APPLICATION_CHARACTERISTICS, List),
    col(103, ecs::PANOS_APPLICATION_CONTAINER, Keyword),
    col(104, ecs::PANOS_APPLICATION_TUNNELED, Keyword),
    col(105, ecs::PANOS_APPLICATION_IS_SAAS, Keyword),
    col(106, ecs::PANOS_APPLICATION_IS_SANCTIONED, Keyword),
];

/// Column tls_version: `TLS1.3`, or a text such as `No Decrypt`, which is no version.
fn version(event: &mut Event<'_>, index: usize) {
    let text = event.columns.text(index);
    event.row.push_str(ecs::PANOS_TLS_VERSION, &text);
    let protocol_len = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (protocol, version) = text.split_at(protocol_len);
    let is_version = matches!(protocol, "TLS" | "SSL") && version.starts_with(|it: char| it.is_ascii_digit());
    if is_version {
        event.row.push_lower(ecs::TLS_VERSION_PROTOCOL, protocol);
        event.row.push_str(ecs::TLS_VERSION, version);
    }
}

/// Column fingerprint: its length tells the hash.
fn fingerprint(event: &mut Event<'_>, index: usize) {
    let raw = event.columns.raw(index).trim_ascii();
    let field = match raw.len() {
        32 => ecs::TLS_CLIENT_HASH_MD5,
        40 => ecs::TLS_CLIENT_HASH_SHA1,
        64 => ecs::TLS_CLIENT_HASH_SHA256,
        _ => return event.column_error(index, "is not a fingerprint"),
    };
    event.row.push_lower(field, raw);
}

fn derive(event: &mut Event<'_>) {
    let has_error = event.row.get(ecs::PANOS_ERROR_MESSAGE).is_some();
    event.row.push_str(ecs::EVENT_OUTCOME, if has_error { "failure" } else { "success" });
    network_type::derive(event);
    session_key::derive(event);
}
