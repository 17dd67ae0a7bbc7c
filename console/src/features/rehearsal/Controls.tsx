/** Play, pause, step, speed, and where in time: all of it by keys as well. */
import { useWords } from "../../i18n";
import { clock, fineClock } from "../../pictures/time";
import { Icon } from "../../ui/Icon";
import { SPEEDS, neighbour, type Player } from "./usePlayer";
import { words } from "./words";

interface Props {
  readonly player: Player;
  readonly seconds: number;
  readonly times: readonly number[];
}

export function Controls({ player, seconds, times }: Props) {
  const t = useWords(words);
  const { at, plays, speed } = player;
  const stop = (next: number): void => {
    player.play(false);
    player.set(next);
  };
  return (
    <section className="ap-card ap-controls" aria-label={t.controls}>
      <div className="ap-row">
        <button type="button" className="ap-button ap-button--plain" aria-label={t.begin} disabled={at === 0} onClick={() => stop(0)}>
          <Icon name="undo" />
        </button>
        <button type="button" className="ap-button ap-button--plain" aria-label={t.back} disabled={at === 0} onClick={() => stop(neighbour(times, at, false))}>
          <Icon name="left" />
        </button>
        <button type="button" className="ap-button ap-button--main" onClick={() => player.play(!plays)}>
          <Icon name={plays ? "pause" : "play"} /> {plays ? t.pause : t.play}
        </button>
        <button type="button" className="ap-button ap-button--plain" aria-label={t.on} disabled={at >= seconds} onClick={() => stop(neighbour(times, at, true))}>
          <Icon name="right" />
        </button>
      </div>
      <input
        type="range"
        className="ap-controls__time"
        aria-label={t.at}
        aria-valuetext={t.since(clock(at))}
        min={0}
        max={seconds}
        step={0.1}
        value={at}
        onChange={(event) => stop(Number(event.target.value))}
      />
      <span className="ap-mono">{t.of(fineClock(at), fineClock(seconds))}</span>
      <label className="ap-small">
        {t.speed}{" "}
        <select className="ap-select" value={speed} onChange={(event) => player.turn(Number(event.target.value))}>
          {SPEEDS.map((one) => (
            <option key={one} value={one}>
              {t.times(one)}
            </option>
          ))}
        </select>
      </label>
    </section>
  );
}
