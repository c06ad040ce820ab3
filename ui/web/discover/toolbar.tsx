// What can be done with the question as a whole: keep it, share it, take its events away, see it as it is asked.
import { Asked } from "../parts";
import { state } from "../state";
import { ExportMenu } from "./export_menu";
import { Popover } from "./popover";
import { eventsBody, FIRST, order } from "./question";
import { SavedMenu } from "./saved_menu";
import { ShareMenu } from "./share_menu";
import { isLive } from "./tail";
import { t } from "./texts";

export function Toolbar() {
  const now = state.value;
  return (
    <div class="toolbar" role="group" aria-label={t("searchTools")}>
      <button type="button" class={isLive.value ? "primary" : ""} aria-pressed={isLive.value} onClick={() => (isLive.value = !isLive.value)}>
        {t("live")}
      </button>
      <Popover title={t("savedSearches")}>{(close) => <SavedMenu close={close} />}</Popover>
      <Popover title={t("shareLink")}>{() => <ShareMenu />}</Popover>
      <Popover title={t("export")}>{() => <ExportMenu />}</Popover>
      <Popover title={t("showQuery")}>{() => <Asked queries={[{ index: now.stream, body: { size: FIRST, ...eventsBody(now, Date.now()), sort: order(now.sort).slice(0, -1) } }]} />}</Popover>
    </div>
  );
}
