// A panel of events, or sums of bytes, over time, stacked by the values of a field or by what the action did.
import type { Answer, Body, Bucket } from "../api";
import { TimeChart, type Series } from "../chart";
import { bytes, number, time } from "../format";
import { language, t, type Key } from "../i18n";
import { commits } from "../marks";
import type { Panel, Table } from "../panels/panel";
import { axis, scoped, type Scope } from "../queries";
import { go, utc, type State } from "../state";
import { SEVERITIES, tone, verdict, VERDICTS } from "../tones";

export type OverTime = {
  id: string;
  title: Key;
  hint?: Key;
  span?: Panel["span"];
  scope: Scope;
  /** The field whose values are stacked, or what actions did. */
  by?: { field: string } | "verdict";
  /** The field whose sum is drawn, in bytes. */
  sum?: string;
};

const BARS = 90;
const VALUES = 8;
const ACTIONS = 40;

const points = (buckets: Bucket[], sum: string | undefined) => new Map(buckets.map((it) => [Number(it.key), sum ? ((it.amount as { value: number | null }).value ?? 0) : it.doc_count] as const));
const over = (bucket: Bucket) => (bucket.over_time as { buckets: Bucket[] }).buckets;

function add(to: Map<number, number>, more: Map<number, number>) {
  for (const [at, value] of more) to.set(at, (to.get(at) ?? 0) + value);
}

export function seriesOf(answer: Answer | undefined, of: OverTime): Series[] {
  if (!of.by) return [{ name: of.sum ? t("bytes") : t("count"), tone: "turn-0", points: points(answer?.aggregations?.over_time?.buckets ?? [], of.sum) }];
  const values = answer?.aggregations?.by?.buckets ?? [];
  if (of.by === "verdict") {
    const sums = new Map(VERDICTS.map((it) => [it, new Map<number, number>()]));
    for (const it of values) add(sums.get(verdict(String(it.key)))!, points(over(it), of.sum));
    return VERDICTS.filter((it) => sums.get(it)!.size > 0).map((it) => ({ name: t(it), tone: it, points: sums.get(it)! }));
  }
  const rank = (it: Bucket) => (SEVERITIES.includes(String(it.key)) ? SEVERITIES.indexOf(String(it.key)) : 0);
  return [...values].sort((a, b) => rank(a) - rank(b)).map((it, order) => ({ name: String(it.key), tone: tone(String(it.key), order), points: points(over(it), of.sum) }));
}

export function tableOf(series: Series[]): Table {
  const times = [...new Set(series.flatMap((it) => [...it.points.keys()]))].sort((a, b) => a - b);
  return { head: [t("time"), ...series.map((it) => it.name)], rows: times.map((at) => [time(at, utc.value).slice(0, 19), ...series.map((it) => it.points.get(at) ?? 0)]) };
}

export function overTime(of: OverTime): Panel {
  const format = (value: number) => (of.sum ? bytes(value, language.value) : number(value, language.value));
  const body = (state: State, now: number): Body => {
    const { step } = axis(state.time, now, BARS);
    const over_time = { date_histogram: { field: "@timestamp", fixed_interval: `${step}ms`, min_doc_count: 1 }, ...(of.sum ? { aggs: { amount: { sum: { field: of.sum } } } } : {}) };
    const aggs: Body = of.by ? { by: { terms: of.by === "verdict" ? { field: "panw.panos.action", size: ACTIONS } : { field: of.by.field, size: VALUES }, aggs: { over_time } } } : { over_time };
    return { size: 0, track_total_hits: true, query: scoped(state, of.scope, now), aggs };
  };
  return {
    id: of.id,
    title: of.title,
    ...(of.hint ? { hint: of.hint } : {}),
    span: of.span ?? 12,
    scope: of.scope,
    queries: (state, now) => [{ index: of.scope.stream, body: body(state, now) }],
    isEmpty: ([answer]) => seriesOf(answer, of).every((it) => it.points.size === 0),
    render: ([answer], state, now) => (
      <TimeChart series={seriesOf(answer, of)} axis={axis(state.time, now, BARS)} height={200} label={t(of.title)} format={format} marks={commits.value} labels={of.span === 6 ? 4 : 8} choose={(from, to) => go({ time: `${from}..${to}` })} />
    ),
    table: ([answer]) => tableOf(seriesOf(answer, of)),
  };
}
