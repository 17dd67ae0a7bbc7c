/** How something is, in words with a mark of its own: never by colour alone. */
import { useWords } from "../i18n";
import { Icon, type IconName } from "./Icon";
import { words } from "./statewords";

export type Tone = "" | "ok" | "warn" | "loss" | "plan" | "running";

const LOOKS: Readonly<Record<string, { icon: IconName; tone: Tone }>> = {
  running: { icon: "play", tone: "" },
  paused: { icon: "pause", tone: "" },
  suspended: { icon: "pause", tone: "" },
  stopped: { icon: "stop", tone: "" },
  crashed: { icon: "warn", tone: "loss" },
  unknown: { icon: "warn", tone: "warn" },
  up: { icon: "check", tone: "" },
  off: { icon: "power", tone: "" },
  on: { icon: "power", tone: "" },
  maintenance: { icon: "cog", tone: "warn" },
  recommended: { icon: "route", tone: "plan" },
  approved: { icon: "route", tone: "plan" },
  shadow: { icon: "route", tone: "plan" },
  done: { icon: "check", tone: "" },
  failed: { icon: "warn", tone: "loss" },
  cancelled: { icon: "minus", tone: "" },
  superseded: { icon: "minus", tone: "" },
  interrupted: { icon: "pause", tone: "warn" },
  "needs-human": { icon: "warn", tone: "loss" },
  warning: { icon: "warn", tone: "warn" },
  error: { icon: "warn", tone: "loss" },
  critical: { icon: "warn", tone: "loss" },
  info: { icon: "info", tone: "" },
  ok: { icon: "check", tone: "" },
  degraded: { icon: "warn", tone: "warn" },
  down: { icon: "stop", tone: "" },
  incomplete: { icon: "warn", tone: "warn" },
  missing: { icon: "minus", tone: "warn" },
};

/** A state as icon and word; `of` says of what kind of object where a word means two things. */
export function State({ name, of = "vm" }: { name: string; of?: "vm" | "run" }) {
  const t = useWords(words);
  const look = LOOKS[name] ?? { icon: "info" as const, tone: "" as Tone };
  const running = of === "run" && name === "running";
  const tone = running ? "running" : look.tone;
  return (
    <span className={tone ? `ap-${tone}` : "ap-subtle"}>
      <Icon name={running ? "progress" : look.icon} />{" "}
      {t[name as keyof typeof t] ?? name}
    </span>
  );
}

/** The word of a state alone. */
export function useStateWord(): (name: string) => string {
  const t = useWords(words);
  return (name) => t[name as keyof typeof t] ?? name;
}
