// User and password, in place of whatever page the URL names, which is there again afterwards.
import { useEffect, useRef, useState } from "preact/hooks";
import { logIn, Refused } from "../api";
import { t, type Key } from "../i18n";
import { messageOf } from "../load";

/** What went wrong, as far as the server tells it to somebody it does not know. */
function reason(error: unknown): string {
  const known: Record<number, Key> = { 401: "loginWrong", 429: "loginWait" };
  const key = error instanceof Refused ? known[error.status] : undefined;
  return key ? t(key) : messageOf(error);
}

export function Login() {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [wrong, setWrong] = useState("");
  const [isAsking, setIsAsking] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <form
      class="panel login"
      onSubmit={(event) => {
        event.preventDefault();
        setIsAsking(true);
        setWrong("");
        logIn(user, password).catch((error: unknown) => {
          setPassword("");
          setWrong(reason(error));
          setIsAsking(false);
        });
      }}
    >
      <h2>{t("login")}</h2>
      <label>
        {t("loginUser")}
        <input ref={first} name="username" autoComplete="username" autoCapitalize="none" required value={user} onInput={(event) => setUser(event.currentTarget.value)} />
      </label>
      <label>
        {t("loginPassword")}
        <input name="password" type="password" autoComplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
      </label>
      <p class="bad" role="alert">
        {wrong}
      </p>
      <button type="submit" class="primary" disabled={isAsking}>
        {t("login")}
      </button>
    </form>
  );
}
