import type { CSSProperties } from "react";

/** Custom properties of one element; React sets them by script, which the policy allows. */
export function vars(given: Readonly<Record<`--ap-${string}`, string | number>>): CSSProperties {
  return given as CSSProperties;
}
