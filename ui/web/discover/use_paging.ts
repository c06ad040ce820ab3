// A list of events on screen: asked anew when its question changes, and on the chosen beat while nobody reads further down. The list
// before stays on screen until the first page of the next is there.
import { useEffect, useRef, useState } from "preact/hooks";
import { Paging, type Source } from "./paging";

type Listed = { shown: Paging | undefined; isStale: boolean; pending: Paging | undefined; again: () => void };

export function usePaging(key: string, every: number, isStill: boolean, make: () => Source): Listed {
  const [drawn, draw] = useState<{ pending: Paging | undefined }>({ pending: undefined });
  const [turn, setTurn] = useState(0);
  const shown = useRef<{ key: string; paging: Paging } | undefined>(undefined);
  const still = useRef(isStill);
  still.current = isStill;
  useEffect(() => {
    let timer: number | undefined;
    let pending: Paging | undefined;
    const wait = () => every > 0 && (timer = window.setTimeout(() => (still.current ? wait() : begin()), every));
    const begin = () => {
      pending = new Paging(make(), (it) => {
        if (it === pending && it.phase !== "asking") {
          shown.current?.paging.close();
          shown.current = { key, paging: it };
          pending = undefined;
          wait();
        }
        draw({ pending });
      });
      void pending.more();
    };
    begin();
    return () => {
      window.clearTimeout(timer);
      pending?.close();
    };
  }, [key, every, turn]);
  useEffect(() => () => shown.current?.paging.close(), []);
  const isStale = shown.current !== undefined && shown.current.key !== key;
  return { shown: shown.current?.paging, isStale, pending: drawn.pending, again: () => setTurn((it) => it + 1) };
}
