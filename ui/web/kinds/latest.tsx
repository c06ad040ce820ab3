// A panel of the newest events of a scope, as a table of chosen fields.
import { valuesAt } from "../documents";
import { time } from "../format";
import { t, type Key } from "../i18n";
import type { Panel } from "../panels/panel";
import { Cell, Head } from "../parts";
import { scoped, type Scope } from "../queries";
import { link, utc } from "../state";

export type Latest = { id: string; title: Key; hint?: Key; span?: Panel["span"]; scope: Scope; columns: string[]; size?: number };

const when = (source: unknown) => time(Date.parse(valuesAt(source, "@timestamp")[0] ?? ""), utc.value).slice(0, 19);

export function latest(of: Latest): Panel {
  return {
    id: of.id,
    title: of.title,
    ...(of.hint ? { hint: of.hint } : {}),
    span: of.span ?? 12,
    scope: of.scope,
    isTable: true,
    queries: (state, now) => [
      {
        index: of.scope.stream,
        body: { size: of.size ?? 20, track_total_hits: true, query: scoped(state, of.scope, now), sort: [{ "@timestamp": { order: "desc", unmapped_type: "date" } }], _source: ["@timestamp", ...of.columns] },
      },
    ],
    isEmpty: ([answer]) => (answer?.hits.hits.length ?? 0) === 0,
    render: ([answer]) => (
      <div class="scroll tall" tabIndex={0}>
        <table class="plain">
          <Head of={[t("time"), ...of.columns]} />
          <tbody>
            {answer?.hits.hits.map((hit) => (
              <tr key={`${hit._index} ${hit._id}`}>
                <td class="nowrap">
                  <a href={link({ page: "discover", stream: of.scope.stream, filters: [], query: "", columns: [], event: `${hit._index}/${hit._id}` })}>{when(hit._source)}</a>
                </td>
                {of.columns.map((it) => (
                  <td key={it}>
                    <Cell field={it} values={valuesAt(hit._source, it)} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    ),
    table: ([answer]) => ({ head: [t("time"), ...of.columns], rows: (answer?.hits.hits ?? []).map((hit) => [when(hit._source), ...of.columns.map((it) => valuesAt(hit._source, it).join(" "))]) }),
  };
}
