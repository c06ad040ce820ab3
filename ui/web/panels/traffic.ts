// Traffic: sessions and bytes, by whom, with what, under which rule, and what was denied.
import { figures } from "../kinds/figures";
import { overTime } from "../kinds/over_time";
import { pairs } from "../kinds/pairs";
import { top } from "../kinds/top";
import { BLOCKS, PRIVATE_PLACES, type Scope } from "../queries";
import { is, isNot } from "../state";
import type { Panel } from "./panel";

// A line at the start of a session has no bytes yet, and its end is counted.
const sessions: Scope = { stream: "panos-traffic", filters: [isNot("panw.panos.sub_type", "start")] };
const denied: Scope = { stream: "panos-traffic", filters: [is("panw.panos.action", ...BLOCKS)] };
const BYTES = "network.bytes";

export const TRAFFIC: Panel[] = [
  figures("traffic-figures", "trafficFigures", [
    { title: "sessions", scope: sessions },
    { title: "bytes", scope: sessions, measure: { sum: BYTES } },
    { title: "bytesOut", scope: sessions, measure: { sum: "source.bytes" } },
    { title: "bytesIn", scope: sessions, measure: { sum: "destination.bytes" } },
    { title: "deniedSessions", scope: denied },
    { title: "applications", scope: sessions, measure: { distinct: "network.application" } },
  ]),
  overTime({ id: "sessions-by-verdict", title: "sessionsByVerdict", scope: sessions, by: "verdict", span: 6 }),
  overTime({ id: "bytes-by-application", title: "bytesByApplication", scope: sessions, by: { field: "network.application" }, sum: BYTES, span: 6 }),
  pairs({ id: "traffic-zones", title: "zonePairs", scope: sessions, rows: { field: "observer.ingress.zone", title: "sourceZone" }, columns: { field: "observer.egress.zone", title: "destinationZone" } }),
  pairs({ id: "zone-by-action", title: "zoneByAction", scope: sessions, rows: { field: "observer.ingress.zone", title: "sourceZone" }, columns: { field: "panw.panos.action", title: "action" } }),
  top({ id: "application-bytes", title: "applicationBytes", scope: sessions, field: "network.application", sum: BYTES }),
  top({ id: "source-bytes", title: "sourceBytes", scope: sessions, field: "source.ip", sum: BYTES }),
  top({ id: "destination-bytes", title: "destinationBytes", scope: sessions, field: "destination.ip", sum: BYTES }),
  top({ id: "user-bytes", title: "userBytes", scope: sessions, field: "source.user.name", sum: BYTES }),
  top({ id: "upload-bytes", title: "uploadBytes", hint: "uploadHint", scope: sessions, field: "source.ip", sum: "source.bytes" }),
  top({ id: "country-bytes", title: "countryBytes", scope: { ...sessions, filters: [...sessions.filters, isNot("destination.geo.name", ...PRIVATE_PLACES)] }, field: "destination.geo.name", sum: BYTES }),
  top({ id: "traffic-rules", title: "topRules", scope: sessions, field: "rule.name", verdicts: true }),
  top({ id: "traffic-ports", title: "topPorts", scope: sessions, field: "destination.port", verdicts: true }),
  top({ id: "end-reasons", title: "endReasons", scope: sessions, field: "panw.panos.endreason", verdicts: true }),
  top({ id: "denied-rules", title: "deniedRules", scope: denied, field: "rule.name" }),
  top({ id: "denied-sources", title: "deniedSources", scope: denied, field: "source.ip" }),
  top({ id: "denied-ports", title: "deniedPorts", scope: denied, field: "destination.port" }),
];
