"""Foreign checkpoints into our networks: one file a format reads, `assign` puts by layer name."""
