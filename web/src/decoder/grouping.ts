/**
 * Grouping: candidate limbs to people, the limb of the highest score first;
 * `estimator/decoders/paf/grouping.py`.
 *
 * All kinds of limbs are assigned together, by score, and two groups become one person only if no
 * keypoint would occur twice.
 */

import type { Candidate } from "./limbs";
import type { Peaks } from "./peaks";

/** A group of peaks. */
export interface Group {
  /** The index of each keypoint's peak, by channel. */
  readonly peaks: ReadonlyMap<number, number>;
  /** The scores of its limbs. */
  readonly scores: readonly number[];
}

interface Growing {
  peaks: Map<number, number>;
  scores: number[];
}

/**
 * Joins peaks to people.
 *
 * Limbs are taken by falling score; a peak has at most one limb of each kind. An additive-only limb
 * comes after the others and only adds to a group. They are tried twice, since the first round may add
 * the keypoint from which another one starts.
 *
 * @param additiveOnly whether a candidate never starts a person nor joins two.
 * @returns groups of at least two peaks, in the order of their first peak.
 */
export function group(
  candidates: readonly Candidate[],
  peaks: Peaks,
  additiveOnly: (candidate: Candidate) => boolean,
): Group[] {
  const builder = new Builder(peaks);
  const order = [...candidates].sort((one, other) => other.score - one.score); // stable
  const late = order.filter(additiveOnly);
  for (const candidate of order) {
    if (!additiveOnly(candidate)) builder.join(candidate);
  }
  for (const candidate of [...late, ...late]) builder.add(candidate);
  return builder.groups.filter((one) => one.scores.length > 0);
}

/** The groups while they grow: at first one per peak; a group starts with its first limb. */
class Builder {
  readonly groups: Growing[];
  private readonly owner: number[]; // peak -> group
  private readonly taken = new Set<number>(); // limb and peak in one number
  private readonly count: number;

  constructor(peaks: Peaks) {
    this.groups = peaks.all.map((peak, index) => ({ peaks: new Map([[peak.channel, index]]), scores: [] }));
    this.owner = peaks.all.map((_, index) => index);
    this.count = peaks.all.length;
  }

  /** Takes a limb if neither peak has one of its kind and their groups can be joined. */
  join({ limb, first, second, score }: Candidate): void {
    const one = limb * this.count + first;
    const other = limb * this.count + second;
    if (this.taken.has(one) || this.taken.has(other)) return;
    const here = this.owner[first];
    const there = this.owner[second];
    if (here !== there && !this.merge(here, there)) return;
    this.groups[here].scores.push(score);
    this.taken.add(one).add(other);
  }

  /** Takes a limb if it lies in one group, or adds a free peak to a group that has started. */
  add(candidate: Candidate): void {
    const here = this.owner[candidate.first];
    const there = this.owner[candidate.second];
    const started = (index: number): boolean => this.groups[index].scores.length > 0;
    if (here === there || started(here) !== started(there)) this.join(candidate);
  }

  /** Joins two groups, unless a keypoint would occur twice. */
  private merge(here: number, there: number): boolean {
    const kept = this.groups[here];
    const gone = this.groups[there];
    for (const channel of gone.peaks.keys()) {
      if (kept.peaks.has(channel)) return false;
    }
    for (const [channel, peak] of gone.peaks) {
      kept.peaks.set(channel, peak);
      this.owner[peak] = here;
    }
    kept.scores.push(...gone.scores);
    this.groups[there] = { peaks: new Map(), scores: [] };
    return true;
  }
}
