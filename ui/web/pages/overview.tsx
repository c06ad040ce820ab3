// The first page: every panel, asked together.
import { Refused, searches, type Answer } from "../api";
import { t } from "../i18n";
import { useAsk } from "../load";
import { PANELS } from "../panels/index";
import { Frame, States } from "../parts";
import { state } from "../state";

type Round = { now: number; answers: (Answer | Refused)[] };

export function Overview() {
  const now = state.value;
  const key = JSON.stringify([now.time]);
  const round = useAsk<Round>(key, now.every, async (signal) => {
    const at = Date.now();
    return { now: at, answers: await searches(PANELS.flatMap((it) => it.queries(state.value, at)), signal) };
  });
  let next = 0;
  return (
    <div class="panels">
      {PANELS.map((panel) => {
        const queries = panel.queries(now, Date.now());
        const from = next;
        next += queries.length;
        const mine = (it: Round) => it.answers.slice(from, from + queries.length);
        const failed = round.state === "data" ? mine(round.data).find((it) => it instanceof Refused) : undefined;
        const loaded = failed instanceof Refused ? { state: "error" as const, message: failed.message, retry: () => (state.value = { ...state.value }) } : round;
        return (
          <Frame id={panel.id} key={panel.id} title={t(panel.title)} hint={panel.hint && t(panel.hint)} query={queries[0]!} wide={panel.wide ?? false}>
            <States of={loaded} isEmpty={(it) => panel.isEmpty(mine(it) as Answer[])}>
              {(it) => panel.render(mine(it) as Answer[], now, it.now)}
            </States>
          </Frame>
        );
      })}
    </div>
  );
}
