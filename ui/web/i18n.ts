// The chosen language and its texts.
import { signal } from "@preact/signals";
import { en, type Key } from "./texts/en";
import { ja } from "./texts/ja";

export type { Key };
export type Language = "en" | "ja";
export const texts: Record<Language, Record<Key, string>> = { en, ja };

export const language = signal<Language>("en");

/** A text with its places filled. */
export const fill = (text: string, parts: string[]): string => text.replace(/\{(\d)\}/g, (_, at: string) => parts[Number(at)] ?? "");

/** A text in the chosen language; `{0}`, `{1}` are replaced. */
export function t(key: Key, ...parts: string[]): string {
  return fill(texts[language.value][key], parts);
}
