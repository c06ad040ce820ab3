// Commits of the firewalls' configuration in the chosen time: marks on every chart over time.
import { signal } from "@preact/signals";
import type { Answer, Query } from "./api";
import type { Mark } from "./chart";
import { valuesAt } from "./documents";
import { time } from "./format";
import { t } from "./i18n";
import { all, term, timeFilter } from "./queries";
import { link, utc, type State } from "./state";

/** Beyond this many marks would hide the chart. */
const MARKS_MAX = 60;

export const commits = signal<Mark[]>([]);

export function commitQuery(state: State, now: number): Query {
  return {
    index: "panos-config",
    body: {
      size: MARKS_MAX,
      query: all([term("panw.panos.cmd", "commit"), ...timeFilter(state.time, now)]),
      sort: [{ "@timestamp": { order: "desc", unmapped_type: "date" } }],
      _source: ["@timestamp", "panw.panos.admin", "observer.hostname"],
    },
  };
}

export function marksOf(answer: Answer): Mark[] {
  return answer.hits.hits.map((hit) => {
    const at = Date.parse(valuesAt(hit._source, "@timestamp")[0] ?? "");
    const who = [valuesAt(hit._source, "panw.panos.admin")[0], valuesAt(hit._source, "observer.hostname")[0]].filter(Boolean).join(", ");
    return { at, text: t("commitBy", who, time(at, utc.value).slice(0, 19)), href: link({ page: "discover", stream: "panos-config", query: "", filters: [], columns: [], event: `${hit._index}/${hit._id}` }) };
  });
}
