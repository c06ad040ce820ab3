//! What other formats call the firewall's columns: one table of fields with the names they go by, for all formats and log types.
//!
//! A name leads to the column whose field it is, in those types that have such a column. Where two names of a line lead to one column the one
//! that stands first here wins. Names are folded: letters and digits, lower case, `PanOS` taken off. Sources: the vendor's guides to
//! CEF and LEEF custom formats, the cloud log forwarder's field lists, sample lines.

use std::collections::HashMap;
use std::sync::LazyLock;

use sekisho_engine::ecs;
use sekisho_engine::mapping::{FieldId, FieldType};

use super::sheet::Sheet;
use crate::panos::LOG_TYPES;
use crate::panos::log_type::LogType;

/// Who writes, and in which format: some names mean another thing to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vocabulary {
    /// A firewall's custom format after the CEF guide.
    Cef,
    /// The cloud's CEF.
    CloudCef,
    /// A firewall's custom format after QRadar's guide.
    Leef,
    /// The cloud's LEEF.
    CloudLeef,
    /// The cloud's own names, in JSON and CSV.
    Cloud,
}

const VOCABULARIES: [Vocabulary; 5] = [Vocabulary::Cef, Vocabulary::CloudCef, Vocabulary::Leef, Vocabulary::CloudLeef, Vocabulary::Cloud];

/// Where a name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) column: usize,
    /// The lower one wins.
    pub(super) rank: u8,
    pub(super) is_time: bool,
}

/// Places by folded name.
pub(super) type Places = HashMap<&'static str, Place>;

/// The places of one type in one vocabulary.
pub(super) fn places(log_type: &LogType, vocabulary: Vocabulary) -> &'static Places {
    static ALL: LazyLock<Vec<Places>> = LazyLock::new(|| LOG_TYPES.iter().flat_map(|log_type| VOCABULARIES.map(|it| build(log_type, it))).collect());
    let row = LOG_TYPES.iter().position(|it| it.names == log_type.names).expect("every type is in the list");
    &ALL[row * VOCABULARIES.len() + vocabulary as usize]
}

fn build(log_type: &LogType, vocabulary: Vocabulary) -> Places {
    let mut places = Places::new();
    let is_type = |name: &str| log_type.names.contains(&name);
    for (_, name, column) in COLUMNS.iter().filter(|it| is_type(it.0)) {
        places.insert(name, Place { column: *column, rank: 0, is_time: false });
    }
    let special = SPECIAL.iter().filter(|it| it.0.contains(&vocabulary)).map(|it| (it.2, std::slice::from_ref(&it.1)));
    for (field, names) in special.chain(KEYS.iter().copied()) {
        let Some(column) = column_of(log_type, field) else { continue };
        let is_time = ecs::FIELDS[usize::from(field.0)].kind == FieldType::Date;
        for (rank, name) in names.iter().enumerate() {
            places.entry(name).or_insert(Place { column, rank: rank as u8, is_time });
        }
    }
    places
}

fn column_of(log_type: &LogType, field: FieldId) -> Option<usize> {
    let own = log_type.header.iter().chain(log_type.columns).map(|it| (it.field, it.index));
    let tail: &[(FieldId, usize)] = if log_type.names.contains(&"CONFIG") { CONFIG_TAIL } else { &[] };
    own.chain(tail.iter().copied()).find(|it| it.0 == field).map(|it| it.1)
}

/// Column of the session's flags, for the types that have it.
pub(super) fn flags_column(log_type: &LogType) -> Option<usize> {
    column_of(log_type, ecs::PANOS_FLAGS)
}

/// Fills the severity from a header's number or word, unless a pair has filled it. Firewalls count upwards in CEF.
pub(super) fn put_severity(sheet: &mut Sheet<'_>, log_type: &LogType, text: &str) {
    const LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];
    let word = match text.trim_ascii().parse::<usize>() {
        Ok(number) => LEVELS.get(number.wrapping_sub(1)).copied(),
        Err(_) => LEVELS.into_iter().find(|it| it.eq_ignore_ascii_case(text.trim_ascii())),
    };
    if let (Some(column), Some(word)) = (column_of(log_type, ecs::PANOS_SEVERITY), word)
        && !sheet.has(column)
    {
        sheet.put_column(column, word);
    }
}

/// What a firewall's CEF template puts in the place of the subtype, for types without one: the name of a pair of that meaning.
pub(super) fn instead_of_subtype(log_type: &LogType) -> Option<&'static str> {
    match log_type.names.first().copied() {
        Some("CONFIG") => Some("Result"),
        Some("HIPMATCH") => Some("HipMatchType"),
        Some("CORRELATION") => Some("Category"),
        _ => None,
    }
}

/// Columns of the cloud's CSV by name, for the types whose default order is known.
pub(super) fn cloud_order(log_type: &LogType, subtype: &str) -> Option<&'static [&'static [&'static str]]> {
    match log_type.names.first().copied() {
        Some("TRAFFIC") => Some(CLOUD_TRAFFIC),
        Some("THREAT") if subtype.eq_ignore_ascii_case("url") => Some(CLOUD_URL),
        Some("THREAT") => Some(CLOUD_THREAT),
        Some("SYSTEM") => Some(CLOUD_SYSTEM),
        _ => None,
    }
}

