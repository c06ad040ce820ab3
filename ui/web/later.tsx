// A page whose code is loaded when it is first opened.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { messageOf } from "./load";
import { Failed, Loading } from "./parts";

/** Adds a style sheet that only such a page needs, once; done when it is in force. */
export function styles(name: string): Promise<void> {
  const href = `/ui/${name}`;
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  return new Promise((done, failed) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = href;
    link.onload = () => done();
    link.onerror = () => {
      link.remove();
      failed(new Error(href));
    };
    document.head.append(link);
  });
}

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
