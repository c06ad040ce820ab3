// A document's fields: objects, lists and dotted keys as one list of paths.

/** The values at a dotted path of a document, as text. */
export function valuesAt(source: unknown, path: string): string[] {
  if (path === "") return Array.isArray(source) ? source.flatMap((it) => valuesAt(it, "")) : source === undefined || source === null || typeof source === "object" ? [] : [String(source)];
  if (Array.isArray(source)) return source.flatMap((it) => valuesAt(it, path));
  if (typeof source !== "object" || source === null) return [];
  const object = source as Record<string, unknown>;
  const found = path in object ? valuesAt(object[path], "") : [];
  const dot = path.indexOf(".");
  return dot < 0 ? found : [...found, ...valuesAt(object[path.slice(0, dot)], path.slice(dot + 1))];
}

/** A document as rows of field and values, in the order of the document. */
export function flatten(source: unknown, path = ""): [string, string[]][] {
  if (Array.isArray(source) && source.some((it) => typeof it === "object")) return source.flatMap((it) => flatten(it, path));
  if (typeof source === "object" && source !== null && !Array.isArray(source)) {
    return Object.entries(source).flatMap(([key, value]) => flatten(value, path ? `${path}.${key}` : key));
  }
  return [[path, Array.isArray(source) ? source.map(String) : [String(source)]]];
}
