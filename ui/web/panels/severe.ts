// What "severe, not blocked" means: one definition for the overview, the threats page, the what-if list and the report.
import { PASSES } from "../queries";
import { is, type Filter } from "../state";

// File and data lines tell what was transferred; that they passed is their purpose.
const KINDS = is("panw.panos.sub_type", "vulnerability", "spyware", "virus", "ml-virus", "wildfire-virus", "scan", "flood", "packet");

export const severePassedFilters: Filter[] = [is("panw.panos.severity", "critical", "high"), is("panw.panos.action", ...PASSES), KINDS];
