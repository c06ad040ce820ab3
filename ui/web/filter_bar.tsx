// The filters of a page: one button for each field that PAN-OS people filter by, with its values and their counts, and what is chosen as chips.
import { useEffect, useRef, useState } from "preact/hooks";
import { search } from "./api";
import { short } from "./format";
import { language, t, type Key } from "./i18n";
import { useAsk } from "./load";
import { States } from "./parts";
import { discover } from "./queries";
import { addFilter, go, state, type Filter } from "./state";
import { cellTone } from "./tones";

export type Facet = { field: string; title: Key };

/** The filter set that PAN-OS people know, by the names that pages list. */
export const FACETS = {
  serial: { field: "observer.serial_number", title: "serial" },
  hostname: { field: "observer.hostname", title: "firewall" },
  vsys: { field: "panw.panos.virtual_sys", title: "vsys" },
  fromZone: { field: "observer.ingress.zone", title: "sourceZone" },
  toZone: { field: "observer.egress.zone", title: "destinationZone" },
  source: { field: "source.ip", title: "source" },
  destination: { field: "destination.ip", title: "destination" },
  port: { field: "destination.port", title: "port" },
  user: { field: "source.user.name", title: "user" },
  app: { field: "network.application", title: "application" },
  rule: { field: "rule.name", title: "rule" },
  action: { field: "panw.panos.action", title: "action" },
  severity: { field: "panw.panos.severity", title: "severity" },
  category: { field: "panw.panos.url.category", title: "urlCategory" },
  subtype: { field: "panw.panos.sub_type", title: "subtype" },
  event: { field: "event.code", title: "eventCode" },
  admin: { field: "panw.panos.admin", title: "admin" },
} as const satisfies Record<string, Facet>;

const VALUES = 40;

/** The filter that stands for what was typed: a pattern where it has wildcards, several values where it has commas. */
export function typed(field: string, text: string): Filter | undefined {
  const values = text.split(",").map((it) => it.trim()).filter(Boolean);
  if (values.length === 0) return undefined;
  const isPattern = values.some((it) => /[*?]/.test(it)) && !(values.length === 1 && values[0] === "*");
  return { field, values, out: false, ...(isPattern ? { like: true } : {}) };
}

function Menu({ of, index, close }: { of: Facet; index: string; close: () => void }) {
  const [text, setText] = useState("");
  const box = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const now = state.value;
  const isMine = (it: Filter) => it.field === of.field && !it.out && !it.like && !it.off;
  const mine = now.filters.find(isMine);
  const others = now.filters.filter((it) => !isMine(it));
  const chosen = mine?.values ?? [];
  const contains = text.trim() && !/[,*?]/.test(text) && of.field !== "source.ip" && of.field !== "destination.ip" && of.field !== "destination.port" ? [{ field: of.field, values: [`*${text.trim()}*`], out: false, like: true }] : [];
  const loaded = useAsk(JSON.stringify([index, of.field, now.time, now.query, others, contains]), 0, (signal) =>
    search(index, { size: 0, track_total_hits: false, query: discover({ ...now, filters: [...others, ...contains] }, Date.now()), aggs: { top: { terms: { field: of.field, size: VALUES } } } }, signal),
  );
  useEffect(() => {
    const outside = (event: Event) => !box.current?.parentElement?.contains(event.target as Node) && close();
    window.addEventListener("pointerdown", outside);
    return () => window.removeEventListener("pointerdown", outside);
  }, []);
  const set = (values: string[]) => go({ filters: values.length ? [...others, { field: of.field, values, out: false }] : others });
  const toggle = (value: string) => set(chosen.includes(value) ? chosen.filter((it) => it !== value) : [...chosen, value]);
  return (
    <div ref={box} class="menu" role="dialog" aria-label={t(of.title)} onKeyDown={(event) => event.key === "Escape" && close()}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const filter = typed(of.field, text);
          if (filter) go({ filters: filter.like ? [...now.filters, filter] : [...others, { ...filter, values: [...new Set([...chosen, ...filter.values])] }] });
          close();
        }}
      >
        <input type="search" aria-label={t("typeValue")} placeholder={t("typeValue")} value={text} spellcheck={false} ref={input} onInput={(event) => setText(event.currentTarget.value)} />
      </form>
      <States of={loaded} isEmpty={() => false}>
        {(it) => {
          const buckets = (it.aggregations?.top?.buckets ?? []).map((bucket) => ({ value: bucket.key_as_string ?? String(bucket.key), count: bucket.doc_count }));
          const shown = [...chosen.filter((value) => !buckets.some((bucket) => bucket.value === value)).map((value) => ({ value, count: 0 })), ...buckets];
          return shown.length === 0 ? (
            <p class="hint">{t("noValues")}</p>
          ) : (
            <ul>
              {shown.map(({ value, count }) => {
                const tone = cellTone(of.field, value);
                return (
                  <li key={value}>
                    <label>
                      <input type="checkbox" checked={chosen.includes(value)} onChange={() => toggle(value)} />
                      <span class="value" title={value}>
                        {tone && <i class={`dot tone-${tone}`} aria-hidden="true" />}
                        {value}
                      </span>
                      <span class="num">{short(count, language.value)}</span>
                    </label>
                    <button type="button" class="icon" aria-label={`${t("filterOut")}: ${value}`} title={`${t("filterOut")}: ${value}`} onClick={() => addFilter(of.field, value, true)}>
                      −
                    </button>
                  </li>
                );
              })}
            </ul>
          );
        }}
      </States>
    </div>
  );
}

