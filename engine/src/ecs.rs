//! The fields of the built-in mapping: Elastic Common Schema names first, `panw.panos.*` for the rest.
//!
//! Every name that the parsers, the built-in templates and the dashboard's own queries use is a constant here, so that a
//! typo does not compile. The order of the table is the order of the field ids in every built-in data stream and of the keys in
//! `_source`; new fields go to the END of the table (a stream whose template changed is rolled over at start).
//!
//! Names follow the PAN-OS syslog reference; types follow ECS, with these kinds of our own:
//! `column` = keyword that is looked up in its column, never by postings (unique, long or constant values, where postings cost
//! most and pay least); `port` = long with postings; `line` = the raw line (`match_only_text`); a plural means several values are usual.

use crate::mapping::{FieldId, FieldSpec, FieldType};

/// One line per field: constant, name, kind.
macro_rules! fields {
    ($($constant:ident: $name:literal, $kind:ident;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "the variants exist only to number the constants")]
        enum Position { $($constant),* }

        $(
            #[doc = concat!("`", $name, "`")]
            pub const $constant: FieldId = FieldId(Position::$constant as u16);
        )*

        /// Every field of the built-in mapping, at the index that is its id.
        pub const FIELDS: &[FieldSpec] = &[$(FieldSpec { name: $name, ..kind::$kind }),*];
    };
}

/// What the short words of the table stand for.
mod kind {
    #![allow(non_upper_case_globals, reason = "they are words of the table, not names that code uses")]
    use super::{FieldSpec, FieldType};

    const fn spec(kind: FieldType) -> FieldSpec {
        FieldSpec { name: "", kind, index: true, doc_values: true, list: false }
    }

    pub(super) const keyword: FieldSpec = spec(FieldType::Keyword);
    pub(super) const keywords: FieldSpec = FieldSpec { list: true, ..keyword };
    pub(super) const column: FieldSpec = FieldSpec { index: false, ..keyword };
    pub(super) const columns: FieldSpec = FieldSpec { list: true, ..column };
    pub(super) const ip: FieldSpec = spec(FieldType::Ip);
    pub(super) const ips: FieldSpec = FieldSpec { list: true, ..ip };
    pub(super) const port: FieldSpec = spec(FieldType::Long);
    pub(super) const long: FieldSpec = FieldSpec { index: false, ..port };
    pub(super) const date: FieldSpec = FieldSpec { index: false, ..spec(FieldType::Date) };
    pub(super) const boolean: FieldSpec = FieldSpec { index: false, ..spec(FieldType::Boolean) };
    pub(super) const line: FieldSpec = FieldSpec { doc_values: false, ..spec(FieldType::MatchOnlyText) };
}

