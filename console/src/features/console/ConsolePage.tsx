/** A VM's screen or serial console: one ticket, one connection, nothing opened twice. */
import { useCallback, useEffect, useRef, useState } from "react";
import { useLocation, useParams } from "wouter";
import { send } from "../../api/client";
import { Problem } from "../../api/problem";
import { useRead } from "../../api/queries";
import type { ConsoleTicket, OpenConsole, Vm } from "../../api/types";
import { useWords } from "../../i18n";
import { Dialog } from "../../ui/Dialog";
import { Icon } from "../../ui/Icon";
import { Moment } from "../../ui/Moment";
import { ProblemBox } from "../../ui/ProblemBox";
import "./console.css";
import type { Open, Screen } from "./screen";
import { words } from "./words";

/** How often it is asked who else is here. */
const EVERY_MS = 4_000;

type State = "opening" | "open" | "closed";

/** The kind of console decides which library is loaded. */
async function openerOf(kind: string): Promise<Open> {
  return kind === "serial" ? (await import("./serial")).openSerial : (await import("./vnc")).openVnc;
}

export default function ConsolePage() {
  const t = useWords(words);
  const given = useParams<{ id: string; kind: string }>();
  const id = decodeURIComponent(given.id);
  const kind = given.kind === "serial" ? "serial" : "vnc";
  const [, go] = useLocation();
  const path = `/vms/${encodeURIComponent(id)}`;
  const name = useRead<Vm>(path).data?.name ?? id;
  const place = useRef<HTMLDivElement>(null);
  const leave = useRef<HTMLButtonElement>(null);
  const screen = useRef<Screen | null>(null);
  const [state, setState] = useState<State>("opening");
  const [problem, setProblem] = useState<Error | null>(null);
  const [reason, setReason] = useState("");
  const [round, setRound] = useState(0);
  const [mine, setMine] = useState("");
  const others = useOthers(path, mine);
  // A serial console has one user: nobody takes it from somebody else without being asked.
  const [agreed, setAgreed] = useState(kind !== "serial");
  const holder = agreed ? undefined : others.list?.find((one) => one.kind === "serial");
  const free = agreed || (others.list !== undefined && holder === undefined) || others.failed;
  const [pasting, setPasting] = useState(false);
  const [said, setSaid] = useState("");

  useEffect(() => {
    const box = place.current;
    if (!box || !free) return;
    let gone = false;
    setState("opening");
    setProblem(null);
    setReason("");
    async function open(into: HTMLElement): Promise<void> {
      try {
        const make = await openerOf(kind);
        if (gone) return;
        const ticket = await send<ConsoleTicket>("POST", `${path}/console`, { body: { kind }, once: "" });
        if (gone) return;
        setAgreed(true);
        setMine(ticket.id);
        screen.current = make(into, ticket, {
          opened: () => setState("open"),
          closed: (why) => {
            setState("closed");
            setReason(why);
          },
          taken: (by) => {
            setState("closed");
            setReason(t.takenBy(by));
            setAgreed(false);
          },
          label: t.label[kind],
        });
      } catch (error) {
        if (gone) return;
        setState("closed");
        setProblem(error instanceof Problem ? error : new Error(String(error)));
      }
    }
    // Strict mode mounts twice: only the second one may take a ticket.
    const timer = setTimeout(() => void open(box), 0);
    return () => {
      gone = true;
      clearTimeout(timer);
      screen.current?.close();
      screen.current = null;
      box.replaceChildren();
    };
  }, [free, kind, path, round, t]);

  const escape = useCallback((event: KeyboardEvent) => {
    if (!event.ctrlKey || !event.altKey || !event.shiftKey) return;
    event.stopPropagation();
    leave.current?.focus();
  }, []);
  useEffect(() => {
    const box = place.current;
    box?.addEventListener("keydown", escape, true);
    return () => box?.removeEventListener("keydown", escape, true);
  }, [escape]);

  return (
    <div className="ap-console">
      <div className="ap-console__head">
        <h1>{t.title[kind](name)}</h1>
        <span role="status" className={state === "open" ? "ap-subtle" : "ap-warn"}>
          {holder ? reason : `${t.states[state]} ${reason}`} {said}
        </span>
        <span className="ap-grow" />
        {state === "open" && (
          <>
            {kind === "vnc" && (
              <button type="button" className="ap-button" onClick={() => screen.current?.ctrlAltDel()}>
                {t.ctrlAltDel}
              </button>
            )}
            <button type="button" className="ap-button" onClick={() => setPasting(true)}>
              <Icon name="clipboard" /> {t.paste}
            </button>
            <button type="button" className="ap-button" onClick={() => void place.current?.requestFullscreen()}>
              {t.fullScreen}
            </button>
          </>
        )}
        {state === "closed" && !holder && (
          <button type="button" className="ap-button" onClick={() => setRound(round + 1)}>
            {t.again}
          </button>
        )}
        <button type="button" ref={leave} className="ap-button" onClick={() => go(path)}>
          {t.back}
        </button>
      </div>
      {problem && <ProblemBox problem={problem} again={() => setRound(round + 1)} />}
      <p className="ap-small ap-least">
        {t.keys} {kind === "vnc" && t.shown}
      </p>
      {holder && (
        <div className="ap-row" role="alert">
          <p className="ap-warn">
            {t.held(holder.user)} <Moment at={holder.since} />. {t.oneUser}
          </p>
          <button type="button" className="ap-button" onClick={() => setAgreed(true)}>
            {t.takeOver}
          </button>
        </div>
      )}
      {!holder && others.list && <Others list={others.list} />}
      <div ref={place} className="ap-console__place ap-keys" />
      {pasting && (
        <Paste
          onClose={() => setPasting(false)}
          onType={(text) => {
            screen.current?.type(text);
            setSaid(t.typed(text.length));
            setPasting(false);
          }}
        />
      )}
    </div>
  );
}

/** Who else has a console of this VM open; undefined until it was told. */
function useOthers(path: string, mine: string): { list: readonly OpenConsole[] | undefined; failed: boolean } {
  const found = useRead<{ readonly items: readonly OpenConsole[] }>(`${path}/consoles`, {}, { refetchInterval: EVERY_MS });
  return { list: found.data?.items.filter((one) => one.id !== mine), failed: found.isError };
}

function Others({ list }: { list: readonly OpenConsole[] }) {
  const t = useWords(words);
  return (
    <p className="ap-small ap-subtle ap-console__others" aria-live="polite">
      <Icon name="users" />{" "}
      {list.length === 0
        ? t.alone
        : list.map((one) => (
            <span key={one.id} className="ap-label">
              {t.also(one.user, t.label[one.kind === "serial" ? "serial" : "vnc"])} <Moment at={one.since} />
            </span>
          ))}
    </p>
  );
}

function Paste({ onClose, onType }: { onClose: () => void; onType: (text: string) => void }) {
  const t = useWords(words);
  const [text, setText] = useState("");
  useEffect(() => {
    // Where the browser does not give it away, somebody pastes it into the field.
    navigator.clipboard?.readText().then(setText, () => undefined);
  }, []);
  return (
    <Dialog
      title={t.pasteTitle}
      onClose={onClose}
      buttons={
        <button type="button" className="ap-button ap-button--main" disabled={!text} onClick={() => onType(text)}>
          {t.type}
        </button>
      }
    >
      <p className="ap-subtle">{t.pasteHint}</p>
      <label className="ap-field">
        {t.pasteText}
        <textarea
          className="ap-input"
          rows={6}
          maxLength={10_000}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
    </Dialog>
  );
}
