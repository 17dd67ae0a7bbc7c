/** A clock that is played, paused, set and stepped; it ends at the last second. */
import { useEffect, useState } from "react";

const BEAT_MS = 100;
/** What is played takes about so long unless somebody chooses. */
const USUAL_S = 20;
export const SPEEDS = [1, 2, 4, 8, 16, 32, 64] as const;

export interface Player {
  readonly at: number;
  readonly plays: boolean;
  readonly speed: number;
  readonly set: (at: number) => void;
  readonly play: (plays: boolean) => void;
  readonly turn: (speed: number) => void;
}

export function speedFor(seconds: number): number {
  return SPEEDS.find((one) => seconds / one <= USUAL_S) ?? SPEEDS[SPEEDS.length - 1] ?? 1;
}

export function usePlayer(seconds: number): Player {
  const [at, setAt] = useState(0);
  const [plays, setPlays] = useState(false);
  const [chosen, setChosen] = useState(0);
  const speed = chosen || speedFor(seconds);
  useEffect(() => {
    if (!plays) return;
    const timer = window.setInterval(
      () => setAt((now) => Math.min(seconds, now + (speed * BEAT_MS) / 1000)),
      BEAT_MS,
    );
    return () => clearInterval(timer);
  }, [plays, speed, seconds]);
  useEffect(() => {
    if (plays && at >= seconds) setPlays(false);
  }, [plays, at, seconds]);
  return {
    at,
    plays,
    speed,
    set: (next) => setAt(Math.max(0, Math.min(seconds, next))),
    play: (next) => {
      if (next && at >= seconds) setAt(0);
      setPlays(next);
    },
    turn: setChosen,
  };
}

/** The moment before or after one, of those that there are. */
export function neighbour(times: readonly number[], at: number, on: boolean): number {
  const sorted = [...times].sort((a, b) => a - b);
  const found = on ? sorted.find((one) => one > at + 1e-6) : sorted.reverse().find((one) => one < at - 1e-6);
  return found ?? at;
}
