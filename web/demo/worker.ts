/** The estimator in a worker, so that the page stays responsive while the network runs. */

import { PoseEstimator } from "../src/index";
import type { Answer, Request } from "./messages";

// The page's library knows windows only, and this file's `self` is a worker's.
const scope = self as unknown as {
  onmessage: ((event: MessageEvent<Request>) => void) | null;
  postMessage(answer: Answer, transfer?: Transferable[]): void;
};
let opened: Promise<PoseEstimator> | null = null;

scope.onmessage = ({ data }) => {
  answer(data).catch((error: unknown) => {
    const ticket = data.kind === "frame" ? data.ticket : null;
    scope.postMessage({ kind: "failed", ticket, message: error instanceof Error ? error.message : String(error) });
  });
};

async function answer(request: Request): Promise<void> {
  if (request.kind === "open") {
    opened = PoseEstimator.create(request);
    await opened;
    scope.postMessage({ kind: "ready" });
    return;
  }
  if (!opened) throw new Error("the network is not open");
  const estimator = await opened;
  if (request.kind === "height") {
    estimator.height = request.height;
    return;
  }
  if (request.kind === "restart") {
    estimator.restart();
    return;
  }
  const { ticket, frame, minScore, time } = request;
  const poses = await estimator.estimate(frame, time === null ? { minScore } : { minScore, time });
  scope.postMessage({ kind: "poses", ticket, frame, poses }, [frame]);
}
