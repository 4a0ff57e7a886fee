"""A fleet: many jobs on one stock, one budget and one calendar. From its file to modes, to a schedule with its bound, to the answer."""
