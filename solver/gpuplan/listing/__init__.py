"""What the catalogues hold, filtered and sorted: the answers of `gpuplan models|hardware|offers|frameworks|methods`.

A module for each, imported on its own, so that a list of models does not wait for the hardware. Nothing here solves: no
ortools, and numpy for imported offers alone. JSON is the pydantic models of this folder.
"""
