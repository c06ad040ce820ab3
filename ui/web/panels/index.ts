// Every dashboard and its panels, in their order. To add a panel: a definition in the dashboard's file, made by one of `kinds/`.
import { FACETS, type Facet } from "../filter_bar";
import { GLOBALPROTECT } from "./globalprotect";
import { OVERVIEW } from "./overview";
import type { Panel } from "./panel";
import { SYSTEM } from "./system";
import { THREATS } from "./threats";
import { TRAFFIC } from "./traffic";
import { URL_FILTERING } from "./url";

export type Dashboard = { id: "overview" | "threats" | "url" | "traffic" | "system" | "globalprotect"; streams: string[]; facets: readonly Facet[]; panels: Panel[] };

const { serial, vsys, fromZone, toZone, source, destination, port, user, app, rule, action, severity, category, subtype, hostname, event, admin } = FACETS;
const NETWORK = [serial, vsys, fromZone, toZone, source, destination, port, user, app, rule, action];

export const DASHBOARDS: Dashboard[] = [
  { id: "overview", streams: ["panos-traffic", "panos-threat", "panos-url"], facets: [...NETWORK, severity], panels: OVERVIEW },
  { id: "threats", streams: ["panos-threat"], facets: [...NETWORK, severity, subtype], panels: THREATS },
  { id: "url", streams: ["panos-url"], facets: [...NETWORK, category], panels: URL_FILTERING },
  { id: "traffic", streams: ["panos-traffic"], facets: [...NETWORK, subtype], panels: TRAFFIC },
  { id: "system", streams: ["panos-system", "panos-config"], facets: [serial, hostname, severity, subtype, event, admin], panels: SYSTEM },
  { id: "globalprotect", streams: ["panos-globalprotect"], facets: [serial, vsys, source, user, event], panels: GLOBALPROTECT },
];
