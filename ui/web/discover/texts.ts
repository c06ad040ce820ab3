// Discover's texts: those of its own, and the ones that all pages share. They are apart because the first paint does not need them.
import { fill, language, t as shared, type Key, type Language } from "../i18n";
import { en, type OwnKey } from "./texts/en";
import { ja } from "./texts/ja";

export const own: Record<Language, Record<OwnKey, string>> = { en, ja };

const isOwn = (key: Key | OwnKey): key is OwnKey => key in en;

/** A text in the chosen language; `{0}`, `{1}` are replaced. */
export const t = (key: Key | OwnKey, ...parts: string[]): string => (isOwn(key) ? fill(own[language.value][key], parts) : shared(key, ...parts));
