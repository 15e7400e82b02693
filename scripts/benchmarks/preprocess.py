"""How long a photograph takes until the network can have it: read, decoded, letterboxed.

    python -m scripts.benchmark preprocess photo.jpg --height=256

Medians of one thread, and what share the letterbox's way of shrinking has.
"""