/// The cloud writes what firewalls put in the flags as booleans: the bit of each (PAN-OS syslog reference §8).
pub(super) const FLAGS: &[(&str, u32)] = &[
    ("ispacketcapture", 0x8000_0000),
    ("isipv6", 0x0200_0000),
    ("isdecrypted", 0x0100_0000),
    ("isurldenied", 0x0080_0000),
    ("nat", 0x0040_0000),
    ("captiveportal", 0x0020_0000),
    ("isnonstandarddestinationport", 0x0010_0000),
    ("issourcexforwarded", 0x0008_0000),
    ("isproxy", 0x0004_0000),
    ("iscontainer", 0x0000_8000),
    ("issystemreturn", 0x0000_0800),
    ("istunnelinspected", 0x0000_0100),
];

/// Names that only some producers use in that meaning.
const SPECIAL: &[(&[Vocabulary], &str, FieldId)] = &[
    // The firewall's guides through 10.0 count as CEF does, from the source's side of the wire; the cloud as the client sees it.
    (&[Vocabulary::Cef], "in", ecs::SOURCE_BYTES),
    (&[Vocabulary::Cef], "out", ecs::DESTINATION_BYTES),
    (&[Vocabulary::CloudCef], "in", ecs::DESTINATION_BYTES),
    (&[Vocabulary::CloudCef], "out", ecs::SOURCE_BYTES),
    (&[Vocabulary::Cef], "containername", ecs::PANOS_CONTAINER_ID),
    (&[Vocabulary::Cef], "suid", ecs::SOURCE_USER_EMAIL),
    (&[Vocabulary::Cef], "duid", ecs::DESTINATION_USER_EMAIL),
    // The cloud keeps TimeReceived for the receipt.
    (&[Vocabulary::CloudLeef], "devtime", ecs::PANOS_GENERATED_TIME),
    // In CONFIG the command, where CEF writes the path.
    (&[Vocabulary::Leef], "msg", ecs::PANOS_CMD),
    // GlobalProtect's guide calls the serial number of the user's device so; the firewall's own is deviceExternalId.
    (&[Vocabulary::Cef], "devicesn", ecs::PANOS_SERIAL_NUMBER),
];

/// Columns that share a field with another.
const COLUMNS: &[(&str, &str, usize)] = &[
    ("GLOBALPROTECT", "publicipv4", 15),
    ("GLOBALPROTECT", "publicip", 15),
    ("GLOBALPROTECT", "publicipv6", 16),
    ("GLOBALPROTECT", "privateipv4", 17),
    ("GLOBALPROTECT", "privateip", 17),
    ("GLOBALPROTECT", "privateipv6", 18),
    ("GLOBALPROTECT", "eventstatus", 28),
    ("GLOBALPROTECT", "outcome", 28),
    ("GLOBALPROTECT", "status", 28),
    ("HIPMATCH", "ipv6sourceaddress", 26),
    ("HIPMATCH", "deviceipv6address", 26),
    ("AUTHENTICATION", "normalizeuser", 10),
];

/// Columns of CONFIG behind the path, in the layout that devices send.
const CONFIG_TAIL: &[(FieldId, usize)] = &[
    (ecs::PANOS_SEQUENCE_NUMBER, 14),
    (ecs::PANOS_ACTION_FLAGS, 15),
    (ecs::PANOS_DEVICE_GROUP_HIERARCHY1, 16),
    (ecs::PANOS_DEVICE_GROUP_HIERARCHY2, 17),
    (ecs::PANOS_DEVICE_GROUP_HIERARCHY3, 18),
    (ecs::PANOS_DEVICE_GROUP_HIERARCHY4, 19),
    (ecs::PANOS_VSYS_NAME, 20),
    (ecs::OBSERVER_HOSTNAME, 21),
    (ecs::PANOS_DEVICE_GROUP_ID, 22),
    (ecs::PANOS_COMMENT, 23),
    (ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, 25),
    (ecs::PANOS_BEFORE_CHANGE_DETAIL, 26),
    (ecs::PANOS_AFTER_CHANGE_DETAIL, 27),
];

