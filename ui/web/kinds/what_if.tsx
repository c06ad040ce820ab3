// What if these signatures had been blocked: for each, how many events, sessions, hosts and users a block would have hit in the chosen time.
import type { Answer, Bucket } from "../api";
import { number, time } from "../format";
import { language, t, type Key } from "../i18n";
import type { Panel } from "../panels/panel";
import { FilterButtons, Head } from "../parts";
import { eventsOf, scoped, type Scope } from "../queries";
import { is, state as shared, utc } from "../state";

const SIGNATURE = "panw.panos.threat.name";
const SIZE = 25;
/** What is counted beside events, each by its different values. */
const HIT: [string, Key, string][] = [
  ["sessions", "sessionsHit", "sekisho.session.key"],
  ["sources", "sourcesHit", "source.ip"],
  ["targets", "targetsHit", "destination.ip"],
  ["users", "users", "source.user.name"],
];

type Row = { name: string; severity: string; events: number; hit: number[]; last: number };

export function whatIfRows(answer: Answer | undefined): Row[] {
  const value = (of: Bucket, name: string) => (of[name] as { value: number | null }).value ?? 0;
  return (answer?.aggregations?.signatures?.buckets ?? []).map((it) => ({
    name: String(it.key),
    severity: String((it.severity as { buckets: Bucket[] }).buckets[0]?.key ?? ""),
    events: it.doc_count,
    hit: HIT.map(([name]) => value(it, name)),
    last: value(it, "last"),
  }));
}

export function whatIf(id: string, title: Key, hint: Key, scope: Scope): Panel {
  const whole = (value: number) => number(value, language.value);
  return {
    id,
    title,
    hint,
    span: 12,
    scope,
    isTable: true,
    queries: (state, now) => [
      {
        index: scope.stream,
        body: {
          size: 0,
          track_total_hits: true,
          query: scoped(state, scope, now),
          aggs: {
            signatures: {
              terms: { field: SIGNATURE, size: SIZE },
              aggs: { severity: { terms: { field: "panw.panos.severity", size: 1 } }, last: { max: { field: "@timestamp" } }, ...Object.fromEntries(HIT.map(([name, , field]) => [name, { cardinality: { field } }])) },
            },
          },
        },
      },
    ],
    isEmpty: ([answer]) => whatIfRows(answer).length === 0,
    render: ([answer]) => (
      <div class="scroll tall" tabIndex={0}>
        <table class="plain">
          <Head of={[t("signature"), t("severity"), [t("count"), "num"], ...HIT.map(([, head]) => [t(head), "num"] as const), t("newest")]} />
          <tbody>
            {whatIfRows(answer).map((it) => (
              <tr key={it.name}>
                <th scope="row">
                  <span class="cell">
                    <a class="value" href={eventsOf(shared.value, scope, [is(SIGNATURE, it.name)])}>
                      {it.name}
                    </a>
                    <FilterButtons field={SIGNATURE} value={it.name} />
                  </span>
                </th>
                <td>
                  <i class={`dot tone-${it.severity}`} aria-hidden="true" />
                  {it.severity}
                </td>
                <td class="num">{whole(it.events)}</td>
                {it.hit.map((value, at) => (
                  <td class="num" key={HIT[at]![0]}>
                    {whole(value)}
                  </td>
                ))}
                <td class="nowrap">{time(it.last, utc.value).slice(0, 16)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    ),
    table: ([answer]) => ({
      head: [t("signature"), t("severity"), t("count"), ...HIT.map(([, head]) => t(head)), t("newest")],
      rows: whatIfRows(answer).map((it) => [it.name, it.severity, it.events, ...it.hit, time(it.last, utc.value).slice(0, 19)]),
    }),
  };
}
