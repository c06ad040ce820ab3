// A button with a small window below it: closed by Escape, by a click elsewhere, or by what is inside.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export function Popover({ title, children }: { title: string; children: (close: () => void) => ComponentChildren }) {
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLSpanElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!isOpen) return;
    box.current?.querySelector<HTMLElement>(".menu input, .menu button, .menu select")?.focus();
    const outside = (event: Event) => !box.current?.contains(event.target as Node) && setOpen(false);
    window.addEventListener("pointerdown", outside);
    return () => window.removeEventListener("pointerdown", outside);
  }, [isOpen]);
  return (
    <span
      class="popover"
      ref={box}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !isOpen) return;
        event.stopPropagation();
        close();
      }}
    >
      <button type="button" aria-expanded={isOpen} aria-haspopup="dialog" ref={button} onClick={() => setOpen(!isOpen)}>
        {title} <span aria-hidden="true">▾</span>
      </button>
      {isOpen && (
        <div class="menu" role="dialog" aria-label={title}>
          {children(close)}
        </div>
      )}
    </span>
  );
}
