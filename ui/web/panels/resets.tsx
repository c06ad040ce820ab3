// How many threats were reset between which zones: the first of the two questions.
import type { Answer } from "../api";
import { heat, number } from "../format";
import { language, t } from "../i18n";
import { all, RESETS, terms, timeFilter } from "../queries";
import { go, link, state as shared, type Filter, type State } from "../state";
import type { Panel } from "./panel";

type Matrix = { from: string[]; to: string[]; counts: Map<string, number>; largest: number };

export function matrix(answer: Answer): Matrix {
  const counts = new Map<string, number>();
  const to = new Set<string>();
  const from: string[] = [];
  for (const row of answer.aggregations?.from?.buckets ?? []) {
    from.push(String(row.key));
    for (const cell of (row.to as { buckets: { key: string; doc_count: number }[] }).buckets) {
      to.add(cell.key);
      counts.set(`${row.key}\u0000${cell.key}`, cell.doc_count);
    }
  }
  return { from: from.sort(), to: [...to].sort(), counts, largest: Math.max(0, ...counts.values()) };
}

const cellFilters = (from: string, to: string): Filter[] => [
  { field: "observer.ingress.zone", value: from, out: false },
  { field: "observer.egress.zone", value: to, out: false },
];
/** The chosen pair's events. The three reset actions are one query, because a chip holds one value. */
export const cellLink = (from: string, to: string) =>
  link({ page: "discover", stream: "panos-threat", filters: cellFilters(from, to), query: `panw.panos.action:(${RESETS.map((it) => `"${it}"`).join(" OR ")})`, columns: ["panw.panos.action", "panw.panos.threat.name", "source.ip", "destination.ip", "destination.port"] });

function Zones({ label, value, names, set }: { label: string; value: string; names: string[]; set: (value: string) => void }) {
  return (
    <select aria-label={label} value={value} onChange={(event) => set(event.currentTarget.value)}>
      {[...new Set([value, ...names])].sort().map((it) => (
        <option value={it} key={it}>
          {it}
        </option>
      ))}
    </select>
  );
}

function Resets({ answer, state }: { answer: Answer; state: State }) {
  const it = matrix(answer);
  const count = (from: string, to: string) => it.counts.get(`${from}\u0000${to}`) ?? 0;
  const names = [...it.from, ...it.to];
  return (
    <>
      <p class="headline">
        <a href={cellLink(state.from, state.to)} class="figure" data-testid="resets">
          {number(count(state.from, state.to), language.value)}
        </a>
        <span>{t("resetsLead", state.from, state.to)}</span>
        <span class="pick">
          <Zones label={t("sourceZone")} value={state.from} names={names} set={(from) => go({ from })} />
          <span aria-hidden="true">→</span>
          <Zones label={t("destinationZone")} value={state.to} names={names} set={(to) => go({ to })} />
        </span>
      </p>
      <div class="scroll" tabIndex={0}>
        <table class="matrix">
          <thead>
            <tr>
              <th scope="col" class="corner">
                {t("sourceZone")} ↓ / {t("destinationZone")} →
              </th>
              {it.to.map((to) => (
                <th scope="col" key={to}>
                  {to}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {it.from.map((from) => (
              <tr key={from}>
                <th scope="row">{from}</th>
                {it.to.map((to) => {
                  const value = count(from, to);
                  const chosen = shared.value.from === from && shared.value.to === to;
                  return (
                    <td key={to} class={`heat-${heat(value, it.largest)}${chosen ? " chosen" : ""}`}>
                      {value > 0 ? (
                        <a href={cellLink(from, to)} title={`${from} → ${to}`}>
                          {number(value, language.value)}
                        </a>
                      ) : (
                        <span class="none">0</span>
                      )}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

export const resets: Panel = {
  id: "resets",
  title: "resets",
  hint: "resetsHint",
  queries: (state, now) => [
    {
      index: "panos-threat",
      body: {
        size: 0,
        track_total_hits: true,
        query: all([terms("panw.panos.action", RESETS), ...timeFilter(state.time, now)]),
        aggs: { from: { terms: { field: "observer.ingress.zone", size: 50 }, aggs: { to: { terms: { field: "observer.egress.zone", size: 50 } } } } },
      },
    },
  ],
  isEmpty: ([answer]) => (answer?.hits.total?.value ?? 0) === 0,
  render: ([answer], state) => (answer ? <Resets answer={answer} state={state} /> : null),
};
