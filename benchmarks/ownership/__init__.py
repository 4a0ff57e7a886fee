"""What a server of one's own costs, against a guide's sum and against rents; see README.md one folder up."""
