// Every event: query bar, filters, histogram, fields, table, details. The table, the histogram and the fields are asked separately,
// so that none waits for another.
import { useEffect, useState } from "preact/hooks";
import { fields as askFields, search, type Body, type Hit, type Json } from "../api";
import { Chart } from "../chart";
import { flatten, valuesAt } from "../documents";
import { Chips } from "../filter_bar";
import { number, percent, time } from "../format";
import { language, t } from "../i18n";
import { useAsk } from "../load";
import { FilterButtons, Head, States } from "../parts";
import { axis, discover, histogram, STREAMS } from "../queries";
import { go, link, state, utc } from "../state";

const PAGE = 50;
const COLUMNS = ["panw.panos.type", "panw.panos.action", "source.ip", "destination.ip", "destination.port", "network.application", "rule.name"];

function toggleColumn(name: string) {
  const shown = state.value.columns.length ? state.value.columns : COLUMNS;
  go({ columns: shown.includes(name) ? shown.filter((it) => it !== name) : [...shown, name] });
}

export function Discover() {
  const now = state.value;
  const key = JSON.stringify([now.stream, now.query, now.filters, now.time]);
  return (
    <div class="discover">
      <SearchBar />
      <Histogram key={`h${key}`} question={key} />
      <div class="split">
        <Fields question={key} />
        <Events question={key} />
      </div>
    </div>
  );
}

function SearchBar() {
  const now = state.value;
  const [text, setText] = useState(now.query);
  useEffect(() => setText(now.query), [now.query]);
  return (
    <>
      <form
        class="search"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          go({ query: text });
        }}
      >
        <select aria-label={t("stream")} value={now.stream} onChange={(event) => go({ stream: event.currentTarget.value })}>
          <option value="panos-*">{t("allStreams")} (panos-*)</option>
          {[...new Set([...STREAMS, ...(now.stream === "panos-*" ? [] : [now.stream])])].map((it) => (
            <option key={it} value={it}>
              {it}
            </option>
          ))}
        </select>
        <input type="search" aria-label={t("searchHint")} placeholder={t("searchHint")} value={text} spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} />
        <button type="submit" class="primary">
          {t("search")}
        </button>
      </form>
      <Chips />
    </>
  );
}

function Histogram({ question }: { question: string }) {
  const now = state.value;
  const at = Date.now();
  const place = axis(now.time, at, 120);
  const loaded = useAsk(question, now.every, (signal) => search(now.stream, { size: 0, track_total_hits: true, query: discover(state.value, Date.now()), aggs: histogram(place.step) }, signal));
  return (
    <section class="panel" aria-label={t("histogram")}>
      <States of={loaded} isEmpty={(it) => (it.aggregations?.over_time?.buckets.length ?? 0) === 0}>
        {(it) => (
          <Chart
            series={[{ name: now.stream, tone: "turn-0", points: new Map((it.aggregations?.over_time?.buckets ?? []).map((bucket) => [Number(bucket.key), bucket.doc_count] as const)) }]}
            axis={place}
            height={120}
            label={t("events")}
            choose={(from, to) => go({ time: `${from}..${to}` })}
          />
        )}
      </States>
    </section>
  );
}

function Fields({ question }: { question: string }) {
  const now = state.value;
  const [wanted, setWanted] = useState("");
  const [open, setOpen] = useState("");
  const loaded = useAsk(now.stream, 0, (signal) => askFields(now.stream, signal));
  return (
    <aside class="panel fields" aria-label={t("fields")}>
      <h2>{t("fields")}</h2>
      <input type="search" aria-label={t("findField")} placeholder={t("findField")} value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
      <States of={loaded} isEmpty={(it) => it.length === 0}>
        {(it) => (
          <ul>
            {it
              .filter((field) => field.name.includes(wanted.toLowerCase()))
              .map((field) => (
                <li key={field.name}>
                  <button type="button" class="field" aria-expanded={open === field.name} disabled={!field.aggregatable} onClick={() => setOpen(open === field.name ? "" : field.name)}>
                    <i class="type" aria-hidden="true">
                      {field.type.slice(0, 2)}
                    </i>
                    {field.name}
                  </button>
                  {open === field.name && <TopValues question={question} field={field.name} />}
                </li>
              ))}
          </ul>
        )}
      </States>
    </aside>
  );
}

function TopValues({ question, field }: { question: string; field: string }) {
  const loaded = useAsk(`${question} ${field}`, 0, (signal) => search(state.value.stream, { size: 0, track_total_hits: true, query: discover(state.value, Date.now()), aggs: { top: { terms: { field, size: 8 } } } }, signal));
  const shown = state.value.columns.length ? state.value.columns : COLUMNS;
  return (
    <div class="top">
      <button type="button" class="quiet" onClick={() => toggleColumn(field)}>
        {shown.includes(field) ? t("removeColumn") : t("addColumn")}
      </button>
      <States of={loaded} isEmpty={() => false}>
        {(it) => {
          const buckets = it.aggregations?.top?.buckets ?? [];
          const total = it.hits.total?.value ?? 0;
          return buckets.length === 0 ? (
            <p class="hint">{t("noValues")}</p>
          ) : (
            <ol aria-label={`${t("topValues")}: ${field}`}>
              {buckets.map((bucket) => {
                const text = bucket.key_as_string ?? String(bucket.key);
                return (
                  <li key={text}>
                    <span class="value" title={text}>
                      {text}
                    </span>
                    <span class="num">{percent(bucket.doc_count, total, language.value)}</span>
                    <FilterButtons field={field} value={text} />
                  </li>
                );
              })}
            </ol>
          );
        }}
      </States>
    </div>
  );
}

