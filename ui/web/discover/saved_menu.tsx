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
  const loaded = useAsk(`saved ${turn}`, 0, savedSearches);
  const list = loaded.state === "data" ? loaded.data : [];
  const same = list.find((it) => it.name === name.trim());
  const run = (done: Promise<void>) =>
    done.then(
      () => {
        setProblem("");
        setName("");
        setLeaving("");
        setTurn((it) => it + 1);
      },
      (error: unknown) => setProblem(messageOf(error)),
    );
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
        <button type="submit" class="primary" disabled={!name.trim()}>
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
              <button type="button" class="bad" onClick={() => void run(deleteSearch(it.id))}>
                {t("deleteReally")}
              </button>
            ) : (
              <button type="button" class="icon" aria-label={`${t("delete")}: ${it.name}`} title={t("delete")} onClick={() => setLeaving(it.id)}>
                ×
              </button>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
