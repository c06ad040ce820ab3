// The monthly report: which month, which questions, and the answers as rows. Pure functions; the page draws them.
import type { Answer, Body, Query } from "./api";
import { all, BLOCKS, clause, RESETS, terms, timeFilter } from "./queries";
import { is, type Filter } from "./state";
import { severePassedFilters } from "./panels/severe";

/** The bounds of a month `2026-11` in ms, in the browser's zone or UTC; `undefined` for what is no month. */
export function month(name: string, utc: boolean): { from: number; to: number } | undefined {
  const found = /^(\d{4})-(\d{2})$/.exec(name);
  const [year, at] = [Number(found?.[1]), Number(found?.[2]) - 1];
  if (!found || at < 0 || at > 11) return undefined;
  return utc ? { from: Date.UTC(year, at), to: Date.UTC(year, at + 1) } : { from: new Date(year, at).getTime(), to: new Date(year, at + 1).getTime() };
}

/** The name of a month some months away from the one that a time is in. */
export function monthName(ms: number, away: number, utc: boolean): string {
  const at = new Date(ms);
  const [year, index] = utc ? [at.getUTCFullYear(), at.getUTCMonth()] : [at.getFullYear(), at.getMonth()];
  const sum = year * 12 + index + away;
  return `${Math.floor(sum / 12)}-${String((sum % 12) + 1).padStart(2, "0")}`;
}

const between = (from: string, to: string): Filter[] => [is("observer.ingress.zone", from), is("observer.egress.zone", to)];

export type Zones = { from: string; to: string };
/** The report's tables, in its order; each is asked for the month and the month before. */
export const TABLES = ["resetsByZones", "resetsByThreat", "resetsBySource", "blockedByPort", "blockedByCategory", "blockedByDomain", "passedByThreat", "passedByTarget"] as const;
export type TableName = (typeof TABLES)[number];

type Part = { stream: string; filters: Filter[]; field: string };

export function parts(zones: Zones): Record<TableName, Part> {
  const resets = [...between(zones.from, zones.to), is("panw.panos.action", ...RESETS)];
  const blocked = [...between("Trust", "Untrust"), is("panw.panos.action", ...BLOCKS)];
  return {
    resetsByZones: { stream: "panos-threat", filters: [is("panw.panos.action", ...RESETS)], field: "observer.ingress.zone" },
    resetsByThreat: { stream: "panos-threat", filters: resets, field: "panw.panos.threat.name" },
    resetsBySource: { stream: "panos-threat", filters: resets, field: "source.ip" },
    blockedByPort: { stream: "panos-url", filters: blocked, field: "destination.port" },
    blockedByCategory: { stream: "panos-url", filters: blocked, field: "panw.panos.url.category" },
    blockedByDomain: { stream: "panos-url", filters: blocked, field: "url.domain" },
    passedByThreat: { stream: "panos-threat", filters: severePassedFilters, field: "panw.panos.threat.name" },
    passedByTarget: { stream: "panos-threat", filters: severePassedFilters, field: "destination.ip" },
  };
}

const SIZE = 10;

/** The questions of one month: for each table its total and its rows. Rows of the month before are asked by name, so that both months have the same ones. */
export function questions(zones: Zones, time: string, only?: Record<TableName, string[]>): Query[] {
  const of = parts(zones);
  return TABLES.map((name) => {
    const { stream, filters, field } = of[name];
    const wanted = only?.[name];
    const body: Body = {
      size: 0,
      track_total_hits: true,
      query: all([...timeFilter(time, 0), ...filters.map(clause)]),
      aggs: wanted ? { rows: { filters: { filters: Object.fromEntries(wanted.map((value) => [value, terms(field, [value])])) } } } : { rows: { terms: { field, size: SIZE } } },
    };
    return { index: stream, body };
  });
}

export type Row = { value: string; count: number; before: number };
export type Tables = Record<TableName, { total: number; before: number; rows: Row[] }>;

export function namesOf(answers: Answer[]): Record<TableName, string[]> {
  return Object.fromEntries(TABLES.map((name, at) => [name, (answers[at]?.aggregations?.rows?.buckets ?? []).map((it) => it.key_as_string ?? String(it.key))])) as Record<TableName, string[]>;
}

export function tables(answers: Answer[], before: Answer[]): Tables {
  return Object.fromEntries(
    TABLES.map((name, at) => {
      const earlier = (before[at]?.aggregations?.rows as unknown as { buckets: Record<string, { doc_count: number }> } | undefined)?.buckets ?? {};
      const rows = (answers[at]?.aggregations?.rows?.buckets ?? []).map((it) => {
        const value = it.key_as_string ?? String(it.key);
        return { value, count: it.doc_count, before: earlier[value]?.doc_count ?? 0 };
      });
      return [name, { total: answers[at]?.hits.total?.value ?? 0, before: before[at]?.hits.total?.value ?? 0, rows }];
    }),
  ) as Tables;
}
