// Every panel of the overview, in its order. To add one: a file here and a line below.
import { blocked } from "./blocked";
import { events } from "./events";
import type { Panel } from "./panel";
import { resets } from "./resets";

export const PANELS: Panel[] = [resets, blocked, events];
