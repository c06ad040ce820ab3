// Saving what is on screen as a file.

export function save(name: string, mediaType: string, text: string): void {
  saveParts(name, mediaType, [text]);
}

/** Saves a file that is too long for one text. */
export function saveParts(name: string, mediaType: string, parts: string[]): void {
  const url = URL.createObjectURL(new Blob(parts, { type: mediaType }));
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  // The download has its own hold on the data once it has begun.
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
