/** Load as one of six shades: 0 below 30 percent, then from 30, 45, 60, 75 and 88. */
const FROM = [30, 45, 60, 75, 88] as const;

export function loadLevel(percent: number): number {
  return FROM.filter((least) => percent >= least).length;
}

export const LEVELS: readonly string[] = ["<30", ...FROM.map(String)];
