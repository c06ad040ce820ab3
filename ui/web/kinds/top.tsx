// A panel of a field's most frequent values, or those with the most bytes; each leads to its events.
import type { Answer, Body, Bucket } from "../api";
import { bytes, number, percent } from "../format";
import { language, t, type Key } from "../i18n";
import type { Panel } from "../panels/panel";
import { FilterButtons } from "../parts";
import { eventsOf, scoped, type Scope } from "../queries";
import { is, state as shared } from "../state";
import { cellTone, verdict, VERDICTS, type Verdict } from "../tones";

export type Top = {
  id: string;
  title: Key;
  hint?: Key;
  span?: Panel["span"];
  scope: Scope;
  field: string;
  /** A field whose sum orders and measures the values, in bytes; without it events are counted. */
  sum?: string;
  /** Bars are parted by what the action did. */
  verdicts?: boolean;
  size?: number;
};

type Row = { value: string; amount: number; parts: [Verdict, number][] };

const SIZE = 10;

function rows(answer: Answer | undefined, of: Top): Row[] {
  return (answer?.aggregations?.top?.buckets ?? []).map((it) => {
    const amount = of.sum ? ((it.amount as { value: number | null }).value ?? 0) : it.doc_count;
    const actions = (it.actions as { buckets: Bucket[] } | undefined)?.buckets ?? [];
    const parts = VERDICTS.map((name): [Verdict, number] => [name, actions.filter((action) => verdict(String(action.key)) === name).reduce((sum, action) => sum + action.doc_count, 0)]);
    return { value: it.key_as_string ?? String(it.key), amount, parts };
  });
}

const whole = (answer: Answer | undefined, of: Top) => (of.sum ? (answer?.aggregations?.whole?.value ?? 0) : (answer?.hits.total?.value ?? 0));

function Rows({ answer, of }: { answer: Answer | undefined; of: Top }) {
  const all = rows(answer, of);
  const total = whole(answer, of);
  const largest = Math.max(1, ...all.map((it) => it.amount));
  const text = (value: number) => (of.sum ? bytes(value, language.value) : number(value, language.value));
  return (
    <ol class="ranking">
      {all.map((it) => {
        const tone = cellTone(of.field, it.value);
        let x = 0;
        return (
          <li key={it.value}>
            <a class="value" href={eventsOf(shared.value, of.scope, [is(of.field, it.value)])} title={it.value}>
              {tone && <i class={`dot tone-${tone}`} aria-hidden="true" />}
              {it.value || "–"}
            </a>
            <FilterButtons field={of.field} value={it.value} />
            <span class="num">{text(it.amount)}</span>
            <span class="num share">{percent(it.amount, total, language.value)}</span>
            <svg class="track" width="100%" height="4" preserveAspectRatio="none" viewBox="0 0 100 4" aria-hidden="true">
              {of.verdicts ? (
                it.parts.map(([name, amount]) => {
                  const from = x;
                  x += (100 * amount) / largest;
                  return <rect key={name} class={`tone-${name}`} x={from} width={x - from} height="4" />;
                })
              ) : (
                <rect class="bar-fill" width={Math.max(0.5, (100 * it.amount) / largest)} height="4" />
              )}
            </svg>
          </li>
        );
      })}
    </ol>
  );
}

export function top(of: Top): Panel {
  const aggs: Body = {
    top: {
      terms: { field: of.field, size: of.size ?? SIZE, ...(of.sum ? { order: { amount: "desc" } } : {}) },
      ...(of.sum ? { aggs: { amount: { sum: { field: of.sum } } } } : of.verdicts ? { aggs: { actions: { terms: { field: "panw.panos.action", size: 40 } } } } : {}),
    },
    ...(of.sum ? { whole: { sum: { field: of.sum } } } : {}),
  };
  return {
    id: of.id,
    title: of.title,
    ...(of.hint ? { hint: of.hint } : {}),
    span: of.span ?? 4,
    scope: of.scope,
    queries: (state, now) => [{ index: of.scope.stream, body: { size: 0, track_total_hits: true, query: scoped(state, of.scope, now), aggs } }],
    isEmpty: ([answer]) => rows(answer, of).length === 0,
    render: ([answer]) => <Rows answer={answer} of={of} />,
    table: ([answer]) => ({
      head: [of.field, of.sum ? t("bytes") : t("count"), ...(of.verdicts ? VERDICTS.map((it) => t(it)) : [])],
      rows: rows(answer, of).map((it) => [it.value, it.amount, ...(of.verdicts ? it.parts.map((part) => part[1]) : [])]),
    }),
  };
}
