// Numbers, times and scales as text. Pure functions: tested without a browser.

export function number(value: number, language: string): string {
  return new Intl.NumberFormat(language).format(value);
}

export function percent(part: number, whole: number, language: string): string {
  if (whole === 0) return "–";
  return new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(part / whole);
}

/** An amount of data in powers of 1,000, with a capital letter in every unit: "48 KB". */
export function bytes(value: number, language: string): string {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  const at = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: at === 0 ? 0 : 1 }).format(value / 1000 ** at)} ${units[at]}`;
}

/** A span of time, to the two largest units. */
export function duration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms % 1000 === 0 ? 0 : 1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A time to the millisecond, in the browser's zone or in UTC. */
export function time(ms: number, utc: boolean): string {
  const at = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const three = (value: number) => String(value).padStart(3, "0");
  return utc
    ? at.toISOString().replace("T", " ").replace("Z", "")
    : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${three(at.getMilliseconds())}`;
}

/** A short label of a point on a time axis whose buckets are `step` ms wide. */
export function tick(ms: number, step: number, utc: boolean): string {
  const text = time(ms, utc);
  if (step >= 86_400_000) return text.slice(5, 10);
  if (step >= 3_600_000) return `${text.slice(5, 10)} ${text.slice(11, 16)}`;
  return text.slice(11, step >= 60_000 ? 16 : 19);
}

const STEPS = [1_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 604_800_000, 2_592_000_000];

/** The bucket width that gives a span at most `most` buckets. */
export function interval(span: number, most: number): number {
  return STEPS.find((step) => span / step <= most) ?? Math.ceil(span / most / 86_400_000) * 86_400_000;
}

/** A round number at or above `value`, for the top of an axis. */
export function niceTop(value: number): number {
  if (value <= 1) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((it) => it * unit).find((it) => it >= value) ?? value;
}

/** How strongly a cell of a heat map is coloured, 0 to 4: by magnitude, so that one large pair does not pale all others. */
export function heat(value: number, largest: number): number {
  if (value <= 0 || largest <= 0) return 0;
  return Math.max(1, Math.ceil((Math.log1p(value) / Math.log1p(largest)) * 4));
}

/** Points added up into buckets `step` ms wide, each at its beginning. */
export function rebin(points: Map<number, number>, step: number): Map<number, number> {
  const sums = new Map<number, number>();
  for (const [at, value] of points) {
    const start = Math.floor(at / step) * step;
    sums.set(start, (sums.get(start) ?? 0) + value);
  }
  return sums;
}

/** A count that fits a narrow place: 12.3K, 1.2万. */
export function short(value: number, language: string): string {
  return new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

/** The change from one figure to another with its sign; more than tenfold is said as such; none where there was nothing before. */
export function change(now: number, before: number, language: string): string | undefined {
  if (before === 0) return undefined;
  if (now / before > 10) return "> ×10";
  return new Intl.NumberFormat(language, { style: "percent", signDisplay: "exceptZero", maximumFractionDigits: Math.abs(now / before - 1) < 0.1 ? 1 : 0 }).format(now / before - 1);
}

/** Rows as CSV (RFC 4180). A cell that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, "CSV Injection"). */
export function csv(rows: (string | number)[][]): string {
  const cell = (value: string | number) => {
    // Numbers are ours; a text is a log's.
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** How long ago a time was, in one unit. */
export function ago(ms: number, language: string): string {
  const units: [Intl.RelativeTimeFormatUnit, number][] = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1_000]];
  const [unit, size] = units.find((it) => ms >= it[1]) ?? ["second", 1_000];
  return new Intl.RelativeTimeFormat(language, { numeric: "always", style: "short" }).format(-Math.round(ms / size), unit);
}
