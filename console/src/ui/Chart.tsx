/** Values over time as lines; the same numbers stand below as a table for who cannot see them. */
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { bilingual, useLanguage, wordsNow } from "../i18n";
import { dayAndMonth, hourAndMinute, moment } from "../i18n/format";
import { useTheme } from "../theme/theme";
import "./chart.css";

export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

const words = bilingual({ time: "Time" }, { time: "Zeit" });
const TONES = ["--ap-accent", "--ap-plan", "--ap-warn-icon"];
const HEIGHT = 140;

function tone(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function Chart({ times, lines, written, label }: {
  times: readonly number[];
  lines: readonly Line[];
  written: (value: number) => string;
  label: string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const theme = useTheme();
  const language = useLanguage();
  const names = lines.map((one) => one.label).join("|");
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const font = `11px ${tone("--ap-font")}`;
    const axis = { font, stroke: tone("--ap-ink-3"), grid: { stroke: tone("--ap-line"), width: 1 }, ticks: { show: false } };
    const made = new uPlot(
      {
        width: Math.max(200, box.clientWidth),
        height: HEIGHT,
        cursor: { y: false },
        legend: { live: true },
        scales: { y: { range: (_, __, most) => [0, Math.max(most ?? 0, 1e-6) * 1.1] } },
        axes: [
          { ...axis, values: (_, splits, __, ___, step) => splits.map((at) => (step >= 86_400 ? dayAndMonth(at) : hourAndMinute(at))) },
          { ...axis, size: 64, values: (_, splits) => splits.map(written) },
        ],
        series: [
          { label: wordsNow(words).time, value: (_, at) => (at ? moment(at) : "–") },
          ...lines.map((one, index) => ({
            label: one.label,
            stroke: tone(TONES[index % TONES.length] ?? ""),
            width: 1.5,
            points: { show: false },
            value: (_: uPlot, value: number | null) => (value === null ? "–" : written(value)),
          })),
        ],
      },
      [[], ...lines.map(() => [])],
      box,
    );
    chart.current = made;
    const watch = new ResizeObserver(() =>
      made.setSize({ width: Math.max(200, box.clientWidth), height: HEIGHT }),
    );
    watch.observe(box);
    return () => {
      watch.disconnect();
      made.destroy();
      chart.current = null;
    };
    // A chart is made anew for other lines and colours; new values are only put in, below.
  }, [names, theme, language]);
  useEffect(() => {
    chart.current?.setData([[...times], ...lines.map((one) => [...one.values])]);
  }, [times, lines, names, theme, language]);
  return (
    <div className="ap-chart">
      <div ref={place} role="img" aria-label={label} />
    </div>
  );
}
