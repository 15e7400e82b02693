"""Where pictures are worked on: the queue, and a thread per core with networks of its own.

It knows nothing of HTTP but that a full queue is a 503.
"""
