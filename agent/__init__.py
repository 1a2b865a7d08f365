"""Events in, snapshots out: the log, the join, learning, checkpoints and publishing."""