/** What is chosen, whatever the field; each chip can be turned over, switched off or removed. */
export function Chips() {
  const now = state.value;
  // Discover shows the query in its own bar.
  const query = now.page === "discover" ? "" : now.query;
  if (now.filters.length === 0 && query === "") return null;
  const without = (filter: Filter) => now.filters.filter((it) => it !== filter);
  const changed = (filter: Filter, change: Partial<Filter>) => go({ filters: now.filters.map((it) => (it === filter ? { ...it, ...change } : it)) });
  return (
    <ul class="chips" aria-label={t("filters")}>
      {query !== "" && (
        <li>
          <span class="chip">
            {t("query")}: <b>{query}</b>
          </span>
          <button type="button" class="icon" aria-label={`${t("removeFilter")}: ${t("query")}`} onClick={() => go({ query: "" })}>
            ×
          </button>
        </li>
      )}
      {now.filters.map((it) => (
        <li key={JSON.stringify(it)} class={`${it.out ? "out" : ""}${it.off ? " off" : ""}`}>
          <input type="checkbox" checked={!it.off} aria-label={`${t("useFilter")}: ${it.field}`} title={t("useFilter")} onChange={() => changed(it, { off: !it.off })} />
          <button type="button" class="chip" title={it.out ? t("filterFor") : t("filterOut")} onClick={() => changed(it, { out: !it.out })}>
            {it.out ? "NOT " : ""}
            {it.field}
            {it.like ? " ~ " : ": "}
            <b>{it.values.join(" | ")}</b>
          </button>
          <button type="button" class="icon" aria-label={`${t("removeFilter")}: ${it.field}`} onClick={() => go({ filters: without(it) })}>
            ×
          </button>
        </li>
      ))}
      {now.filters.length > 1 && (
        <li class="bare">
          <button type="button" class="quiet" onClick={() => go({ filters: [] })}>
            {t("removeFilters")}
          </button>
        </li>
      )}
    </ul>
  );
}

export function FilterBar({ facets, index }: { facets: readonly Facet[]; index: string }) {
  const [open, setOpen] = useState("");
  return (
    <div class="filter-bar" role="search" aria-label={t("filters")}>
      <div class="facets">
        {facets.map((it) => {
          const count = state.value.filters.filter((filter) => filter.field === it.field && !filter.off).reduce((sum, filter) => sum + filter.values.length, 0);
          return (
            <span class="facet" key={it.field}>
              <button type="button" class={count ? "used" : ""} aria-expanded={open === it.field} aria-haspopup="dialog" onClick={() => setOpen(open === it.field ? "" : it.field)}>
                {t(it.title)}
                {count > 0 && <b class="count">{count}</b>}
                <span aria-hidden="true"> ▾</span>
              </button>
              {open === it.field && <Menu of={it} index={index} close={() => setOpen("")} />}
            </span>
          );
        })}
      </div>
      <Chips />
    </div>
  );
}
