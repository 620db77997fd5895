"""What a sender learns of one target: delay, loss, reordering and clocks, in bounded memory."""
