// The queries asked last in this browser, the newest first.
import type { Syntax } from "../state";

export type Asked = { query: string; syntax: Syntax };
const KEY = "sekisho.history";
const MOST = 25;

/** A history as it was stored; what is not understood is left out. */
export function readHistory(text: string | null): Asked[] {
  try {
    const found: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(found) ? found.flatMap((it) => (typeof it?.query === "string" && (it.syntax === "kql" || it.syntax === "lucene") ? [{ query: it.query, syntax: it.syntax }] : [])) : [];
  } catch {
    return [];
  }
}

/** The history with a query at its head, once. */
export function withAsked(history: Asked[], asked: Asked): Asked[] {
  if (!asked.query.trim()) return history;
  return [asked, ...history.filter((it) => it.query !== asked.query || it.syntax !== asked.syntax)].slice(0, MOST);
}

export const history = (): Asked[] => readHistory(window.localStorage.getItem(KEY));
export const remember = (asked: Asked): void => window.localStorage.setItem(KEY, JSON.stringify(withAsked(history(), asked)));
