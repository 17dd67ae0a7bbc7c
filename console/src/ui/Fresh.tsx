import { useEffect, useRef, useState, type ReactNode } from "react";

/** A dot beside a value for a second after it changed; nothing flashes, nothing moves. */
export function Fresh({ of, value, children }: { of: string; value: string; children: ReactNode }) {
  const before = useRef({ of, value });
  const [times, setTimes] = useState(0);
  useEffect(() => {
    if (before.current.of === of && before.current.value !== value) setTimes((now) => now + 1);
    else if (before.current.of !== of) setTimes(0);
    before.current = { of, value };
  }, [of, value]);
  return (
    <>
      {children}
      {times > 0 && <span key={times} className="ap-fresh" aria-hidden="true" />}
    </>
  );
}
