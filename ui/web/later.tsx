// A page whose code is loaded when it is first opened.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { messageOf } from "./load";
import { Failed, Loading } from "./parts";

export function Later({ load }: { load: () => Promise<ComponentType> }) {
  const [page, setPage] = useState<{ component: ComponentType } | { message: string } | null>(null);
  const [again, setAgain] = useState(0);
  useEffect(() => {
    let isWanted = true;
    load().then(
      (component) => isWanted && setPage({ component }),
      (error: unknown) => isWanted && setPage({ message: messageOf(error) }),
    );
    return () => {
      isWanted = false;
    };
  }, [again]);
  if (page === null) return <Loading />;
  if ("message" in page) return <Failed message={page.message} retry={() => setAgain(again + 1)} />;
  return <page.component />;
}
