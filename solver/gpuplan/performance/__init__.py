"""Where models meet hardware: seconds of a step and bytes on a GPU for one layout, or for millions of candidates at once."""
