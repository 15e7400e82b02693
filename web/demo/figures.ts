/** How fast it is, and what the time is spent on. */

import type { Times } from "../src/poses";

const SPAN = 2000; // milliseconds that figures are averaged over
const REDRAWN = 500; // milliseconds between two readings on the page

/** Milliseconds of one frame's parts. */
export interface Parts extends Times {
  readonly capture: number;
  readonly draw: number;
}

const NAMES = ["capture", "prepare", "network", "decode", "draw"] as const;

/** The row of figures below the picture. */
export class Figures {
  private frames: { at: number; parts: Parts }[] = [];
  private begun = 0;
  private shown = 0;

  /** A new source: what was measured is of the old one. */
  begin(): void {
    this.frames = [];
    this.begun = performance.now();
    this.shown = 0;
    for (const name of ["fps", "first", ...NAMES]) this.write(name, "–");
  }

  /** Takes one frame's figures in. */
  note(parts: Parts): void {
    const at = performance.now();
    if (!this.frames.length && !this.shown) this.write("first", `${((at - this.begun) / 1000).toFixed(2)} s`);
    this.frames.push({ at, parts });
    while (this.frames[0].at < at - SPAN) this.frames.shift();
    if (at - this.shown < REDRAWN) return;
    this.shown = at;
    for (const name of NAMES) this.write(name, `${this.mean(name).toFixed(1)} ms`);
    const span = at - this.frames[0].at;
    if (span > 0) this.write("fps", (((this.frames.length - 1) / span) * 1000).toFixed(1));
  }

  private mean(name: keyof Parts): number {
    return this.frames.reduce((sum, { parts }) => sum + parts[name], 0) / this.frames.length;
  }

  private write(name: string, text: string): void {
    const place = document.getElementById(name);
    if (place) place.textContent = text;
  }
}