/// Fields and the names they go by. A name may stand in several rows: in each type the first row counts that has a column there.
const KEYS: &[(FieldId, &[&str])] = &[
    (ecs::PANOS_RECEIVED_TIME, &["rt", "timereceived", "logtime", "devtime", "receivetime"]),
    (ecs::OBSERVER_SERIAL_NUMBER, &["deviceexternalid", "devicesn", "logsourceid", "serialnumber", "serial"]),
    (ecs::PANOS_SUB_TYPE, &["subtype", "logsubtype"]),
    (ecs::PANOS_CONFIG_VERSION, &["configversion"]),
    (ecs::PANOS_GENERATED_TIME, &["start", "timegenerated", "eventtime", "generatedtime", "generatetime"]),
    (ecs::HOST_NAME, &["endpointdevicename", "machinename", "shost"]),
    (ecs::SOURCE_IP, &["src", "sourceaddress", "sourceip", "sourceipv6address", "ipv6sourceaddress", "ip"]),
    (ecs::DESTINATION_IP, &["dst", "destinationaddress", "destinationip", "destinationipv6address", "ipv6destinationaddress"]),
    (ecs::HOST_IP, &["shost", "src", "sourceaddress", "clientip"]),
    (ecs::SOURCE_NAT_IP, &["sourcetranslatedaddress", "srcpostnat", "natsource", "srctranslatedaddress"]),
    (ecs::DESTINATION_NAT_IP, &["destinationtranslatedaddress", "dstpostnat", "natdestination", "dsttranslatedaddress"]),
    (ecs::RULE_NAME, &["rule", "rulename", "cs1"]),
    (ecs::DESTINATION_USER_NAME, &["duser0", "destinationuser", "duser"]),
    (ecs::PANOS_ADMIN, &["admin", "administrator", "duser0", "duser", "usrname"]),
    (ecs::SOURCE_USER_NAME, &["suser0", "sourceuser", "usrname", "suser", "sourceusername", "user", "duser0", "duser"]),
    (ecs::NETWORK_APPLICATION, &["app", "application"]),
    (ecs::PANOS_VIRTUAL_SYS, &["virtualsystem", "virtuallocation", "vsys", "cs3"]),
    (ecs::OBSERVER_INGRESS_ZONE, &["sourcezone", "fromzone", "from", "cs4"]),
    (ecs::OBSERVER_EGRESS_ZONE, &["destinationzone", "tozone", "to", "cs5"]),
    (ecs::OBSERVER_INGRESS_INTERFACE_NAME, &["deviceinboundinterface", "ingressinterface", "inboundinterface"]),
    (ecs::OBSERVER_EGRESS_INTERFACE_NAME, &["deviceoutboundinterface", "egressinterface", "outboundinterface"]),
    (ecs::PANOS_LOG_PROFILE, &["logprofile", "logforwardingprofile", "logsetting", "logaction", "cs6"]),
    (ecs::PANOS_LOGGED_TIME, &["timereceivedmanagementplane"]),
    (ecs::PANOS_FLOW_ID, &["sessionid", "cn1"]),
    (ecs::PANOS_AUTHENTICATION_SESSION_ID, &["sessionid"]),
    (ecs::PANOS_REPEAT_COUNT, &["cnt", "repeatcount", "countofrepeats", "countofrepeat"]),
    (ecs::SOURCE_PORT, &["spt", "srcport", "sourceport"]),
    (ecs::DESTINATION_PORT, &["dpt", "dstport", "destinationport"]),
    (ecs::SOURCE_NAT_PORT, &["sourcetranslatedport", "srcpostnatport", "natsourceport", "srctranslatedport"]),
    (ecs::DESTINATION_NAT_PORT, &["destinationtranslatedport", "dstpostnatport", "natdestinationport", "dsttranslatedport"]),
    (ecs::PANOS_FLAGS, &["flags", "flexstring1"]),
    (ecs::NETWORK_TRANSPORT, &["proto", "protocol"]),
    (ecs::PANOS_CMD, &["act", "command", "cmd", "eventname"]),
    (ecs::PANOS_ACTION, &["act", "action"]),
    (ecs::NETWORK_BYTES, &["bytes", "totalbytes", "flexnumber1"]),
    (ecs::SOURCE_BYTES, &["bytessent", "srcbytes"]),
    (ecs::DESTINATION_BYTES, &["bytesreceived", "dstbytes"]),
    (ecs::NETWORK_PACKETS, &["packets", "totalpackets", "packetstotal", "cn2"]),
    (ecs::EVENT_START, &["sessionstarttime", "starttime"]),
    (ecs::EVENT_DURATION, &["sessionduration", "elapsedtime", "elapsedtimeinseconds", "loginduration", "cn3"]),
    (ecs::PANOS_URL_CATEGORY, &["urlcategory", "cs2"]),
    (ecs::PANOS_SEQUENCE_NUMBER, &["externalid", "sequence", "sequenceno", "seqno"]),
    (ecs::PANOS_ACTION_FLAGS, &["actionflags"]),
    (ecs::SOURCE_GEO_NAME, &["sourcelocation", "sourceregion"]),
    (ecs::DESTINATION_GEO_NAME, &["destinationlocation"]),
    (ecs::SOURCE_PACKETS, &["packetssent", "srcpackets"]),
    (ecs::DESTINATION_PACKETS, &["packetsreceived", "dstpackets"]),
    (ecs::PANOS_ENDREASON, &["sessionendreason", "reason"]),
    (ecs::PANOS_DEVICE_GROUP_HIERARCHY1, &["dgl1", "devicegrouphierarchyl1", "dghierarchylevel1"]),
    (ecs::PANOS_DEVICE_GROUP_HIERARCHY2, &["dgl2", "devicegrouphierarchyl2", "dghierarchylevel2"]),
    (ecs::PANOS_DEVICE_GROUP_HIERARCHY3, &["dgl3", "devicegrouphierarchyl3", "dghierarchylevel3"]),
    (ecs::PANOS_DEVICE_GROUP_HIERARCHY4, &["dgl4", "devicegrouphierarchyl4", "dghierarchylevel4"]),
    (ecs::PANOS_VSYS_NAME, &["vsysname", "virtualsystemname", "vsrcname"]),
    (ecs::OBSERVER_HOSTNAME, &["dvchost", "devicename", "logsourcename"]),
    (ecs::PANOS_VSYS_ID, &["virtualsystemid", "vsysid"]),
    (ecs::PANOS_ACTION_SOURCE, &["actionsource", "cat"]),
    (ecs::PANOS_SOURCE_VM_UUID, &["srcuuid", "sourceuuid"]),
    (ecs::PANOS_DESTINATION_VM_UUID, &["dstuuid", "destinationuuid"]),
    (ecs::PANOS_IMSI, &["imsi", "tunnelid"]),
    (ecs::PANOS_IMEI, &["imei", "monitortag"]),
    (ecs::PANOS_PARENT_SESSION_ID, &["parentsessionid"]),
    (ecs::PANOS_PARENT_SESSION_START_TIME, &["parentstarttime"]),
    (ecs::PANOS_TUNNEL_TYPE, &["tunneltype", "tunnel"]),
    (ecs::PANOS_SCTP_ASSOC_ID, &["endpointassociationid", "sctpassocid", "associd"]),
    (ecs::PANOS_SCTP_CHUNKS, &["chunkstotal", "sctpchunks"]),
    (ecs::PANOS_SCTP_CHUNKS_SENT, &["chunkssent", "sctpchunksent"]),
    (ecs::PANOS_SCTP_CHUNKS_RECEIVED, &["chunksreceived", "sctpchunksrcv"]),
    (ecs::RULE_UUID, &["ruleuuid", "rulematcheduuid"]),
    (ecs::PANOS_HTTP2_CONNECTION, &["http2connection", "http2con"]),
    (ecs::PANOS_LINK_CHANGE_COUNT, &["linkchangecount", "linkchange"]),
    (ecs::PANOS_POLICY_ID, &["sdwanpolicyname", "policyid"]),
    (ecs::PANOS_LINK_SWITCHES, &["linkswitches", "linkdetail"]),
    (ecs::PANOS_SDWAN_CLUSTER_NAME, &["sdwancluster"]),
    (ecs::PANOS_SDWAN_DEVICE_TYPE, &["sdwandevicetype", "sdwandevice"]),
    (ecs::PANOS_SDWAN_CLUSTER_TYPE, &["sdwanclustertype", "sdwanclustype"]),
    (ecs::PANOS_SDWAN_SITE, &["sdwansite"]),
    (ecs::PANOS_DYNAMIC_USER_GROUP_NAME, &["dynamicusergroupname", "dynamicusrgrp"]),
    (ecs::PANOS_XFF_IP, &["xforwardedforip", "xffip"]),
    (ecs::PANOS_SRC_CATEGORY, &["sourcedevicecategory", "srcdevicecat"]),
    (ecs::PANOS_SRC_PROFILE, &["sourcedeviceprofile", "srcdeviceprof"]),
    (ecs::PANOS_SRC_MODEL, &["sourcedevicemodel", "srcdevicemodel"]),
    (ecs::PANOS_SRC_VENDOR, &["sourcedevicevendor", "srcdevicevendor"]),
    (ecs::PANOS_SRC_OS_FAMILY, &["sourcedeviceosfamily", "srcdeviceos"]),
    (ecs::PANOS_SRC_OS_VERSION, &["sourcedeviceosversion", "srcdeviceosv"]),
    (ecs::PANOS_SRC_HOST, &["sourcedevicehost", "srchostname"]),
    (ecs::PANOS_SRC_MAC, &["sourcedevicemac", "srcmac"]),
    (ecs::PANOS_DST_CATEGORY, &["destinationdevicecategory", "dstdevicecat"]),
    (ecs::PANOS_DST_PROFILE, &["destinationdeviceprofile", "dstdeviceprof"]),
    (ecs::PANOS_DST_MODEL, &["destinationdevicemodel", "dstdevicemodel"]),
    (ecs::PANOS_DST_VENDOR, &["destinationdevicevendor", "dstdevicevendor"]),
    (ecs::PANOS_DST_OS_FAMILY, &["destinationdeviceosfamily", "dstdeviceos"]),
    (ecs::PANOS_DST_OS_VERSION, &["destinationdeviceosversion", "dstdeviceosv"]),
    (ecs::PANOS_DST_HOST, &["destinationdevicehost", "dsthostname"]),
    (ecs::PANOS_DST_MAC, &["destinationdevicemac", "dstmac"]),
    (ecs::PANOS_CONTAINER_ID, &["containerid"]),
    (ecs::PANOS_POD_NAMESPACE, &["containernamespace", "podnamespace"]),
    (ecs::PANOS_POD_NAME, &["podname", "containername"]),
    (ecs::PANOS_SRC_EXTERNAL_DYNAMIC_LIST, &["sourceedl", "srcedl"]),
    (ecs::PANOS_DST_EXTERNAL_DYNAMIC_LIST, &["destinationedl", "dstedl"]),
    (ecs::PANOS_HOST_ID, &["gphostid", "hostid"]),
    (ecs::HOST_ID, &["gphostid", "hostid"]),
    (ecs::PANOS_SERIAL_NUMBER, &["endpointserialnumber", "endpointsn", "epserial"]),
    (ecs::PANOS_SRC_DYNAMIC_ADDRESS_GROUP, &["sourcedynamicaddressgroup", "srcdag"]),
    (ecs::PANOS_DST_DYNAMIC_ADDRESS_GROUP, &["destinationdynamicaddressgroup", "dstdag"]),
    (ecs::PANOS_SESSION_OWNER, &["hasessionowner"]),
    (ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, &["timegeneratedhighresolution", "timehighres"]),
    // TRAFFIC and THREAT name the slice's fields differently.
    (ecs::PANOS_NSDSAI_SST, &["nssainetworkslicetype", "asservicetype"]),
    (ecs::PANOS_NSDSAI_SD, &["nssainetworkslicedifferentiator", "asservicediff"]),
    (ecs::PANOS_NSSAI_SST, &["nssainetworkslicetype", "asservicetype"]),
    (ecs::PANOS_APPLICATION_SUB_CATEGORY, &["applicationsubcategory"]),
    (ecs::PANOS_APPLICATION_CATEGORY, &["applicationcategory"]),
    (ecs::PANOS_APPLICATION_TECHNOLOGY, &["applicationtechnology"]),
    (ecs::PANOS_APPLICATION_RISK_LEVEL, &["applicationrisk"]),
    (ecs::PANOS_APPLICATION_CHARACTERISTICS, &["applicationcharacteristics"]),
    (ecs::PANOS_APPLICATION_CONTAINER, &["applicationcontainer"]),
    (ecs::PANOS_APPLICATION_TUNNELED, &["tunneledapplication"]),
    (ecs::PANOS_APPLICATION_IS_SAAS, &["issaasapplication"]),
    (ecs::PANOS_APPLICATION_IS_SANCTIONED, &["sanctionedstateofapp"]),
    (ecs::PANOS_FLOW_TYPE, &["flowtype"]),
    // THREAT.
    (ecs::PANOS_MISC, &["request", "url", "filename", "miscellaneous"]),
    (ecs::PANOS_THREAT_ID, &["threatid", "cat"]),
    (ecs::PANOS_SEVERITY, &["severity", "vendorseverity"]),
    (ecs::NETWORK_DIRECTION, &["directionofattack", "direction", "flexstring2"]),
    (ecs::PANOS_HTTP_CONTENT_TYPE, &["requestcontext", "contenttype"]),
    (ecs::PANOS_NETWORK_PCAP_ID, &["fileid", "packetid", "pcapid"]),
    (ecs::PANOS_FILE_HASH, &["filehash", "filedigest"]),
    (ecs::PANOS_WILDFIRE_NAME, &["applianceorcloud", "cloud", "filepath"]),
    (ecs::PANOS_URL_IDX, &["urlcounter", "urlindex"]),
    (ecs::USER_AGENT_ORIGINAL, &["requestclientapplication", "useragent", "useragentstring"]),
    (ecs::FILE_TYPE, &["filetype"]),
    (ecs::NETWORK_FORWARDED_IP, &["xforwardedfor", "xforwarderfor", "identsrc"]),
    (ecs::HTTP_REQUEST_REFERRER, &["referer"]),
    (ecs::SOURCE_USER_EMAIL, &["senderemail", "sender"]),
    (ecs::PANOS_SUBJECT, &["emailsubject", "subject", "msg"]),
    (ecs::DESTINATION_USER_EMAIL, &["recipientemail", "recipient"]),
    (ecs::PANOS_WILDFIRE_REPORT_ID, &["reportid", "oldfileid"]),
    (ecs::HTTP_REQUEST_METHOD, &["requestmethod", "httpmethod"]),
    (ecs::PANOS_THREAT_CATEGORY, &["threatcategory"]),
    (ecs::PANOS_CONTENT_VERSION, &["contentversion", "contentver"]),
    (ecs::PANOS_PAYLOAD_PROTOCOL_ID, &["payloadprotocolid", "ppid"]),
    (ecs::PANOS_HTTP_HEADERS, &["httpheaders", "httpheader"]),
    (ecs::PANOS_URL_CATEGORY_LIST, &["urlcategorylist", "urlcatlist"]),
    (ecs::PANOS_DOMAIN_EDL, &["domainedl"]),
    (ecs::PANOS_PARTIAL_HASH, &["partialhash"]),
    (ecs::PANOS_REASON, &["reasonfilteringaction", "quarantinereason", "reason"]),
    (ecs::PANOS_JUSTIFICATION, &["justification"]),
    (ecs::PANOS_CLOUD_REPORT_ID, &["cloudreportid"]),
    // SYSTEM, CONFIG and the types of users and hosts.
    (ecs::PANOS_MATCHNAME, &["hipmatchname", "matchname", "cat"]),
    (ecs::PANOS_MATCHTYPE, &["hipmatchtype", "matchtype"]),
    (ecs::EVENT_CODE, &["eventidvalue", "eventname", "eventid", "cat"]),
    (ecs::PANOS_OBJECT_NAME, &["objectname", "fname"]),
    (ecs::PANOS_OBJECT_ID, &["objectid", "object", "eventcomponent", "fname", "filename"]),
    (ecs::PANOS_MODULE, &["module", "flexstring2"]),
    (ecs::PANOS_EVENT_RESULT, &["authevent", "event", "msg"]),
    (ecs::PANOS_PATH, &["configurationpath", "path", "msg"]),
    (ecs::PANOS_EVIDENCE, &["evidence", "msg"]),
    (ecs::PANOS_DESCRIPTION, &["eventdescription", "authenticationdescription", "description", "desc", "opaque", "msg"]),
    (ecs::PANOS_CLIENT_TYPE, &["clienttype", "destinationservicename", "client", "cs5"]),
    (ecs::PANOS_RESULT, &["result", "eventresult"]),
    (ecs::PANOS_BEFORE_CHANGE_DETAIL, &["beforechangedetail", "cs1"]),
    (ecs::PANOS_AFTER_CHANGE_DETAIL, &["afterchangedetail", "cs2"]),
    (ecs::PANOS_DEVICE_GROUP_ID, &["fwdevicegroup", "devicegroup"]),
    (ecs::PANOS_COMMENT, &["policyauditcomment"]),
    (ecs::PANOS_STAGE, &["stage"]),
    (ecs::PANOS_AUTH_METHOD, &["authmethod"]),
    (ecs::PANOS_CLIENT_VER, &["globalprotectclientversion", "clientver"]),
    (ecs::HOST_OS_FAMILY, &["endpointostype"]),
    (ecs::HOST_OS_FULL, &["endpointosversion", "operatingsystem", "endpointostype", "cs2"]),
    (ecs::PANOS_ERROR_MESSAGE, &["connectionerror", "errormessage"]),
    (ecs::OBSERVER_GEO_NAME, &["globalprotectgatewaylocation", "gpgatewaylocation"]),
    (ecs::PANOS_CONNECT_METHOD, &["connectionmethod"]),
    (ecs::PANOS_ERROR_CODE, &["connectionerrorid"]),
    (ecs::PANOS_PORTAL, &["portal"]),
    (ecs::PANOS_SELECTION_TYPE, &["gatewayselectiontype"]),
    (ecs::PANOS_RESPONSE_TIME, &["sslresponsetime"]),
    (ecs::PANOS_PRIORITY, &["gatewaypriority"]),
    (ecs::PANOS_ATTEMPTED_GATEWAYS, &["attemptedgateways"]),
    (ecs::PANOS_GATEWAY, &["gateway"]),
    (ecs::HOST_MAC, &["sourcedevicemac"]),
    (ecs::PANOS_DATASOURCENAME, &["datasourcename", "mappingdatasource", "cs4"]),
    (ecs::PANOS_DATASOURCE, &["datasource", "mappingdatasourcesubtype", "cs5"]),
    (ecs::PANOS_DATASOURCETYPE, &["datasourcetype", "mappingdatasourcetype", "cs6"]),
    (ecs::PANOS_DATASOURCE_TYPE, &["mappingdatasourcetype", "datasourcetype"]),
    (ecs::PANOS_DATASOURCE_SUBTYPE, &["mappingdatasourcesubtype", "datasourcesubtype"]),
    (ecs::PANOS_TIMEOUT, &["mappingtimeout", "timeoutthreshold", "timeout"]),
    (ecs::PANOS_FACTORTYPE, &["factortype", "mfafactortype", "cs1"]),
    (ecs::PANOS_FACTORCOMPLETIONTIME, &["authcompletiontime", "end"]),
    (ecs::PANOS_FACTORNO, &["authfactorno", "factornumber", "cn1"]),
    (ecs::PANOS_UGFLAGS, &["ugflags"]),
    (ecs::PANOS_USER_BY_SOURCE, &["userbysource"]),
    (ecs::PANOS_TAG_NAME, &["tagname", "tag"]),
    (ecs::PANOS_AUTHENTICATION_POLICY, &["authenticationpolicy", "cs4"]),
    (ecs::PANOS_AUTHENTICATION_ID, &["authenticationid", "mfaauthenticationid", "cn2"]),
    (ecs::PANOS_AUTHENTICATION_PROTOCOL, &["authenticationprotocol"]),
    (ecs::PANOS_VENDOR, &["mfavendor", "vendor", "flexstring2"]),
    (ecs::PANOS_SERVER_PROFILE, &["authserverprofile", "serverprofile", "cs1"]),
    (ecs::PANOS_CATEGORY, &["category"]),
    // DECRYPTION.
    (ecs::PANOS_HS_STAGE_C2F, &["clienttofirewall"]),
    (ecs::PANOS_HS_STAGE_F2S, &["firewalltoserver", "firewalltoclient"]),
    (ecs::PANOS_TLS_VERSION, &["tlsversion"]),
    (ecs::PANOS_TLS_KEY_EXCHANGE_ALGORITHM, &["tlskeyexchange"]),
    (ecs::TLS_CIPHER, &["tlsencryptionalgorithm"]),
    (ecs::PANOS_TLS_AUTH, &["tlsauth"]),
    (ecs::PANOS_POLICY_NAME, &["policyname"]),
    (ecs::TLS_CURVE, &["ellipticcurve"]),
    (ecs::PANOS_TLS_ERROR_TYPE, &["errorindex"]),
    (ecs::PANOS_ROOT_CERTIFICATE_STATUS, &["rootstatus"]),
    (ecs::PANOS_CHAIN_STATUS, &["chainstatus"]),
    (ecs::PANOS_PROXY_TYPE, &["proxytype"]),
    (ecs::TLS_CLIENT_X509_SERIAL_NUMBER, &["certificateserial"]),
    (ecs::TLS_CLIENT_HASH_SHA256, &["fingerprint"]),
    (ecs::TLS_CLIENT_NOT_BEFORE, &["timenotbefore"]),
    (ecs::TLS_CLIENT_NOT_AFTER, &["timenotafter"]),
    (ecs::TLS_CLIENT_X509_VERSION_NUMBER, &["certificateversion"]),
    (ecs::TLS_CLIENT_X509_PUBLIC_KEY_SIZE, &["certificatesize"]),
    (ecs::PANOS_SUBJECT_COMMON_NAME_LENGTH, &["commonnamelength"]),
    (ecs::PANOS_ISSUER_COMMON_NAME_LENGTH, &["issuernamelength"]),
    (ecs::PANOS_ROOT_COMMON_NAME_LENGTH, &["rootcnlength"]),
    (ecs::PANOS_SERVER_NAME_INDICATION_LENGTH, &["snilength"]),
    (ecs::PANOS_CERTIFICATE_FLAGS, &["certificateflags"]),
    (ecs::TLS_CLIENT_X509_SUBJECT_COMMON_NAME, &["commonname"]),
    (ecs::TLS_CLIENT_X509_ISSUER_COMMON_NAME, &["issuercommonname"]),
    (ecs::PANOS_ROOT_COMMON_NAME_VALUE, &["rootcommonname"]),
    (ecs::TLS_CLIENT_SERVER_NAME, &["servernameindication"]),
];

