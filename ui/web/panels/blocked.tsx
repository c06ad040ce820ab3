// How many web requests the URL filter blocked, by destination port: the second of the two questions.
import type { Answer } from "../api";
import { number } from "../format";
import { language, t } from "../i18n";
import { top } from "../kinds/top";
import { BLOCKS, eventsOf, type Scope } from "../queries";
import { is, state as shared } from "../state";
import type { Panel } from "./panel";

const FROM = "Trust";
const TO = "Untrust";
const scope: Scope = { stream: "panos-url", filters: [is("observer.ingress.zone", FROM), is("observer.egress.zone", TO), is("panw.panos.action", ...BLOCKS)] };
const ports = top({ id: "blocked", title: "blockedPorts", hint: "blockedHint", scope, field: "destination.port", span: 6 });

function Headline({ answer }: { answer: Answer | undefined }) {
  return (
    <p class="headline">
      <a href={eventsOf(shared.value, scope)} class="figure" data-testid="blocked">
        {number(answer?.hits.total?.value ?? 0, language.value)}
      </a>
      <span>{t("blockedLead", FROM, TO)}</span>
    </p>
  );
}

export const blocked: Panel = {
  ...ports,
  render: (answers, state, now) => (
    <>
      <Headline answer={answers[0]} />
      {ports.render(answers, state, now)}
    </>
  ),
};
