// A link to what is on screen, with the time as it was chosen or as it is now.
import { useState } from "preact/hooks";
import { CopyButton } from "../parts";
import { bounds, print, state, type State } from "../state";
import { t } from "./texts";

/** The state with its time as two moments; all time stays all time. */
export function fixed(of: State, now: number): State {
  const { from, to } = bounds(of.time, now);
  return from === undefined ? of : { ...of, time: `${from}..${to ?? now}`, every: 0 };
}

export function ShareMenu() {
  const [isFixed, setFixed] = useState(true);
  const [now] = useState(Date.now());
  const link = `${window.location.origin}${window.location.pathname}${print(isFixed ? fixed(state.value, now) : state.value)}`;
  return (
    <div class="share">
      <label>
        <input type="checkbox" checked={isFixed} onChange={() => setFixed(!isFixed)} /> {t("fixedTimes")}
      </label>
      <span class="row">
        <input type="text" readOnly aria-label={t("link")} value={link} onFocus={(event) => event.currentTarget.select()} />
        <CopyButton key={link} text={link} />
      </span>
    </div>
  );
}
