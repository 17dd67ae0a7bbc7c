import { Button, Form, FormGroup, TextInput } from "@patternfly/react-core";
import { useState, useSyncExternalStore, type FormEvent } from "react";
import { send } from "../../api/client";
import { Problem } from "../../api/problem";
import { entered, useSession } from "../../api/session";
import type { Me } from "../../api/types";
import { words as apiWords } from "../../api/words";
import { useWords } from "../../i18n";
import { Logo } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";
import "./login.css";
import { words } from "./words";

let refused: Problem | null = null;
const listeners = new Set<() => void>();

/** Show this above the form: a login link that did not work. */
export function loginProblem(problem: Problem | null): void {
  refused = problem;
  for (const listener of listeners) listener();
}

function useRefused(): Problem | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => refused,
  );
}

export function Login() {
  const t = useWords(words);
  const { expired } = useSession();
  const over = useWords(apiWords).sessionOver;
  const problem = useRefused();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    loginProblem(null);
    try {
      entered(await send<Me>("POST", "/login", { body: { user, password } }));
    } catch (error) {
      if (error instanceof Problem) loginProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <main className="ap-login">
      <div className="ap-card ap-login__box">
        <p className="ap-login__brand">
          <Logo /> anypool
        </p>
        <h1>{t.title}</h1>
        <p className="ap-subtle">
          {t.link} <code>anypool login-link</code>
        </p>
        {expired && <p role="status">{over}</p>}
        {problem && <ProblemBox problem={problem} />}
        <Form onSubmit={(event) => void submit(event)}>
          <FormGroup label={t.user} fieldId="login-user">
            <TextInput
              id="login-user"
              name="user"
              autoComplete="username"
              isRequired
              maxLength={80}
              value={user}
              onChange={(_, value) => setUser(value)}
            />
          </FormGroup>
          <FormGroup label={t.password} fieldId="login-password">
            <TextInput
              id="login-password"
              name="password"
              type="password"
              autoComplete="current-password"
              isRequired
              value={password}
              onChange={(_, value) => setPassword(value)}
            />
          </FormGroup>
          <Button type="submit" variant="primary" isDisabled={busy}>
            {busy ? t.entering : t.enter}
          </Button>
        </Form>
      </div>
    </main>
  );
}
