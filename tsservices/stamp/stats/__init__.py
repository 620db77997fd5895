"""A sender's statistics of one target: delay, loss, reordering and clocks, in bounded memory."""
