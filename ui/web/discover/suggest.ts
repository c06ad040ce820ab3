// What may come next in the query bar: a field or a value, told from the text before the caret. Pure functions: tested without a browser.
import type { Syntax } from "../state";

/** What is being typed and where it begins in the text. */
export type Place = { kind: "field"; text: string; start: number } | { kind: "value"; field: string; text: string; start: number };

const FIELD = /[\w.@-]+$/;
const VALUE = /([\w.@-]+)\s*:\s*("(?:[^"\\]|\\.)*|[^\s()":]*)$/;
/** A value among others in parentheses after a field. */
const GROUPED = /([\w.@-]+)\s*:\s*\((?:[^()":\\]|\\.|"(?:[^"\\]|\\.)*")*?("(?:[^"\\]|\\.)*|[^\s()":]*)$/;

/** The place of the caret; none inside quotes that belong to no field, or right after a complete value. */
export function placeOf(text: string, caret: number): Place | undefined {
  const before = text.slice(0, caret);
  const grouped = GROUPED.exec(before);
  // After a whole value in parentheses comes a word that joins, and no value.
  const value = VALUE.exec(before) ?? (grouped && (grouped[2] !== "" || /(\(|\b(or|and|not)\s+)$/i.test(before)) ? grouped : null);
  if (value) {
    const typed = value[2]!;
    return { kind: "value", field: value[1]!, text: typed.replace(/^"/, "").replace(/\\(.)/g, "$1"), start: caret - typed.length };
  }
  // An odd number of quotes: inside a phrase.
  if ((before.replace(/\\./g, "").match(/"/g)?.length ?? 0) % 2 === 1) return undefined;
  const word = FIELD.exec(before)?.[0] ?? "";
  const isFree = word !== "" || before === "" || /[\s(]$/.test(before);
  return isFree ? { kind: "field", text: word, start: caret - word.length } : undefined;
}

/** A value as the language writes it: in quotes unless it is a plain word. */
export function written(value: string): string {
  return /^[\w.]+$/.test(value) && !/^(and|or|not|to)$/i.test(value) ? value : `"${value.replace(/[\\"]/g, "\\$&")}"`;
}

/** The text and caret once a suggestion is taken. What follows the caret of the same word is replaced. */
export function taken(text: string, caret: number, place: Place, choice: string, syntax: Syntax): { text: string; caret: number } {
  const rest = text.slice(caret);
  const after = rest.replace(place.kind === "field" ? /^[\w.@-]*/ : /^[^\s()]*/, "");
  const hasColon = /^\s*:/.test(after);
  const put = place.kind === "value" ? `${written(choice)}${after.startsWith(" ") ? "" : " "}` : hasColon ? choice : `${choice}:${syntax === "kql" ? " " : ""}`;
  const head = text.slice(0, place.start) + put;
  return { text: head + after, caret: head.length };
}

/** Names that fit what was typed: those that begin so first, then those with a part that does, then the rest. */
export function ranked(names: string[], typed: string, most: number): string[] {
  const wanted = typed.toLowerCase();
  const rank = (name: string) => {
    const lower = name.toLowerCase();
    if (lower.startsWith(wanted)) return 0;
    if (lower.includes(`.${wanted}`) || lower.includes(`_${wanted}`)) return 1;
    return lower.includes(wanted) ? 2 : 3;
  };
  return names
    .map((name) => [rank(name), name] as const)
    .filter((it) => it[0] < 3)
    .sort((a, b) => a[0] - b[0])
    .slice(0, most)
    .map((it) => it[1]);
}
