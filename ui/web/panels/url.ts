// URL filtering: what was asked for, what was blocked, who asked.
import { figures } from "../kinds/figures";
import { latest } from "../kinds/latest";
import { overTime } from "../kinds/over_time";
import { pairs } from "../kinds/pairs";
import { top } from "../kinds/top";
import { BLOCKS, type Scope } from "../queries";
import { is } from "../state";
import type { Panel } from "./panel";

const all: Scope = { stream: "panos-url", filters: [] };
export const blockedUrls: Scope = { stream: "panos-url", filters: [is("panw.panos.action", ...BLOCKS)] };
const continued: Scope = { stream: "panos-url", filters: [is("panw.panos.action", "continue", "override")] };

export const URL_FILTERING: Panel[] = [
  figures("url-figures", "urlFigures", [
    { title: "webRequests", scope: all },
    { title: "blockedRequests", scope: blockedUrls },
    { title: "continuedRequests", scope: continued },
    { title: "domains", scope: all, measure: { distinct: "url.domain" } },
    { title: "users", scope: all, measure: { distinct: "source.user.name" } },
  ]),
  overTime({ id: "url-by-action", title: "urlByAction", scope: all, by: { field: "panw.panos.action" }, span: 6 }),
  overTime({ id: "blocked-by-category", title: "blockedByCategoryOverTime", scope: blockedUrls, by: { field: "panw.panos.url.category" }, span: 6 }),
  top({ id: "blocked-categories", title: "blockedCategories", scope: blockedUrls, field: "panw.panos.url.category" }),
  top({ id: "blocked-domains", title: "blockedDomains", scope: blockedUrls, field: "url.domain" }),
  top({ id: "blocked-users", title: "blockedUsers", scope: blockedUrls, field: "source.user.name" }),
  pairs({ id: "category-by-action", title: "categoryByAction", scope: all, rows: { field: "panw.panos.url.category", title: "urlCategory" }, columns: { field: "panw.panos.action", title: "action" }, span: 12 }),
  top({ id: "url-categories", title: "urlCategories", scope: all, field: "panw.panos.url.category", verdicts: true }),
  top({ id: "url-domains", title: "topDomains", scope: all, field: "url.domain", verdicts: true }),
  top({ id: "url-users", title: "topUsers", scope: all, field: "source.user.name", verdicts: true }),
  top({ id: "url-sources", title: "topSources", scope: all, field: "source.ip", verdicts: true }),
  top({ id: "url-risk", title: "urlRisk", scope: all, field: "panw.panos.url_category_list", verdicts: true }),
  top({ id: "url-ports", title: "topPorts", scope: all, field: "destination.port", verdicts: true }),
  top({ id: "url-methods", title: "httpMethods", scope: all, field: "http.request.method", verdicts: true }),
  top({ id: "url-content", title: "contentTypes", scope: all, field: "panw.panos.http_content_type", verdicts: true }),
  top({ id: "url-rules", title: "topRules", scope: all, field: "rule.name", verdicts: true }),
  latest({ id: "blocked-latest", title: "blockedLatest", scope: blockedUrls, columns: ["panw.panos.action", "url.original", "panw.panos.url.category", "source.ip", "source.user.name", "destination.port", "rule.name"] }),
];
