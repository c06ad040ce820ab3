// Whether everything arrived: the strip that begins the overview. It asks the ledger, not the events, and no panel waits for it.
import { ago, duration, number } from "./format";
import { language, t, type Key } from "./i18n";
import { useAsk } from "./load";
import { count, ledger, lost, problems, type Problem, type Source } from "./sources";
import { link, state } from "./state";

const TEXTS: Record<Problem, (of: Source, now: number) => string> = {
  missing: (of) => t("nMissing", number(of.missing, language.value)),
  silent: (of, now) => t("silentFor", ago(now - Date.parse(of.last_seen), language.value)),
  skewed: (of) => t("clockOff", duration(Math.abs(of.clock_skew_ms ?? 0))),
  unparsed: (of) => t("nUnparsed", number(count(of.unparsed), language.value)),
  truncated: (of) => t("nTruncated", number(of.truncated, language.value)),
};

/** What is wrong with a source, in words. */
export const wrongWith = (of: Source, now: number): string[] => problems(of, now).map((it) => TEXTS[it](of, now));

export function Completeness() {
  const loaded = useAsk("ledger", state.value.every, ledger);
  if (loaded.state !== "data") return loaded.state === "error" ? <p class="completeness warn span-12">{t("ledgerFailed", loaded.message)}</p> : <p class="completeness span-12">{t("loading")}</p>;
  const now = Date.now();
  const { sources } = loaded.data;
  const gone = lost(loaded.data);
  const bad = sources.filter((it) => problems(it, now).length > 0);
  const rate = sources.reduce((sum, it) => sum + it.lines_per_second, 0);
  const missing = sources.reduce((sum, it) => sum + it.missing, 0);
  const headline: Key = sources.length === 0 ? "noSources" : missing + gone > 0 ? "incomplete" : "complete";
  return (
    <section class={`completeness span-12${missing + gone > 0 ? " warn" : ""}`} aria-label={t("completeness")} data-testid="completeness">
      <a href={link({ page: "sources", item: "" })}>
        <i class={`dot tone-${missing + gone > 0 ? "high" : sources.length === 0 ? "other" : "good"}`} aria-hidden="true" />
        <strong>{t(headline, number(missing + gone, language.value))}</strong>
      </a>
      <span>{t("nSources", number(sources.length, language.value), number(Math.round(rate * 10) / 10, language.value))}</span>
      <ul>
        {[...bad].sort((a, b) => b.missing - a.missing || b.lines - a.lines).slice(0, 4).map((it) => (
          <li key={it.name}>
            <a href={link({ page: "sources", item: it.name })}>{it.hostname ?? it.name}</a>: {wrongWith(it, now).join(", ")}
          </li>
        ))}
        {bad.length > 4 && <li>{t("nMore", number(bad.length - 4, language.value))}</li>}
      </ul>
    </section>
  );
}
