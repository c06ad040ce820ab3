// A page of panels under one set of filters. All panels are asked together, in one request with one cancel.
import { Refused, searches, type Answer } from "../api";
import { FilterBar } from "../filter_bar";
import { t } from "../i18n";
import { useAsk } from "../load";
import { Completeness } from "../completeness";
import { commitQuery, commits, marksOf } from "../marks";
import type { Dashboard } from "../panels/index";
import { Failed, Frame, States } from "../parts";
import { eventsOf } from "../queries";
import { state } from "../state";

type Round = { now: number; answers: (Answer | Refused)[] };

export function DashboardPage({ of }: { of: Dashboard }) {
  const now = state.value;
  const key = JSON.stringify([of.id, now.time, now.query, now.filters]);
  const round = useAsk<Round>(key, now.every, async (signal) => {
    const at = Date.now();
    const [marks, ...answers] = await searches([commitQuery(state.value, at), ...of.panels.flatMap((it) => it.queries(state.value, at))], signal);
    commits.value = marks && !(marks instanceof Refused) ? marksOf(marks) : [];
    return { now: at, answers };
  });
  let next = 0;
  return (
    <>
      <FilterBar facets={of.facets} index={of.streams.join(",")} />
      {round.state === "error" ? (
        <Failed message={round.message} retry={round.retry} />
      ) : (
        <div class="panels">
          {of.id === "overview" && <Completeness />}
          {of.panels.map((panel) => {
            const queries = panel.queries(now, Date.now());
            const from = next;
            next += queries.length;
            // An answer to another page's questions is not shown.
            const mine = (it: Round) => it.answers.slice(from, from + queries.length);
            const failed = round.state === "data" ? mine(round.data).find((it) => it instanceof Refused) : undefined;
            const loaded = failed instanceof Refused && round.state === "data" ? { state: "error" as const, message: failed.message, retry: round.retry } : round;
            const answers = loaded.state === "data" ? (mine(loaded.data) as Answer[]) : undefined;
            const at = loaded.state === "data" ? loaded.data.now : 0;
            return (
              <Frame
                id={panel.id}
                key={panel.id}
                title={t(panel.title)}
                hint={panel.hint && t(panel.hint)}
                span={panel.span}
                queries={queries}
                discover={panel.scope && eventsOf(now, panel.scope)}
                table={answers && !panel.isEmpty(answers) ? () => panel.table(answers, now, at) : undefined}
                isTable={panel.isTable}
              >
                <States of={loaded} isEmpty={() => !answers || panel.isEmpty(answers)}>
                  {() => panel.render(answers!, now, at)}
                </States>
              </Frame>
            );
          })}
        </div>
      )}
    </>
  );
}
