// Every event: query bar, filters, histogram, fields, table, details. The table, the histogram and the fields are asked separately,
// so that none waits for another; each part is a file of `discover/`.
import { useEffect } from "preact/hooks";
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
import { state } from "../state";

export function Discover() {
  useEffect(() => () => void (isLive.value = false), []);
  const key = keyOf(state.value);
  return (
    <div class="discover">
      <SearchBar />
      <div class="under-query">
        <Chips />
        <Toolbar />
      </div>
      <Histogram question={key} />
      <div class="split">
        <FieldList question={key} />
        <section class="panel events" aria-label={t("foundEvents")}>
          {isLive.value ? <LiveTable /> : <EventTable />}
        </section>
      </div>
      {state.value.event !== "" && <Flyout />}
    </div>
  );
}
