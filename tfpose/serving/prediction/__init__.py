"""TensorFlow Serving's gRPC form of the service: its messages, its calls, and the server for them.

What it answers is what `routes` answers over HTTP, with the same bounds and the same lanes.
"""