/// The cloud's default orders, in pieces that types share.
const CLOUD_TRAFFIC: &[&[&str]] = &[CLOUD_HEAD, CLOUD_SESSION, CLOUD_BYTES, CLOUD_DEVICE, CLOUD_TRAFFIC_TAIL, CLOUD_ENDPOINTS, CLOUD_TRAFFIC_END];
const CLOUD_URL: &[&[&str]] = &[CLOUD_HEAD, CLOUD_SESSION, CLOUD_URL_BODY, CLOUD_DEVICE, CLOUD_URL_TAIL, CLOUD_ENDPOINTS, CLOUD_URL_END];
const CLOUD_THREAT: &[&[&str]] = &[CLOUD_HEAD, CLOUD_SESSION, CLOUD_THREAT_BODY, CLOUD_DEVICE, CLOUD_THREAT_TAIL, CLOUD_ENDPOINTS, CLOUD_THREAT_END];
const CLOUD_SYSTEM: &[&[&str]] = &[&[
    "LogTime",
    "LogSourceID",
    "LogType",
    "Subtype",
    "ConfigVersion",
    "EventTime",
    "VirtualLocation",
    "EventName",
    "EventComponent",
    "VendorSeverity",
    "EventDescription",
    "SequenceNo",
    "DGHierarchyLevel1",
    "DGHierarchyLevel2",
    "DGHierarchyLevel3",
    "DGHierarchyLevel4",
    "VirtualSystemName",
    "LogSourceName",
    "DeviceGroup",
    "Template",
    "TimeGeneratedHighResolution",
]];

