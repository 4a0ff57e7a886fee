"""Answers for people: a `Result` as text on a terminal or in a pipe."""
