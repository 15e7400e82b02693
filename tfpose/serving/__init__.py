"""The HTTP service: poses and the hard-hat rule over HTTP and WebSocket; no TensorFlow."""
