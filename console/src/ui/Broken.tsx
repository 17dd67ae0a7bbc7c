import { Component, type ReactNode } from "react";
import { wordsNow } from "../i18n";
import { words } from "./words";

/** Shows what broke instead of an empty page; `place` changes with the page. */
export class Broken extends Component<{ place: string; children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override componentDidUpdate(before: { place: string }): void {
    if (before.place !== this.props.place && this.state.error) this.setState({ error: null });
  }

  override render(): ReactNode {
    if (!this.state.error) return this.props.children;
    const t = wordsNow(words);
    return (
      <div className="ap-page">
        <h1>{t.pageFailed}</h1>
        <p>{t.pageFailedHint}</p>
        <p className="ap-mono">{this.state.error.message}</p>
        <p>
          <button type="button" className="ap-button" onClick={() => location.reload()}>
            {t.reload}
          </button>
        </p>
      </div>
    );
  }
}
