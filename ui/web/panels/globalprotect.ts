// GlobalProtect: who connected from where, with what, and what failed.
import { figures } from "../kinds/figures";
import { latest } from "../kinds/latest";
import { overTime } from "../kinds/over_time";
import { pairs } from "../kinds/pairs";
import { top } from "../kinds/top";
import type { Scope } from "../queries";
import { is } from "../state";
import type { Panel } from "./panel";

const all: Scope = { stream: "panos-globalprotect", filters: [] };
const failures: Scope = { stream: "panos-globalprotect", filters: [is("event.outcome", "failure")] };

export const GLOBALPROTECT: Panel[] = [
  figures("gp-figures", "gpFigures", [
    { title: "gpEvents", scope: all },
    { title: "gpFailures", scope: failures, more: "worse" },
    { title: "users", scope: all, measure: { distinct: "source.user.name" } },
    { title: "clients", scope: all, measure: { distinct: "host.name" } },
    { title: "countries", scope: all, measure: { distinct: "source.geo.name" } },
  ]),
  overTime({ id: "gp-by-stage", title: "gpByStage", scope: all, by: { field: "panw.panos.stage" }, span: 6 }),
  overTime({ id: "gp-by-outcome", title: "gpByOutcome", scope: all, by: { field: "event.outcome" }, span: 6 }),
  top({ id: "gp-users", title: "topUsers", scope: all, field: "source.user.name" }),
  top({ id: "gp-countries", title: "topCountries", scope: all, field: "source.geo.name" }),
  top({ id: "gp-events", title: "eventCodes", scope: all, field: "event.code" }),
  top({ id: "gp-gateways", title: "gateways", scope: all, field: "panw.panos.gateway" }),
  top({ id: "gp-portals", title: "portals", scope: all, field: "panw.panos.portal" }),
  top({ id: "gp-clients", title: "clientReleases", scope: all, field: "panw.panos.client_ver" }),
  top({ id: "gp-systems", title: "clientSystems", scope: all, field: "host.os.full" }),
  top({ id: "gp-auth", title: "authMethods", scope: all, field: "panw.panos.auth_method" }),
  top({ id: "gp-errors", title: "gpErrors", scope: failures, field: "panw.panos.error_message" }),
  pairs({ id: "gp-user-countries", title: "userCountries", scope: all, rows: { field: "source.user.name", title: "user" }, columns: { field: "source.geo.name", title: "country" }, span: 12 }),
  latest({ id: "gp-latest", title: "gpLatest", scope: all, columns: ["event.code", "panw.panos.stage", "event.outcome", "source.user.name", "source.nat.ip", "source.geo.name", "host.name", "panw.panos.client_ver", "panw.panos.reason", "panw.panos.error_message"] }),
];
