//! The session flags: a hexadecimal number whose bits become labels.

use sekisho_engine::ecs;
use sekisho_engine::mapping::FieldId;

use super::event::Event;

/// Bits and labels; bits without one are internal to the firewall. PAN-OS syslog reference §8.
const LABELS: &[(u64, FieldId)] = &[
    (0x8000_0000, ecs::LABELS_PCAP_INCLUDED),
    (0x4000_0000, ecs::LABELS_CONNECT_TO_DESTINATION_HOST),
    (0x2000_0000, ecs::LABELS_FILE_SUBMITTED_TO_WILDFIRE),
    (0x1000_0000, ecs::LABELS_ENTERPRISE_CREDENTIAL_SUBMISSION),
    (0x0800_0000, ecs::LABELS_SOURCE_FLOW_ALLOW_LIST),
    (0x0200_0000, ecs::LABELS_IPV6_SESSION),
    (0x0100_0000, ecs::LABELS_SSL_DECRYPTED),
    (0x0080_0000, ecs::LABELS_URL_FILTER_DENIED),
    (0x0040_0000, ecs::LABELS_NAT_TRANSLATED),
    (0x0020_0000, ecs::LABELS_CAPTIVE_PORTAL),
    (0x0010_0000, ecs::LABELS_NON_STANDARD_PORT_USAGE),
    (0x0008_0000, ecs::LABELS_X_FORWARDED_FOR),
    (0x0004_0000, ecs::LABELS_HTTP_PROXY),
    (0x0002_0000, ecs::LABELS_CLIENT_SERVER_POLICY_BASED_FORWARDING),
    (0x0001_0000, ecs::LABELS_SERVER_CLIENT_POLICY_BASED_FORWARDING),
    (0x0000_8000, ecs::LABELS_CONTAINER_PAGE),
    (0x0000_2000, ecs::LABELS_TEMPORARY_MATCH),
    (0x0000_0800, ecs::LABELS_SYMMETRIC_RETURN),
    (0x0000_0400, ecs::LABELS_DECRYPTED_TRAFFIC),
    (0x0000_0100, ecs::LABELS_PAYLOAD_OUTER_TUNNEL),
];

/// Column flags: the text as it stands, and `labels.*` = true for each bit that is set. A clear bit gives nothing.
pub(super) fn labels(event: &mut Event<'_>, index: usize) {
    let raw = event.columns.raw(index).trim_ascii();
    event.row.push_str(ecs::PANOS_FLAGS, raw);
    let Some(bits) = raw.strip_prefix("0x").and_then(|it| u64::from_str_radix(it, 16).ok()) else {
        return event.column_error(index, "is not a hexadecimal number");
    };
    for (_, label) in LABELS.iter().filter(|it| bits & it.0 != 0) {
        event.row.push_bool(*label, true);
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::tests_support::row_of;
    use super::*;

    #[test]
    fn each_set_bit_is_a_label() {
        let row = row_of("0x400064", labels);
        let fields: Vec<_> = row.values().map(|it| it.0).collect();
        assert_eq!(fields, [ecs::PANOS_FLAGS, ecs::LABELS_NAT_TRANSLATED]);
        assert_eq!(row_of("0xffffffff", labels).len(), 1 + LABELS.len());
    }

    #[test]
    fn the_table_has_each_bit_once() {
        let all = LABELS.iter().fold(0, |all, it| {
            assert!(it.0.is_power_of_two() && all & it.0 == 0, "{:#x}", it.0);
            all | it.0
        });
        assert_eq!(all.count_ones() as usize, LABELS.len());
    }

    #[test]
    fn text_without_the_prefix_is_kept_and_not_read() {
        let row = row_of("15", labels);
        assert_eq!((row.str(ecs::PANOS_FLAGS), row.str(ecs::ERROR_MESSAGE)), (Some("15"), Some("column 0 is not a hexadecimal number")));
    }
}
