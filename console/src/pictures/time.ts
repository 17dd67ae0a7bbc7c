/** Axes of time: where the lines stand and how a time is written. */
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

/** Seconds from the begin at which a line stands: at most `most` of them. */
export function ticks(seconds: number, most: number): number[] {
  const step = STEPS_S.find((one) => seconds / one <= most) ?? Math.ceil(seconds / most);
  const found: number[] = [];
  for (let at = 0; at <= seconds; at += step) found.push(at);
  return found;
}

/** `1:30`, or `2:05:00` above an hour. */
export function clock(seconds: number): string {
  const s = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes}:${two(s % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`;
}

/** `1:30.4`: where many things happen within a second. */
export function fineClock(seconds: number): string {
  const tenths = Math.round(seconds * 10);
  return `${clock(Math.floor(tenths / 10))}.${tenths % 10}`;
}
