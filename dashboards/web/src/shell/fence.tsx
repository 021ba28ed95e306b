import { Component, type ComponentChildren } from "preact";
import { Button } from "../parts/button.tsx";
import { Empty } from "../parts/states.tsx";
import { Text } from "../parts/text.tsx";
import { shellWords } from "./words.ts";

/** Fence keeps a fault of one screen from the frame around it. */
export class Fence extends Component<{ children: ComponentChildren }, { fault?: string }> {
  override state: { fault?: string } = {};

  static override getDerivedStateFromError(e: unknown) {
    return { fault: e instanceof Error ? e.message : String(e) };
  }

  override componentDidCatch(e: unknown) {
    console.error(e);
  }

  override render() {
    if (this.state.fault === undefined) return this.props.children;
    const w = shellWords();
    return (
      <main class="one" id="main">
        <Empty act={<Button onClick={() => location.reload()}>{w.reload}</Button>}>
          {w.broken} <span class="mono t3" lang="en"><Text v={this.state.fault} /></span>
        </Empty>
      </main>
    );
  }
}
