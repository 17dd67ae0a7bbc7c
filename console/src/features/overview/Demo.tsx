/** Only where the pool is a demo: failures to play, and what the simulated world saw. */
import { useState, type FormEvent } from "react";
import { send } from "../../api/client";
import { Problem } from "../../api/problem";
import { useRead } from "../../api/queries";
import { useMay } from "../../api/session";
import type { Demo as Seen } from "../../api/types";
import { bilingual, useWords } from "../../i18n";
import { Icon } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";

const words = bilingual(
  {
    title: "Let something fail",
    what: "What",
    which: "Which",
    play: "Play",
    heal: "Heal all",
    well: "Now: all is well.",
    now: (what: string) => `Now: ${what}.`,
    truth: (twice: number, lost: number) =>
      `As the simulated world itself saw it, ${twice ? `a VM ran twice ${twice} times` : "no VM ever ran twice"} and ${lost ? `${lost} were lost` : "none was lost"}.`,
  },
  {
    title: "Etwas ausfallen lassen",
    what: "Was",
    which: "Welches",
    play: "Spielen",
    heal: "Alles heilen",
    well: "Jetzt: Alles ist gut.",
    now: (what: string) => `Jetzt: ${what}.`,
    truth: (twice: number, lost: number) =>
      `So sah es die simulierte Welt selbst: ${twice ? `${twice}-mal lief eine VM doppelt` : "Nie lief eine VM doppelt"}, und ${lost ? `${lost} gingen verloren` : "keine ging verloren"}.`,
  },
);

export function Demo() {
  const t = useWords(words);
  const may = useMay("operator");
  const found = useRead<Seen>("/demo", {}, { refetchInterval: 3_000 });
  const [scene, setScene] = useState("");
  const [target, setTarget] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const seen = found.data;
  if (!seen) return found.error ? <ProblemBox problem={found.error} /> : null;
  const chosen = seen.scenes.find((one) => one.name === scene) ?? seen.scenes[0];

  async function play(name: string, which: string): Promise<void> {
    setProblem(null);
    try {
      await send("POST", "/demo/play", { body: { scene: name, target: which } });
      await found.refetch();
    } catch (error) {
      if (error instanceof Problem) setProblem(error);
    }
  }
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (chosen) void play(chosen.name, chosen.target ? target.trim() : "");
  }
  return (
    <section className="ap-card ap-card--padded ap-stack ap-demo" aria-labelledby="demo-title">
      <h2 id="demo-title">
        <Icon name="flask" tone="plan" /> {t.title}
      </h2>
      <form className="ap-row ap-row--wrap" onSubmit={submit}>
        <label className="ap-row">
          {t.what}
          <select className="ap-input" value={chosen?.name ?? ""} onChange={(event) => setScene(event.target.value)}>
            {seen.scenes.map((one) => (
              <option key={one.name} value={one.name}>
                {one.name}: {one.about}
              </option>
            ))}
          </select>
        </label>
        <label className="ap-row">
          {t.which}
          <input
            className="ap-input"
            value={target}
            maxLength={80}
            disabled={!chosen?.target}
            placeholder={chosen?.target ?? ""}
            onChange={(event) => setTarget(event.target.value)}
          />
        </label>
        <button type="submit" className="ap-button ap-button--main" disabled={!may}>
          {t.play}
        </button>
        <button type="button" className="ap-button" disabled={!may} onClick={() => void play("heal", "")}>
          {t.heal}
        </button>
      </form>
      <p role="status" className="ap-subtle">
        {seen.now.length ? t.now(seen.now.join("; ")) : t.well} {t.truth(seen.ran_twice, seen.lost)}
      </p>
      {problem && <ProblemBox problem={problem} />}
    </section>
  );
}
