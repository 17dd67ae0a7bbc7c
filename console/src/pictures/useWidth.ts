import { useLayoutEffect, useRef, useState, type RefObject } from "react";

/** How wide an element is now, 0 until that is known. */
export function useWidth<T extends HTMLElement>(): [RefObject<T | null>, number] {
  const element = useRef<T>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const seen = element.current;
    if (!seen) return;
    setWidth(Math.floor(seen.clientWidth));
    const observer = new ResizeObserver(() => setWidth(Math.floor(seen.clientWidth)));
    observer.observe(seen);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}