const CLOUD_HEAD: &[&str] = &["TimeReceived", "DeviceSN", "LogType", "Subtype", "ConfigVersion", "TimeGenerated"];
const CLOUD_SESSION: &[&str] = &[
    "SourceAddress",
    "DestinationAddress",
    "NATSource",
    "NATDestination",
    "Rule",
    "SourceUser",
    "DestinationUser",
    "Application",
    "VirtualLocation",
    "FromZone",
    "ToZone",
    "InboundInterface",
    "OutboundInterface",
    "LogSetting",
    "SessionID",
    "RepeatCount",
    "SourcePort",
    "DestinationPort",
    "NATSourcePort",
    "NATDestinationPort",
    "Protocol",
    "Action",
];
const CLOUD_BYTES: &[&str] = &[
    "Bytes",
    "BytesSent",
    "BytesReceived",
    "PacketsTotal",
    "SessionStartTime",
    "SessionDuration",
    "URLCategory",
    "SequenceNo",
    "SourceLocation",
    "DestinationLocation",
    "PacketsSent",
    "PacketsReceived",
    "SessionEndReason",
];
const CLOUD_URL_BODY: &[&str] = &[
    "URL",
    "URLCategory",
    "VendorSeverity",
    "DirectionOfAttack",
    "SequenceNo",
    "SourceLocation",
    "DestinationLocation",
    "ContentType",
    "PacketID",
    "URLCounter",
    "UserAgent",
    "X-Forwarded-For",
    "Referer",
];
const CLOUD_THREAT_BODY: &[&str] = &[
    "FileName",
    "ThreatID",
    "VendorSeverity",
    "DirectionOfAttack",
    "SequenceNo",
    "SourceLocation",
    "DestinationLocation",
    "PacketID",
    "FileHash",
    "ApplianceOrCloud",
    "URLCounter",
    "FileType",
    "SenderEmail",
    "EmailSubject",
    "RecipientEmail",
    "ReportID",
];
const CLOUD_DEVICE: &[&str] =
    &["DGHierarchyLevel1", "DGHierarchyLevel2", "DGHierarchyLevel3", "DGHierarchyLevel4", "VirtualSystemName", "DeviceName"];
