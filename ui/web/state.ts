// What a user would share is in the URL: page, time, filters, query, columns. What is only taste is in the browser's store.
import { effect, signal } from "@preact/signals";
import { language, type Language } from "./i18n";

export const PAGES = ["overview", "threats", "url", "traffic", "system", "globalprotect", "discover", "session", "sources", "data", "pipelines", "report"] as const;
export type Page = (typeof PAGES)[number];
/** An event passes if the field has one of the values (`*` alone: any value), or none of them where `out`; `like` values are patterns with `*` and `?`. An `off` filter is kept, but asks nothing. */
export type Filter = { field: string; values: string[]; out: boolean; like?: boolean; off?: boolean };
export const is = (field: string, ...values: string[]): Filter => ({ field, values, out: false });
export const isNot = (field: string, ...values: string[]): Filter => ({ field, values, out: true });

export type Syntax = "kql" | "lucene";

export type State = {
  page: Page;
  /** A preset such as `24h`, `all`, or two times as `from..to` in ms. */
  time: string;
  stream: string;
  query: string;
  /** The language of `query`. */
  syntax: Syntax;
  filters: Filter[];
  columns: string[];
  /** The order of events as `field:asc` or `field:desc`; empty: the newest first. */
  sort: string;
  /** The field whose values part the bars of Discover's histogram. */
  by: string;
  /** The event whose details or conversation are shown, as `index/id`. */
  event: string;
  /** The source, stream or month that a page is about. */
  item: string;
  from: string;
  to: string;
  /** Milliseconds between refreshes; 0 = off. */
  every: number;
};

export const PRESETS: [string, number][] = [
  ["15m", 900_000],
  ["1h", 3_600_000],
  ["24h", 86_400_000],
  ["7d", 604_800_000],
  ["30d", 2_592_000_000],
  ["90d", 7_776_000_000],
];

export const DEFAULTS: State = { page: "overview", time: "30d", stream: "panos-*", query: "", syntax: "kql", filters: [], columns: [], sort: "", by: "", event: "", item: "", from: "Untrust", to: "DMZ", every: 10_000 };

/** Reads the part of a URL behind `#`. What is not understood is the default. */
export function parse(hash: string): State {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?");
  const params = new URLSearchParams(search);
  const every = Number(params.get("every") ?? DEFAULTS.every);
  return {
    page: PAGES.find((it) => it === path) ?? "overview",
    time: validTime(params.get("time")) ?? DEFAULTS.time,
    stream: params.get("stream") ?? DEFAULTS.stream,
    query: params.get("q") ?? "",
    syntax: params.get("syntax") === "lucene" ? "lucene" : "kql",
    filters: params.getAll("f").flatMap(parseFilter),
    columns: params.get("columns")?.split(",").filter(Boolean) ?? [],
    sort: /^[^:]+:(asc|desc)$/.exec(params.get("sort") ?? "")?.[0] ?? "",
    by: params.get("by") ?? "",
    event: params.get("event") ?? "",
    item: params.get("item") ?? "",
    from: params.get("from") ?? DEFAULTS.from,
    to: params.get("to") ?? DEFAULTS.to,
    every: Number.isFinite(every) && every >= 0 ? every : DEFAULTS.every,
  };
}

/** The URL part of a state; defaults are left out. */
export function print(state: State): string {
  const params = new URLSearchParams();
  if (state.time !== DEFAULTS.time) params.set("time", state.time);
  if (state.stream !== DEFAULTS.stream) params.set("stream", state.stream);
  if (state.query) params.set("q", state.query);
  if (state.syntax !== DEFAULTS.syntax) params.set("syntax", state.syntax);
  for (const it of state.filters) params.append("f", printFilter(it));
  if (state.columns.length) params.set("columns", state.columns.join(","));
  if (state.sort) params.set("sort", state.sort);
  if (state.by) params.set("by", state.by);
  if (state.event) params.set("event", state.event);
  if (state.item) params.set("item", state.item);
  if (state.from !== DEFAULTS.from) params.set("from", state.from);
  if (state.to !== DEFAULTS.to) params.set("to", state.to);
  if (state.every !== DEFAULTS.every) params.set("every", String(state.every));
  const search = params.toString();
  return `#/${state.page}${search ? `?${search}` : ""}`;
}

