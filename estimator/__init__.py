"""The runtime: a picture in, poses out, with numpy, OpenCV and LiteRT alone."""
