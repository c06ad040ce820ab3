// How many events came, over time, by stream. One search a stream: each may be missing.
import type { Answer } from "../api";
import { TimeChart, type Series } from "../chart";
import { t } from "../i18n";
import { tableOf } from "../kinds/over_time";
import { commits } from "../marks";
import { axis, discover, histogram, STREAMS } from "../queries";
import { go } from "../state";
import type { Panel } from "./panel";

const BARS = 90;

function series(answers: Answer[]): Series[] {
  return STREAMS.map((name, at) => ({
    name,
    tone: `turn-${at}`,
    points: new Map((answers[at]?.aggregations?.over_time?.buckets ?? []).map((it) => [Number(it.key), it.doc_count] as const)),
  }));
}

export const events: Panel = {
  id: "events",
  title: "events",
  span: 8,
  scope: { stream: "panos-*", filters: [] },
  queries: (state, now) => STREAMS.map((index) => ({ index, body: { size: 0, track_total_hits: true, query: discover(state, now), aggs: histogram(axis(state.time, now, BARS).step) } })),
  isEmpty: (answers) => series(answers).every((it) => it.points.size === 0),
  render: (answers, state, now) => <TimeChart series={series(answers)} axis={axis(state.time, now, BARS)} height={270} label={t("events")} marks={commits.value} labels={5} choose={(from, to) => go({ time: `${from}..${to}` })} />,
  table: (answers) => tableOf(series(answers)),
};
