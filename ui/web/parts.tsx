// Small parts that pages and panels share: the four states of an answer, a panel's frame with its query, table and CSV, values with their filters.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { curl, type Query } from "./api";
import { save } from "./download";
import { csv, number } from "./format";
import { language, t } from "./i18n";
import type { Loaded } from "./load";
import type { Table } from "./panels/panel";
import { addFilter, go, state } from "./state";
import { cellTone } from "./tones";

export function Loading() {
  return (
    <div class="state" role="status">
      <span class="spinner" aria-hidden="true" />
      {t("loading")}
    </div>
  );
}

export function Failed({ message, retry }: { message: string; retry: () => void }) {
  return (
    <div class="state state-error" role="alert">
      <strong>{t("error")}</strong>
      <p>{message}</p>
      <button type="button" onClick={retry}>
        {t("retry")}
      </button>
    </div>
  );
}

/** Why there is nothing, and what to do about it. */
export function Nothing({ title, hint, children }: { title: string; hint: string; children?: ComponentChildren }) {
  return (
    <div class="state" role="status">
      <strong>{title}</strong>
      <p>{hint}</p>
      {children}
    </div>
  );
}

/** Nothing is there: because of the filters, or because of the time. */
export function Empty() {
  if (state.value.filters.length === 0 && state.value.query === "") return <Nothing title={t("empty")} hint={t("emptyHint")} />;
  return (
    <Nothing title={t("emptyFiltered")} hint={t("emptyFilteredHint")}>
      <button type="button" onClick={() => go({ filters: [], query: "" })}>
        {t("removeFilters")}
      </button>
    </Nothing>
  );
}

/** Loading, error, empty or data, each drawn on purpose. */
export function States<T>({ of, isEmpty, children }: { of: Loaded<T>; isEmpty: (data: T) => boolean; children: (data: T) => ComponentChildren }) {
  if (of.state === "loading") return <Loading />;
  if (of.state === "error") return <Failed message={of.message} retry={of.retry} />;
  if (isEmpty(of.data)) return <Empty />;
  return <div class={of.stale ? "stale" : ""}>{children(of.data)}</div>;
}

export function CopyButton({ text }: { text: string }) {
  const [done, setDone] = useState(false);
  // Browsers offer the clipboard on loopback and over TLS only.
  if (!navigator.clipboard) return null;
  return (
    <button type="button" class="quiet" onClick={() => void navigator.clipboard.writeText(text).then(() => setDone(true))}>
      {done ? t("copied") : t("copy")}
    </button>
  );
}

/** The questions of a panel, as they are asked: request bodies, or for a terminal. */
export function Asked({ queries }: { queries: Query[] }) {
  const [form, setForm] = useState<"dsl" | "curl">("dsl");
  const text = queries.map((it) => (form === "curl" ? curl(it, window.location.origin) : `POST /${it.index}/_search\n${JSON.stringify(it.body, null, 2)}`)).join("\n\n");
  return (
    <div class="asked">
      <span class="tabs" role="group" aria-label={t("showQuery")}>
        {(["dsl", "curl"] as const).map((it) => (
          <button type="button" key={it} class="quiet" aria-pressed={form === it} onClick={() => setForm(it)}>
            {it === "dsl" ? "Query DSL" : "curl"}
          </button>
        ))}
        <CopyButton text={text} />
      </span>
      <pre class="query" tabIndex={0}>
        {text}
      </pre>
    </div>
  );
}

/** A long name that is broken after its dots, slashes and the like, and not within a word. */
export function breakable(text: string): ComponentChildren {
  return text.split(/(?<=[./_@-])(?=.)/).flatMap((part, at) => (at === 0 ? [part] : [<wbr key={at} />, part]));
}

/** A table's head: titles of its columns, with `"num"` those of figures; the empty text for a column that only draws. */
export function Head({ of }: { of: readonly (string | readonly [title: string, kind: "num"])[] }) {
  return (
    <thead>
      <tr>
        {of.map((it) => (typeof it !== "string" ? <th scope="col" class="num" key={it[0]}>{it[0]}</th> : it === "" ? <th aria-hidden="true" key="" /> : <th scope="col" key={it}>{it}</th>))}
      </tr>
    </thead>
  );
}

