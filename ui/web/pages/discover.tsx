// Every event: query bar, filters, histogram, fields, table, details. The table, the histogram and the fields are asked separately,
// so that none waits for another; each part is a file of `discover/`.
import { EventTable } from "../discover/event_table";
import { FieldList } from "../discover/field_list";
import { Flyout } from "../discover/flyout";
import { Histogram } from "../discover/histogram";
import { keyOf } from "../discover/question";
import { SearchBar } from "../discover/search_bar";
import { Chips } from "../filter_bar";
import { state } from "../state";

export function Discover() {
  const key = keyOf(state.value);
  return (
    <div class="discover">
      <SearchBar />
      <Chips />
      <Histogram question={key} />
      <div class="split">
        <FieldList question={key} />
        <EventTable />
      </div>
      {state.value.event !== "" && <Flyout />}
    </div>
  );
}
