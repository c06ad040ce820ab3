// Which columns the table has, in which order and how wide. Names and order are in the URL; widths are taste and stay in the browser.
export const COLUMNS = ["panw.panos.type", "panw.panos.action", "source.ip", "destination.ip", "destination.port", "network.application", "rule.name"];

export const TIME_WIDTH = 196;
const WIDTH = 160;
/** Columns whose values are known to be short, so that those on screen at first fit. */
const NARROW: Record<string, number> = { "panw.panos.type": 90, "panw.panos.action": 130, "source.ip": 140, "destination.ip": 140, "destination.port": 80, "panw.panos.severity": 120 };
const WIDTH_MIN = 60;
const WIDTH_MAX = 1_200;

/** The columns on screen: those chosen, or where none are, those that most questions need. */
export const shownColumns = (chosen: string[]) => (chosen.length ? chosen : COLUMNS);

/** Adds a column at the end, or takes it away. */
export function toggled(chosen: string[], name: string): string[] {
  const shown = shownColumns(chosen);
  return shown.includes(name) ? shown.filter((it) => it !== name) : [...shown, name];
}

/** A column moved to stand where another one stands. */
export function moved(chosen: string[], name: string, to: number): string[] {
  const shown = shownColumns(chosen);
  if (!shown.includes(name)) return shown;
  const others = shown.filter((it) => it !== name);
  const at = Math.min(others.length, Math.max(0, to));
  return [...others.slice(0, at), name, ...others.slice(at)];
}

export type Widths = Record<string, number>;
export const clamp = (width: number) => Math.round(Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, width)));
export const widthOf = (widths: Widths, name: string) => widths[name] ?? NARROW[name] ?? WIDTH;

/** Widths as they were stored; what is not understood is left out. */
export function readWidths(text: string | null): Widths {
  try {
    const found: unknown = JSON.parse(text ?? "{}");
    if (typeof found !== "object" || found === null) return {};
    return Object.fromEntries(Object.entries(found).flatMap(([name, width]) => (typeof width === "number" && Number.isFinite(width) ? [[name, clamp(width)]] : [])));
  } catch {
    return {};
  }
}

/** The next order when a column's head is chosen: falling, rising, and back to the newest first. */
export function nextSort(sort: string, field: string): string {
  const [now, direction] = split(sort);
  if (now !== field) return field === "@timestamp" ? "@timestamp:asc" : `${field}:desc`;
  if (field === "@timestamp") return direction === "desc" ? "@timestamp:asc" : "";
  return direction === "desc" ? `${field}:asc` : "";
}

/** The field and direction of an order; the newest first where none is chosen. */
export function split(sort: string): [field: string, direction: "asc" | "desc"] {
  const at = sort.lastIndexOf(":");
  return at < 0 ? ["@timestamp", "desc"] : [sort.slice(0, at), sort.slice(at + 1) === "asc" ? "asc" : "desc"];
}