export function PlainTable({ of }: { of: Table }) {
  return (
    <div class="scroll tall" tabIndex={0}>
      <table class="plain">
        <Head of={of.head.map((it, at) => (at > 0 && typeof of.rows[0]?.[at] === "number" ? ([it, "num"] as const) : it))} />
        <tbody>
          {of.rows.map((row, at) => (
            <tr key={at}>
              {row.map((it, column) => (
                <td key={column} class={typeof it === "number" ? "num" : ""}>
                  {typeof it === "number" ? number(it, language.value) : it}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const ICONS = {
  table: "M2 3h12v10H2zM2 6.5h12M2 9.5h12M6.5 3v10",
  chart: "M3 13V8M7 13V3M11 13V6M2 13.5h12",
  save: "M8 2v8M4.5 7 8 10.5 11.5 7M3 13.5h10",
  query: "M5.5 4 2 8l3.5 4M10.5 4 14 8l-3.5 4",
  go: "M3 8h10M9 4l4 4-4 4",
};

export function Icon({ name }: { name: keyof typeof ICONS }) {
  return (
    <svg class="glyph" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}

type FrameProps = { id: string; title: string; hint?: string | undefined; span: number; queries: Query[]; discover?: string | undefined; table?: (() => Table) | undefined; isTable?: boolean | undefined; children: ComponentChildren };

/** A panel's frame: title, hint, what it draws, and behind it the table, the CSV, the query and the way to the events. */
export function Frame({ id, title, hint, span, queries, discover, table, isTable, children }: FrameProps) {
  const [asked, setAsked] = useState(false);
  const [asTable, setTable] = useState(false);
  return (
    <section class={`panel span-${span}`} aria-labelledby={`${id}-title`} id={id}>
      <header>
        <h2 id={`${id}-title`}>{title}</h2>
        <span class="actions">
          {table && !isTable && (
            <button type="button" class="icon" title={asTable ? t("showChart") : t("showTable")} aria-label={`${t("showTable")}: ${title}`} aria-pressed={asTable} onClick={() => setTable(!asTable)}>
              <Icon name={asTable ? "chart" : "table"} />
            </button>
          )}
          {table && (
            <button type="button" class="icon" title={t("saveCsv")} aria-label={`${t("saveCsv")}: ${title}`} onClick={() => save(`${id}.csv`, "text/csv", "\uFEFF" + csv([table().head, ...table().rows]))}>
              <Icon name="save" />
            </button>
          )}
          <button type="button" class="icon" title={t("showQuery")} aria-expanded={asked} aria-label={`${t("showQuery")}: ${title}`} onClick={() => setAsked(!asked)}>
            <Icon name="query" />
          </button>
          {discover && (
            <a class="icon" href={discover} title={t("toDiscover")} aria-label={`${t("toDiscover")}: ${title}`}>
              <Icon name="go" />
            </a>
          )}
        </span>
      </header>
      {hint && <p class="hint">{hint}</p>}
      {asked && <Asked queries={queries} />}
      {asTable && table ? <PlainTable of={table()} /> : children}
    </section>
  );
}

/** Adds a value to the page's filters, or shuts it out. */
export function FilterButtons({ field, value }: { field: string; value: string }) {
  return (
    <span class="filter-buttons">
      <button type="button" class="icon" title={`${t("filterFor")}: ${value}`} aria-label={`${t("filterFor")}: ${value}`} onClick={() => addFilter(field, value, false)}>
        +
      </button>
      <button type="button" class="icon" title={`${t("filterOut")}: ${value}`} aria-label={`${t("filterOut")}: ${value}`} onClick={() => addFilter(field, value, true)}>
        −
      </button>
    </span>
  );
}

/** The values of one field of one event, each with its filters. */
export function Cell({ field, values, wrap }: { field: string; values: string[]; wrap?: boolean }) {
  return (
    <>
      {values.map((value) => {
        const tone = cellTone(field, value);
        return (
          <span class="cell" key={value}>
            <span class={`value${wrap ? " wrap" : ""}`} title={value}>
              {tone && <i class={`dot tone-${tone}`} aria-hidden="true" />}
              {value}
            </span>
            <FilterButtons field={field} value={value} />
          </span>
        );
      })}
    </>
  );
}
