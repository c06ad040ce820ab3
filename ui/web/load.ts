// Running a panel's or a page's request: cancelled when the question changes or the page goes, repeated on the chosen beat.
import { useEffect, useState } from "preact/hooks";

export type Loaded<T> = { state: "loading" } | { state: "error"; message: string; retry: () => void } | { state: "data"; data: T; stale: boolean; retry: () => void };

/** What went wrong, for a person. */
export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Runs `ask` whenever `key` changes and every `every` ms. The last answer stays on screen while the next is under way. */
export function useAsk<T>(key: string, every: number, ask: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [loaded, set] = useState<{ key: string; value: Loaded<T> }>({ key: "", value: { state: "loading" } });
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let timer: number | undefined;
    const retry = () => setAgain((it) => it + 1);
    const run = async () => {
      try {
        const data = await ask(abort.signal);
        set({ key, value: { state: "data", data, stale: false, retry } });
      } catch (error) {
        if (abort.signal.aborted) return;
        set({ key, value: { state: "error", message: messageOf(error), retry } });
      }
      if (every > 0 && !abort.signal.aborted) timer = window.setTimeout(run, every);
    };
    void run();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [key, every, again]);
  // An answer to another question is not shown as the answer to this one.
  if (loaded.key !== key && loaded.value.state !== "data") return { state: "loading" };
  return loaded.value.state === "data" ? { ...loaded.value, stale: loaded.key !== key } : loaded.value;
}
