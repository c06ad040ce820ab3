// Figures side by side that lead nowhere: what a page about the server itself begins with.
export type Fact = { name: string; value: string; isBad?: boolean };

export function Facts({ of }: { of: Fact[] }) {
  return (
    <ul class="figures">
      {of.map(({ name, value, isBad }) => (
        <li key={name}>
          <span class="label">{name}</span>
          <span class={`figure plain-figure${isBad ? " bad" : ""}`}>{value}</span>
        </li>
      ))}
    </ul>
  );
}
