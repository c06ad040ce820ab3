// What is stored: streams, their documents, sizes, time and growth.
import { ask, searches, type Answer, type Refused } from "../api";
import { Facts } from "../facts";
import { bytes, number, time } from "../format";
import { language, t } from "../i18n";
import { useAsk } from "../load";
import { Head, Nothing, States } from "../parts";
import { DEFAULTS, link, state, utc } from "../state";

type Index = { index: string; "docs.count": string; "store.size": string; "pri.store.size": string; health: string; status: string };
type Stream = { name: string; indices: { index_name: string }[]; generation: number; status: string };
export type Row = { name: string; indices: number; docs: number; size: number; oldest: number | undefined; newest: number | undefined; isStream: boolean };

const GROWTH_MS = 7 * 86_400_000;

/** One row for each stream, and for each index that belongs to none. */
export function rows(streams: Stream[], indices: { index: string; docs: number; size: number }[], spans: Map<string, { oldest?: number; newest?: number }>): Row[] {
  const owner = new Map(streams.flatMap((it) => it.indices.map((index) => [index.index_name, it.name] as const)));
  const found = new Map<string, Row>();
  for (const it of indices) {
    const name = owner.get(it.index) ?? it.index;
    const row = found.get(name) ?? { name, indices: 0, docs: 0, size: 0, oldest: spans.get(name)?.oldest, newest: spans.get(name)?.newest, isStream: owner.has(it.index) };
    found.set(name, { ...row, indices: row.indices + 1, docs: row.docs + it.docs, size: row.size + it.size });
  }
  return [...found.values()].sort((a, b) => b.size - a.size);
}

/** Bytes a day, from what was received in the last days and the mean size of a document. */
export function growth(recentDocs: number, docs: number, size: number, days: number): number {
  return docs === 0 || days === 0 ? 0 : (recentDocs / days) * (size / docs);
}

type Loaded = { rows: Row[]; docs: number; size: number; perDay: number };

async function load(signal: AbortSignal): Promise<Loaded> {
  const get = (path: string) => ask(path, { method: "GET", signal });
  const [streams, listed] = await Promise.all([get("/_data_stream") as unknown as Promise<{ data_streams: Stream[] }>, get("/_cat/indices?format=json&bytes=b") as unknown as Promise<Index[]>]);
  const indices = listed.map((it) => ({ index: it.index, docs: Number(it["docs.count"]), size: Number(it["store.size"]) }));
  const names = [...new Set(rows(streams.data_streams, indices, new Map()).map((it) => it.name))];
  const now = Date.now();
  const recent = { bool: { filter: [{ range: { "event.ingested": { gte: now - GROWTH_MS, format: "epoch_millis" } } }] } };
  const bodies = names.flatMap((index) => [
    { index, body: { size: 0, aggs: { oldest: { min: { field: "@timestamp" } }, newest: { max: { field: "@timestamp" } } } } },
    { index, body: { size: 0, track_total_hits: true, query: recent, aggs: { first: { min: { field: "event.ingested" } } } } },
  ]);
  const answers = names.length ? await searches(bodies, signal) : [];
  const value = (it: Answer | Refused | undefined, name: string) => (it && "hits" in it ? (it.aggregations?.[name]?.value ?? undefined) : undefined);
  const spans = new Map(names.map((name, at) => {
    const [oldest, newest] = [value(answers[2 * at], "oldest"), value(answers[2 * at], "newest")];
    return [name, { ...(oldest === undefined ? {} : { oldest }), ...(newest === undefined ? {} : { newest }) }] as const;
  }));
  const all = rows(streams.data_streams, indices, spans);
  const recentDocs = answers.reduce((sum, it, at) => (at % 2 === 1 && "hits" in it ? sum + (it.hits.total?.value ?? 0) : sum), 0);
  const first = Math.min(now, ...answers.flatMap((it, at) => (at % 2 === 1 ? (value(it, "first") ?? []) : [])));
  const [docs, size] = [all.reduce((sum, it) => sum + it.docs, 0), all.reduce((sum, it) => sum + it.size, 0)];
  // A server that began an hour ago has no day's growth to tell of.
  const days = (now - first) / 86_400_000;
  return { rows: all, docs, size, perDay: days < 1 / 24 ? 0 : growth(recentDocs, docs, size, days) };
}

export function Data() {
  const loaded = useAsk("data", state.value.every, load);
  const day = (at: number | undefined) => (at === undefined ? "–" : time(at, utc.value).slice(0, 16));
  return (
    <States of={loaded} isEmpty={() => false}>
      {(it) => (
        <div class="stack">
          <section class="panel" aria-label={t("data")}>
            <Facts
              of={[
                { name: t("documents"), value: number(it.docs, language.value) },
                { name: t("onDisk"), value: bytes(it.size, language.value) },
                { name: t("perDocument"), value: it.docs ? bytes(it.size / it.docs, language.value) : "–" },
                { name: t("perDay"), value: it.perDay ? bytes(it.perDay, language.value) : "–" },
              ]}
            />
          </section>
          <section class="panel" aria-labelledby="streams-title">
            <header>
              <h2 id="streams-title">{t("streams")}</h2>
            </header>
            {it.rows.length === 0 ? (
              <Nothing title={t("noStreams")} hint={t("noSourcesHint")} />
            ) : (
              <div class="scroll" tabIndex={0}>
                <table class="plain">
                  <Head of={[t("stream"), [t("documents"), "num"], [t("onDisk"), "num"], [t("perDocument"), "num"], [t("indices"), "num"], t("oldest"), t("newest"), ""]} />
                  <tbody>
                    {it.rows.map((row) => (
                      <tr key={row.name}>
                        <th scope="row">
                          <a href={link({ ...DEFAULTS, page: "discover", time: "all", stream: row.name })}>{row.name}</a>
                        </th>
                        <td class="num">{number(row.docs, language.value)}</td>
                        <td class="num">{bytes(row.size, language.value)}</td>
                        <td class="num">{row.docs ? bytes(row.size / row.docs, language.value) : "–"}</td>
                        <td class="num">{row.indices}</td>
                        <td class="nowrap">{day(row.oldest)}</td>
                        <td class="nowrap">{day(row.newest)}</td>
                        <td class="bar-cell" aria-hidden="true">
                          <svg width="100%" height="8" preserveAspectRatio="none" viewBox="0 0 100 8">
                            <rect class="bar-fill" width={it.size ? Math.max(0.5, (100 * row.size) / it.size) : 0} height="8" rx="1" />
                          </svg>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </section>
        </div>
      )}
    </States>
  );
}
