// The saved searches: open one, save what is on screen, take one away.
import { useState } from "preact/hooks";
import { messageOf, useAsk } from "../load";
import { Failed, Loading } from "../parts";
import { go, state } from "../state";
import { deleteSearch, kept, savedSearches, saveSearch, type Saved } from "./saved";
import { t } from "./texts";

export function SavedMenu({ close }: { close: () => void }) {
  const [turn, setTurn] = useState(0);
  const [name, setName] = useState("");
  const [problem, setProblem] = useState("");
  const [leaving, setLeaving] = useState("");
  const [isBusy, setBusy] = useState(false);
  const loaded = useAsk(`saved ${turn}`, 0, savedSearches);
  const list = loaded.state === "data" ? loaded.data : [];
  const same = list.find((it) => it.name === name.trim());
  // One change at a time: a second one could overtake the first on its way.
  const run = async (change: Promise<void>) => {
    setBusy(true);
    try {
      await change;
      setProblem("");
      setName("");
      setLeaving("");
      setTurn((it) => it + 1);
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  const open = (it: Saved) => {
    go({ ...it.state, every: state.value.every });
    close();
  };
  return (
    <div class="saved">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim()) void run(saveSearch(name.trim(), state.value, same?.id));
        }}
      >
        <input type="text" aria-label={t("searchName")} placeholder={t("searchName")} value={name} maxLength={200} onInput={(event) => setName(event.currentTarget.value)} />
        <button type="submit" class="primary" disabled={isBusy || !name.trim()}>
          {t(same ? "saveOver" : "saveSearch")}
        </button>
      </form>
      {problem && (
        <p class="bad" role="alert">
          {problem}
        </p>
      )}
      {loaded.state === "loading" && <Loading />}
      {loaded.state === "error" && <Failed message={loaded.message} retry={loaded.retry} />}
      {loaded.state === "data" && list.length === 0 && <p class="hint">{t("noSearches")}</p>}
      <ul aria-label={t("savedSearches")}>
        {list.map((it) => (
          <li key={it.id} aria-current={kept(it.state) === kept(state.value) ? "true" : undefined}>
            <button type="button" class="quiet name" title={it.state.query} onClick={() => open(it)}>
              {it.name}
            </button>
            {leaving === it.id ? (
              <button type="button" class="bad" disabled={isBusy} onClick={() => void run(deleteSearch(it.id))}>
                {t("deleteReally")}
              </button>
            ) : (
              <button type="button" class="icon" disabled={isBusy} aria-label={`${t("delete")}: ${it.name}`} title={t("delete")} onClick={() => setLeaving(it.id)}>
                ×
              </button>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