fields! {
    TIMESTAMP: "@timestamp", date;
    EVENT_INGESTED: "event.ingested", date;
    EVENT_ORIGINAL: "event.original", line;
    EVENT_KIND: "event.kind", keyword;
    EVENT_CATEGORY: "event.category", keywords;
    EVENT_TYPE: "event.type", keywords;
    EVENT_ACTION: "event.action", keyword;
    EVENT_OUTCOME: "event.outcome", keyword;
    EVENT_MODULE: "event.module", column;
    EVENT_DATASET: "event.dataset", column;
    EVENT_CODE: "event.code", keyword;
    EVENT_REASON: "event.reason", keyword;
    EVENT_SEVERITY: "event.severity", long;
    EVENT_START: "event.start", date;
    EVENT_END: "event.end", date;
    EVENT_DURATION: "event.duration", long;
    ERROR_MESSAGE: "error.message", keywords;
    LOG_LEVEL: "log.level", keyword;
    LOG_SYSLOG_PRIORITY: "log.syslog.priority", long;
    LOG_SYSLOG_HOSTNAME: "log.syslog.hostname", keyword;
    LOG_SYSLOG_APPNAME: "log.syslog.appname", keyword;
    LOG_SOURCE_ADDRESS: "log.source.address", keyword;
    NETWORK_PROTOCOL: "network.protocol", keyword;
    OBSERVER_VENDOR: "observer.vendor", column;
    OBSERVER_PRODUCT: "observer.product", column;
    OBSERVER_TYPE: "observer.type", column;
    OBSERVER_SERIAL_NUMBER: "observer.serial_number", keyword;
    OBSERVER_HOSTNAME: "observer.hostname", keyword;
    OBSERVER_GEO_NAME: "observer.geo.name", keyword;
    OBSERVER_INGRESS_ZONE: "observer.ingress.zone", keyword;
    OBSERVER_EGRESS_ZONE: "observer.egress.zone", keyword;
    OBSERVER_INGRESS_INTERFACE_NAME: "observer.ingress.interface.name", keyword;
    OBSERVER_EGRESS_INTERFACE_NAME: "observer.egress.interface.name", keyword;
    SOURCE_IP: "source.ip", ip;
    SOURCE_PORT: "source.port", port;
    SOURCE_NAT_IP: "source.nat.ip", ip;
    SOURCE_NAT_PORT: "source.nat.port", long;
    SOURCE_BYTES: "source.bytes", long;
    SOURCE_PACKETS: "source.packets", long;
    SOURCE_USER_NAME: "source.user.name", keywords;
    SOURCE_USER_DOMAIN: "source.user.domain", keyword;
    SOURCE_USER_EMAIL: "source.user.email", keyword;
    SOURCE_GEO_NAME: "source.geo.name", keyword;
    DESTINATION_IP: "destination.ip", ip;
    DESTINATION_PORT: "destination.port", port;
    DESTINATION_NAT_IP: "destination.nat.ip", ip;
    DESTINATION_NAT_PORT: "destination.nat.port", long;
    DESTINATION_BYTES: "destination.bytes", long;
    DESTINATION_PACKETS: "destination.packets", long;
    DESTINATION_USER_NAME: "destination.user.name", keyword;
    DESTINATION_USER_DOMAIN: "destination.user.domain", keyword;
    DESTINATION_USER_EMAIL: "destination.user.email", keyword;
    DESTINATION_GEO_NAME: "destination.geo.name", keyword;
    DESTINATION_DOMAIN: "destination.domain", keyword;
    CLIENT_IP: "client.ip", ip;
    USER_NAME: "user.name", keywords;
    USER_DOMAIN: "user.domain", keyword;
    NETWORK_APPLICATION: "network.application", keyword;
    NETWORK_TRANSPORT: "network.transport", keyword;
    NETWORK_TYPE: "network.type", keyword;
    NETWORK_DIRECTION: "network.direction", keyword;
    NETWORK_BYTES: "network.bytes", long;
    NETWORK_PACKETS: "network.packets", long;
    NETWORK_FORWARDED_IP: "network.forwarded_ip", ip;
    RULE_NAME: "rule.name", keyword;
    RULE_UUID: "rule.uuid", keyword;
    URL_ORIGINAL: "url.original", column;
    URL_DOMAIN: "url.domain", keyword;
    URL_PATH: "url.path", column;
    URL_QUERY: "url.query", column;
    URL_EXTENSION: "url.extension", keyword;
    URL_PORT: "url.port", long;
    URL_FULL: "url.full", column;
    USER_AGENT_ORIGINAL: "user_agent.original", column;
    HTTP_REQUEST_METHOD: "http.request.method", keyword;
    HTTP_REQUEST_REFERRER: "http.request.referrer", column;
    HTTP_VERSION: "http.version", keyword;
    FILE_NAME: "file.name", keyword;
    FILE_TYPE: "file.type", keyword;
    RELATED_HASH: "related.hash", keywords;
    RELATED_USER: "related.user", keywords;
    HOST_IP: "host.ip", ips;
    HOST_NAME: "host.name", keyword;
    HOST_ID: "host.id", keyword;
    HOST_MAC: "host.mac", keyword;
    HOST_OS_FAMILY: "host.os.family", keyword;
    HOST_OS_FULL: "host.os.full", keyword;
    SEKISHO_SESSION_KEY: "sekisho.session.key", keyword;
    SEKISHO_PARSER: "sekisho.parser", column;
    SEKISHO_TRUNCATED: "sekisho.truncated", boolean;
    LABELS_PCAP_INCLUDED: "labels.pcap_included", boolean;
    LABELS_CONNECT_TO_DESTINATION_HOST: "labels.connect_to_destination_host", boolean;
    LABELS_FILE_SUBMITTED_TO_WILDFIRE: "labels.file_submitted_to_WildFire", boolean;
    LABELS_ENTERPRISE_CREDENTIAL_SUBMISSION: "labels.enterprise_credential_submission", boolean;
    LABELS_SOURCE_FLOW_ALLOW_LIST: "labels.source_flow_allow_list", boolean;
    LABELS_IPV6_SESSION: "labels.ipv6_session", boolean;
    LABELS_SSL_DECRYPTED: "labels.ssl_decrypted", boolean;
    LABELS_URL_FILTER_DENIED: "labels.url_filter_denied", boolean;
    LABELS_NAT_TRANSLATED: "labels.nat_translated", boolean;
    LABELS_CAPTIVE_PORTAL: "labels.captive_portal", boolean;
    LABELS_NON_STANDARD_PORT_USAGE: "labels.non_standard_port_usage", boolean;
    LABELS_X_FORWARDED_FOR: "labels.x_forwarded_for", boolean;
    LABELS_HTTP_PROXY: "labels.http_proxy", boolean;
    LABELS_CLIENT_SERVER_POLICY_BASED_FORWARDING: "labels.client_server_policy_based_forwarding", boolean;
    LABELS_SERVER_CLIENT_POLICY_BASED_FORWARDING: "labels.server_client_policy_based_forwarding", boolean;
    LABELS_CONTAINER_PAGE: "labels.container_page", boolean;
    LABELS_TEMPORARY_MATCH: "labels.temporary_match", boolean;
    LABELS_SYMMETRIC_RETURN: "labels.symmetric_return", boolean;
    LABELS_DECRYPTED_TRAFFIC: "labels.decrypted_traffic", boolean;
    LABELS_PAYLOAD_OUTER_TUNNEL: "labels.payload_outer_tunnel", boolean;
    PANOS_RECEIVED_TIME: "panw.panos.received_time", date;
    PANOS_TYPE: "panw.panos.type", keyword;
    PANOS_SUB_TYPE: "panw.panos.sub_type", keyword;
    PANOS_CONFIG_VERSION: "panw.panos.config_version", long;
    PANOS_GENERATED_TIME: "panw.panos.generated_time", date;
    PANOS_RULESET: "panw.panos.ruleset", column;
    PANOS_VIRTUAL_SYS: "panw.panos.virtual_sys", keyword;
    PANOS_LOG_PROFILE: "panw.panos.log_profile", keyword;
    PANOS_FLOW_ID: "panw.panos.flow_id", keyword;
    PANOS_REPEAT_COUNT: "panw.panos.repeat_count", long;
    PANOS_FLAGS: "panw.panos.flags", column;
    PANOS_ACTION: "panw.panos.action", keyword;
    PANOS_URL_CATEGORY: "panw.panos.url.category", keyword;
    PANOS_SEQUENCE_NUMBER: "panw.panos.sequence_number", column;
    PANOS_ACTION_FLAGS: "panw.panos.action_flags", column;
    PANOS_ENDREASON: "panw.panos.endreason", keyword;
    PANOS_DEVICE_GROUP_HIERARCHY1: "panw.panos.device_group_hierarchy1", column;
    PANOS_DEVICE_GROUP_HIERARCHY2: "panw.panos.device_group_hierarchy2", column;
    PANOS_DEVICE_GROUP_HIERARCHY3: "panw.panos.device_group_hierarchy3", column;
    PANOS_DEVICE_GROUP_HIERARCHY4: "panw.panos.device_group_hierarchy4", column;
    PANOS_VSYS_NAME: "panw.panos.vsys_name", keyword;
    PANOS_ACTION_SOURCE: "panw.panos.action_source", keyword;
    PANOS_SOURCE_VM_UUID: "panw.panos.source_vm_uuid", keyword;
    PANOS_DESTINATION_VM_UUID: "panw.panos.destination_vm_uuid", keyword;
    PANOS_IMSI: "panw.panos.imsi", keyword;
    PANOS_IMEI: "panw.panos.imei", keyword;
    PANOS_PARENT_SESSION_ID: "panw.panos.parent_session.id", keyword;
    PANOS_PARENT_SESSION_START_TIME: "panw.panos.parent_session.start_time", date;
    PANOS_TUNNEL_TYPE: "panw.panos.tunnel_type", keyword;
    PANOS_SCTP_ASSOC_ID: "panw.panos.sctp.assoc_id", keyword;
    PANOS_SCTP_CHUNKS: "panw.panos.sctp.chunks", long;
    PANOS_SCTP_CHUNKS_SENT: "panw.panos.sctp.chunks_sent", long;
    PANOS_SCTP_CHUNKS_RECEIVED: "panw.panos.sctp.chunks_received", long;
    PANOS_HTTP2_CONNECTION: "panw.panos.http2_connection", keyword;
    PANOS_LINK_CHANGE_COUNT: "panw.panos.link.change_count", long;
    PANOS_POLICY_ID: "panw.panos.policy.id", keyword;
    PANOS_LINK_SWITCHES: "panw.panos.link.switches", column;
    PANOS_SDWAN_CLUSTER_NAME: "panw.panos.sdwan.cluster.name", keyword;
    PANOS_SDWAN_DEVICE_TYPE: "panw.panos.sdwan.device_type", keyword;
    PANOS_SDWAN_CLUSTER_TYPE: "panw.panos.sdwan.cluster.type", keyword;
    PANOS_SDWAN_SITE: "panw.panos.sdwan.site", keyword;
    PANOS_DYNAMIC_USER_GROUP_NAME: "panw.panos.dynamic_user.group.name", keyword;
    PANOS_XFF_IP: "panw.panos.xff.ip", keyword;
    PANOS_SRC_CATEGORY: "panw.panos.src.category", keyword;
    PANOS_SRC_PROFILE: "panw.panos.src.profile", keyword;
    PANOS_SRC_MODEL: "panw.panos.src.model", keyword;
    PANOS_SRC_VENDOR: "panw.panos.src.vendor", keyword;
    PANOS_SRC_OS_FAMILY: "panw.panos.src.os.family", keyword;
    PANOS_SRC_OS_VERSION: "panw.panos.src.os.version", keyword;
    PANOS_SRC_HOST: "panw.panos.src.host", keyword;
    PANOS_SRC_MAC: "panw.panos.src.mac", keyword;
    PANOS_DST_CATEGORY: "panw.panos.dst.category", keyword;
    PANOS_DST_PROFILE: "panw.panos.dst.profile", keyword;
    PANOS_DST_MODEL: "panw.panos.dst.model", keyword;
    PANOS_DST_VENDOR: "panw.panos.dst.vendor", keyword;
    PANOS_DST_OS_FAMILY: "panw.panos.dst.os.family", keyword;
    PANOS_DST_OS_VERSION: "panw.panos.dst.os.version", keyword;
    PANOS_DST_HOST: "panw.panos.dst.host", keyword;
    PANOS_DST_MAC: "panw.panos.dst.mac", keyword;
    PANOS_CONTAINER_ID: "panw.panos.container.id", keyword;
    PANOS_POD_NAMESPACE: "panw.panos.pod.namespace", keyword;
    PANOS_POD_NAME: "panw.panos.pod.name", keyword;
    PANOS_SRC_EXTERNAL_DYNAMIC_LIST: "panw.panos.src.external_dynamic_list", keyword;
    PANOS_DST_EXTERNAL_DYNAMIC_LIST: "panw.panos.dst.external_dynamic_list", keyword;
    PANOS_HOST_ID: "panw.panos.host.id", keyword;
    PANOS_SERIAL_NUMBER: "panw.panos.serial_number", keyword;
    PANOS_SRC_DYNAMIC_ADDRESS_GROUP: "panw.panos.src.dynamic_address_group", keyword;
    PANOS_DST_DYNAMIC_ADDRESS_GROUP: "panw.panos.dst.dynamic_address_group", keyword;
    PANOS_SESSION_OWNER: "panw.panos.session.owner", keyword;
    PANOS_HIGH_RESOLUTION_TIMESTAMP: "panw.panos.high_resolution_timestamp", date;
    PANOS_NSDSAI_SST: "panw.panos.nsdsai_sst", keyword;
    PANOS_NSDSAI_SD: "panw.panos.nsdsai_sd", keyword;
    PANOS_APPLICATION_SUB_CATEGORY: "panw.panos.application.sub_category", keyword;
    PANOS_APPLICATION_CATEGORY: "panw.panos.application.category", keyword;
    PANOS_APPLICATION_TECHNOLOGY: "panw.panos.application.technology", keyword;
    PANOS_APPLICATION_RISK_LEVEL: "panw.panos.application.risk_level", long;
    PANOS_APPLICATION_CHARACTERISTICS: "panw.panos.application.characteristics", keywords;
    PANOS_APPLICATION_CONTAINER: "panw.panos.application.container", keyword;
    PANOS_APPLICATION_TUNNELED: "panw.panos.application.tunneled", keyword;
    PANOS_APPLICATION_IS_SAAS: "panw.panos.application.is_saas", keyword;
    PANOS_APPLICATION_IS_SANCTIONED: "panw.panos.application.is_sanctioned", keyword;
    PANOS_IS_OFFLOADED: "panw.panos.is_offloaded", keyword;
    PANOS_FLOW_TYPE: "panw.panos.flow_type", keyword;
    PANOS_CLUSTER_NAME: "panw.panos.cluster_name", keyword;
    PANOS_LOGGED_TIME: "panw.panos.logged_time", date;
    PANOS_MISC: "panw.panos.misc", column;
    PANOS_THREAT_NAME: "panw.panos.threat.name", keyword;
    PANOS_THREAT_ID: "panw.panos.threat.id", keyword;
    PANOS_SEVERITY: "panw.panos.severity", keyword;
    PANOS_HTTP_CONTENT_TYPE: "panw.panos.http_content_type", keyword;
    PANOS_NETWORK_PCAP_ID: "panw.panos.network.pcap_id", column;
    PANOS_FILE_HASH: "panw.panos.file.hash", keyword;
    PANOS_WILDFIRE_NAME: "panw.panos.wildfire.name", keyword;
    PANOS_URL_IDX: "panw.panos.url_idx", column;
    PANOS_X_FORWARDED_FOR: "panw.panos.x_forwarded_for", keyword;
    PANOS_SUBJECT: "panw.panos.subject", keyword;
    PANOS_WILDFIRE_REPORT_ID: "panw.panos.wildfire.report_id", column;
    PANOS_THREAT_CATEGORY: "panw.panos.threat_category", keyword;
    PANOS_CONTENT_VERSION: "panw.panos.content_version", keyword;
    PANOS_PAYLOAD_PROTOCOL_ID: "panw.panos.payload_protocol_id", keyword;
    PANOS_HTTP_HEADERS: "panw.panos.http_headers", column;
    PANOS_URL_CATEGORY_LIST: "panw.panos.url_category_list", keywords;
    PANOS_DOMAIN_EDL: "panw.panos.domain_edl", keyword;
    PANOS_PARTIAL_HASH: "panw.panos.partial_hash", keyword;
    PANOS_REASON: "panw.panos.reason", keyword;
    PANOS_JUSTIFICATION: "panw.panos.justification", keyword;
    PANOS_NSSAI_SST: "panw.panos.nssai_sst", keyword;
    PANOS_CLOUD_REPORT_ID: "panw.panos.cloud_report.id", column;
    PANOS_EXTRA: "panw.panos.extra", keywords;
    PANOS_DESCRIPTION: "panw.panos.description", column;
    PANOS_OBJECT_ID: "panw.panos.object.id", column;
    PANOS_OBJECT_NAME: "panw.panos.object.name", column;
    PANOS_MODULE: "panw.panos.module", column;
    PANOS_CMD: "panw.panos.cmd", column;
    PANOS_ADMIN: "panw.panos.admin", column;
    PANOS_CLIENT_TYPE: "panw.panos.client_type", column;
    PANOS_RESULT: "panw.panos.result", column;
    PANOS_PATH: "panw.panos.path", column;
    PANOS_DEVICE_GROUP_ID: "panw.panos.device_group_id", column;
    PANOS_COMMENT: "panw.panos.comment", column;
    PANOS_BEFORE_CHANGE_DETAIL: "panw.panos.before_change_detail", column;
    PANOS_AFTER_CHANGE_DETAIL: "panw.panos.after_change_detail", column;
    PANOS_STAGE: "panw.panos.stage", column;
    PANOS_AUTH_METHOD: "panw.panos.auth_method", column;
    PANOS_CLIENT_VER: "panw.panos.client_ver", column;
    PANOS_ERROR_MESSAGE: "panw.panos.error_message", column;
    PANOS_ERROR_CODE: "panw.panos.error_code", long;
    PANOS_CONNECT_METHOD: "panw.panos.connect_method", column;
    PANOS_PORTAL: "panw.panos.portal", column;
    PANOS_SELECTION_TYPE: "panw.panos.selection_type", column;
    PANOS_RESPONSE_TIME: "panw.panos.response_time", long;
    PANOS_PRIORITY: "panw.panos.priority", column;
    PANOS_ATTEMPTED_GATEWAYS: "panw.panos.attempted_gateways", column;
    PANOS_GATEWAY: "panw.panos.gateway", column;
    PANOS_VSYS_ID: "panw.panos.vsys_id", column;
    PANOS_DATASOURCENAME: "panw.panos.datasourcename", column;
    PANOS_DATASOURCE: "panw.panos.datasource", column;
    PANOS_DATASOURCETYPE: "panw.panos.datasourcetype", column;
    PANOS_DATASOURCE_TYPE: "panw.panos.datasource_type", column;
    PANOS_DATASOURCE_SUBTYPE: "panw.panos.datasource_subtype", column;
    PANOS_TIMEOUT: "panw.panos.timeout", long;
    PANOS_FACTORTYPE: "panw.panos.factortype", column;
    PANOS_FACTORCOMPLETIONTIME: "panw.panos.factorcompletiontime", date;
    PANOS_FACTORNO: "panw.panos.factorno", column;
    PANOS_UGFLAGS: "panw.panos.ugflags", column;
    PANOS_USER_BY_SOURCE: "panw.panos.user_by_source", column;
    PANOS_TAG_NAME: "panw.panos.tag.name", column;
    PANOS_MATCHNAME: "panw.panos.matchname", column;
    PANOS_MATCHTYPE: "panw.panos.matchtype", column;
    PANOS_AUTHENTICATION_POLICY: "panw.panos.authentication.policy", column;
    PANOS_AUTHENTICATION_ID: "panw.panos.authentication.id", column;
    PANOS_AUTHENTICATION_PROTOCOL: "panw.panos.authentication.protocol", column;
    PANOS_AUTHENTICATION_SESSION_ID: "panw.panos.authentication.session_id", column;
    PANOS_VENDOR: "panw.panos.vendor", column;
    PANOS_SERVER_PROFILE: "panw.panos.server_profile", column;
    PANOS_EVENT_RESULT: "panw.panos.event.result", column;
    PANOS_CATEGORY: "panw.panos.category", column;
    PANOS_EVIDENCE: "panw.panos.evidence", column;
    TLS_VERSION: "tls.version", column;
    TLS_VERSION_PROTOCOL: "tls.version_protocol", column;
    TLS_CIPHER: "tls.cipher", column;
    TLS_CURVE: "tls.curve", column;
    TLS_CLIENT_SERVER_NAME: "tls.client.server_name", column;
    TLS_CLIENT_HASH_MD5: "tls.client.hash.md5", column;
    TLS_CLIENT_HASH_SHA1: "tls.client.hash.sha1", column;
    TLS_CLIENT_HASH_SHA256: "tls.client.hash.sha256", column;
    TLS_CLIENT_NOT_BEFORE: "tls.client.not_before", date;
    TLS_CLIENT_NOT_AFTER: "tls.client.not_after", date;
    TLS_CLIENT_X509_SERIAL_NUMBER: "tls.client.x509.serial_number", column;
    TLS_CLIENT_X509_VERSION_NUMBER: "tls.client.x509.version_number", column;
    TLS_CLIENT_X509_PUBLIC_KEY_SIZE: "tls.client.x509.public_key_size", long;
    TLS_CLIENT_X509_SUBJECT_COMMON_NAME: "tls.client.x509.subject.common_name", column;
    TLS_CLIENT_X509_ISSUER_COMMON_NAME: "tls.client.x509.issuer.common_name", column;
    PANOS_HS_STAGE_C2F: "panw.panos.hs_stage_c2f", column;
    PANOS_HS_STAGE_F2S: "panw.panos.hs_stage_f2s", column;
    PANOS_TLS_VERSION: "panw.panos.tls.version", column;
    PANOS_TLS_KEY_EXCHANGE_ALGORITHM: "panw.panos.tls.key_exchange_algorithm", column;
    PANOS_TLS_AUTH: "panw.panos.tls.auth", column;
    PANOS_TLS_ERROR_TYPE: "panw.panos.tls.error_type", column;
    PANOS_POLICY_NAME: "panw.panos.policy.name", column;
    PANOS_ROOT_CERTIFICATE_STATUS: "panw.panos.root_certificate_status", column;
    PANOS_CHAIN_STATUS: "panw.panos.chain_status", column;
    PANOS_PROXY_TYPE: "panw.panos.proxy_type", column;
    PANOS_SUBJECT_COMMON_NAME_LENGTH: "panw.panos.subject_common_name.length", long;
    PANOS_ISSUER_COMMON_NAME_LENGTH: "panw.panos.issuer_common_name.length", long;
    PANOS_ROOT_COMMON_NAME_LENGTH: "panw.panos.root_common_name.length", long;
    PANOS_ROOT_COMMON_NAME_VALUE: "panw.panos.root_common_name.value", column;
    PANOS_SERVER_NAME_INDICATION_LENGTH: "panw.panos.server_name_indication.length", long;
    PANOS_CERTIFICATE_FLAGS: "panw.panos.certificate.flags", column;
    MESSAGE: "message", line;
    HOST_HOSTNAME: "host.hostname", column;
    PROCESS_NAME: "process.name", column;
    PROCESS_PID: "process.pid", long;
    LOG_SYSLOG_FACILITY_CODE: "log.syslog.facility.code", long;
    LOG_SYSLOG_FACILITY_NAME: "log.syslog.facility.name", column;
    LOG_SYSLOG_SEVERITY_CODE: "log.syslog.severity.code", long;
    LOG_SYSLOG_SEVERITY_NAME: "log.syslog.severity.name", column;
    LOG_SYSLOG_VERSION: "log.syslog.version", column;
    LOG_SYSLOG_PROCID: "log.syslog.procid", column;
    LOG_SYSLOG_MSGID: "log.syslog.msgid", column;
    LOG_SYSLOG_STRUCTURED_DATA: "log.syslog.structured_data", columns;
    TAGS: "tags", columns;
    SEKISHO_LIST: "sekisho.list", columns;
    SEKISHO_LABELS: "sekisho.labels", columns;
    SOURCE_GEO_COUNTRY_ISO_CODE: "source.geo.country_iso_code", column;
    SOURCE_GEO_CITY_NAME: "source.geo.city_name", column;
    SOURCE_AS_NUMBER: "source.as.number", long;
    SOURCE_AS_ORGANIZATION_NAME: "source.as.organization.name", column;
    DESTINATION_GEO_COUNTRY_ISO_CODE: "destination.geo.country_iso_code", column;
    DESTINATION_GEO_CITY_NAME: "destination.geo.city_name", column;
    DESTINATION_AS_NUMBER: "destination.as.number", long;
    DESTINATION_AS_ORGANIZATION_NAME: "destination.as.organization.name", column;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_stands_twice_in_the_table() {
        let mut names: Vec<_> = FIELDS.iter().map(|it| it.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_constant_is_the_position_of_its_name() {
        assert_eq!(FIELDS[SOURCE_IP.0 as usize].name, "source.ip");
        assert_eq!(FIELDS[PANOS_ACTION.0 as usize].name, "panw.panos.action");
    }
}
