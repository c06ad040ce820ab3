// A panel of headline figures: each with its change against the period before and its course, and each leading to its events.
import type { Answer, Body } from "../api";
import { bytes, change, number } from "../format";
import { language, t, type Key } from "../i18n";
import type { Panel } from "../panels/panel";
import { axis, eventsOf, scoped, type Scope } from "../queries";
import { before, bounds, state as shared, type State } from "../state";

export type Figure = {
  title: Key;
  scope: Scope;
  /** What is measured instead of events: different values of a field, or a sum in bytes. */
  measure?: { distinct: string } | { sum: string };
  /** Whether more of it is better, worse or neither: the colour of its change. */
  more?: "better" | "worse";
};

const BARS = 40;

function value(answer: Answer | undefined, of: Figure): number {
  return of.measure ? (answer?.aggregations?.amount?.value ?? 0) : (answer?.hits.total?.value ?? 0);
}

/** The course as a path over a box of 100 × 24. */
export function spark(points: Map<number, number>, from: number, step: number, count: number): string {
  const largest = Math.max(1, ...points.values());
  const start = Math.floor(from / step) * step;
  return Array.from({ length: count }, (_, at) => `${at === 0 ? "M" : "L"}${((100 * at) / Math.max(1, count - 1)).toFixed(1)} ${(23 - (22 * (points.get(start + at * step) ?? 0)) / largest).toFixed(1)}`).join("");
}

/** `earlier` is absent where there is no period before, or nothing at all in it. */
function One({ of, answer, earlier, state, now }: { of: Figure; answer: Answer | undefined; earlier: Answer | undefined; state: State; now: number }) {
  const amount = value(answer, of);
  const text = of.measure && "sum" in of.measure ? bytes(amount, language.value) : number(amount, language.value);
  const changed = earlier && change(amount, value(earlier, of), language.value);
  const up = earlier ? Math.sign(amount - value(earlier, of)) : 0;
  const mood = !of.more || up === 0 ? "" : (up > 0) === (of.more === "better") ? " good" : " bad";
  const { from, to } = bounds(state.time, now);
  const { step } = axis(state.time, now, BARS);
  const buckets = answer?.aggregations?.over_time?.buckets ?? [];
  const points = new Map(buckets.map((it) => [Number(it.key), of.measure ? ((it.amount as { value: number | null }).value ?? 0) : it.doc_count] as const));
  return (
    <li>
      <span class="label">{t(of.title)}</span>
      <a class="figure" href={eventsOf(shared.value, of.scope)}>
        {text}
      </a>
      {earlier && <span class={`change${changed === undefined ? "" : mood}`}>{changed === undefined ? t("noEarlier") : `${up > 0 ? "▲" : up < 0 ? "▼" : "＝"} ${t("againstBefore", changed)}`}</span>}
      {from !== undefined && buckets.length > 1 && (
        <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
          <path d={spark(points, from, step, Math.floor((to ?? now) / step) - Math.floor(from / step) + 1)} />
        </svg>
      )}
    </li>
  );
}

export function figures(id: string, title: Key, all: Figure[]): Panel {
  const body = (of: Figure, state: State, now: number, time: string, course: boolean): Body => {
    const amount: Body = !of.measure ? {} : { amount: "sum" in of.measure ? { sum: { field: of.measure.sum } } : { cardinality: { field: of.measure.distinct } } };
    const over_time: Body = { date_histogram: { field: "@timestamp", fixed_interval: `${axis(state.time, now, BARS).step}ms`, min_doc_count: 1 }, ...(of.measure ? { aggs: amount } : {}) };
    const aggs = { ...amount, ...(course ? { over_time } : {}) };
    return { size: 0, track_total_hits: true, query: scoped(state, of.scope, now, time), ...(Object.keys(aggs).length ? { aggs } : {}) };
  };
  return {
    id,
    title,
    span: 12,
    isTable: true,
    queries: (state, now) => {
      const earlier = before(state.time, now);
      return all.flatMap((it) => [{ index: it.scope.stream, body: body(it, state, now, state.time, true) }, ...(earlier ? [{ index: it.scope.stream, body: body(it, state, now, earlier, false) }] : [])]);
    },
    // Nought is an answer.
    isEmpty: () => false,
    render: (answers, state, now) => {
      const width = answers.length / all.length;
      // Where the data is younger than the period before, or begins at its very end, there is nothing to compare with.
      const isCompared = width > 1 && all.some((of, at) => value(answers[at * width + 1], of) * 1_000 > value(answers[at * width], of));
      return (
        <ul class="figures">
          {all.map((of, at) => (
            <One key={of.title} of={of} answer={answers[at * width]} earlier={isCompared ? answers[at * width + 1] : undefined} state={state} now={now} />
          ))}
        </ul>
      );
    },
    table: (answers) => {
      const width = answers.length / all.length;
      return { head: [t("field"), t("value"), ...(width > 1 ? [t("periodBefore")] : [])], rows: all.map((of, at) => [t(of.title), value(answers[at * width], of), ...(width > 1 ? [value(answers[at * width + 1], of)] : [])]) };
    },
  };
}
