"""Frames in, poses out: pictures, videos, cameras and network streams, frame by frame.

What is done with the results (drawing, files, windows) is `estimator.outputs`.
"""
