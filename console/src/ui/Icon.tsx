import { ICONS } from "./icons";

export type IconName = keyof typeof ICONS;

/** A picture beside words; with `title` it stands for itself. */
export function Icon({ name, tone, title }: { name: IconName; tone?: string; title?: string }) {
  const [x, y, width, height, path] = ICONS[name];
  return (
    <svg
      className={`ap-icon${tone ? ` ap-${tone}` : ""}`}
      viewBox={`${-x} ${-y} ${width} ${height}`}
      {...(title ? { role: "img", "aria-label": title } : { "aria-hidden": true })}
    >
      <path d={path} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg className="ap-logo" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <rect x="2" y="3" width="9" height="7" rx="2" />
      <rect x="13" y="14" width="9" height="7" rx="2" className="ap-logo__full" />
      <path d="M6.5 14v1.500a2 2 0 0 0 2 2H10M17.500 10V8.500a2 2 0 0 0-2-2H14" />
    </svg>
  );
}
