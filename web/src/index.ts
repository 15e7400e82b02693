/** tfpose: people and their keypoints in the browser. */

export { decode, type PoseMaps } from "./decoder/decode";
export type { PoseMap } from "./decoder/peaks";
export { drawPoses } from "./drawing";
export { type EstimateOptions, type EstimatorOptions, MIN_SCORE, PoseEstimator } from "./estimator";
export type { Source } from "./letterbox";
export { type Accelerator, NO_SIMD } from "./network";
export { Follower } from "./people/follower";
export { Smoother, type SmootherOptions } from "./people/smoothing";
export { Tracker } from "./people/tracking";
export { type Keypoint, type Person, type Poses, readable, type Readable, type ReadablePerson, type Times } from "./poses";
export { hasSimd } from "./simd";
export { type Parameters, parseSpec, type PoseSpec, readSpec, type Skeleton } from "./spec";