const CLOUD_TRAFFIC_TAIL: &[&str] = &[
    "ActionSource",
    "SourceUUID",
    "DestinationUUID",
    "IMSI",
    "IMEI",
    "ParentSessionID",
    "ParentStarttime",
    "Tunnel",
    "EndpointAssociationID",
    "ChunksTotal",
    "ChunksSent",
    "ChunksReceived",
    "RuleUUID",
    "HTTP2Connection",
    "LinkChangeCount",
    "SDWANPolicyName",
    "LinkSwitches",
    "SDWANCluster",
    "SDWANDeviceType",
    "SDWANClusterType",
    "SDWANSite",
    "DynamicUserGroupName",
    "X-Forwarded-ForIP",
];
const CLOUD_URL_TAIL: &[&str] = &[
    "SourceUUID",
    "DestinationUUID",
    "HTTPMethod",
    "IMSI",
    "IMEI",
    "ParentSessionID",
    "ParentStarttime",
    "Tunnel",
    "InlineMLVerdict",
    "ContentVersion",
    "SigFlags",
    "HTTPHeaders",
    "URLCategoryList",
    "RuleUUID",
    "HTTP2Connection",
    "DynamicUserGroupName",
    "X-Forwarded-ForIP",
];
const CLOUD_THREAT_TAIL: &[&str] = &[
    "SourceUUID",
    "DestinationUUID",
    "IMSI",
    "IMEI",
    "ParentSessionID",
    "ParentStarttime",
    "Tunnel",
    "ThreatCategory",
    "ContentVersion",
    "SigFlags",
    "RuleUUID",
    "HTTP2Connection",
    "DynamicUserGroupName",
    "X-Forwarded-ForIP",
];
const CLOUD_ENDPOINTS: &[&str] = &[
    "SourceDeviceCategory",
    "SourceDeviceProfile",
    "SourceDeviceModel",
    "SourceDeviceVendor",
    "SourceDeviceOSFamily",
    "SourceDeviceOSVersion",
    "SourceDeviceHost",
    "SourceDeviceMac",
    "DestinationDeviceCategory",
    "DestinationDeviceProfile",
    "DestinationDeviceModel",
    "DestinationDeviceVendor",
    "DestinationDeviceOSFamily",
    "DestinationDeviceOSVersion",
    "DestinationDeviceHost",
    "DestinationDeviceMac",
    "ContainerID",
    "ContainerNameSpace",
    "ContainerName",
    "SourceEDL",
    "DestinationEDL",
    "HostID",
    "EndpointSerialNumber",
];
const CLOUD_TRAFFIC_END: &[&str] = &[
    "SourceDynamicAddressGroup",
    "DestinationDynamicAddressGroup",
    "HASessionOwner",
    "TimeGeneratedHighResolution",
    "NSSAINetworkSliceType",
    "NSSAINetworkSliceDifferentiator",
];
const CLOUD_URL_END: &[&str] =
    &["SourceDynamicAddressGroup", "DestinationDynamicAddressGroup", "TimeGeneratedHighResolution", "NSSAINetworkSliceType"];
