// What a user would share is in the URL: page, time, filters, query, columns. What is only taste is in the browser's store.
import { effect, signal } from "@preact/signals";
import { language, type Language } from "./i18n";

export const PAGES = ["overview", "discover", "session"] as const;
export type Page = (typeof PAGES)[number];
export type Filter = { field: string; value: string; out: boolean };

export type State = {
  page: Page;
  /** A preset such as `24h`, `all`, or two times as `from..to` in ms. */
  time: string;
  stream: string;
  query: string;
  filters: Filter[];
  columns: string[];
  /** The event whose conversation is shown, as `index/id`. */
  event: string;
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
];

export const DEFAULTS: State = { page: "overview", time: "30d", stream: "panos-*", query: "", filters: [], columns: [], event: "", from: "Untrust", to: "DMZ", every: 10_000 };

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
    filters: params.getAll("f").flatMap(parseFilter),
    columns: params.get("columns")?.split(",").filter(Boolean) ?? [],
    event: params.get("event") ?? "",
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
  for (const it of state.filters) params.append("f", `${it.out ? "-" : "+"}${it.field}:${it.value}`);
  if (state.columns.length) params.set("columns", state.columns.join(","));
  if (state.event) params.set("event", state.event);
  if (state.from !== DEFAULTS.from) params.set("from", state.from);
  if (state.to !== DEFAULTS.to) params.set("to", state.to);
  if (state.every !== DEFAULTS.every) params.set("every", String(state.every));
  const search = params.toString();
  return `#/${state.page}${search ? `?${search}` : ""}`;
}

function parseFilter(text: string): Filter[] {
  const colon = text.indexOf(":");
  if (colon < 2 || !"+-".includes(text[0] ?? "")) return [];
  return [{ out: text[0] === "-", field: text.slice(1, colon), value: text.slice(colon + 1) }];
}

function validTime(text: string | null): string | undefined {
  if (text === null) return undefined;
  const known = text === "all" || PRESETS.some((it) => it[0] === text) || /^\d+\.\.\d+$/.test(text);
  return known ? text : undefined;
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

/** Changes part of the state, as a step that the browser's back button undoes. */
export function go(change: Partial<State>): void {
  const next = { ...state.value, ...change };
  const hash = print(next);
  if (hash !== window.location.hash) window.history.pushState(null, "", hash);
  state.value = next;
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
