/** Text of the manager as a heading: it begins large, and arrows are arrows. */
export function pretty(text: string): string {
  return (text.charAt(0).toUpperCase() + text.slice(1)).replaceAll(" -> ", " → ");
}

/** Arrows only: for what stands within a sentence. */
export function arrows(text: string): string {
  return text.replaceAll(" -> ", " → ");
}
