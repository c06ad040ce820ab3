// The first page: the two questions, what slipped through, who and what leads, and whether the data is complete.
import { figures } from "../kinds/figures";
import { top } from "../kinds/top";
import { BLOCKS, PRIVATE_PLACES, RESETS, type Scope } from "../queries";
import { is, isNot } from "../state";
import { blocked } from "./blocked";
import { events } from "./events";
import type { Panel } from "./panel";
import { resets } from "./resets";
import { severePassed } from "./threats";
import { blockedUrls } from "./url";

const threats: Scope = { stream: "panos-threat", filters: [] };
const traffic: Scope = { stream: "panos-traffic", filters: [] };

export const OVERVIEW: Panel[] = [
  figures("headlines", "headlines", [
    { title: "threatEvents", scope: threats, more: "worse" },
    { title: "resetThreats", scope: { stream: "panos-threat", filters: [is("panw.panos.action", ...RESETS)] } },
    { title: "severePassed", scope: severePassed, more: "worse" },
    { title: "blockedRequests", scope: blockedUrls },
    { title: "deniedSessions", scope: { stream: "panos-traffic", filters: [is("panw.panos.action", ...BLOCKS)] } },
    { title: "bytes", scope: traffic, measure: { sum: "network.bytes" } },
  ]),
  resets,
  blocked,
  top({ id: "blocked-categories", title: "blockedCategories", scope: blockedUrls, field: "panw.panos.url.category" }),
  top({ id: "severe-passed", title: "severePassedNames", hint: "severePassedHint", scope: severePassed, field: "panw.panos.threat.name" }),
  top({ id: "top-sources", title: "topThreatSources", scope: threats, field: "source.ip", verdicts: true }),
  top({ id: "top-destinations", title: "topThreatDestinations", scope: threats, field: "destination.ip", verdicts: true }),
  top({ id: "top-rules", title: "topRules", scope: traffic, field: "rule.name", verdicts: true }),
  top({ id: "top-applications", title: "applicationBytes", scope: traffic, field: "network.application", sum: "network.bytes" }),
  top({ id: "top-countries", title: "topThreatCountries", scope: { ...threats, filters: [isNot("source.geo.name", ...PRIVATE_PLACES)] }, field: "source.geo.name", verdicts: true }),
  events,
];
