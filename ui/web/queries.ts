// The questions the pages ask. Pure functions from state to search bodies: tested without a browser.
import type { Body, Json } from "./api";
import { interval } from "./format";
import { bounds, print, type Filter, type State, type Syntax } from "./state";

export const RESETS = ["reset-client", "reset-server", "reset-both"];
// PAN-OS reference, "Actions": what on a URL line means that the request did not pass.
export const BLOCKS = ["block-url", "block-continue", "block-override", "override-lockout", "deny", "drop", "drop-packet", "drop-all", "drop-all-packets", "random-drop", "drop-icmp", "reset-client", "reset-server", "reset-both", "block", "block-ip"];
// PAN-OS reference, "Actions": what on a THREAT line means that it was seen and went on.
export const PASSES = ["alert", "allow", "continue", "override", "forward", "syncookie-sent"];
// What PAN-OS writes where a country would stand, for the private ranges of RFC 1918.
export const PRIVATE_PLACES = ["10.0.0.0-10.255.255.255", "172.16.0.0-172.31.255.255", "192.168.0.0-192.168.255.255"];
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

/** An event's answer to one filter. */
export function clause(it: Filter): Body {
  if (it.values.length === 1 && it.values[0] === "*") return { exists: { field: it.field } };
  if (it.like) {
    const patterns = it.values.map((value): Body => ({ wildcard: { [it.field]: { value, case_insensitive: true } } }));
    return patterns.length === 1 ? patterns[0]! : { bool: { should: patterns, minimum_should_match: 1 } };
  }
  return it.values.length === 1 ? term(it.field, it.values[0]!) : terms(it.field, it.values);
}

/** What was typed into the query bar. */
export function typedQuery(query: string, syntax: Syntax): Body[] {
  if (!query.trim()) return [];
  return [syntax === "kql" ? { kql: { query } } : { query_string: { query, default_operator: "AND", lenient: true } }];
}

/** What Discover and every panel ask: time, query bar, filters. */
export function discover(state: Pick<State, "time" | "query" | "syntax" | "filters">, now: number): Body {
  const used = state.filters.filter((it) => !it.off);
  const filter = [...timeFilter(state.time, now), ...typedQuery(state.query, state.syntax), ...used.filter((it) => !it.out).map(clause)];
  return all(filter, used.filter((it) => it.out).map(clause));
}

/** What a panel counts: a stream and filters, beside those of the page. A panel asks exactly what its link to Discover asks. */
export type Scope = { stream: string; filters: Filter[] };

/** The page's filters and a panel's; a narrower one for the same field takes the place of the panel's. */
export function narrowed(state: Pick<State, "filters">, scope: Scope, more: Filter[] = []): Filter[] {
  const isReplaced = (it: Filter) => more.some((other) => other.field === it.field && !other.out && other.values.every((value) => it.values.includes(value)));
  const own = [...scope.filters.filter((it) => !isReplaced(it)), ...more];
  return [...state.filters.filter((it) => !own.some((other) => JSON.stringify(other) === JSON.stringify(it))), ...own];
}

export function scoped(state: State, scope: Scope, now: number, time = state.time): Body {
  return discover({ time, query: state.query, syntax: state.syntax, filters: narrowed(state, scope) }, now);
}

/** The events of a scope, in Discover. */
export function eventsOf(state: State, scope: Scope, more: Filter[] = []): string {
  return print({ ...state, page: "discover", stream: scope.stream, filters: narrowed(state, scope, more), columns: [], sort: "", by: "", event: "" });
}

/** Buckets over the chosen time: their width in ms, and the axis they belong on where the time is bounded. */
export function axis(time: string, now: number, most: number): { step: number; from?: number; to?: number } {
  const { from, to } = bounds(time, now);
  if (from === undefined) return { step: interval(90 * 86_400_000, most) };
  return { step: interval((to ?? now) - from, most), from, to: to ?? now };
}

export function histogram(step: number): Body {
  return { over_time: { date_histogram: { field: "@timestamp", fixed_interval: `${step}ms`, min_doc_count: 1 } } };
}
