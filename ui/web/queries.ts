// The questions the pages ask. Pure functions from state to search bodies: tested without a browser.
import type { Body, Json } from "./api";
import { bounds, type Filter, type State } from "./state";

export const RESETS = ["reset-client", "reset-server", "reset-both"];
// PAN-OS reference, "Actions": what on a URL line means that the request did not pass.
export const BLOCKS = ["block-url", "block-continue", "block-override", "override-lockout", "deny", "drop", "drop-packet", "drop-all", "drop-all-packets", "random-drop", "drop-icmp", "reset-client", "reset-server", "reset-both", "block", "block-ip"];
export const STREAMS = ["panos-traffic", "panos-url", "panos-threat", "panos-system", "panos-config", "panos-globalprotect", "syslog", "syslog-unparsed"];

export const term = (field: string, value: Json): Body => ({ term: { [field]: value } });
export const terms = (field: string, values: string[]): Body => ({ terms: { [field]: values } });

/** The time choice as filters; none for all time. */
export function timeFilter(choice: string, now: number): Body[] {
  const { from, to } = bounds(choice, now);
  const range: { [key: string]: Json } = { format: "epoch_millis" };
  if (from !== undefined) range.gte = from;
  if (to !== undefined) range.lt = to;
  return from === undefined && to === undefined ? [] : [{ range: { "@timestamp": range } }];
}

export const all = (filter: Body[], out: Body[] = []): Body => ({ bool: out.length ? { filter, must_not: out } : { filter } });

/** What Discover asks: query bar, filter chips, time. */
export function discover(state: State, now: number): Body {
  const clause = (it: Filter): Body => (it.value === "*" ? { exists: { field: it.field } } : term(it.field, it.value));
  const filter = timeFilter(state.time, now);
  if (state.query.trim()) filter.push({ query_string: { query: state.query, default_operator: "AND", lenient: true } });
  filter.push(...state.filters.filter((it) => !it.out).map(clause));
  return all(filter, state.filters.filter((it) => it.out).map(clause));
}

export function histogram(step: number): Body {
  return { over_time: { date_histogram: { field: "@timestamp", fixed_interval: `${step}ms`, min_doc_count: 1 } } };
}
