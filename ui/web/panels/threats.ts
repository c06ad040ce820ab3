// Threats: what was found, what was done about it, and what went on nevertheless. URL lines have a page of their own.
import { figures } from "../kinds/figures";
import { latest } from "../kinds/latest";
import { overTime } from "../kinds/over_time";
import { pairs } from "../kinds/pairs";
import { top } from "../kinds/top";
import { whatIf } from "../kinds/what_if";
import { BLOCKS, PRIVATE_PLACES, type Scope } from "../queries";
import { is, isNot } from "../state";
import type { Panel } from "./panel";
import { severePassedFilters } from "./severe";

const all: Scope = { stream: "panos-threat", filters: [] };
const blocked: Scope = { stream: "panos-threat", filters: [is("panw.panos.action", ...BLOCKS, "sinkhole")] };
export const severePassed: Scope = { stream: "panos-threat", filters: severePassedFilters };

export const THREATS: Panel[] = [
  figures("threat-figures", "threatFigures", [
    { title: "threatEvents", scope: all, more: "worse" },
    { title: "blockedEvents", scope: blocked },
    { title: "severePassed", scope: severePassed, more: "worse" },
    { title: "attackers", scope: all, measure: { distinct: "source.ip" } },
    { title: "targets", scope: all, measure: { distinct: "destination.ip" } },
    { title: "signatures", scope: all, measure: { distinct: "panw.panos.threat.name" } },
  ]),
  overTime({ id: "threats-by-severity", title: "threatsBySeverity", scope: all, by: { field: "panw.panos.severity" }, span: 6 }),
  overTime({ id: "threats-by-verdict", title: "threatsByVerdict", scope: all, by: "verdict", span: 6 }),
  whatIf("what-if", "whatIf", "whatIfHint", severePassed),
  top({ id: "threat-names", title: "threatNames", scope: all, field: "panw.panos.threat.name", verdicts: true }),
  top({ id: "threat-sources", title: "topSources", scope: all, field: "source.ip", verdicts: true }),
  top({ id: "threat-destinations", title: "topDestinations", scope: all, field: "destination.ip", verdicts: true }),
  pairs({ id: "severity-by-action", title: "severityByAction", scope: all, rows: { field: "panw.panos.severity", title: "severity" }, columns: { field: "panw.panos.action", title: "action" }, span: 8 }),
  pairs({ id: "threat-zones", title: "zonePairs", scope: all, rows: { field: "observer.ingress.zone", title: "sourceZone" }, columns: { field: "observer.egress.zone", title: "destinationZone" }, span: 4 }),
  top({ id: "threat-countries", title: "topCountries", scope: { ...all, filters: [...all.filters, isNot("source.geo.name", ...PRIVATE_PLACES)] }, field: "source.geo.name", verdicts: true }),
  top({ id: "threat-kinds", title: "threatKinds", scope: all, field: "panw.panos.sub_type", verdicts: true }),
  top({ id: "threat-categories", title: "threatCategories", scope: all, field: "panw.panos.threat_category", verdicts: true }),
  top({ id: "threat-apps", title: "topApplications", scope: all, field: "network.application", verdicts: true }),
  top({ id: "threat-rules", title: "topRules", scope: all, field: "rule.name", verdicts: true }),
  top({ id: "threat-ports", title: "topPorts", scope: all, field: "destination.port", verdicts: true }),
  latest({ id: "severe-passed-latest", title: "severePassedLatest", scope: severePassed, columns: ["panw.panos.severity", "panw.panos.threat.name", "panw.panos.action", "source.ip", "destination.ip", "destination.port", "source.user.name", "rule.name"] }),
];