// `+field:value`, `-field:value`, `+~field:pattern`, with `!` before the sign of one that is off; several values are a JSON list, and so is a single one that looks like a list.
function printFilter(it: Filter): string {
  const single = it.values.length === 1 ? it.values[0]! : "[";
  return `${it.off ? "!" : ""}${it.out ? "-" : "+"}${it.like ? "~" : ""}${it.field}:${single.startsWith("[") ? JSON.stringify(it.values) : single}`;
}

function parseFilter(text: string): Filter[] {
  const [, off, sign, like, field, value] = /^(!?)([+-])(~?)([^:]+):([^]*)$/.exec(text) ?? [];
  if (sign === undefined || field === undefined || value === undefined) return [];
  return [{ field, values: parseValues(value), out: sign === "-", ...(like ? { like: true } : {}), ...(off ? { off: true } : {}) }];
}

function parseValues(text: string): string[] {
  if (!text.startsWith("[")) return [text];
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.length > 0 && list.every((it) => typeof it === "string")) return list;
  } catch {
    // A text that only looks like a list.
  }
  return [text];
}

function validTime(text: string | null): string | undefined {
  if (text === null) return undefined;
  const known = text === "all" || PRESETS.some((it) => it[0] === text) || /^\d+\.\.\d+$/.test(text);
  return known ? text : undefined;
}

/** The time of the same length before a choice, as a choice; none where the choice is open. */
export function before(choice: string, now: number): string | undefined {
  const { from, to = now } = bounds(choice, now);
  return from === undefined ? undefined : `${2 * from - to}..${from}`;
}

/** The bounds of a time choice in ms; `undefined` where it is open. */
export function bounds(choice: string, now: number): { from?: number; to?: number } {
  const preset = PRESETS.find((it) => it[0] === choice);
  if (preset) return { from: now - preset[1] };
  const [from, to] = choice.split("..").map(Number);
  if (from !== undefined && to !== undefined) return { from, to };
  return {};
}

const inBrowser = typeof window !== "undefined";
export const state = signal<State>(parse(inBrowser ? window.location.hash : ""));
export const dark = signal(false);
export const utc = signal(false);

/** Changes part of the state, as a step that the browser's back button undoes; or in place of the step before. */
export function go(change: Partial<State>, step: "push" | "replace" = "push"): void {
  const next = { ...state.value, ...change };
  const hash = print(next);
  if (hash !== window.location.hash) window.history[`${step}State`](null, "", hash);
  state.value = next;
}

/** Adds a filter by a click on a value: it takes the place of the opposite one. */
export function addFilter(field: string, value: string, out: boolean): void {
  const others = state.value.filters.filter((it) => !(it.field === field && !it.like && it.values.length === 1 && it.values[0] === value));
  go({ filters: [...others, { field, values: [value], out }] });
}

/** A link to a changed state. */
export function link(change: Partial<State>): string {
  return print({ ...state.value, ...change });
}

export function start(): void {
  const stored = (key: string) => window.localStorage.getItem(`sekisho.${key}`);
  const known = stored("language") ?? window.navigator.language.slice(0, 2);
  language.value = (known === "ja" ? "ja" : "en") satisfies Language;
  dark.value = (stored("theme") ?? (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  utc.value = stored("utc") === "true";
  window.addEventListener("popstate", () => (state.value = parse(window.location.hash)));
  window.addEventListener("hashchange", () => (state.value = parse(window.location.hash)));
  effect(() => {
    document.documentElement.lang = language.value;
    document.documentElement.dataset.theme = dark.value ? "dark" : "light";
    window.localStorage.setItem("sekisho.language", language.value);
    window.localStorage.setItem("sekisho.theme", dark.value ? "dark" : "light");
    window.localStorage.setItem("sekisho.utc", String(utc.value));
  });
}
