/** The equivalent command and API call, kept in step with what is filled in. */
import { useState } from "react";
import { useWords } from "../../i18n";
import { Icon } from "../../ui/Icon";
import { curl, typed, type Asked } from "./deed";
import { words } from "./words";

export function Same({ asked }: { asked: readonly Asked[] }) {
  const t = useWords(words);
  const [api, setApi] = useState(false);
  const [copied, setCopied] = useState("");
  const text = asked
    .map((one) => (api ? curl(hidden(one), location.origin) : typed(one)))
    .join("\n");
  async function copy(): Promise<void> {
    await navigator.clipboard.writeText(text);
    setCopied(text);
  }
  return (
    <section className="ap-same" aria-label={t.same}>
      <div className="ap-row ap-row--wrap">
        <h3 className="ap-grow">{t.same}</h3>
        <div className="ap-toggle" role="group" aria-label={t.same}>
          <button type="button" aria-pressed={!api} onClick={() => setApi(false)}>
            {t.command}
          </button>
          <button type="button" aria-pressed={api} onClick={() => setApi(true)}>
            {t.api}
          </button>
        </div>
        <button type="button" className="ap-button ap-button--link" onClick={() => void copy()}>
          <Icon name="copy" /> <span aria-live="polite">{copied === text ? t.copied : t.copy}</span>
        </button>
      </div>
      <pre className="ap-same__text" tabIndex={0} aria-label={t.same}>
        {text}
      </pre>
      {api && <p className="ap-small ap-subtle">{t.token}</p>}
    </section>
  );
}

/** A password is never shown: the call names where it would stand. */
function hidden(asked: Asked): Asked["call"] {
  const { call } = asked;
  return call.body && "password" in call.body
    ? { ...call, body: { ...call.body, password: "..." } }
    : call;
}
