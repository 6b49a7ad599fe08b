"""The commands of `village-edge`, one file each, imported only when asked for."""
