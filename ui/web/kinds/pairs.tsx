// A panel of two fields against each other: how many events each pair of values has.
import type { Answer, Bucket } from "../api";
import { heat, number } from "../format";
import { language, t, type Key } from "../i18n";
import type { Panel } from "../panels/panel";
import { eventsOf, scoped, type Scope } from "../queries";
import { is, state as shared } from "../state";
import { SEVERITIES } from "../tones";

export type Pairs = { id: string; title: Key; hint?: Key; span?: Panel["span"]; scope: Scope; rows: { field: string; title: Key }; columns: { field: string; title: Key }; size?: number };

export type Matrix = { from: string[]; to: string[]; counts: Map<string, number>; largest: number };

/** Severities by their weight, everything else by its letters. */
function inOrder(a: string, b: string): number {
  const [x, y] = [SEVERITIES.indexOf(a), SEVERITIES.indexOf(b)];
  return x >= 0 && y >= 0 ? x - y : a.localeCompare(b);
}

/** An answer of terms `from` with terms `to` below them. */
export function matrix(answer: Answer | undefined): Matrix {
  const counts = new Map<string, number>();
  const to = new Set<string>();
  const from: string[] = [];
  for (const row of answer?.aggregations?.from?.buckets ?? []) {
    from.push(String(row.key));
    for (const cell of (row.to as { buckets: Bucket[] }).buckets) {
      to.add(String(cell.key));
      counts.set(`${row.key}\u0000${cell.key}`, cell.doc_count);
    }
  }
  return { from: from.sort(inOrder), to: [...to].sort(inOrder), counts, largest: Math.max(0, ...counts.values()) };
}

export const countOf = (of: Matrix, from: string, to: string) => of.counts.get(`${from}\u0000${to}`) ?? 0;

/** The table of a matrix; `chosen` is outlined. */
export function MatrixTable({ of, rows, columns, cell, chosen }: { of: Matrix; rows: string; columns: string; cell: (from: string, to: string) => string; chosen?: (from: string, to: string) => boolean }) {
  return (
    <div class="scroll" tabIndex={0}>
      <table class="matrix">
        <thead>
          <tr>
            <th scope="col" class="corner">
              {rows} ↓ / {columns} →
            </th>
            {of.to.map((to) => (
              <th scope="col" key={to}>
                {to}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {of.from.map((from) => (
            <tr key={from}>
              <th scope="row">{from}</th>
              {of.to.map((to) => {
                const value = countOf(of, from, to);
                return (
                  <td key={to} class={`heat-${heat(value, of.largest)}${chosen?.(from, to) ? " chosen" : ""}`}>
                    {value > 0 ? (
                      <a href={cell(from, to)} title={`${from} → ${to}`}>
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
  );
}

export function pairs(of: Pairs): Panel {
  const size = of.size ?? 20;
  return {
    id: of.id,
    title: of.title,
    ...(of.hint ? { hint: of.hint } : {}),
    span: of.span ?? 6,
    scope: of.scope,
    isTable: true,
    queries: (state, now) => [
      {
        index: of.scope.stream,
        body: { size: 0, track_total_hits: true, query: scoped(state, of.scope, now), aggs: { from: { terms: { field: of.rows.field, size }, aggs: { to: { terms: { field: of.columns.field, size } } } } } },
      },
    ],
    isEmpty: ([answer]) => matrix(answer).counts.size === 0,
    render: ([answer]) => <MatrixTable of={matrix(answer)} rows={t(of.rows.title)} columns={t(of.columns.title)} cell={(from, to) => eventsOf(shared.value, of.scope, [is(of.rows.field, from), is(of.columns.field, to)])} />,
    table: ([answer]) => {
      const it = matrix(answer);
      return { head: [`${t(of.rows.title)} / ${t(of.columns.title)}`, ...it.to], rows: it.from.map((from) => [from, ...it.to.map((to) => countOf(it, from, to))]) };
    },
  };
}