function Events({ question }: { question: string }) {
  const now = state.value;
  const [older, setOlder] = useState<{ question: string; hits: Hit[]; last: Json[] | undefined }>({ question: "", hits: [], last: undefined });
  const [busy, setBusy] = useState(false);
  const [open, setOpen] = useState<Hit | null>(null);
  const body = (after?: Json[]): Body => {
    const page: Body = { size: PAGE, track_total_hits: true, query: discover(state.value, Date.now()), sort: [{ "@timestamp": { order: "desc", unmapped_type: "date" } }, { _doc: "asc" }] };
    return after ? { ...page, search_after: after } : page;
  };
  const more = older.question === question ? older.hits : [];
  // While older pages are on screen the list stands still: what is being read must not move.
  const loaded = useAsk(question, more.length || open ? 0 : now.every, (signal) => search(now.stream, body(), signal));
  const columns = now.columns.length ? now.columns : COLUMNS;
  const loadMore = async (hits: Hit[]) => {
    const last = hits[hits.length - 1]?.sort;
    if (!last) return;
    setBusy(true);
    try {
      const answer = await search(now.stream, body(last), new AbortController().signal);
      setOlder({ question, hits: [...more, ...answer.hits.hits], last });
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="panel events" aria-label={t("document")}>
      <States of={loaded} isEmpty={(it) => it.hits.hits.length === 0}>
        {(it) => {
          const hits = [...it.hits.hits, ...more];
          const total = it.hits.total;
          return (
            <>
              <p class="hint" data-testid="total">
                {total && t(total.relation === "eq" ? "hits" : "hitsAtLeast", number(total.value, language.value))}
              </p>
              <div class="scroll" tabIndex={0}>
                <table class="plain hits">
                  <thead>
                    <tr>
                      <th scope="col">{t("time")}</th>
                      {columns.map((column) => (
                        <th scope="col" key={column}>
                          {column}
                          <button type="button" class="icon" aria-label={`${t("removeColumn")}: ${column}`} onClick={() => toggleColumn(column)}>
                            ×
                          </button>
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {hits.map((hit) => (
                      <tr key={`${hit._index} ${hit._id}`} class={open?._id === hit._id ? "chosen" : ""}>
                        <td class="nowrap">
                          <button type="button" class="quiet" title={t("details")} onClick={() => setOpen(hit)}>
                            {time(Date.parse(valuesAt(hit._source, "@timestamp")[0] ?? ""), utc.value)}
                          </button>
                        </td>
                        {columns.map((column) => (
                          <td key={column}>
                            {valuesAt(hit._source, column).map((value) => (
                              <span class="cell" key={value}>
                                <span class="value" title={value}>
                                  {value}
                                </span>
                                <FilterButtons field={column} value={value} />
                              </span>
                            ))}
                          </td>
                        ))}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              {total && hits.length < total.value && (
                <button type="button" disabled={busy} onClick={() => void loadMore(hits)}>
                  {busy ? t("loading") : t("more")}
                </button>
              )}
            </>
          );
        }}
      </States>
      {open && <Details hit={open} close={() => setOpen(null)} />}
    </section>
  );
}

function Details({ hit, close }: { hit: Hit; close: () => void }) {
  const raw = valuesAt(hit._source, "event.original")[0];
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && close();
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [close]);
  return (
    <div class="details" role="dialog" aria-label={t("details")}>
      <header>
        <h2>{t("details")}</h2>
        {valuesAt(hit._source, "sekisho.session.key").length > 0 && <a href={link({ page: "session", event: `${hit._index}/${hit._id}` })}>{t("wholeSession")}</a>}
        <button type="button" onClick={close}>
          {t("close")}
        </button>
      </header>
      {raw && (
        <>
          <h3>{t("rawLine")}</h3>
          <pre class="raw" data-testid="raw" tabIndex={0}>{raw}</pre>
        </>
      )}
      <div class="scroll" tabIndex={0}>
        <table class="plain">
          <Head of={[t("field"), t("value")]} />
          <tbody>
            {[["_index", [hit._index]] as [string, string[]], ["_id", [hit._id]] as [string, string[]], ...flatten(hit._source)]
              .filter(([name]) => name !== "event.original")
              .map(([name, values]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>
                    {values.map((value) => (
                      <span class="cell" key={value}>
                        <span class="value wrap">{value}</span>
                        <FilterButtons field={name} value={value} />
                      </span>
                    ))}
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
