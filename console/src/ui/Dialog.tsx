import { useEffect, useId, useRef, type ReactNode } from "react";
import { useWords } from "../i18n";
import { Icon } from "./Icon";
import { words } from "./words";
import "./dialog.css";

interface Props {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** Buttons at the end. */
  readonly buttons?: ReactNode;
  readonly wide?: boolean;
}

/** A window over the page: it takes the focus and gives it back; Escape closes it. */
export function Dialog({ title, onClose, children, buttons, wide }: Props) {
  const t = useWords(words);
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const shown = dialog.current;
    if (shown && !shown.open) {
      shown.showModal();
      shown.querySelector<HTMLElement>("input, textarea, select")?.focus();
    }
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`ap-dialog${wide ? " ap-dialog--wide" : ""}`}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div className="ap-row ap-dialog__head">
        <h2 id={heading} className="ap-grow">
          {title}
        </h2>
        <button type="button" className="ap-button ap-button--plain" aria-label={t.close} onClick={onClose}>
          <Icon name="times" />
        </button>
      </div>
      <div className="ap-dialog__body">{children}</div>
      {buttons && <div className="ap-row ap-row--wrap ap-dialog__buttons">{buttons}</div>}
    </dialog>
  );
}
