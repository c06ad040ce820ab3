// Every event: query bar, filters, histogram, fields, table, details. The table, the histogram and the fields are asked separately,
// so that none waits for another; each part is a file of `discover/`.
import { useEffect } from "preact/hooks";
import { fields } from "../api";
import { EventTable } from "../discover/event_table";
import { FieldList } from "../discover/field_list";
import { Flyout } from "../discover/flyout";
import { Histogram } from "../discover/histogram";
import { LiveTable } from "../discover/live_table";
import { keyOf } from "../discover/question";
import { SearchBar } from "../discover/search_bar";
import { isLive } from "../discover/tail";
import { t } from "../discover/texts";
import { Toolbar } from "../discover/toolbar";
import { Chips } from "../filter_bar";
import { useAsk } from "../load";
import { state } from "../state";

export function Discover() {
  useEffect(() => () => void (isLive.value = false), []);
  const { stream } = state.value;
  const key = keyOf(state.value);
  const loaded = useAsk(stream, 0, (signal) => fields(stream, signal));
  return (
    <div class="discover">
      <SearchBar fields={loaded.state === "data" ? loaded.data : []} />
      <div class="under-query">
        <Chips />
        <Toolbar />
      </div>
      <Histogram question={key} />
      <div class="split">
        <FieldList question={key} fields={loaded} />
        <section class="panel events" aria-label={t("foundEvents")}>
          {isLive.value ? <LiveTable /> : <EventTable />}
        </section>
      </div>
      {state.value.event !== "" && <Flyout />}
    </div>
  );
}
