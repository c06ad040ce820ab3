// Events over time, one colour for all or one for each frequent value of a field. It is asked apart from the table, and can be hidden.
import { useState } from "preact/hooks";
import { search, type Answer, type Body, type Bucket } from "../api";
import { Chart, Legend, type Axis, type Series } from "../chart";
import { FACETS } from "../filter_bar";
import { useAsk } from "../load";
import { States } from "../parts";
import { axis, discover, histogram } from "../queries";
import { go, state } from "../state";
import { tone } from "../tones";
import { t } from "./texts";

const BARS = 120;
const VALUES = 7;
const HIDDEN = "sekisho.histogram";

function questionOf(by: string, step: number): Body {
  const over = histogram(step);
  return by ? { ...over, by: { terms: { field: by, size: VALUES }, aggs: over } } : over;
}

const points = (buckets: Bucket[]) => new Map(buckets.map((it) => [Number(it.key), it.doc_count] as const));

/** The bars: where they are parted by a field, its frequent values, and what is in none of them. */
export function seriesOf(answer: Answer, by: string, names: { all: string; rest: string }): Series[] {
  const whole = points(answer.aggregations?.over_time?.buckets ?? []);
  if (!by) return [{ name: names.all, tone: "turn-0", points: whole }];
  const parts = (answer.aggregations?.by?.buckets ?? []).map((it, at) => {
    const name = it.key_as_string ?? String(it.key);
    return { name, tone: tone(name, at), points: points((it.over_time as { buckets: Bucket[] }).buckets) };
  });
  const rest = new Map<number, number>();
  for (const [at, count] of whole) {
    // An event with several values is in several parts, so that the parts may be more than the whole.
    const left = count - parts.reduce((sum, it) => sum + (it.points.get(at) ?? 0), 0);
    if (left > 0) rest.set(at, left);
  }
  // Two greys side by side would be one.
  const restTone = parts.some((it) => it.tone === "informational") ? "turn-0" : "other";
  return rest.size ? [...parts, { name: names.rest, tone: restTone, points: rest }] : parts;
}

export function Histogram({ question }: { question: string }) {
  const now = state.value;
  const [isHidden, setHidden] = useState(window.localStorage.getItem(HIDDEN) === "hidden");
  const toggle = () => {
    window.localStorage.setItem(HIDDEN, isHidden ? "" : "hidden");
    setHidden(!isHidden);
  };
  return (
    <section class="panel over-time" aria-label={t("histogramTitle")}>
      <header>
        <label>
          {t("breakDown")}{" "}
          <select value={now.by} onChange={(event) => go({ by: event.currentTarget.value })}>
            <option value="">{t("nothing")}</option>
            {[...new Set([...Object.values(FACETS).map((it) => it.field as string), ...(now.by ? [now.by] : [])])].map((it) => (
              <option key={it} value={it}>
                {it}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="quiet" aria-expanded={!isHidden} onClick={toggle}>
          {t(isHidden ? "showHistogram" : "hideHistogram")}
        </button>
      </header>
      {!isHidden && <Bars question={question} />}
    </section>
  );
}

function Bars({ question }: { question: string }) {
  const now = state.value;
  const [hidden, setHidden] = useState<string[]>([]);
  const loaded = useAsk<{ answer: Answer; by: string; place: Axis }>(JSON.stringify([question, now.by]), now.every, async (signal) => {
    // The axis belongs to the answer: it ends where the question's time ended.
    const at = Date.now();
    const place = axis(now.time, at, BARS);
    const answer = await search(now.stream, { size: 0, track_total_hits: true, query: discover(now, at), aggs: questionOf(now.by, place.step) }, signal);
    return { answer, by: now.by, place };
  });
  return (
    <States of={loaded} isEmpty={(it) => (it.answer.aggregations?.over_time?.buckets.length ?? 0) === 0}>
      {({ answer, by, place }) => {
        const series = seriesOf(answer, by, { all: now.stream, rest: t("rest") });
        const toggle = (name: string) => setHidden(hidden.includes(name) ? hidden.filter((it) => it !== name) : [...hidden, name]);
        return (
          <>
            {by && <Legend series={series} hidden={hidden} toggle={toggle} />}
            <Chart series={series.filter((it) => !hidden.includes(it.name))} axis={place} height={120} label={t("histogramTitle")} choose={(from, to) => go({ time: `${from}..${to}` })} />
          </>
        );
      }}
    </States>
  );
}
