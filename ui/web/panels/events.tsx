// How many events came, over time, by stream. One search a stream: each may be missing.
import { useState } from "preact/hooks";
import type { Answer } from "../api";
import { Chart } from "../chart";
import { interval, number, time } from "../format";
import { language, t } from "../i18n";
import { all, histogram, STREAMS, timeFilter } from "../queries";
import { bounds, go, utc, type State } from "../state";
import type { Panel } from "./panel";

const MONTH = 2_592_000_000;
const BARS = 90;

function step(state: State, now: number): number {
  const { from, to } = bounds(state.time, now);
  return interval(from === undefined ? 3 * MONTH : (to ?? now) - from, BARS);
}

export function series(answers: Answer[]) {
  return STREAMS.map((name, at) => ({
    name,
    total: answers[at]?.hits.total?.value ?? 0,
    points: new Map((answers[at]?.aggregations?.over_time?.buckets ?? []).map((it) => [Number(it.key), it.doc_count] as const)),
  }));
}

function Events({ answers, state, now }: { answers: Answer[]; state: State; now: number }) {
  const [asTable, setTable] = useState(false);
  const width = step(state, now);
  const all = series(answers);
  const times = [...new Set(all.flatMap((it) => [...it.points.keys()]))].sort((a, b) => a - b);
  return (
    <>
      <div class="legend">
        {all.map((it, at) => (
          <span key={it.name}>
            <i class={`dot series-${at}`} aria-hidden="true" /> {it.name} <b>{number(it.total, language.value)}</b>
          </span>
        ))}
        <button type="button" class="quiet" onClick={() => setTable(!asTable)}>
          {asTable ? t("showChart") : t("showTable")}
        </button>
      </div>
      {asTable ? (
        <div class="scroll tall" tabIndex={0}>
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">{t("time")}</th>
                {all.map((it) => (
                  <th scope="col" class="num" key={it.name}>
                    {it.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times.map((at) => (
                <tr key={at}>
                  <th scope="row">{time(at, utc.value).slice(0, 19)}</th>
                  {all.map((it) => (
                    <td class="num" key={it.name}>
                      {number(it.points.get(at) ?? 0, language.value)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <Chart series={all} step={width} height={220} label={t("events")} choose={(from, to) => go({ time: `${from}..${to}` })} />
      )}
    </>
  );
}

export const events: Panel = {
  id: "events",
  title: "events",
  wide: true,
  queries: (state, now) => STREAMS.map((index) => ({ index, body: { size: 0, track_total_hits: true, query: all(timeFilter(state.time, now)), aggs: histogram(step(state, now)) } })),
  isEmpty: (answers) => answers.every((it) => (it.hits.total?.value ?? 0) === 0),
  render: (answers, state, now) => <Events answers={answers} state={state} now={now} />,
};
