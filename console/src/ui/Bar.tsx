import { useLayoutEffect, useRef } from "react";
import { percent as written } from "../i18n/format";

/** A part of a whole in percent; named, so that it is read aloud as well. */
export function Bar({ percent, running, label }: { percent: number; running?: boolean; label: string }) {
  const fill = useRef<HTMLSpanElement>(null);
  const part = Math.max(0, Math.min(100, percent));
  useLayoutEffect(() => {
    fill.current?.style.setProperty("--ap-part", `${part}%`);
  }, [part]);
  return (
    <span
      className={`ap-bar${running ? " ap-bar--running" : ""}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(part)}
      title={written(part)}
    >
      <span className="ap-bar__fill" ref={fill} />
    </span>
  );
}
