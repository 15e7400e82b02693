"""The HTTP service: poses and the hard-hat rule over HTTP and WebSocket; no TensorFlow.

A request passes `server`, `guard`, `requests`, `routes`, `service` and `lanes`, in this order.
"""
