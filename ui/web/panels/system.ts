// System and configuration: the firewalls' own life, and who changed what.
import { figures } from "../kinds/figures";
import { latest } from "../kinds/latest";
import { overTime } from "../kinds/over_time";
import { top } from "../kinds/top";
import type { Scope } from "../queries";
import { is } from "../state";
import type { Panel } from "./panel";

const system: Scope = { stream: "panos-system", filters: [] };
const severe: Scope = { stream: "panos-system", filters: [is("panw.panos.severity", "critical", "high")] };
const failures: Scope = { stream: "panos-system", filters: [is("event.outcome", "failure")] };
const config: Scope = { stream: "panos-config", filters: [] };
const commits: Scope = { stream: "panos-config", filters: [is("panw.panos.cmd", "commit")] };

export const SYSTEM: Panel[] = [
  figures("system-figures", "systemFigures", [
    { title: "systemEvents", scope: system },
    { title: "severeEvents", scope: severe, more: "worse" },
    { title: "failedSignIns", scope: failures, more: "worse" },
    { title: "configChanges", scope: config },
    { title: "commits", scope: commits },
    { title: "admins", scope: config, measure: { distinct: "panw.panos.admin" } },
  ]),
  overTime({ id: "system-by-severity", title: "systemBySeverity", scope: system, by: { field: "panw.panos.severity" }, span: 6 }),
  overTime({ id: "config-by-admin", title: "configByAdmin", scope: config, by: { field: "panw.panos.admin" }, span: 6 }),
  latest({ id: "severe-latest", title: "severeLatest", scope: severe, columns: ["panw.panos.severity", "event.code", "observer.hostname", "panw.panos.description"] }),
  latest({ id: "config-latest", title: "configLatest", scope: config, columns: ["panw.panos.admin", "panw.panos.cmd", "panw.panos.result", "panw.panos.client_type", "host.ip", "panw.panos.path"] }),
  top({ id: "system-events", title: "eventCodes", scope: system, field: "event.code" }),
  top({ id: "system-kinds", title: "systemKinds", scope: system, field: "panw.panos.sub_type" }),
  top({ id: "failed-users", title: "failedUsers", scope: failures, field: "user.name" }),
  top({ id: "config-admins", title: "admins", scope: config, field: "panw.panos.admin" }),
  top({ id: "config-commands", title: "configCommands", scope: config, field: "panw.panos.cmd" }),
  top({ id: "config-results", title: "configResults", scope: config, field: "panw.panos.result" }),
  top({ id: "config-clients", title: "configClients", scope: config, field: "panw.panos.client_type" }),
  top({ id: "config-hosts", title: "configHosts", scope: config, field: "host.ip" }),
  top({ id: "config-paths", title: "configPaths", scope: config, field: "panw.panos.path" }),
];