const CLOUD_THREAT_END: &[&str] = &[
    "DomainEDL",
    "SourceDynamicAddressGroup",
    "DestinationDynamicAddressGroup",
    "PartialHash",
    "TimeGeneratedHighResolution",
    "NSSAINetworkSliceType",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panos::types::{THREAT, TRAFFIC};

    #[test]
    fn no_field_has_two_rows_and_every_name_is_folded() {
        for (row, (field, names)) in KEYS.iter().enumerate() {
            assert!(KEYS[..row].iter().all(|it| it.0 != *field), "{}", ecs::FIELDS[usize::from(field.0)].name);
            assert!(names.iter().all(|it| it.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())), "{names:?}");
        }
    }

    #[test]
    fn every_field_belongs_to_a_type() {
        for (field, names) in KEYS {
            assert!(LOG_TYPES.iter().any(|it| column_of(it, *field).is_some()), "{names:?} lead nowhere");
        }
        for (_, name, field) in SPECIAL {
            assert!(LOG_TYPES.iter().any(|it| column_of(it, *field).is_some()), "{name} leads nowhere");
        }
        for (name, key, _) in COLUMNS {
            assert!(LOG_TYPES.iter().any(|it| it.names.contains(name)), "{key} leads nowhere");
        }
    }

    #[test]
    fn every_column_of_sessions_and_threats_has_a_name() {
        // Columns that no other format carries, or that read the column of another field.
        const NAMELESS: &[FieldId] = &[ecs::PANOS_TYPE, ecs::PANOS_RULESET, ecs::PANOS_IS_OFFLOADED, ecs::PANOS_CLUSTER_NAME];
        for log_type in [&TRAFFIC, &THREAT] {
            let places = places(log_type, Vocabulary::Cloud);
            for it in log_type.header.iter().chain(log_type.columns).filter(|it| !NAMELESS.contains(&it.field)) {
                assert!(places.values().any(|place| place.column == it.index), "{}", ecs::FIELDS[usize::from(it.field.0)].name);
            }
        }
    }

    #[test]
    fn the_clouds_orders_name_known_columns() {
        for (log_type, subtype) in [(&TRAFFIC, ""), (&THREAT, "url"), (&THREAT, "spyware")] {
            let places = places(log_type, Vocabulary::Cloud);
            let unknown: Vec<_> = cloud_order(log_type, subtype)
                .unwrap()
                .iter()
                .flat_map(|it| it.iter())
                .filter(|it| {
                    let folded: String = it.chars().filter(char::is_ascii_alphanumeric).collect();
                    !places.contains_key(folded.to_ascii_lowercase().as_str())
                })
                .collect();
            assert!(unknown.iter().all(|it| matches!(**it, "LogType" | "SigFlags" | "InlineMLVerdict")), "{unknown:?}");
        }
    }
}
