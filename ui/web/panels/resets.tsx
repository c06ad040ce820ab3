// How many threats were reset between which zones: the first of the two questions.
import type { Answer } from "../api";
import { number } from "../format";
import { language, t } from "../i18n";
import { countOf, matrix, MatrixTable, pairs } from "../kinds/pairs";
import { eventsOf, RESETS, type Scope } from "../queries";
import { go, is, state as shared, type State } from "../state";
import type { Panel } from "./panel";

const scope: Scope = { stream: "panos-threat", filters: [is("panw.panos.action", ...RESETS)] };
const zones = pairs({ id: "resets", title: "resets", hint: "resetsHint", scope, rows: { field: "observer.ingress.zone", title: "sourceZone" }, columns: { field: "observer.egress.zone", title: "destinationZone" }, size: 50 });
const cellLink = (from: string, to: string) => eventsOf(shared.value, scope, [is("observer.ingress.zone", from), is("observer.egress.zone", to)]);

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

function Resets({ answer, state }: { answer: Answer | undefined; state: State }) {
  const it = matrix(answer);
  const names = [...it.from, ...it.to];
  return (
    <>
      <p class="headline">
        <a href={cellLink(state.from, state.to)} class="figure" data-testid="resets">
          {number(countOf(it, state.from, state.to), language.value)}
        </a>
        <span>{t("resetsLead", state.from, state.to)}</span>
        <span class="pick">
          <Zones label={t("sourceZone")} value={state.from} names={names} set={(from) => go({ from })} />
          <span aria-hidden="true">→</span>
          <Zones label={t("destinationZone")} value={state.to} names={names} set={(to) => go({ to })} />
        </span>
      </p>
      <MatrixTable of={it} rows={t("sourceZone")} columns={t("destinationZone")} cell={cellLink} chosen={(from, to) => from === shared.value.from && to === shared.value.to} />
    </>
  );
}

export const resets: Panel = { ...zones, render: ([answer], state) => <Resets answer={answer} state={state} /> };
