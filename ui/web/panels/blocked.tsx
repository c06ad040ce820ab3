// How many web requests the URL filter blocked, by destination port: the second of the two questions.
import type { Answer } from "../api";
import { number, percent } from "../format";
import { language, t } from "../i18n";
import { all, BLOCKS, term, terms, timeFilter } from "../queries";
import { link } from "../state";
import type { Panel } from "./panel";

const FROM = "Trust";
const TO = "Untrust";

const portLink = (port: string) =>
  link({
    page: "discover",
    stream: "panos-url",
    query: `panw.panos.action:(${BLOCKS.map((it) => `"${it}"`).join(" OR ")})`,
    filters: [
      { field: "observer.ingress.zone", value: FROM, out: false },
      { field: "observer.egress.zone", value: TO, out: false },
      ...(port ? [{ field: "destination.port", value: port, out: false }] : []),
    ],
    columns: ["panw.panos.action", "url.original", "panw.panos.url.category", "source.ip", "destination.port"],
  });

function Blocked({ answer }: { answer: Answer }) {
  const total = answer.hits.total?.value ?? 0;
  const ports = answer.aggregations?.ports?.buckets ?? [];
  const largest = ports[0]?.doc_count ?? 1;
  return (
    <>
      <p class="headline">
        <a href={portLink("")} class="figure" data-testid="blocked">
          {number(total, language.value)}
        </a>
        <span>{t("blockedLead", FROM, TO)}</span>
      </p>
      <div class="scroll" tabIndex={0}>
        <table class="bars">
          <thead>
            <tr>
              <th scope="col">{t("port")}</th>
              <th scope="col" class="num">
                {t("count")}
              </th>
              <th scope="col" class="num">
                {t("share")}
              </th>
              <th aria-hidden="true" />
            </tr>
          </thead>
          <tbody>
            {ports.map((it) => (
              <tr key={it.key}>
                <th scope="row">
                  <a href={portLink(String(it.key))}>{it.key}</a>
                </th>
                <td class="num">{number(it.doc_count, language.value)}</td>
                <td class="num">{percent(it.doc_count, total, language.value)}</td>
                <td class="bar" aria-hidden="true">
                  <svg width="100%" height="10" preserveAspectRatio="none" viewBox="0 0 100 10">
                    <rect class="bar-fill" width={Math.max(0.5, (100 * it.doc_count) / largest)} height="10" rx="1" />
                  </svg>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

export const blocked: Panel = {
  id: "blocked",
  title: "blocked",
  hint: "blockedHint",
  queries: (state, now) => [
    {
      index: "panos-url",
      body: {
        size: 0,
        track_total_hits: true,
        query: all([term("observer.ingress.zone", FROM), term("observer.egress.zone", TO), terms("panw.panos.action", BLOCKS), ...timeFilter(state.time, now)]),
        aggs: { ports: { terms: { field: "destination.port", size: 10 } } },
      },
    },
  ],
  isEmpty: ([answer]) => (answer?.hits.total?.value ?? 0) === 0,
  render: ([answer]) => (answer ? <Blocked answer={answer} /> : null),
};
