// Sources import each other without an ending; the compiled files have one.
import { register } from "node:module";

if (import.meta.url.endsWith("?hooks")) {
  // Loaded a second time, as the hooks themselves.
} else {
  register(`${import.meta.url}?hooks`);
}

export async function resolve(specifier, context, next) {
  const isBare = !/\.[cm]?js$/.test(specifier) && specifier.startsWith(".");
  return next(isBare ? `${specifier}.js` : specifier, context);
}
